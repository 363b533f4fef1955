"""How usable a capture is, in four numbers with units. Model-free.

The names follow the components of ISO/IEC 29794-5, but nothing here conforms to its reference
implementation (OFIQ), and the numbers cannot be compared with OFIQ's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.geometry import crop, resize_long_side, to_gray

if TYPE_CHECKING:
    from ekyc.values import BgrImage, BoxPx, FloatArray

MEASURED_LONG_SIDE_PX = 256
"""Larger pictures are shrunk to this first, so that the camera's resolution does not count as sharpness."""
DARK_LEVEL = 20
BRIGHT_LEVEL = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureQuality:
    """Measures of a picture or of a part of it."""

    sharpness: float
    """Variance of the Laplacian in squared grey levels at a long side of 256 px; about 0 is blurred or empty."""
    brightness: float
    """Mean luma, 0 (black) to 255 (white)."""
    contrast: float
    """Standard deviation of luma in grey levels, 0 to 127.5."""
    dark_fraction: float
    """Share of pixels with luma below 20, 0 to 1."""
    bright_fraction: float
    """Share of pixels with luma above 250 (glare, overexposure), 0 to 1."""
    long_side_px: int
    """Longer side of what was measured, in pixels of the picture, before shrinking."""


def measure_quality(image: BgrImage, box: BoxPx | None = None) -> CaptureQuality:
    """Measure a picture, or the part of it inside ``box`` (clamped to the picture)."""
    gray = to_gray(image if box is None else crop(image, box))
    long_side = max(gray.shape)
    if long_side > MEASURED_LONG_SIDE_PX:
        gray = resize_long_side(gray, MEASURED_LONG_SIDE_PX)
    return CaptureQuality(
        sharpness=float(np.var(cv2.Laplacian(gray, cv2.CV_64F))),
        brightness=float(np.mean(gray)),
        contrast=float(np.std(gray)),
        dark_fraction=float(np.mean(gray < DARK_LEVEL)),
        bright_fraction=float(np.mean(gray > BRIGHT_LEVEL)),
        long_side_px=long_side,
    )


def chroma(image: BgrImage) -> FloatArray:
    """Colour without lightness: CIELAB a*, b* (D65), float32, shape (height, width, 2), about −110 to 110."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    return np.asarray(lab[:, :, 1:], dtype=np.float32)
