"""What keeps a frame from being scored: it is set aside, for bad quality is never an attack."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.liveness.score import context_scale

if TYPE_CHECKING:
    from ekyc.imaging import CaptureQuality
    from ekyc.liveness.profiles import PadThresholds
    from ekyc.values import BgrImage, BoxPx


class FrameProblem(StrEnum):
    """Why a frame is not scored; the value is the last part of the reason code ``liveness.…``."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    NO_SURROUNDINGS = "no_surroundings"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    REPEATED = "repeated"


def find_problem(
    frame: BgrImage, face: BoxPx, quality: CaptureQuality, thresholds: PadThresholds
) -> FrameProblem | None:
    """Why a frame is set aside, or None. ``quality`` is of the face's box."""
    height, width = frame.shape[:2]
    failing = (
        (face.width < thresholds.min_face_width_px, FrameProblem.FACE_TOO_SMALL),
        (context_scale(face, width, height) < thresholds.min_context, FrameProblem.NO_SURROUNDINGS),
        (quality.brightness < thresholds.min_brightness, FrameProblem.TOO_DARK),
        (quality.brightness > thresholds.max_brightness, FrameProblem.TOO_BRIGHT),
        (quality.sharpness < thresholds.min_sharpness, FrameProblem.BLURRED),
    )
    return next((problem for fails, problem in failing if fails), None)
