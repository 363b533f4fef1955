"""How alike the fine texture of two pictures is, place by place, whatever their light and colour.

A picture's texture is what lies between two sizes of blur, divided by its own local strength: shadows, contrast and
colour cancel, pores, hairs, wrinkles and the traces of a lossy codec stay. Small patches of one picture are looked for
around their place in the other; how well they are found is a correlation, where they are found a shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.geometry import resize, to_gray

if TYPE_CHECKING:
    from ekyc.values import BgrImage, FloatArray

_WEAKEST_LEVELS: Final = 1.0
"""Texture weaker than about one grey level is not blown up to full strength: it is noise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Where patches were found."""

    correlation: NDArray[np.float64]
    """float64, shape (n,), −1 to 1."""
    shift: NDArray[np.float64]
    """float64, shape (n, 2): pixels to the right and down."""


def sample_gray(image: BgrImage, places: NDArray[np.float64], source_px: float) -> FloatArray:
    """Grey levels of a picture at the given places, which may lie outside it; its border repeats there.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        places: float64, shape (rows, columns, 2): x, y in pixels of ``image``, 0 is the middle of the first pixel.
        source_px: pixels of ``image`` from one place to the next; above 1.5 the picture is shrunk by area means first.

    Returns:
        float32, shape (rows, columns), 0–255.
    """
    height, width = image.shape[:2]
    flat = places.reshape(-1, 2)
    low = np.clip(np.floor(flat.min(axis=0)) - 2, 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(flat.max(axis=0)) + 3, low + 1, (width, height)).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    step = max(1, round(source_px))
    small = resize(part, max(1, part.shape[1] // step), max(1, part.shape[0] // step))
    scale = np.array([part.shape[1] / small.shape[1], part.shape[0] / small.shape[0]])
    at = ((places - low + 0.5) / scale - 0.5).astype(np.float32)
    gray = to_gray(small).astype(np.float32)
    sampled = cv2.remap(
        gray, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, dtype=np.float32)


def between_blurs(gray: FloatArray, fine_px: float, coarse_px: float) -> FloatArray:
    """What lies between two Gaussian blurs, in grey levels; arguments as for :func:`texture`."""
    fine, coarse = (cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in (fine_px, coarse_px))
    return np.asarray(fine - coarse, dtype=np.float32)


def texture(gray: FloatArray, fine_px: float, coarse_px: float) -> FloatArray:
    """What lies between two Gaussian blurs, divided by its own strength around each place.

    Args:
        gray: float32, shape (rows, columns), 0–255.
        fine_px: standard deviation of the smaller blur.
        coarse_px: of the larger one; the strength is taken over twice as much.

    Returns:
        float32, same shape, mean near 0, about −3 to 3.
    """
    band = between_blurs(gray, fine_px, coarse_px)
    strength = cv2.GaussianBlur(band * band, (0, 0), 2 * coarse_px)
    return np.asarray(band / np.sqrt(strength + _WEAKEST_LEVELS), dtype=np.float32)


def find_patches(
    one: FloatArray, other: FloatArray, corners: NDArray[np.intp], *, side: int, reach: int
) -> Found:
    """Look for patches of one picture around their place in the other.

    Args:
        one: float32, shape (rows, columns).
        other: same shape.
        corners: shape (n, 2): x, y of the patches' first pixels; every patch lies within the picture.
        side: of a patch, in pixels.
        reach: how far a patch is looked for, in pixels.
    """
    correlation = np.empty(len(corners))
    shift = np.empty((len(corners), 2))
    for i, (x, y) in enumerate(corners.tolist()):
        left, top = max(0, x - reach), max(0, y - reach)
        around = other[top : y + side + reach, left : x + side + reach]
        patch = one[y : y + side, x : x + side]
        answer = cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED)
        row, column = divmod(int(answer.argmax()), answer.shape[1])
        correlation[i] = answer[row, column]
        shift[i] = column - (x - left), row - (y - top)
    return Found(correlation=correlation, shift=shift)


def depth_in_hull(points: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """How deep places lie within the convex hull of points, in their unit; negative outside.

    Args:
        points: float64, shape (n, 2), n ≥ 3.
        at: float64, shape (m, 2).

    Returns:
        float64, shape (m,).
    """
    hull = cv2.convexHull(points.astype(np.float32))
    return np.array([cv2.pointPolygonTest(hull, (x, y), True) for x, y in at.tolist()])
