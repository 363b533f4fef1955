"""Sides of a document fitted to the finest pixels at hand.

Along each side stands a row of short profiles across it. In each the place of the greatest change counts, near places
more than far ones; a straight line through these places, from which outliers (fingers, print) have lost their weight,
is the side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

_PROFILES: Final = 72
_ROUND: Final = 0.08
"""Share of a side at each end without profiles: corners are round."""
_ROUNDS: Final = 8


def fit_sides(lab: NDArray[np.float32], quad: _Floats, reach: float) -> tuple[_Floats, _Floats]:
    """Fit the four sides of a quadrilateral.

    Args:
        lab: float32, shape (height, width, 3), pixel centres at whole coordinates.
        quad: corners clockwise, shape (4, 2), in its pixels.
        reach: how far a side may lie from where it is thought to be, in pixels.

    Returns:
        Corners, shape (4, 2), and the share of each side's profiles that agree with its line, shape (4,).
    """
    sides, agreeing = zip(*(_side(lab, quad, k, reach) for k in range(4)), strict=True)
    corners = np.array([_crossing(sides[k - 1], sides[k]) for k in range(4)])
    return corners, np.array(agreeing)


def _side(lab: NDArray[np.float32], quad: _Floats, k: int, reach: float) -> tuple[_Floats, float]:
    """Two points of the fitted side, shape (2, 2), and the share of profiles that agree."""
    a, b = quad[k], quad[(k + 1) % 4]
    along = b - a
    normal = np.array([-along[1], along[0]]) / np.hypot(*along)
    at = np.linspace(_ROUND, 1 - _ROUND, _PROFILES)
    places = np.arange(-reach, reach + 0.5, 0.5)
    change = _change(lab, a + at[:, None] * along, normal, places)
    weighted = change * np.exp(-0.5 * (places / (0.6 * reach)) ** 2)
    offset = places[np.argmax(weighted, axis=1)]
    strength = weighted.max(axis=1)
    start, slope = _robust_line(at, offset, strength / (np.median(strength) + 1e-6))
    tolerance = max(1.0, 0.18 * reach)
    agreeing = float((np.abs(offset - start - slope * at) < tolerance).mean())
    return np.stack([a + normal * start, b + normal * (start + slope)]), agreeing


def _change(lab: NDArray[np.float32], points: _Floats, normal: _Floats, places: _Floats) -> _Floats:
    """Difference of the colours just before and just behind each place of each profile, shape (points, places)."""
    height, width = lab.shape[:2]

    def colours(shift: float) -> NDArray[np.float32]:
        at = points[:, None] + normal * (places + shift)[:, None]
        x = np.clip(np.rint(at[..., 0]), 0, width - 1).astype(np.intp)
        y = np.clip(np.rint(at[..., 1]), 0, height - 1).astype(np.intp)
        return lab[y, x]

    before = (colours(-1.0) + colours(-2.0) + colours(-3.0)) / 3
    behind = (colours(1.0) + colours(2.0) + colours(3.0)) / 3
    return np.asarray(np.linalg.norm(before - behind, axis=2), dtype=np.float64)


def _robust_line(at: _Floats, offset: _Floats, weight: _Floats) -> tuple[float, float]:
    """Start and slope of a line by least squares with weights that fall with the distance (Cauchy)."""
    weight = np.clip(weight, 0.05, 3.0)
    start, slope = float(np.median(offset)), 0.0
    for _ in range(_ROUNDS):
        distance = offset - start - slope * at
        trust = weight / (1 + (distance / 1.2) ** 2)
        mean_at, mean_offset = np.average(at, weights=trust), np.average(offset, weights=trust)
        spread = np.average((at - mean_at) ** 2, weights=trust)
        slope = float(np.average((at - mean_at) * (offset - mean_offset), weights=trust) / spread)
        start = float(mean_offset - slope * mean_at)
    return start, slope


def _crossing(one: _Floats, two: _Floats) -> _Floats:
    """Where two lines, each through two points, meet; not finite where they are parallel."""
    p, r = one[0], one[1] - one[0]
    q, s = two[0], two[1] - two[0]
    size = r[0] * s[1] - r[1] * s[0]
    if abs(size) < 1e-9:
        return np.array([np.nan, np.nan])
    along = ((q[0] - p[0]) * s[1] - (q[1] - p[1]) * s[0]) / size
    return np.asarray(p + along * r)
