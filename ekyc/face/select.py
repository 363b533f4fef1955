"""Which face of a picture is the person's, and whether it can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.imaging import CaptureQuality, measure_quality

if TYPE_CHECKING:
    from ekyc.face.detect import DetectedFace
    from ekyc.values import BgrImage

DOMINANCE = 0.5
"""A second face at least this wide, in widths of the largest, makes the picture ambiguous; smaller ones are
passers-by and are ignored."""
MIN_EYE_DISTANCE_PX = 30.0
"""Smaller faces hold too little: SFace told the easy London set apart even at 19 px, but with half the margin."""

_FULL_SHARPNESS = 150.0
_FULL_WIDTH_PX = 200.0


class FaceProblem(StrEnum):
    """Why a picture has no usable face; the value is the last part of the reason code."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableFace:
    """The one face of a picture, with the quality of its surroundings."""

    face: DetectedFace
    quality: CaptureQuality

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


def usable_face(image: BgrImage, faces: Sequence[DetectedFace]) -> UsableFace | FaceProblem:
    """The one face of a picture that is large enough to compare, or why there is none."""
    found = dominant_face(faces)
    if isinstance(found, FaceProblem):
        return found
    if found.landmarks.eye_distance_px < MIN_EYE_DISTANCE_PX:
        return FaceProblem.TOO_SMALL
    return UsableFace(face=found, quality=measure_quality(image, found.box))
