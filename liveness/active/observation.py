"""What is seen in one frame, in numbers. The session looks at these alone, never at pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ekyc.values import BoxPx

HASH_BITS = 256
MAX_EMBEDDING = 1024


class ObservationProblem(StrEnum):
    """Why a frame shows no face of use; the value is the last part of the reason code ``liveness.…``."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    UNREADABLE = "unreadable_frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceObservation:
    """The one face of a frame."""

    yaw_deg: float
    """Positive towards the person's own left."""
    pitch_deg: float
    """Positive upwards."""
    roll_deg: float
    eye_openness: float
    """Height over width of the eye that is open wider, so that both must shut; 0 is shut. Compared with the person's own
    open eyes only."""
    mouth_opening: float
    """Height of the gap between the lips over the width of the mouth; 0 is shut."""
    box: BoxPx
    face_bgr: tuple[float, float, float]
    """Mean colour of the skin, 0–255."""
    background_bgr: tuple[float, float, float]
    """Mean colour beside the face, 0–255."""
    embedding: tuple[float, ...] | None = field(default=None, repr=False)
    """Vector of length 1 for telling people apart, or None where none was asked for."""
    sharpness: float = 0.0
    """Variance of the Laplacian; orders frames, decides nothing."""
    points: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    """Points of the face for :func:`ekyc.liveness.active.measure_parallax`, in its order, or nothing."""

    @property
    def is_finite(self) -> bool:
        """Whether every number is one, and the box has an area."""
        numbers = (
            *(self.yaw_deg, self.pitch_deg, self.roll_deg, self.eye_openness, self.mouth_opening),
            *(self.box.left, self.box.top, self.box.right, self.box.bottom, self.sharpness),
            *self.face_bgr,
            *self.background_bgr,
            *(self.embedding or ()),
            *(value for point in self.points for value in point),
        )
        return all(map(math.isfinite, numbers)) and self.box.width > 0 and self.box.height > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameObservation:
    """One frame: its face, or why there is none."""

    face: FaceObservation | None
    problem: ObservationProblem | None = None
    picture_hash: int = field(default=0, repr=False)
    """256 bits that stay the same when the picture is compressed anew (:func:`~ekyc.liveness.active.picture_hash`);
    0 where there is no picture."""


UNREADABLE = FrameObservation(face=None, problem=ObservationProblem.UNREADABLE)


class FrameObserver(Protocol):
    """Turns a frame into numbers."""

    def observe(self, payload: bytes) -> FrameObservation:
        """Look at one encoded picture; one that cannot be read is an observation too, not an error.

        Raises:
            ModelError, BusyError: a model failed; nothing about the picture raises.
        """
        ...


def checked(observation: FrameObservation) -> FrameObservation:
    """The observation, or an unreadable one where its numbers are not finite."""
    face = observation.face
    if face is None:
        return observation
    if not face.is_finite or len(face.embedding or ()) > MAX_EMBEDDING:
        return UNREADABLE
    return observation
