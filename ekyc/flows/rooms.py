"""The rooms' workers over an engine, built once and shared by all threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from ekyc.face import EyeReader, FaceDetector, FaceEmbedder, FaceMesher
from ekyc.flows.stages import Stage
from ekyc.ocr import TextReader
from ekyc.ocr.engines import READING_MODELS, open_reader
from ekyc.policy import ProcedureProfile
from ekyc.ports import Model

if TYPE_CHECKING:
    from ekyc.inference import Engine, ModelRegistry
    from ekyc.outcomes import Check

EYES: Final = "mediapipe-iris"
"""Has a say only in live sessions that ask for shut eyes."""
_MODELS_OF_STAGE: Final = {
    Stage.CARD: READING_MODELS,
    Stage.DOCUMENTS: READING_MODELS,
    Stage.FACE: ("yunet-2023mar", "mediapipe-face-mesh", "sface-2021dec"),
    Stage.LIVENESS: ("faceplugin-liveness",),
}
_STAGE_OF_FAMILY: Final = {
    "card": Stage.CARD,
    "document": Stage.DOCUMENTS,
    "face": Stage.FACE,
    "liveness": Stage.LIVENESS,
}


def models_behind(check_id: str) -> tuple[str, ...]:
    """Ids of the models that may have had a say in a check; none for one that computes."""
    stage = _STAGE_OF_FAMILY.get(check_id.partition(".")[0])
    return () if stage is None else _MODELS_OF_STAGE[stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the stages of a verification work with."""

    detector: FaceDetector
    embedder: FaceEmbedder
    eyes: EyeReader
    reader: TextReader
    pad_model: Model
    registry: ModelRegistry

    @classmethod
    def over(cls, engine: Engine) -> Self:
        """The workers over an engine's models.

        Raises:
            ModelError: a model is missing or altered.
        """
        return cls(
            detector=FaceDetector(
                engine.model("yunet-2023mar"),
                mesher=FaceMesher(engine.model("mediapipe-face-mesh")),
            ),
            embedder=FaceEmbedder(engine.model("sface-2021dec")),
            eyes=EyeReader(engine.model(EYES)),
            reader=open_reader(engine),
            pad_model=engine.model("faceplugin-liveness"),
            registry=engine.store.registry,
        )

    def model_digests(
        self, stages: Iterable[Stage] = tuple(_MODELS_OF_STAGE), *, also: Iterable[str] = ()
    ) -> tuple[tuple[str, str], ...]:
        """Id and SHA-256, as published, of every model that may have a say in these stages, and of further ones."""
        ids = {model_id for stage in stages for model_id in _MODELS_OF_STAGE[stage]} | set(also)
        return tuple((model_id, self.registry[model_id].sha256) for model_id in sorted(ids))

    def models_of(self, checks: Iterable[Check]) -> tuple[tuple[str, str], ...]:
        """Id and SHA-256 of every model that may have had a say in these checks."""
        ids = {model_id for check in checks for model_id in models_behind(check.id)}
        return self.model_digests((), also=ids)

    def forbidden(self, profile: ProcedureProfile, stage: Stage) -> bool:
        """Whether the profile forbids a model of this stage for its undisclosed training data."""
        if profile.allow_undisclosed:
            return False
        return any(not self.registry[model_id].disclosed for model_id in _MODELS_OF_STAGE[stage])
