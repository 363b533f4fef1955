"""Which face of a picture is the person's, and whether it can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from ekyc.face.quality import FaceQuality, QualityFault, assess, faults, unusable
from ekyc.imaging import CaptureQuality, measure_quality

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.values import BgrImage

DOMINANCE = 0.5
"""A second face at least this wide, in widths of the largest, makes the picture ambiguous; smaller ones are
passers-by and are ignored."""
MIN_EYE_DISTANCE_PX = 30.0
"""Smaller faces hold too little: SFace told the easy London set apart even at 19 px, but with half the margin."""

_DOUBTFUL_PRESENCE = 16.0
"""Logit of the mesh below which a face may be upside down: the detector puts upright points on those too. On 101
London and LFW pictures at least 23 upright, at most 13 upside down."""
_FULL_SHARPNESS = 150.0
_FULL_WIDTH_PX = 200.0


class FaceProblem(StrEnum):
    """Why a picture has no usable face; the value is the last part of the reason code."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"
    NOT_UPRIGHT = "not_upright"
    TURNED_AWAY = "turned_away"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"


class FindsFaces(Protocol):
    """A detector: :class:`~ekyc.face.detect.FaceDetector`, or one with the same two verbs."""

    def detect(self, image: BgrImage) -> tuple[DetectedFace, ...]:
        """Faces in a picture, the largest first."""
        ...

    def refine(self, image: BgrImage, face: DetectedFace) -> DetectedFace:
        """A face of this picture with better points and its mesh, where the detector has such."""
        ...

    def configured(self, *, long_sides_px: Sequence[int] | None, score_threshold: float) -> Self:
        """The same detector with other settings."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableFace:
    """The one face of a picture, with the quality of its surroundings."""

    face: DetectedFace
    quality: CaptureQuality
    """Of the face's box."""
    components: FaceQuality
    advice: tuple[QualityFault, ...] = ()
    """What could be better, though the face is compared all the same."""

    @property
    def rank(self) -> float:
        """How good a source of a comparison it is, 0 to 1: frontal, sharp, large, surely a face.

        It orders frames of one capture and says nothing else; in particular it never looks at the comparison, so
        that choosing the best frame cannot raise the rate of false matches.
        """
        return (
            self.face.score
            * self.face.landmarks.frontality
            * min(1.0, self.quality.sharpness / _FULL_SHARPNESS)
            * min(1.0, self.face.box.width / _FULL_WIDTH_PX)
        )


def dominant_face(faces: Sequence[DetectedFace]) -> DetectedFace | FaceProblem:
    """The largest face, if no other comes near it in size.

    Args:
        faces: largest first, as :meth:`~ekyc.face.detect.FaceDetector.detect` gives them.
    """
    if not faces:
        return FaceProblem.NO_FACE
    widest = max(face.box.width for face in faces)
    if sum(face.box.width >= DOMINANCE * widest for face in faces) > 1:
        return FaceProblem.SEVERAL_FACES
    return faces[0]


def usable_face(
    image: BgrImage, faces: Sequence[DetectedFace], *, detector: FindsFaces | None = None
) -> UsableFace | FaceProblem:
    """The one face of a picture that is good enough to compare, or why there is none.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        faces: largest first.
        detector: refines the chosen face, where it has a mesh; without, pose, eyes and mouth are not looked at.

    Raises:
        ModelError, BusyError: a model failed.
    """
    found = dominant_face(faces)
    if isinstance(found, FaceProblem):
        lies = found is FaceProblem.NO_FACE and _lies_otherwise(image, detector, least=0.0)
        return FaceProblem.NOT_UPRIGHT if lies else found
    face = found if detector is None else detector.refine(image, found)
    presence = 0.0 if face.mesh is None else face.mesh.presence
    if presence < _DOUBTFUL_PRESENCE and _lies_otherwise(image, detector, least=presence):
        return FaceProblem.NOT_UPRIGHT
    if face.landmarks.eye_distance_px < MIN_EYE_DISTANCE_PX:
        return FaceProblem.TOO_SMALL
    components = assess(image, face, faces=len(faces))
    wrong = faults(components)
    fault = unusable(wrong)
    if fault is not None:
        return FaceProblem(fault.value)
    return UsableFace(
        face=face,
        quality=measure_quality(image, face.box),
        components=components,
        advice=wrong,
    )


def _lies_otherwise(image: BgrImage, detector: FindsFaces | None, *, least: float) -> bool:
    """Whether the mesh surely sees a face once the picture is turned by a half or a quarter."""
    if detector is None:
        return False
    for turns in (2, 1, 3):
        turned = np.ascontiguousarray(np.rot90(image, turns))
        for face in detector.detect(turned)[:1]:
            mesh = detector.refine(turned, face).mesh
            if mesh is not None and mesh.presence > max(least, _DOUBTFUL_PRESENCE):
                return True
    return False
