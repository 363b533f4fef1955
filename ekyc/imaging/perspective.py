"""What a quadrilateral can be a picture of: the proportions of the flat rectangle behind it.

A pinhole camera with its principal point in the middle of the picture and square pixels sees a rectangle as a
quadrilateral; from its four corners and the focal length follow the rectangle's proportions and whether its angles are
right (Zhang and He, "Whiteboard scanning and image enhancement", 2007, §3.2). The focal length is not known: those of
telephones and scanners are tried, and the one that explains the quadrilateral best counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

_FOCAL_LENGTHS: Final = (0.7, 0.85, 1.05, 1.4, 2.5)
"""Of the longer side of the picture: wide telephone cameras to their longer lens."""


def misfit(quads: _Floats, aspect: float, width: int, height: int) -> _Floats:
    """How badly rectangles of known proportions explain quadrilaterals.

    Args:
        quads: corners in pixels, clockwise from the top left, shape (n, 4, 2).
        aspect: width divided by height of the flat rectangle.
        width: of the picture.
        height: of the picture.

    Returns:
        Shape (n,): the larger of the relative error of the proportions and the cosine at the corner; 0 is a perfect
        fit, infinite what no camera can have seen.
    """
    centred = (quads - np.array([width / 2, height / 2])) / max(width, height)
    columns = _homographies(centred)
    best = np.full(len(quads), np.inf)
    for focal in _FOCAL_LENGTHS:
        scaled = columns / np.array([focal, focal, 1.0])[None, :, None]
        right, down = scaled[:, :, 0], scaled[:, :, 1]
        long, high = np.linalg.norm(right, axis=1), np.linalg.norm(down, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            proportion = np.abs(np.log(long / high / aspect))
            angle = np.abs((right * down).sum(axis=1) / (long * high))
        error = np.maximum(proportion, angle)
        best = np.fmin(best, np.where(np.isfinite(error), error, np.inf))
    return best


def _homographies(quads: _Floats) -> _Floats:
    """From the unit square to each quadrilateral, up to scale (Heckbert 1989, §2.2.3): shape (n, 3, 3)."""
    a, b, c, d = (quads[:, i] for i in range(4))
    one, two, sum_ = b - c, d - c, a - b + c - d
    size = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        g = (sum_[:, 0] * two[:, 1] - sum_[:, 1] * two[:, 0]) / size
        h = (one[:, 0] * sum_[:, 1] - one[:, 1] * sum_[:, 0]) / size
    result = np.empty((len(quads), 3, 3))
    result[:, :2, 0] = b - a + g[:, None] * b
    result[:, :2, 1] = d - a + h[:, None] * d
    result[:, :2, 2] = a
    result[:, 2, 0], result[:, 2, 1], result[:, 2, 2] = g, h, 1.0
    return result
