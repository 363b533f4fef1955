"""Other engines beside ours, on the same pictures in the same run.

They live in an environment of their own (``make bench-peers``: the user's cache folder, or the interpreter named by
``EKYC_PEERS_PYTHON``). What is absent there is left out and named in the result. PaddleOCR brings no models: it takes
part where ``EKYC_PADDLEOCR`` names a folder with ``rec`` (and ``det``) model folders, from the environment whose
interpreter ``EKYC_PADDLEOCR_PYTHON`` names.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ekyc.benchmarks.peer_environment import peers_python
from ekyc.errors import ModelError
from ekyc.ocr.engines import tesseract_engine
from ekyc.ocr.foreign import EvenedRecogniser, ForeignEngine, ForeignRecogniser
from ekyc.ocr.paddle import paddle_engine

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.ocr.recognise import LineRecogniser

PADDLE_VARIABLE = "EKYC_PADDLEOCR"
PADDLE_PYTHON_VARIABLE = "EKYC_PADDLEOCR_PYTHON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An engine as it takes part."""

    name: str
    lines: LineRecogniser
    engine: ForeignRecogniser
    """Its process."""
    reads_pages: bool = False
    """Whether it takes part with its own detector as well."""

    def cpu_ms(self) -> float:
        """Processor time that this process and the engine's have spent so far."""
        return time.process_time() * 1000 + self.engine.cpu_ms


@contextmanager
def open_peers(recorder: Recorder) -> Iterator[list[Peer]]:
    """The foreign engines that start here; those that do not are observed with the reason."""
    with ExitStack() as stack:
        peers: list[Peer] = []
        for name in ("tesseract", "rapidocr", "paddleocr"):
            try:
                opened = stack.enter_context(ForeignRecogniser(_engine(name)))
            except ModelError as exc:
                recorder.observe(step="peer", peer=name, absent=exc.message)
                continue
            recorder.observe(step="peer", peer=name, version=opened.version)
            if name == "tesseract":
                evened = EvenedRecogniser(opened)
                peers += [
                    Peer(name="tesseract vie", lines=opened, engine=opened, reads_pages=True),
                    Peer(name="tesseract vie, light evened", lines=evened, engine=opened),
                ]
            else:
                peers.append(Peer(name=name, lines=opened, engine=opened, reads_pages=True))
        yield peers


def _engine(name: str) -> ForeignEngine:
    python = peers_python()
    if name == "tesseract":
        return tesseract_engine(python)
    if name == "rapidocr":
        return ForeignEngine(name=name, python=python, options={})
    folder = os.environ.get(PADDLE_VARIABLE)
    if not folder:
        raise ModelError(
            f"no model folders; set {PADDLE_VARIABLE}", code="model.engine_absent", subject=name
        )
    return paddle_engine(
        Path(os.environ.get(PADDLE_PYTHON_VARIABLE, python)),
        recogniser=Path(folder, "rec"),
        detector=Path(folder, "det") if Path(folder, "det").is_dir() else None,
    )
