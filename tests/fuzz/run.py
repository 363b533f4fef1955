"""Drive one fuzz target with atheris: ``python tests/fuzz/run.py dg13 -runs=1000000``.

Needs ``pip install --require-hashes -r tests/fuzz/requirements.txt`` in the environment of the project; further options
go to libFuzzer. A run starts from the seeds and from ``tests/fuzz/corpus/TARGET.hex``; inputs that reach new code gather
in ``.cache/fuzz/TARGET``, one that breaks a promise is written to the working folder as ``crash-…``.

``python tests/fuzz/run.py keep`` writes the few of the gathered inputs that together reach everything back into the
corpus files; it needs no atheris.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

TraceFunction = Callable[[FrameType, str, Any], Any]

_HERE = Path(__file__).resolve().parent
_GATHERED = _HERE.parents[1] / ".cache" / "fuzz"
sys.path[:0] = [str(_HERE.parent / "support")]

_LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"]
"""An input that takes ten seconds or a gigabyte is a find like any other."""
_LONGEST_KEPT = 2048


def main() -> None:
    """Fuzz the target that the first argument names, or keep what was found."""
    if sys.argv[1:] == ["keep"]:
        for folder in sorted(_GATHERED.iterdir()):
            _keep(folder)
        return
    atheris = importlib.import_module("atheris")  # optional: outside the lock
    with atheris.instrument_imports(include=["ekyc"]):
        targets = importlib.import_module("fuzz_targets")
    name, *options = sys.argv[1:]
    folders = [option for option in options if not option.startswith("-")]
    if not folders:
        folders = [str(_prepared(name, (*targets.seeds()[name], *targets.corpus(name))))]
    flags = [option for option in options if option.startswith("-")]
    atheris.Setup([sys.argv[0], *_LIMITS, *flags, *folders], targets.TARGETS[name])
    atheris.Fuzz()


def _prepared(name: str, inputs: tuple[bytes, ...]) -> Path:
    folder = _GATHERED / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"start-{number}").write_bytes(data)
    return folder


def _keep(gathered: Path) -> None:
    """Shortest first, each that takes a step in our code that no shorter one took."""
    targets = importlib.import_module("fuzz_targets")
    target = targets.TARGETS[gathered.name]
    reached: set[tuple[str, int, int]] = set()
    kept: list[str] = []
    for data in sorted((path.read_bytes() for path in gathered.iterdir()), key=len):
        steps = _steps(target, data)
        if data and len(data) <= _LONGEST_KEPT and not steps <= reached:
            reached |= steps
            kept.append(f"{data.hex()}\n")
    (_HERE / "corpus").mkdir(exist_ok=True)
    (_HERE / "corpus" / f"{gathered.name}.hex").write_text("".join(kept), encoding="ascii")


def _steps(target: Callable[[bytes], None], data: bytes) -> set[tuple[str, int, int]]:
    """File, line before and line of every step that a run takes inside the package."""
    steps: set[tuple[str, int, int]] = set()

    def trace(frame: FrameType, _event: str, _argument: object) -> TraceFunction | None:
        file = frame.f_code.co_filename
        if f"{os.sep}ekyc{os.sep}" not in file:
            return None
        last = frame.f_code.co_firstlineno

        def step(inner: FrameType, event: str, _argument: object) -> TraceFunction:
            nonlocal last
            if event == "line":
                steps.add((file, last, inner.f_lineno))
                last = inner.f_lineno
            return step

        return step

    sys.settrace(trace)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return steps


if __name__ == "__main__":
    main()
