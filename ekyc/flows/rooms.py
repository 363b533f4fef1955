"""The rooms' workers over an engine, built once and shared by all threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

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
            reader=TextReader.from_engine_parts(
                detector=engine.model("ppocr-v6-tiny-det"),
                recogniser=engine.model("asterocr-1.0.2"),
                vocabulary_file=engine.store.asset_path("asterocr-vocab"),
            ),
            pad_model=engine.model("faceplugin-liveness"),
        )
