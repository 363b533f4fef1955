"""How good a picture of a face is to compare: components named after ISO/IEC 29794-5, computed without a model.

They carry the names of the standard's components so that a reader knows what is meant. **They do not conform to it**:
its reference implementation (OFIQ) computes other numbers with models of its own, and ours cannot be compared with
them. No component looks at the other side of the comparison, so none can raise the rate of false matches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.face.embed import align_face
from ekyc.face.mesh import head_pose
from ekyc.imaging import crop, measure_quality, resize_long_side, to_gray
from ekyc.imaging.quality import chroma
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace, HeadPose
    from ekyc.values import BgrImage


class QualityFault(StrEnum):
    """What is wrong with a picture of a face; the value is the last part of the reason code."""

    NOT_UPRIGHT = "not_upright"
    TURNED_AWAY = "turned_away"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    EYES_CLOSED = "eyes_closed"
    MOUTH_OPEN = "mouth_open"
    OCCLUDED = "occluded"
    BACKGROUND = "background"


UNUSABLE: Final = frozenset(
    {
        QualityFault.NOT_UPRIGHT,
        QualityFault.TURNED_AWAY,
        QualityFault.TOO_DARK,
        QualityFault.TOO_BRIGHT,
    }
)
"""Faults with which a picture is not compared; with the others it is, and they are said as advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceQuality:
    """Components of one picture, each with its unit. None where the mesh saw no face."""

    single_face_present: bool
    """Whether the detector found no other face, however small."""
    inter_eye_distance_px: float
    """Between the eye centres, in pixels of the source picture."""
    sharpness: float
    """Variance of the Laplacian of the aligned face, squared grey levels; about 0 is blurred or empty."""
    luminance_mean: float
    """Of the aligned face, 0 to 255."""
    dynamic_range: float
    """Grey levels between the 2nd and the 98th percentile of the aligned face, 0 to 255."""
    under_exposure: float
    """Share of the aligned face with luma below 20, 0 to 1."""
    over_exposure: float
    """Share with luma above 250, 0 to 1."""
    head_pose: HeadPose | None
    eyes_open: float | None
    """Height over width of the eye that is shut more, about 0.2 to 0.4 where open."""
    mouth_open: float | None
    """Height over width of the gap between the lips, 0 where shut."""
    face_occlusion: float
    """How far the colour of the oddest of six patches of skin lies from their median, in units of CIELAB a*, b*.
    A mask or a hand of another colour shows; a hand of the same colour does not."""
    background_unevenness: float
    """Standard deviation of luma beside and above the head, 0 to 127."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """Bounds from which on a component is a fault; what they refuse of real pictures stands in docs/face.md."""

    max_roll_deg: float = 60.0
    max_yaw_deg: float = 50.0
    max_pitch_deg: float = 40.0
    min_luminance: float = 25.0
    max_luminance: float = 235.0
    min_dynamic_range: float = 30.0
    """Below it a face is too dark or too bright, whichever is nearer."""
    min_sharpness: float = 25.0
    min_eyes_open: float = 0.08
    max_mouth_open: float = 0.35
    max_occlusion: float = 25.0
    max_background: float = 80.0


DEFAULT_QUALITY: Final = QualityLimits()

_PATCHES: Final = ((46, 26), (66, 26), (34, 72), (78, 72), (56, 60), (56, 104))
"""Centres of six patches in the aligned face: two of the forehead, two cheeks, the bridge of the nose, the chin."""
_PATCH_HALF: Final = 4
_DARK, _BRIGHT = 20, 250
_BACKGROUND_SIDE_PX: Final = 256


def assess(image: BgrImage, face: DetectedFace, *, faces: int = 1) -> FaceQuality:
    """Components of a face in a picture.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        face: with its mesh, for pose, eyes and mouth.
        faces: how many the detector found.

    Raises:
        InputError: ``face.degenerate_landmarks``.
    """
    aligned = align_face(image, face)
    luma = to_gray(aligned)
    low, high = np.percentile(luma, (2, 98))
    mesh = face.mesh
    return FaceQuality(
        single_face_present=faces == 1,
        inter_eye_distance_px=face.landmarks.eye_distance_px,
        sharpness=measure_quality(aligned).sharpness,
        luminance_mean=float(luma.mean()),
        dynamic_range=float(high - low),
        under_exposure=float(np.mean(luma < _DARK)),
        over_exposure=float(np.mean(luma > _BRIGHT)),
        head_pose=None if mesh is None else head_pose(mesh),
        eyes_open=None if mesh is None else min(mesh.eye_openness),
        mouth_open=None if mesh is None else mesh.mouth_opening,
        face_occlusion=_occlusion(aligned),
        background_unevenness=_background(image, face.box),
    )


def faults(
    quality: FaceQuality, limits: QualityLimits = DEFAULT_QUALITY
) -> tuple[QualityFault, ...]:
    """What is wrong, the worst first."""
    pose = quality.head_pose
    flat = quality.dynamic_range < limits.min_dynamic_range
    bright = quality.luminance_mean >= 128
    found = (
        (QualityFault.NOT_UPRIGHT, pose is not None and abs(pose.roll_deg) > limits.max_roll_deg),
        (
            QualityFault.TURNED_AWAY,
            pose is not None
            and (
                abs(pose.yaw_deg) > limits.max_yaw_deg or abs(pose.pitch_deg) > limits.max_pitch_deg
            ),
        ),
        (
            QualityFault.TOO_DARK,
            quality.luminance_mean < limits.min_luminance or (flat and not bright),
        ),
        (
            QualityFault.TOO_BRIGHT,
            quality.luminance_mean > limits.max_luminance or (flat and bright),
        ),
        (QualityFault.BLURRED, quality.sharpness < limits.min_sharpness),
        (
            QualityFault.EYES_CLOSED,
            quality.eyes_open is not None and quality.eyes_open < limits.min_eyes_open,
        ),
        (
            QualityFault.MOUTH_OPEN,
            quality.mouth_open is not None and quality.mouth_open > limits.max_mouth_open,
        ),
        (QualityFault.OCCLUDED, quality.face_occlusion > limits.max_occlusion),
        (QualityFault.BACKGROUND, quality.background_unevenness > limits.max_background),
    )
    return tuple(fault for fault, holds in found if holds)


def unusable(found: Sequence[QualityFault]) -> QualityFault | None:
    """The first fault with which a picture is not compared."""
    return next((fault for fault in found if fault in UNUSABLE), None)


def _occlusion(aligned: BgrImage) -> float:
    half = _PATCH_HALF
    colours = np.array(
        [
            chroma(aligned[y - half : y + half, x - half : x + half]).reshape(-1, 2).mean(axis=0)
            for x, y in _PATCHES
        ]
    )
    return float(np.linalg.norm(colours - np.median(colours, axis=0), axis=1).max())


def _background(image: BgrImage, box: BoxPx) -> float:
    """Beside and above the head, as far as half a head reaches."""
    margin_x, margin_y = box.width / 2, box.height / 2
    around = BoxPx(
        left=box.left - margin_x,
        top=box.top - margin_y,
        right=box.right + margin_x,
        bottom=box.bottom,
    )
    part = resize_long_side(crop(image, around), _BACKGROUND_SIDE_PX)
    luma = to_gray(part).astype(np.float64)
    height, width = luma.shape
    outside = np.ones(luma.shape, dtype=bool)
    outside[height // 6 :, width // 5 : width - width // 5] = False
    return float(luma[outside].std())
