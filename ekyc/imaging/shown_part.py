"""Which part of the original a copy's picture shows at all: margins are cropped, and corners lie off the glass.

What lies outside the copy's picture is neither alike nor changed: it was not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.text_regions import grow_quad, quad_size
from ekyc.values import PointPx

if TYPE_CHECKING:
    from ekyc.imaging.registration import Registration
    from ekyc.values import BgrImage, QuadPx

_COLUMNS = 250
"""Of the map: fine enough for paper that bends."""
_SLACK = 0.15
"""Part of a line's height that may be cut off on each side: places of lines are found with some margin."""
_PLACES = 41
"""Looked up along a line."""


def shown_part(original: BgrImage, copy: BgrImage, registration: Registration) -> NDArray[np.bool_]:
    """Where the copy's picture shows the original.

    Args:
        original: the page.
        copy: the copy's page, not laid over.
        registration: how the copy lies over the original.

    Returns:
        bool, a coarse map of the original, shape (rows, 250).
    """
    height, width = original.shape[:2]
    scale = _COLUMNS / width
    rows = max(2, round(height * scale))
    if registration.bend is not None:
        x, y = registration.bend.scaled(scale).maps(_COLUMNS, rows)
    else:
        x, y = np.meshgrid(np.arange(_COLUMNS, dtype=np.float32), np.arange(rows, dtype=np.float32))
    m = registration.matrix.astype(np.float32)
    x, y = (x + np.float32(0.5)) / np.float32(scale), (y + np.float32(0.5)) / np.float32(scale)
    depth = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    u = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / depth
    v = (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / depth
    inside = (u >= 0) & (v >= 0) & (u <= copy.shape[1]) & (v <= copy.shape[0])
    return np.asarray(inside, dtype=bool)


def enlarged(
    shown: NDArray[np.bool_], width: int, height: int, *, less_px: int
) -> NDArray[np.bool_]:
    """The map of :func:`shown_part` at another size, without ``less_px`` beside what is not shown."""
    hidden = cv2.resize((~shown).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    near = np.ones((2 * less_px + 1, 2 * less_px + 1), np.uint8)
    return ~np.asarray(cv2.dilate(hidden, near), dtype=bool)


def shown_stretch(
    quad: QuadPx, original: BgrImage, copy: BgrImage, registration: Registration
) -> tuple[float, float]:
    """The longest stretch of a line that the copy's picture shows at its full height.

    Args:
        quad: the line, in pixels of the original. What reaches beyond the original's picture cannot be cut off.
        original: the page.
        copy: the copy's page, not laid over.
        registration: how the copy lies over the original.

    Returns:
        Where it begins and ends, as parts of the line's width: (0, 1) for a whole line, (0, 0) for a hidden one.
    """
    slack = _SLACK * quad_size(quad)[1]
    inner = grow_quad(quad, along=-slack, across=-slack)
    a, b, c, d = inner.corners
    shares = np.linspace(0.0, 1.0, _PLACES)
    best, since = (0, 0), None
    for i, share in enumerate((*shares.tolist(), None)):
        if share is not None and all(
            _is_in(copy, registration.to_copy(point)) or not _is_in(original, point)
            for point in (_between(*ends, share) for ends in ((a, b), (d, c)))
        ):
            since = i if since is None else since
        elif since is not None:
            best = max(best, (since, i - 1), key=lambda found: found[1] - found[0])
            since = None
    return float(shares[best[0]]), float(shares[best[1]])


def _is_in(picture: BgrImage, point: PointPx) -> bool:
    height, width = picture.shape[:2]
    return bool(0 <= point.x <= width and 0 <= point.y <= height)


def _between(one: PointPx, other: PointPx, share: float) -> PointPx:
    return PointPx(one.x + share * (other.x - one.x), one.y + share * (other.y - one.y))
