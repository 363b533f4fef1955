"""dlib's descriptor beside our pipeline, in a process and an environment of its own (``make bench-peers``)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.benchmarks.peer_environment import peers_python
from ekyc.errors import ModelError

NAME: Final = "dlib"
_WORKER: Final = Path(__file__).with_name("dlib_worker.py")
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What dlib made of one picture."""

    picture: str
    vector: NDArray[np.float32] | None
    """Shape (128,), of any length; None where it found no face."""
    cpu_ms: float


@contextmanager
def dlib_descriptions(archive: Path) -> Iterator[tuple[str, Iterator[Described]]]:
    """Dlib's version, and what it makes of each JPEG of a tar archive, in the archive's order.

    Raises:
        ModelError: ``model.engine_absent``: it does not start; ``model.engine_failed``: it ended early.
    """
    python = peers_python()
    if not python.is_file():
        raise _failure("its environment is missing; see `make bench-peers`", "engine_absent")
    process = subprocess.Popen(  # noqa: S603  # our own worker, by absolute path
        [str(python), "-I", str(_WORKER), str(archive.resolve())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **_ONE_THREAD},
    )
    assert process.stdout is not None  # opened as a pipe
    try:
        greeting = _answer(process.stdout.readline())
        if greeting.get("ready") != NAME:
            raise _failure("does not start in its environment", "engine_absent")
        yield str(greeting.get("version", "")), _described(process, process.stdout)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _described(process: subprocess.Popen[str], answers: IO[str]) -> Iterator[Described]:
    for line in answers:
        found = _answer(line)
        vector = found["vector"]
        yield Described(
            picture=found["picture"],
            vector=None if vector is None else np.array(vector, dtype=np.float32),
            cpu_ms=found["cpu_ms"],
        )
    if process.wait() != 0:
        raise _failure("ended before all pictures were seen", "engine_failed")


def _answer(line: str) -> dict[str, Any]:
    try:
        answer = json.loads(line) if line else {}
    except ValueError as exc:
        raise _failure("gave an answer that is none", "engine_failed") from exc
    if not isinstance(answer, dict):
        raise _failure("gave an answer that is none", "engine_failed")
    return answer


def _failure(what: str, code: str) -> ModelError:
    return ModelError(what, code=f"model.{code}", subject=NAME)
