"""Photographs on a page, a holder's portrait above all: does the copy show the same one?

Two portraits of one size have much the same outline and the same paper around them. What tells them apart is that no
change of tones turns one into the other:

1. Wide areas that are darker than the paper around them, on every side, are pictures; print, stamps and lines are too
   thin. A tinted paper beside the white of the scanner's lid is darker on one side alone.
2. The copy's picture is moved onto the original's, by a few pixels.
3. The original's tones are brought to the copy's by one rising curve: a photocopier makes greys black or white, a telephone
   lights them differently, and neither turns two tones round.
4. What the curve cannot explain is the difference: 1 less the correlation of the two.

Whether two pictures show one person is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.geometry import resize, to_gray
from ekyc.imaging.shown_part import enlarged
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage, FloatArray, GrayImage

_WORKING_WIDTH = 1000
_DARKER = 0.93
"""A picture is darker than this part of its paper's brightness."""
_PAPER_PX = 161
"""The lightest within this square is the paper."""
_PAPER_STEP = 8
_WIDE_PX = 25
"""What is narrower everywhere (5 mm of an A4 page) is no picture."""
_MIN_SIDE_PX = 60
_MAX_SIDE = 0.6
"""Larger areas, as a part of the page's width, are shadows and tinted forms."""
_MIN_FILLED = 0.4
_AROUND_PX = 8
"""How far around a picture its paper is looked at."""
_BLUR_PX = 1.2
_REACH_PX = 4
_MIN_CONTRAST = 8.0
"""Standard deviation of the grey values of what shows anything."""
_TONES = 16
_DIFFERS = 0.008
"""Unlikeness from which a picture differs. Generated portraits, copied by seven devices: the same 0.003 and less, of
another person 0.014 and more (50 copies)."""
_SHOWN = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """A picture of the original that the copy does not show as it is."""

    box: BoxPx
    """In pixels of the original."""
    unlike: float
    """1 less the correlation, 0 (the same) to 1 and more."""
    cut_off: bool
    """Whether the copy's picture ends within it."""


def differing_pictures(
    original: BgrImage, laid_over: BgrImage, *, shown: NDArray[np.bool_] | None = None
) -> tuple[PagePicture, ...]:
    """Steps 1 to 4.

    Args:
        original: the page.
        laid_over: the copy in the same frame (:func:`ekyc.imaging.registration.lay_over`).
        shown: what of the page the copy's picture shows (:func:`ekyc.imaging.shown_part.shown_part`); all of it if None.

    Returns:
        The original's pictures that differ in the copy, or are cut off, from top to bottom.
    """
    scale = _WORKING_WIDTH / original.shape[1]
    size = (_WORKING_WIDTH, max(_MIN_SIDE_PX, round(original.shape[0] * scale)))
    one = to_gray(resize(original, *size))
    places = _pictures(one)
    if not places:
        return ()
    other = to_gray(resize(laid_over, *size))
    seen = np.ones(one.shape, dtype=bool) if shown is None else enlarged(shown, *size, less_px=0)
    found = list[PagePicture]()
    for rows, columns in places:
        cut_off = float(seen[rows, columns].mean()) < _SHOWN
        unlike = _unlike(one, other, (rows, columns))
        if cut_off or unlike >= _DIFFERS:
            box = BoxPx(
                left=columns.start / scale,
                top=rows.start / scale,
                right=columns.stop / scale,
                bottom=rows.stop / scale,
            )
            found.append(PagePicture(box=box, unlike=unlike, cut_off=cut_off))
    return tuple(sorted(found, key=lambda picture: picture.box.top))


_Place = tuple[slice, slice]


def _pictures(gray: GrayImage) -> list[_Place]:
    """Step 1: rows and columns."""
    height, width = gray.shape
    small = cv2.resize(
        gray,
        (max(1, width // _PAPER_STEP), max(1, height // _PAPER_STEP)),
        interpolation=cv2.INTER_AREA,
    )
    near = np.ones((_PAPER_PX // _PAPER_STEP | 1,) * 2, np.uint8)
    paper = cv2.resize(cv2.dilate(small, near), (width, height), interpolation=cv2.INTER_LINEAR)
    dark = (gray < _DARKER * paper.astype(np.float32)).astype(np.uint8)
    wide = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((_WIDE_PX, _WIDE_PX), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(wide)
    found = list[_Place]()
    for left, top, w, h, area in stats[1:count].tolist():
        at_edge = left == 0 or top == 0 or left + w == width or top + h == height
        fits = min(w, h) >= _MIN_SIDE_PX and max(w, h) <= _MAX_SIDE * width
        place = np.s_[top : top + h, left : left + w]
        filled = area >= _MIN_FILLED * w * h
        if fits and not at_edge and filled and _lies_on_paper(gray, place):
            found.append(place)
    return found


def _lies_on_paper(gray: GrayImage, place: _Place) -> bool:
    """Whether it is lighter beside the place than in it, on every side."""
    rows, columns = place
    over = slice(max(0, rows.start - _AROUND_PX), rows.start)
    under = slice(rows.stop, rows.stop + _AROUND_PX)
    before = slice(max(0, columns.start - _AROUND_PX), columns.start)
    behind = slice(columns.stop, columns.stop + _AROUND_PX)
    sides = ((over, columns), (under, columns), (rows, before), (rows, behind))
    lightest = float(np.median(gray[place])) / _DARKER
    return all(float(np.median(gray[side])) >= lightest for side in sides)


def _unlike(one: GrayImage, other: GrayImage, place: _Place) -> float:
    """Steps 2 to 4; 0 for a picture of the original that shows nothing."""
    rows, columns = place
    around = np.s_[
        max(0, rows.start - _REACH_PX) : rows.stop + _REACH_PX,
        max(0, columns.start - _REACH_PX) : columns.stop + _REACH_PX,
    ]
    inner = _soft(one[place])[_REACH_PX:-_REACH_PX, _REACH_PX:-_REACH_PX]
    if float(inner.std()) < _MIN_CONTRAST:
        return 0.0
    wide = _soft(other[around])
    score = cv2.matchTemplate(wide, inner, cv2.TM_CCOEFF_NORMED)
    _, _, _, (x, y) = cv2.minMaxLoc(score)
    moved = wide[y : y + inner.shape[0], x : x + inner.shape[1]]
    if float(moved.std()) < 1.0:
        return 1.0
    return 1.0 - float(np.corrcoef(_toned(inner, moved).ravel(), moved.ravel())[0, 1])


def _soft(gray: GrayImage) -> FloatArray:
    soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), _BLUR_PX)
    return np.asarray(soft, dtype=np.float32)


def _toned(one: FloatArray, other: FloatArray) -> FloatArray:
    """Step 3: ``one`` with the tones of ``other``, by the rising curve that fits best at 16 tones."""
    edges = np.quantile(one, np.linspace(0.0, 1.0, _TONES + 1))
    tone = np.clip(np.searchsorted(edges, one, side="right") - 1, 0, _TONES - 1)
    known = [k for k in range(_TONES) if (tone == k).any()]
    before = np.array([one[tone == k].mean() for k in known])
    after = np.maximum.accumulate([np.median(other[tone == k]) for k in known])
    curve = np.interp(one, before, after + np.linspace(0.0, 1e-3, len(known)))
    return np.asarray(curve, dtype=np.float32)
