"""Which nets the room reads with: the one place that names them."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.errors import ModelError
from ekyc.ocr.asterocr import AsterRecogniser
from ekyc.ocr.calibration import load_calibration
from ekyc.ocr.detect import TextDetector
from ekyc.ocr.foreign import ForeignEngine
from ekyc.ocr.language import load_language
from ekyc.ocr.line_net import LineNet
from ekyc.ocr.reading import TextReader
from ekyc.ocr.recognise import load_vocabulary

if TYPE_CHECKING:
    from ekyc.inference import Engine
    from ekyc.ocr.recognise import LineRecogniser

DETECTOR: Final = "ppocr-v6-tiny-det"
OWN: Final = "ekyc-lines"
ASTER: Final = "asterocr-1.0.2"
READING_MODELS: Final = (DETECTOR, OWN)
"""Models that :func:`open_reader` needs."""
TESSDATA_VARIABLE: Final = "TESSDATA_PREFIX"
_TESSDATA_PLACES: Final = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
)


def open_reader(engine: Engine, *, workers: int | None = None) -> TextReader:
    """The room's reader over an engine that was opened with :data:`READING_MODELS`.

    Args:
        engine: opened models.
        workers: lines read at the same time; as many as the engine can run and batch if None.

    Raises:
        ModelError: a model is missing or altered.
    """
    if workers is None:
        workers = max(2, engine.policy.workers * engine.policy.max_batch)
    return TextReader(
        TextDetector(engine.model(DETECTOR)), open_recogniser(engine), workers=workers
    )


def open_recogniser(engine: Engine) -> LineRecogniser:
    """The recogniser that reads by default: ours. It reads every measured set better than asterocr's net does."""
    return own_recogniser(engine)


def own_recogniser(engine: Engine) -> LineNet:
    """Our own net with its vocabulary, calibration and language."""
    calibration = load_calibration(engine.store.asset_path(f"{OWN}-calibration"))
    language = load_language(engine.store.asset_path(f"{OWN}-language"))
    return LineNet(
        engine.model(OWN), own_vocabulary(engine), calibration=calibration, language=language
    )


def own_vocabulary(engine: Engine) -> tuple[str, ...]:
    """Text of each class of our own net, blank first."""
    return load_vocabulary(engine.store.asset_path(f"{OWN}-vocab"))


def aster_recogniser(engine: Engine) -> AsterRecogniser:
    """The net of asterocr with its vocabulary."""
    vocabulary = load_vocabulary(engine.store.asset_path("asterocr-vocab"))
    return AsterRecogniser(engine.model(ASTER), vocabulary)


def tesseract_engine(python: Path | None = None) -> ForeignEngine:
    """Tesseract with the Vietnamese data of this system.

    Args:
        python: interpreter of the environment that has tesserocr; this one if None.

    Raises:
        ModelError: there is no tesserocr here, or no data (code ``model.engine_absent``).
    """
    if python is None and importlib.util.find_spec("tesserocr") is None:
        raise ModelError(
            "tesserocr is not installed", code="model.engine_absent", subject="tesseract"
        )
    named = os.environ.get(TESSDATA_VARIABLE)
    places = (named,) if named else _TESSDATA_PLACES
    found = next((place for place in places if Path(place, "vie.traineddata").is_file()), None)
    if found is None:
        raise ModelError(
            f"no vie.traineddata; install tesseract-ocr-vie or set {TESSDATA_VARIABLE}",
            code="model.engine_absent",
            subject="tesseract",
        )
    return ForeignEngine(
        name="tesseract", python=python or Path(sys.executable), options={"tessdata": found}
    )
