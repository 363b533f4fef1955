"""Hold two pictures of one line of print against each other: is there ink in one that the other lacks?

A copy is softer, lighter and a little out of place; none of that is an alteration. So the original is first made as
soft and as dark as the copy, and only what is then still unexplained counts:

1. Both strips become ink (0 paper … 1 full ink), the paper divided out.
2. The copy is shifted onto the original piece by piece, by up to a few pixels: paper in a scanner stretches unevenly.
3. The sharper of the two is blurred until they fit best, and the copy's ink is scaled to the original's.
4. What remains, averaged over a spot of a stroke's size, is the difference at that spot.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.geometry import to_gray, warp_quad
from ekyc.imaging.illumination import ink_of_page
from ekyc.imaging.text_regions import grow_quad, quad_size

if TYPE_CHECKING:
    from ekyc.imaging.registration import Registration
    from ekyc.values import BgrImage, FloatArray, QuadPx

STRIP_HEIGHT = 64
"""Strips are compared at this height, margins included."""
_MAX_LENGTH = 100 * STRIP_HEIGHT
_PIECE = 3.0
"""Length of a piece that is shifted as one, in strip heights."""
_MAX_SHIFT_PX = 5
_BLURS = (0.0, 0.7, 1.0, 1.4, 1.9, 2.5)
_SPOT_PX = 5
"""Side of the spot over which the difference is averaged: about the thickness of a stroke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripDifference:
    """What two strips of one size do not share."""

    excess: FloatArray
    """float32, shape of the strips: root mean square of the unexplained ink around each pixel, 0–1."""
    original_ink: FloatArray
    """float32, same shape: ink of the original, as soft as the copy's."""
    copy_ink: FloatArray
    """float32, same shape: ink of the copy, shifted and scaled onto the original's."""

    @property
    def peak(self) -> float:
        """The largest excess, 0–1."""
        return float(self.excess.max(initial=0.0))

    def peak_between(self, left: float, right: float) -> float:
        """The largest excess between two positions, given as parts of the strip's width."""
        width = self.excess.shape[1]
        start, end = max(0, int(left * width)), min(width, int(right * width) + 1)
        return float(self.excess[:, start:end].max(initial=0.0))


def cut_strips(
    original: BgrImage,
    copy: BgrImage,
    registration: Registration,
    quad: QuadPx,
    *,
    margin: tuple[float, float],
) -> tuple[BgrImage, BgrImage]:
    """The same line of both pages, straight, height :data:`STRIP_HEIGHT`.

    Args:
        original: the original's page.
        copy: the copy's page.
        registration: how the copy lies over the original.
        quad: the line, in pixels of the original.
        margin: what is added before and behind, and what above and below, as parts of the line's height.
    """
    height = quad_size(quad)[1]
    grown = grow_quad(quad, along=margin[0] * height, across=margin[1] * height)
    width, height = quad_size(grown)
    length = max(STRIP_HEIGHT // 2, round(width * STRIP_HEIGHT / max(height, 1.0)))
    length = min(length, _MAX_LENGTH)
    return (
        warp_quad(original, grown, length, STRIP_HEIGHT),
        warp_quad(copy, registration.quad_to_copy(grown), length, STRIP_HEIGHT),
    )


def compare_strips(original: BgrImage, copy: BgrImage) -> StripDifference:
    """Steps 1 to 4.

    Args:
        original: one line of print, height :data:`STRIP_HEIGHT`.
        copy: the same line, same shape, out of place by no more than a few pixels.
    """
    bridge = STRIP_HEIGHT // 2 | 1
    one = ink_of_page(to_gray(original), bridge_px=bridge)
    other = ink_of_page(to_gray(copy), bridge_px=bridge)
    other = _shifted_onto(one, other)
    one, other = _equally_soft(one, other)
    rest = (one - other) ** 2
    excess = np.sqrt(np.maximum(cv2.blur(rest, (_SPOT_PX, _SPOT_PX)), 0.0))
    return StripDifference(
        excess=np.asarray(excess, dtype=np.float32), original_ink=one, copy_ink=other
    )


def _shifted_onto(one: FloatArray, other: FloatArray) -> FloatArray:
    """``other`` moved onto ``one``, each piece by its own shift, the shifts blended between pieces."""
    height, width = one.shape
    count = max(1, round(width / (_PIECE * height)))
    edges = np.linspace(0, width, count + 1).astype(int)
    shifts = [_best_shift(one[:, a:b], other[:, a:b]) for a, b in pairwise(edges.tolist())]
    centres = (edges[:-1] + edges[1:]) / 2
    columns = np.arange(width)
    dx = np.interp(columns, centres, [x for x, _ in shifts])
    dy = np.interp(columns, centres, [y for _, y in shifts])
    rows = np.arange(height, dtype=np.float32)[:, None]
    map_x = np.broadcast_to((columns + dx).astype(np.float32)[None, :], one.shape)
    map_y = (rows + dy[None, :]).astype(np.float32)
    moved = cv2.remap(
        other, np.ascontiguousarray(map_x), map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.float32)


def _best_shift(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Shift (x, y) in pixels that brings ``other`` onto ``one``, to a fraction of a pixel."""
    reach = _MAX_SHIFT_PX
    if min(one.shape) <= 4 * reach or one.max() < 0.2:
        return 0.0, 0.0
    inner = cv2.GaussianBlur(one, (0, 0), 1.2)[reach:-reach, reach:-reach]
    soft = cv2.GaussianBlur(other, (0, 0), 1.2)
    score = np.asarray(cv2.matchTemplate(soft, inner, cv2.TM_SQDIFF), dtype=np.float32)
    y, x = np.unravel_index(int(score.argmin()), score.shape)
    return (
        float(x - reach + _vertex(score[y, :], int(x))),
        float(y - reach + _vertex(score[:, x], int(y))),
    )


def _vertex(values: FloatArray, at: int) -> float:
    """Offset of the lowest point of the parabola through a minimum and its neighbours."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, behind = (float(v) for v in values[at - 1 : at + 2])
    bend = before - 2 * here + behind
    return 0.0 if bend <= 0 else float(np.clip((before - behind) / (2 * bend), -0.5, 0.5))


def _equally_soft(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both strips at the softness and the darkness at which they fit best."""
    best: tuple[float, FloatArray, FloatArray] | None = None
    for blur in _BLURS:
        for soften_one in (True, False) if blur else (True,):
            a = _blurred(one, blur) if soften_one else one
            b = other if soften_one else _blurred(other, blur)
            gain = float((a * b).sum() / max(float((b * b).sum()), 1e-6))
            b = b * np.float32(np.clip(gain, 0.5, 2.0))
            misfit = float(((a - b) ** 2).mean()) / max(float((a * a).mean()), 1e-6)
            if best is None or misfit < best[0]:
                best = (misfit, a, b)
    assert best is not None
    return best[1], best[2]


def _blurred(ink: FloatArray, sigma_px: float) -> FloatArray:
    if sigma_px == 0.0:
        return ink
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), sigma_px), dtype=np.float32)
