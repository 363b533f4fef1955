"""Engines of others in a process and an environment of their own: they bring their own cv2, their own crashes.

The other end is :mod:`ekyc.ocr.foreign_worker`, run by path with the interpreter of that environment. An engine that is
absent, dies, answers late or answers nonsense is a :class:`~ekyc.errors.ModelError`, never an empty reading.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ekyc.errors import ModelError
from ekyc.imaging.illumination import normalise_line
from ekyc.ocr.ctc import ReadChar, tidy_spaces
from ekyc.ocr.recognise import Alphabet, LineRecogniser, LineText, bounded, is_blank
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ekyc.values import BgrImage

START_TIMEOUT_S = 120.0
"""Foreign engines load their models when they start."""
ANSWER_TIMEOUT_S = 60.0
_MAX_ANSWER_BYTES = 8 * 1024 * 1024
_MAX_ASPECT = 100.0
_WORKER = Path(__file__).with_name("foreign_worker.py")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEngine:
    """Which engine, whose interpreter, which options."""

    name: str
    """``tesseract``, ``rapidocr`` or ``paddleocr``."""
    python: Path
    """Interpreter of the environment that has the engine and numpy."""
    options: Mapping[str, Any]
    """Handed to the engine, JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForeignLine:
    """A line as another engine read it; ``repr`` keeps the text to itself."""

    text: str
    score: float
    """What the engine believes, 0–1, not calibrated."""
    quad: QuadPx | None
    """Where on a page it stands; None for the picture of one line."""

    def __repr__(self) -> str:
        """The length, not the text."""
        return f"ForeignLine({len(self.text)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignReading:
    """What another engine read of one picture, and what that cost it."""

    lines: tuple[ForeignLine, ...]
    cpu_ms: float
    """Processor time of the engine alone, all its threads."""


class ForeignRecogniser:
    """A :class:`~ekyc.ocr.recognise.LineRecogniser` in another process. One picture at a time; use as a context manager."""

    def __init__(
        self,
        engine: ForeignEngine,
        *,
        start_timeout_s: float = START_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """Start the process and wait for its greeting.

        Raises:
            ModelError: the interpreter or the engine is missing, or does not start in time
                (code ``model.engine_absent``).
        """
        self.engine = engine
        self._answer_timeout_s = answer_timeout_s
        self._lock = threading.Lock()
        self.cpu_ms = 0.0
        """Processor time that the engine has spent on all pictures so far."""
        self._process = _started(engine)
        self._answers: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.version = self._greeted(start_timeout_s)
        except ModelError:
            self.close()
            raise

    def read_line(self, line: BgrImage, *, alphabet: Alphabet | None = None) -> LineText:
        """Text of one upright line; its characters share the engine's score and its width evenly.

        Foreign engines take no alphabet: what stands outside of it is left out.

        Raises:
            ModelError: the engine failed (codes ``model.engine_failed``, ``model.engine_absent``).
        """
        line = bounded(line, _MAX_ASPECT)
        if is_blank(line):
            return LineText()
        (found,) = self.read("line", line).lines or (ForeignLine(text="", score=0.0, quad=None),)
        kept = [c for c in found.text if alphabet is None or c in alphabet or c == " "]
        step = 1.0 / max(len(kept), 1)
        chars = (
            ReadChar(char=char, confidence=found.score, left=i * step, right=(i + 1) * step)
            for i, char in enumerate(kept)
        )
        return LineText(chars=tidy_spaces(tuple(chars)))

    def read(self, task: str, picture: BgrImage) -> ForeignReading:
        """Ask the engine for the lines of a picture.

        Args:
            task: ``"line"`` for a picture of one line, ``"page"`` for a page with the engine's own detector.
            picture: uint8, shape (height, width, 3), blue-green-red.

        Raises:
            ModelError: as for :meth:`read_line`.
        """
        height, width = picture.shape[:2]
        pixels = base64.b64encode(np.ascontiguousarray(picture).tobytes()).decode()
        request = {"task": task, "height": height, "width": width, "pixels": pixels}
        with self._lock:
            self._send(request)
            answer = self._take(self._answer_timeout_s, code="model.engine_failed")
        try:
            reading = _reading(answer)
        except (KeyError, TypeError, ValueError) as exc:
            raise self._failure("gave an answer that is none") from exc
        self.cpu_ms += reading.cpu_ms
        return reading

    def close(self) -> None:
        """End the process. Idempotent."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _greeted(self, timeout_s: float) -> str:
        """The engine's version, once it is ready."""
        greeting = self._take(timeout_s, code="model.engine_absent")
        if greeting.get("ready") != self.engine.name:
            cause = str(greeting.get("error", "no greeting"))
            raise self._failure(
                f"does not start in its environment ({cause})", code="model.engine_absent"
            )
        return str(greeting.get("version", ""))

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # opened as a pipe
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as exc:
            raise self._failure("has ended") from exc

    def _take(self, timeout_s: float, *, code: str) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=timeout_s)
            answer = json.loads(line) if line else None
        except queue.Empty as exc:
            self._process.kill()  # an answer that comes late would be taken for the next one's
            raise self._failure("does not answer in time", code=code) from exc
        except ValueError as exc:
            raise self._failure("gave an answer that is none", code=code) from exc
        if not isinstance(answer, dict):
            raise self._failure("has ended", code=code)
        return answer

    def _listen(self) -> None:
        """Move answers from the pipe to the queue; an empty one says that the process has ended."""
        assert self._process.stdout is not None  # opened as a pipe
        try:
            while line := self._process.stdout.readline(_MAX_ANSWER_BYTES):
                self._answers.put(line)
        except ValueError:  # closed under the reader's hands
            return
        finally:
            self._answers.put(b"")

    def _failure(self, what: str, *, code: str = "model.engine_failed") -> ModelError:
        return ModelError(what, code=code, subject=self.engine.name)


def _started(engine: ForeignEngine) -> subprocess.Popen[bytes]:
    if not engine.python.is_file():
        raise ModelError(
            "its environment has no Python interpreter where one is expected",
            code="model.engine_absent",
            subject=engine.name,
        )
    command = [str(engine.python), "-I", str(_WORKER), engine.name, json.dumps(engine.options)]
    try:
        return subprocess.Popen(  # noqa: S603  # our own worker, by absolute path
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
        )
    except OSError as exc:
        raise ModelError(
            "its interpreter cannot be run", code="model.engine_absent", subject=engine.name
        ) from exc


def _reading(answer: dict[str, Any]) -> ForeignReading:
    if "error" in answer:
        raise ModelError(
            f"failed on a picture ({answer['error']})"[:200], code="model.engine_failed"
        )
    return ForeignReading(
        lines=tuple(_line(item) for item in answer["lines"]), cpu_ms=float(answer["cpu_ms"])
    )


class EvenedRecogniser:
    """A recogniser that is shown lines with their light evened out, as our own net is: Tesseract reads a quarter of the
    wrong letters then (research: 14.6 → 3.8 % on 600 hard lines).
    """

    def __init__(self, inner: LineRecogniser) -> None:
        self._inner = inner

    def read_line(self, line: BgrImage, *, alphabet: Alphabet | None = None) -> LineText:
        """As the recogniser inside; empty for a blank picture."""
        line = bounded(line, _MAX_ASPECT)
        if is_blank(line):
            return LineText()
        gray = normalise_line(line)
        return self._inner.read_line(np.repeat(gray[:, :, None], 3, axis=2), alphabet=alphabet)


def _line(item: dict[str, Any]) -> ForeignLine:
    score = min(1.0, max(0.0, float(item["score"])))
    quad = None if item["quad"] is None else _quad(item["quad"])
    return ForeignLine(text=str(item["text"]), score=score, quad=quad)


def _quad(points: list[list[float]]) -> QuadPx:
    a, b, c, d = (PointPx(float(x), float(y)) for x, y in points)
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)
