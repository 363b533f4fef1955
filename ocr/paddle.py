"""PaddleOCR as an optional recogniser, with the user's own model folders.

``pip install paddleocr>=3.4,<4 paddlepaddle`` in an environment of its own (it brings another cv2), models exported in
Paddle's inference format put into folders by hand: nothing is downloaded by us. Its published recognisers cannot write
most accented Vietnamese letters; a model trained for Vietnamese can stand here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.errors import ModelError
from ekyc.ocr.foreign import ForeignEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = "paddleocr"
_MODEL_NAME: Final = re.compile(r"(?m)^\s*model_name:\s*([\w.\-]+)\s*$")
_HEAD_CHARS: Final = 4096


def paddle_engine(
    python: Path,
    *,
    recogniser: Path,
    recogniser_name: str | None = None,
    detector: Path | None = None,
    detector_name: str | None = None,
) -> ForeignEngine:
    """PaddleOCR to be run by :class:`~ekyc.ocr.foreign.ForeignRecogniser`.

    Args:
        python: interpreter of the environment that has paddleocr.
        recogniser: folder of a text recognition model.
        recogniser_name: the model's name as PaddleOCR knows it, e.g. ``PP-OCRv5_mobile_rec``; taken from the folder's
            ``inference.yml`` if None.
        detector: folder of a text detection model, if whole pages shall be read with it.
        detector_name: its name, as above.

    Raises:
        ModelError: a folder is missing (code ``model.engine_absent``).
    """
    for folder in (recogniser, detector):
        if folder is not None and not folder.is_dir():
            raise ModelError(
                "the model folder does not exist", code="model.engine_absent", subject=_NAME
            )
    names: Mapping[str, str | None] = {
        "recogniser": recogniser_name or _named(recogniser),
        "detector": detector_name or (_named(detector) if detector else None),
    }
    return ForeignEngine(
        name=_NAME,
        python=python,
        options={
            "recogniser": str(recogniser),
            "detector": str(detector) if detector else None,
            "names": names,
        },
    )


def _named(folder: Path) -> str | None:
    """The name that the model's own description gives, or None: PaddleOCR then says what it expects."""
    try:
        with (folder / "inference.yml").open(encoding="utf-8") as file:
            found = _MODEL_NAME.search(file.read(_HEAD_CHARS))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None
