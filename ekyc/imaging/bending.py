"""What a homography leaves over between two pictures of one page: paper that bends, scanners that pull unevenly.

1. The copy is laid over the original by the homography; both become ink (0 paper … 1 ink).
2. Patches of the original that hold print are looked for in the copy, a few pixels around their place.
3. Patches that are not found with certainty say nothing; a patch that contradicts its neighbours is outvoted by them.
   So a changed word moves nothing.
4. The shifts become a smooth field over the page. What the patches miss after it is the residual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.paper import darkness

if TYPE_CHECKING:
    from ekyc.values import FloatArray, GrayImage

_PATCHES = 16
"""Along the longer side."""
_PATCH = 0.09
"""Side of a patch, as a part of the page's longer side: several lines of print, so that it cannot slip by one."""
_REACH_PX = 10
"""How far around its place a patch is looked for, in working pixels."""
_SURE = 0.55
"""Correlation from which a patch counts as found."""
_MIN_INK = 0.02
"""Mean ink of a patch that can be looked for at all."""
_SMOOTH = 0.6
"""Width of the smoothing of the field, in patches."""
_OUTVOTED_PX = 2.0
"""A patch that is further than this from the median of itself and its neighbours takes their median."""
_PAPER_PX = 25
_AGREE_BLUR_PX = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """A smooth field of shifts over a page."""

    dx: FloatArray
    """float32, shape (rows, columns): pixels to the right, at nodes spread evenly from edge to edge of the page."""
    dy: FloatArray
    """float32, same shape: pixels down."""
    width: float
    """Of the page, in the pixels that the shifts are given in."""
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The shift at a point; beyond the page that of its edge."""
        rows, columns = self.dx.shape
        u = min(max(x / self.width, 0.0), 1.0) * (columns - 1)
        v = min(max(y / self.height, 0.0), 1.0) * (rows - 1)
        i, j = min(int(u), columns - 2), min(int(v), rows - 2)
        s, t = u - i, v - j
        found = [
            (1 - t) * ((1 - s) * d[j, i] + s * d[j, i + 1])
            + t * ((1 - s) * d[j + 1, i] + s * d[j + 1, i + 1])
            for d in (self.dx, self.dy)
        ]
        return float(found[0]), float(found[1])

    def maps(
        self, width: int, height: int, part: slice = slice(None)
    ) -> tuple[FloatArray, FloatArray]:
        """Coordinates plus shift for every pixel of a page of that size: x and y, float32, shape (height, width).

        Args:
            width: of the page.
            height: of the page.
            part: rows that are wanted; all if not given.
        """
        rows, columns = self.dx.shape
        u = np.linspace(0, columns - 1, width, dtype=np.float32)
        v = np.linspace(0, rows - 1, height, dtype=np.float32)[part]
        grid_u, grid_v = np.meshgrid(u, v)
        x, y = (
            cv2.remap(d, grid_u, grid_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for d in (self.dx, self.dy)
        )
        return (
            np.asarray(x + np.arange(width, dtype=np.float32)[None, :], dtype=np.float32),
            np.asarray(y + np.arange(height, dtype=np.float32)[part, None], dtype=np.float32),
        )

    def scaled(self, factor: float) -> Bend:
        """The same field on a page ``factor`` times as large."""
        return replace(
            self,
            dx=np.asarray(self.dx * np.float32(factor), dtype=np.float32),
            dy=np.asarray(self.dy * np.float32(factor), dtype=np.float32),
            width=self.width * factor,
            height=self.height * factor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well two pages lie over each other."""

    bend: Bend
    residual_px: float
    """Median distance by which patches still miss their place."""
    agreement: float
    """Correlation of the ink of both, 0–1."""


def fit_bend(original: GrayImage, copy: GrayImage, matrix: NDArray[np.float64]) -> Fit:
    """Steps 1 to 4.

    Args:
        original: uint8, the page at working size.
        copy: uint8, the copy at working size.
        matrix: homography from the original's pixels to the copy's.
    """
    height, width = original.shape
    over = cv2.warpPerspective(
        copy,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    one, other = (_ink(picture) for picture in (original, np.asarray(over, dtype=np.uint8)))
    nodes = (
        max(3, round(_PATCHES * height / max(height, width))),
        max(3, round(_PATCHES * width / max(height, width))),
    )
    shifts = _shifts(one, other, nodes)
    bend = Bend(
        dx=_smooth(shifts[..., 0], shifts[..., 2]),
        dy=_smooth(shifts[..., 1], shifts[..., 2]),
        width=float(width),
        height=float(height),
    )
    found = shifts[..., 2] > 0
    left = np.hypot(shifts[..., 0] - bend.dx, shifts[..., 1] - bend.dy)[found]
    residual = float(np.median(left)) if found.sum() >= 3 else float(_REACH_PX)
    x, y = bend.maps(width, height)
    laid = cv2.remap(other, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Fit(
        bend=bend,
        residual_px=residual,
        agreement=_correlation(one, np.asarray(laid, dtype=np.float32)),
    )


def _ink(gray: GrayImage) -> FloatArray:
    soft = np.asarray(cv2.GaussianBlur(gray, (0, 0), 0.8), dtype=np.uint8)
    return darkness(soft, bridge_px=_PAPER_PX)


def _shifts(one: FloatArray, other: FloatArray, nodes: tuple[int, int]) -> FloatArray:
    """For each node the shift of its patch: float32, shape (rows, columns, 3): x, y, weight (0 where not found)."""
    height, width = one.shape
    half = round(_PATCH * max(height, width) / 2)
    found = np.zeros((*nodes, 3), dtype=np.float32)
    for j, y in enumerate(np.linspace(0, height - 1, nodes[0])):
        for i, x in enumerate(np.linspace(0, width - 1, nodes[1])):
            top, left = max(_REACH_PX, int(y) - half), max(_REACH_PX, int(x) - half)
            bottom = min(height - _REACH_PX, int(y) + half)
            right = min(width - _REACH_PX, int(x) + half)
            if min(bottom - top, right - left) >= half // 2:
                found[j, i] = _shift(one, other, (top, bottom, left, right))
    return found


def _shift(
    one: FloatArray, other: FloatArray, place: tuple[int, int, int, int]
) -> tuple[float, float, float]:
    top, bottom, left, right = place
    patch = one[top:bottom, left:right]
    if float(patch.mean()) < _MIN_INK:
        return 0.0, 0.0, 0.0
    around = other[top - _REACH_PX : bottom + _REACH_PX, left - _REACH_PX : right + _REACH_PX]
    score = np.asarray(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED), dtype=np.float32)
    _, best, _, (x, y) = cv2.minMaxLoc(score)
    edge = {0, 2 * _REACH_PX}
    if best < _SURE or x in edge or y in edge:
        return 0.0, 0.0, 0.0
    return (
        float(x - _REACH_PX + vertex(-score[y, :], x)),
        float(y - _REACH_PX + vertex(-score[:, x], y)),
        float(best),
    )


def vertex(values: FloatArray, at: int) -> float:
    """Offset of the lowest point of the parabola through a minimum and its neighbours, -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, behind = (float(v) for v in values[at - 1 : at + 2])
    curve = before - 2 * here + behind
    return 0.0 if curve <= 0 else float(np.clip((before - behind) / (2 * curve), -0.5, 0.5))


def _smooth(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Outliers among the found give way first, then a weighted mean fills what was not found."""
    if not (weight > 0).any():
        return np.zeros_like(values)
    kept = values.copy()
    rows, columns = values.shape
    for j in range(rows):
        for i in range(columns):
            near = np.s_[max(0, j - 1) : j + 2, max(0, i - 1) : i + 2]
            known = values[near][weight[near] > 0]
            if len(known) and abs(kept[j, i] - np.median(known)) > _OUTVOTED_PX:
                kept[j, i] = np.median(known)
    known_weight = (weight > 0).astype(np.float32)
    wide = float(max(rows, columns))
    sums = np.zeros_like(values)
    weights = np.zeros_like(values)
    # Near neighbours decide; far ones only where there are no near ones.
    for sigma, share in ((_SMOOTH, 1.0), (4 * _SMOOTH, 1e-3), (wide, 1e-6)):
        sums += np.float32(share) * _blurred(kept * known_weight, sigma)
        weights += np.float32(share) * _blurred(known_weight, sigma)
    return np.asarray(sums / np.maximum(weights, 1e-12), dtype=np.float32)


def _blurred(values: FloatArray, sigma: float) -> FloatArray:
    blurred = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    a, b = (cv2.GaussianBlur(ink, (0, 0), _AGREE_BLUR_PX)[::2, ::2] for ink in (one, other))
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return max(0.0, float((a * b).sum()) / norm) if norm > 0 else 0.0
