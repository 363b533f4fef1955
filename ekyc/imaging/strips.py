"""Hold two pictures of one line of print against each other: is there ink in one that the other lacks?

A copy is softer, lighter and a little out of place; none of that is an alteration. So the original is first made as
soft and as dark as the copy, and only what is then still unexplained counts:

1. Both strips become ink (0 paper … 1 full ink), the paper divided out.
2. The copy is shifted onto the original piece by piece, by up to a few pixels: paper in a scanner stretches unevenly.
3. The sharper of the two is blurred until they fit best; the copy's half-tones and its full ink are brought to the
   original's.
4. What remains, averaged over a spot of a stroke's size, is the difference at that spot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.bending import vertex
from ekyc.imaging.geometry import to_gray, warp_quad
from ekyc.imaging.paper import darkness
from ekyc.imaging.text_regions import grow_quad, quad_size

if TYPE_CHECKING:
    from ekyc.imaging.registration import Registration
    from ekyc.values import BgrImage, FloatArray, GrayImage, QuadPx

STRIP_HEIGHT = 64
"""Strips are compared at this height, margins included, halo not."""
HALO_PX = 8
"""Seen on all four sides, not judged."""
_MAX_LENGTH = 100 * STRIP_HEIGHT
_PIECE = 3.0
"""Length of a piece that is shifted as one, in strip heights."""
_SHORT_PIECE = 1.2
_MAX_SHIFT_PX = 5
_FINE_SHIFT_PX = 2
_WORTH_BENDING = 0.7
"""Short pieces must bring the misfit down to this part of what long ones leave."""
_BLURS = (0.6, 0.9, 1.3, 1.8, 2.4)
_FINER = 0.2
_TONE_CURVES = (0.5, 0.7, 1.4, 2.0, 3.0)
_SPOT_PX = 4
"""Side of the spot over which the difference is averaged: about the thickness of a stroke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripDifference:
    """What two strips of one size do not share."""

    excess: FloatArray
    """float32, shape of the strips: mean of the unexplained ink around each pixel, 0–1.

    A mean, not a mean of squares: along a contour that lies a little off, too much and too little cancel out.
    """
    original_ink: FloatArray
    """float32, same shape: ink of the original, as soft as the copy's."""
    copy_ink: FloatArray
    """float32, same shape: ink of the copy, shifted and scaled onto the original's."""
    softened_px: float = 0.0
    """How much the original had to be blurred to be as soft as the copy: sigma in pixels of the strip."""

    @property
    def lost(self) -> float:
        """The part of the original's ink that the copy lacks, 0–1; 0 where the original has none."""
        here = float(self.original_ink.sum())
        gone = float(np.maximum(self.original_ink - self.copy_ink, 0.0).sum())
        return gone / here if here > 0 else 0.0

    @property
    def peak(self) -> float:
        """The largest excess, 0–1."""
        return float(self.excess.max(initial=0.0))

    def without_specks(self, *, ink: float, area_px: int) -> StripDifference:
        """The same without spots of fewer than ``area_px`` pixels with an excess of ``ink`` and more: toner, dust."""
        mask = (self.excess >= ink).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        small = np.asarray(stats[:, cv2.CC_STAT_AREA] < area_px, dtype=bool)
        small[0] = False
        kept = np.where(small[np.asarray(labels, dtype=np.int32)], np.float32(0.0), self.excess)
        return replace(self, excess=np.asarray(kept, dtype=np.float32))

    def peak_between(self, left: float, right: float) -> float:
        """The largest excess between two positions, given as parts of the strip's width."""
        width = self.excess.shape[1]
        start, end = max(0, int(left * width)), min(width, int(right * width) + 1)
        return float(self.excess[:, start:end].max(initial=0.0))


def cut_strips(
    original: BgrImage,
    copy: BgrImage,
    registration: Registration | None,
    quad: QuadPx,
    *,
    margin: tuple[float, float],
) -> tuple[BgrImage, BgrImage]:
    """The same line of both pages, straight, :data:`STRIP_HEIGHT` high, and a halo of :data:`HALO_PX` all round.

    Args:
        original: the original's page.
        copy: the copy's page.
        registration: how the copy lies over the original; None when it has been laid over.
        quad: the line, in pixels of the original.
        margin: what is added before and behind, and what above and below, as parts of the line's height.
    """
    height = quad_size(quad)[1]
    inner = grow_quad(quad, along=margin[0] * height, across=margin[1] * height)
    width, height = quad_size(inner)
    scale = STRIP_HEIGHT / max(height, 1.0)
    length = min(max(STRIP_HEIGHT // 2, round(width * scale)), _MAX_LENGTH)
    outer = grow_quad(inner, along=HALO_PX * width / length, across=HALO_PX / scale)
    size = (length + 2 * HALO_PX, STRIP_HEIGHT + 2 * HALO_PX)
    return (
        warp_quad(original, outer, *size),
        warp_quad(copy, registration.quad_to_copy(outer) if registration else outer, *size),
    )


def compare_strips(original: BgrImage, copy: BgrImage) -> StripDifference:
    """Steps 1 to 4.

    Args:
        original: one line of print with its halo: what is blurred into the line from outside must be seen.
        copy: the same line, same shape, out of place by no more than a few pixels.

    Returns:
        The difference without the halo.
    """
    gray_one, gray_other = to_gray(original), to_gray(copy)
    one, other = _ink(gray_one), _ink(gray_other)
    shift = _shifts(one, other)
    soft_one, soft_other = _softness(one, _moved(other, shift))
    # Blurred as pictures, not as ink: dividing out the paper is not linear, and both must go through it alike.
    one = _ink(_soft_picture(gray_one, soft_one)) if soft_one else one
    other = _ink(_soft_picture(gray_other, soft_other)) if soft_other else other
    other = _moved(other, shift)
    other = _toned(one, other)
    other = other * np.float32(_gain(one, other))
    excess = np.abs(cv2.blur(one - other, (_SPOT_PX, _SPOT_PX)))
    inner = np.s_[HALO_PX:-HALO_PX, HALO_PX:-HALO_PX]
    return StripDifference(
        excess=np.asarray(excess, dtype=np.float32)[inner],
        original_ink=one[inner],
        copy_ink=other[inner],
        softened_px=soft_one,
    )


def _ink(gray: GrayImage) -> FloatArray:
    """How much ink stands at each pixel: float32, same shape, 0 on paper to 1 on the strip's darkest ink."""
    ink = darkness(gray, bridge_px=STRIP_HEIGHT // 2)
    full = max(float(np.percentile(ink[::2, ::2], 99.5)), 0.1)
    return np.asarray(np.minimum(ink / np.float32(full), np.float32(1.0)), dtype=np.float32)


def _shifts(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far each column of ``other`` lies off ``one``: x and y. Long pieces, then short ones where those help."""
    x, y = _shifts_of_pieces(one, other, _PIECE, _MAX_SHIFT_PX)
    coarse = _moved(other, (x, y))
    fine_x, fine_y = _shifts_of_pieces(one, coarse, _SHORT_PIECE, _FINE_SHIFT_PX)
    if _misfit(one, _moved(coarse, (fine_x, fine_y))) > _WORTH_BENDING * _misfit(one, coarse):
        return x, y  # short pieces follow noise where there is nothing to follow
    return x + fine_x, y + fine_y


def _shifts_of_pieces(
    one: FloatArray, other: FloatArray, piece: float, reach: int
) -> tuple[FloatArray, FloatArray]:
    """Measured piece by piece, blended between pieces."""
    height, width = one.shape
    edges = np.linspace(0, width, max(1, round(width / (piece * height))) + 1).astype(int)
    found = {
        (a + b) / 2: shift
        for a, b in pairwise(edges.tolist())
        if (shift := _best_shift(one[:, a:b], other[:, a:b], reach)) is not None
    } or {0.0: (0.0, 0.0)}
    columns = np.arange(width)
    x, y = (
        np.interp(columns, list(found), [shift[axis] for shift in found.values()])
        for axis in (0, 1)
    )
    return x.astype(np.float32), y.astype(np.float32)


def _moved(ink: FloatArray, shifts: tuple[FloatArray, FloatArray]) -> FloatArray:
    height, width = ink.shape
    columns = np.arange(width, dtype=np.float32) + shifts[0]
    rows = np.arange(height, dtype=np.float32)[:, None] + shifts[1][None, :]
    map_x = np.ascontiguousarray(np.broadcast_to(columns[None, :], ink.shape))
    moved = cv2.remap(ink, map_x, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def _best_shift(one: FloatArray, other: FloatArray, reach: int) -> tuple[float, float] | None:
    """Shift (x, y) in pixels that brings ``other`` onto ``one``, to a fraction of a pixel; None without ink."""
    if min(one.shape) <= 4 * reach or one.max() < 0.2:
        return None
    inner = cv2.GaussianBlur(one, (0, 0), 1.2)[reach:-reach, reach:-reach]
    soft = cv2.GaussianBlur(other, (0, 0), 1.2)
    score = np.asarray(cv2.matchTemplate(soft, inner, cv2.TM_SQDIFF), dtype=np.float32)
    y, x = np.unravel_index(int(score.argmin()), score.shape)
    return (
        float(x - reach + vertex(score[y, :], int(x))),
        float(y - reach + vertex(score[:, x], int(y))),
    )


def _softness(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Blur (sigma in pixels) of each that makes both equally soft; one of the two is 0."""
    tried = {(0.0, 0.0): _misfit(one, other)}
    for blur in _BLURS:
        tried[blur, 0.0] = _misfit(_blurred(one, blur), other)
        tried[0.0, blur] = _misfit(one, _blurred(other, blur))
    best = min(tried, key=lambda pair: tried[pair])
    for step in (-_FINER, _FINER):
        finer = (max(0.0, best[0] + step * (best[0] > 0)), max(0.0, best[1] + step * (best[1] > 0)))
        tried[finer] = _misfit(_blurred(one, finer[0]), _blurred(other, finer[1]))
    return min(tried, key=lambda pair: tried[pair])


def _misfit(one: FloatArray, other: FloatArray) -> float:
    rest = one - other * np.float32(_gain(one, other))
    return float((rest * rest).mean()) / max(float((one * one).mean()), 1e-6)


def _toned(one: FloatArray, other: FloatArray) -> FloatArray:
    """``other`` with its half-tones as ``one`` has them: copiers harden, so that grey strokes turn black or white.

    Paper stays paper and full ink stays full ink, so nothing appears and nothing vanishes.
    """
    curves = [other] + [np.asarray(np.power(other, g), dtype=np.float32) for g in _TONE_CURVES]
    return min(curves, key=lambda curve: _misfit(one, curve))


def _gain(one: FloatArray, other: FloatArray) -> float:
    """Factor that brings the ink of ``other`` nearest to that of ``one``, within a factor of two."""
    gain = float((one * other).sum()) / max(float((other * other).sum()), 1e-6)
    return min(2.0, max(0.5, gain))


def _blurred(ink: FloatArray, sigma_px: float) -> FloatArray:
    if sigma_px == 0.0:
        return ink
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), sigma_px), dtype=np.float32)


def _soft_picture(gray: GrayImage, sigma_px: float) -> GrayImage:
    if sigma_px == 0.0:
        return gray
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma_px), dtype=np.uint8)
