"""The rooms' workers over an engine, built once and shared by all threads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ekyc.errors import ModelError
from ekyc.face import FaceDetector, FaceEmbedder
from ekyc.ocr import TextReader
from ekyc.ports import Model

if TYPE_CHECKING:
    from ekyc.inference import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the stages of a verification work with."""

    detector: FaceDetector
    embedder: FaceEmbedder
    reader: TextReader
    pad_model: Model

    @classmethod
    def over(cls, engine: Engine) -> Self:
        """The workers over an engine's models.

        Raises:
            ModelError: a model is missing or altered.
        """
        return cls(
            detector=FaceDetector(engine.model("yunet-2023mar")),
            embedder=FaceEmbedder(engine.model("sface-2021dec")),
            reader=open_reader(engine),
            pad_model=engine.model("faceplugin-liveness"),
        )


def open_reader(engine: Engine) -> TextReader:
    """The reader of text over an engine's models."""
    return TextReader(
        engine.model("ppocr-v6-tiny-det"),
        engine.model("asterocr-1.0.2"),
        read_vocabulary(engine.store.asset_path("asterocr-vocab")),
    )


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The text of each class of the recogniser, blank first.

    Raises:
        ModelError: the file is not of its form (``model.vocabulary``).
    """
    try:
        classes = json.loads(path.read_text(encoding="utf-8"))["chars"]
    except (ValueError, KeyError, TypeError) as exc:
        raise ModelError(
            "not a vocabulary", code="model.vocabulary", subject="asterocr-vocab"
        ) from exc
    return tuple(str(text) for text in classes)
