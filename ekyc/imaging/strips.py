"""Hold two pictures of one line of print against each other: is there ink in one that the other lacks?

A copy is softer, lighter and a little out of place; none of that is an alteration. So the original is first made as
soft and as dark as the copy, and only what is then still unexplained counts:

1. Both strips become ink (0 paper … 1 full ink), the paper divided out.
2. The copy is shifted onto the original piece by piece, by up to a few pixels: paper in a scanner stretches unevenly,
   and paper before a camera bends. Long and short pieces are two explanations; either will do.
3. The sharper of the two is blurred until they fit best, and the original is hardened as photocopiers do, which turn
   pale strokes to paper; then the copy's half-tones and its full ink are brought to the original's.
4. What remains, averaged over a spot of a stroke's size, is the difference at that spot. It counts by the ink that
   stands there: a tone mark in thin strokes is a small difference, and much of what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
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
_AS_IS = (0.0, 1.0)
_HARDENED = ((0.0, 0.7), (0.1, 0.7), (0.1, 1.0), (0.2, 0.7), (0.2, 0.95), (0.3, 0.95))
"""Ink up to the first becomes paper, ink from the second on becomes black: thin print is grey beside bold print, and as
black in a photocopy."""
_BLURS_HARDENED = (0.6, 0.9, 1.3)
"""What is hardened was softened before: scanning blurs, and what is pale then is lost."""
_MOST_SLOPE_PX = 3.0
"""Shifts may grow by so much between the middle of the last piece and the end of the line."""
_NEAR_INK_PX = 9
"""A difference counts by the darkest ink within this square …"""
_LEAST_INK = 0.5
"""… or by this, where there is less."""
_SPOT_PX = 4
"""Side of the spot over which the difference is averaged: about the thickness of a stroke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Unexplained ink that lies together."""

    left: float
    """From here …"""
    right: float
    """… to here, as parts of the strip's width."""
    area_px: int
    peak: float
    """Largest excess, 0–1 and a little more."""
    added: float
    """The part of it that only the copy has, 0–1; the rest only the original has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripDifference:
    """What two strips of one size do not share."""

    excess: FloatArray
    """float32, shape of the strips: mean of the unexplained ink around each pixel by the ink that stands there.

    0–1, up to 2 for pale ink. A mean, not a mean of squares: along a contour that lies a little off, too much and too
    little cancel out.
    """
    plain: FloatArray
    """float32, same shape: the same as it is, 0–1."""
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

    def spots(self, ink: float) -> tuple[Spot, ...]:
        """Where the excess is ``ink`` and more, spot by spot, from left to right."""
        mask = (self.excess >= ink).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        if count < 2:
            return ()
        more = cv2.blur(self.copy_ink - self.original_ink, (_SPOT_PX, _SPOT_PX))
        width = mask.shape[1]
        found: list[Spot] = []
        for label in range(1, count):
            left, top, w, h, area = (int(value) for value in stats[label])
            box = np.s_[top : top + h, left : left + w]
            inside = np.asarray(labels[box] == label, dtype=bool)
            found.append(
                Spot(
                    left=left / width,
                    right=(left + w) / width,
                    area_px=area,
                    peak=float(self.excess[box][inside].max()),
                    added=float((more[box][inside] > 0).mean()),
                )
            )
        return tuple(sorted(found, key=lambda spot: spot.left))

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
    shift, rival = _shifts(one, other)
    soft_one, soft_other, levels = _softness(one, _moved(other, shift))
    # Blurred as pictures, not as ink: dividing out the paper is not linear, and both must go through it alike.
    one = _hardened(_ink(_soft_picture(gray_one, soft_one)) if soft_one else one, levels)
    other = _ink(_soft_picture(gray_other, soft_other)) if soft_other else other
    other, again = (_toned(one, _moved(other, shifts)) for shifts in (shift, rival))
    plain = np.minimum(_spots(one - other), _spots(one - again))
    inner = np.s_[HALO_PX:-HALO_PX, HALO_PX:-HALO_PX]
    return StripDifference(
        excess=_by_ink(plain, one, other)[inner],
        plain=plain[inner],
        original_ink=one[inner],
        copy_ink=other[inner],
        softened_px=soft_one,
    )


def _by_ink(difference: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
    near = np.ones((_NEAR_INK_PX, _NEAR_INK_PX), np.uint8)
    there = cv2.dilate(np.maximum(one, other), near)
    return np.asarray(difference / np.maximum(there, np.float32(_LEAST_INK)), dtype=np.float32)


def page_ink(gray: GrayImage) -> FloatArray:
    """How much darker than its paper each pixel of a page is: what :func:`rough_difference` takes strips of."""
    return darkness(gray, bridge_px=STRIP_HEIGHT // 2)


def rough_difference(one: FloatArray, other: FloatArray) -> FloatArray:
    """The difference of two strips of :func:`page_ink` before anything is explained: an upper bound for most purposes.

    Returns:
        float32, shape of the strips: mean of the difference around each pixel, 0–1.
    """
    return _spots(_scaled(one) - _scaled(other))


def _spots(difference: FloatArray) -> FloatArray:
    return np.asarray(np.abs(cv2.blur(difference, (_SPOT_PX, _SPOT_PX))), dtype=np.float32)


_Shifts = tuple["FloatArray", "FloatArray"]
"""How far each column lies off: x and y, float32, shape (width,)."""


def _ink(gray: GrayImage) -> FloatArray:
    """How much ink stands at each pixel: float32, same shape, 0 on paper to 1 on the strip's darkest ink."""
    return _scaled(page_ink(gray))


def _scaled(ink: FloatArray) -> FloatArray:
    full = max(float(np.percentile(ink[::2, ::2], 99.5)), 0.1)
    return np.asarray(np.minimum(ink / np.float32(full), np.float32(1.0)), dtype=np.float32)


def _shifts(one: FloatArray, other: FloatArray) -> tuple[_Shifts, _Shifts]:
    """How far ``other`` lies off ``one``, and the next best answer: by long pieces, and by short ones on top of those."""
    x, y = _shifts_of_pieces(one, other, _PIECE, _MAX_SHIFT_PX)
    coarse = _moved(other, (x, y))
    fine_x, fine_y = _shifts_of_pieces(one, coarse, _SHORT_PIECE, _FINE_SHIFT_PX)
    straight, bent = (x, y), (x + fine_x, y + fine_y)
    if _misfit(one, _moved(coarse, (fine_x, fine_y))) > _WORTH_BENDING * _misfit(one, coarse):
        return straight, bent  # short pieces follow noise where there is nothing to follow
    return bent, straight


def _shifts_of_pieces(one: FloatArray, other: FloatArray, piece: float, reach: int) -> _Shifts:
    """Measured piece by piece, blended between pieces and drawn on to both ends."""
    height, width = one.shape
    edges = np.linspace(0, width, max(1, round(width / (piece * height))) + 1).astype(int)
    found = {
        (a + b) / 2: shift
        for a, b in pairwise(edges.tolist())
        if (shift := _best_shift(one[:, a:b], other[:, a:b], reach)) is not None
    } or {0.0: (0.0, 0.0)}
    x, y = (
        _along(width, list(found), [shift[axis] for shift in found.values()]) for axis in (0, 1)
    )
    return x, y


def _along(width: int, at: list[float], values: list[float]) -> FloatArray:
    columns = np.arange(width)
    result = np.interp(columns, at, values)
    if len(at) > 1:
        for end, next_to_it, outside in ((0, 1, columns < at[0]), (-1, -2, columns > at[-1])):
            slope = (values[end] - values[next_to_it]) / (at[end] - at[next_to_it])
            grown = slope * (columns[outside] - at[end])
            result[outside] = values[end] + np.clip(grown, -_MOST_SLOPE_PX, _MOST_SLOPE_PX)
    return result.astype(np.float32)


def _moved(ink: FloatArray, shifts: _Shifts) -> FloatArray:
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


_Levels = tuple[float, float]
_Softness = tuple[float, float, _Levels]


def _softness(one: FloatArray, other: FloatArray) -> _Softness:
    """Blur (sigma in pixels) of each that makes both equally soft, one of the two 0, and how to harden ``one``."""
    tried: dict[_Softness, float] = {(0.0, 0.0, _AS_IS): _misfit(one, other)}
    for blur in _BLURS:
        soft = _blurred(one, blur)
        tried[blur, 0.0, _AS_IS] = _misfit(soft, other)
        tried[0.0, blur, _AS_IS] = _misfit(one, _blurred(other, blur))
        for levels in _HARDENED if blur in _BLURS_HARDENED else ():
            tried[blur, 0.0, levels] = _misfit(_hardened(soft, levels), other)
    best = min(tried, key=lambda how: tried[how])
    for step in (-_FINER, _FINER):
        a, b = (max(0.0, blur + step * (blur > 0)) for blur in best[:2])
        soft = _hardened(_blurred(one, a), best[2])
        tried[a, b, best[2]] = _misfit(soft, _blurred(other, b))
    return min(tried, key=lambda how: tried[how])


def _misfit(one: FloatArray, other: FloatArray) -> float:
    rest = one - other * np.float32(_gain(one, other))
    return float((rest * rest).mean()) / max(float((one * one).mean()), 1e-6)


def _toned(one: FloatArray, other: FloatArray) -> FloatArray:
    """``other`` with its half-tones and its full ink as ``one`` has them.

    Paper stays paper and full ink stays full ink, so nothing appears and nothing vanishes.
    """
    curves = [other] + [np.asarray(np.power(other, g), dtype=np.float32) for g in _TONE_CURVES]
    best = min(curves, key=lambda curve: _misfit(one, curve))
    return best * np.float32(_gain(one, best))


def _hardened(ink: FloatArray, levels: _Levels) -> FloatArray:
    if levels == _AS_IS:
        return ink
    pale, black = levels
    hard = (ink - np.float32(pale)) / np.float32(black - pale)
    return np.asarray(np.clip(hard, 0.0, 1.0), dtype=np.float32)


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
