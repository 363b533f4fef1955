"""Stamps and pen strokes: where a page bears coloured ink, and whether a copy of the page shows it.

Vietnamese offices stamp in red and sign in blue. So the original tells where its marks are, by their colour; a copy
may be grey, so there only darkness counts:

1. Paper is divided out of each colour channel, so that a tinted or shaded page becomes white.
2. Pixels that are redder (or bluer) than grey join to regions; print in colour is told apart by its shape and place.
3. In the copy, laid over the original, each coloured pixel must have ink within a few pixels. Pixels next to black
   print do not count: the print is there without the mark, too.
4. Most have: the mark is there. Hardly any: it is absent. Anything else, or ink too pale for a grey copy to show:
   it cannot be told.

A stroke of black ink cannot be told from print by its colour; it is left to
:func:`ekyc.imaging.page_difference.difference_regions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.geometry import resize, to_gray
from ekyc.imaging.paper import darkness
from ekyc.imaging.shown_part import enlarged
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.values import BgrImage, FloatArray, GrayImage, QuadPx

_WORKING_WIDTH = 1000
_PAPER_PX = 41
_COLOURED = 0.16
"""By how much a channel, paper divided out, must exceed the mean of the two others."""
_MIN_STAMP_PX = 55
"""Shorter side of a stamp: 11 mm of an A4 page. Coloured print is lower."""
_MAX_STAMP_ASPECT = 3.0
_MIN_PEN_PX = 24
"""Longer side of a pen stroke's region is at least twice this, the shorter at least half of it."""
_MAX_SIDE = 0.6
"""Larger regions, as a part of the page's width, are frames and ornaments."""
_MIN_PIXELS = 150
_IN_LINES = 0.7
"""A region with more of its pixels than this inside lines of print is coloured print."""
_BLACK = 0.45
_NEAR_PX = 3
_SLACK_PX = 3
"""How far beside its place the copy may show a mark."""
_HAS_INK = 0.4
"""Part of the mark's own darkness that counts as its ink."""
_PALE = 0.12
"""Marks lighter than this in grey may vanish in a grey copy."""
_PRESENT = 0.6
_SHOWN = 0.9
"""A mark of which the copy's picture shows less is unclear: the rest is cut off."""
_ABSENT = 0.2
_GREY_COPY = 0.002
"""A copy with a smaller part of coloured pixels is grey."""


class MarkKind(StrEnum):
    """What a mark looks like. Colour and shape only: nothing tells a genuine stamp from a drawn one."""

    STAMP = "stamp"
    """A region of red ink."""
    PEN = "pen"
    """Strokes of blue ink: a signature, or handwriting."""


class Presence(StrEnum):
    """Whether a copy shows a mark."""

    PRESENT = "PRESENT"
    ABSENT = "ABSENT"
    UNCLEAR = "UNCLEAR"


_JOIN_PX = {MarkKind.STAMP: 13, MarkKind.PEN: 33}
"""Pixels of one mark are at most this far apart: a pen is lifted between its strokes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark of the original, and what the copy shows of it."""

    kind: MarkKind
    box: BoxPx
    """In pixels of the original."""
    presence: Presence
    share: float
    """Part of the mark's ink that the copy shows, 0–1."""


def compare_marks(
    original: BgrImage,
    laid_over: BgrImage,
    lines: Sequence[QuadPx],
    *,
    shown: NDArray[np.bool_] | None = None,
) -> tuple[Mark, ...]:
    """Steps 1 to 4.

    Args:
        original: the page.
        laid_over: the copy in the same frame (:func:`ekyc.imaging.registration.lay_over`).
        lines: lines of print, in pixels of the original.
        shown: what of the page the copy's picture shows (:func:`ekyc.imaging.shown_part.shown_part`); all of it if None.

    Returns:
        The original's marks, stamps first, each kind from top to bottom. Empty for a grey original: its marks have
        no colour to be found by.
    """
    scale = _WORKING_WIDTH / original.shape[1]
    size = (_WORKING_WIDTH, max(_PAPER_PX, round(original.shape[0] * scale)))
    one, other = (resize(page, *size) for page in (original, laid_over))
    red, blue = _coloured(one)
    printed = _printed(lines, scale, (size[1], size[0]))
    regions = [
        (kind, mask)
        for kind, colour in ((MarkKind.STAMP, red), (MarkKind.PEN, blue))
        for mask in _regions(colour, printed, kind)
    ]
    if not regions:
        return ()
    dark, dark_copy = _darkness(to_gray(one)), _darkness(to_gray(other))
    black = (dark > _BLACK) & ~red & ~blue
    near_black = cv2.dilate(black.astype(np.uint8), _disc(_NEAR_PX)).astype(bool)
    reached = np.asarray(cv2.dilate(dark_copy, _disc(_SLACK_PX)), dtype=np.float32)
    grey_copy = bool(np.mean(np.logical_or(*_coloured(other))) < _GREY_COPY)
    seen = np.ones(dark.shape, dtype=bool)
    if shown is not None and not shown.all():
        seen = enlarged(shown, *size, less_px=_SLACK_PX)
    marks = [
        _judged(kind, mask, dark, reached, near_black, seen=seen, grey_copy=grey_copy, scale=scale)
        for kind, mask in regions
    ]
    order = list(MarkKind)
    return tuple(sorted(marks, key=lambda mark: (order.index(mark.kind), mark.box.top)))


def _coloured(page: BgrImage) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the page is red, and where it is blue."""
    soft = np.asarray(cv2.GaussianBlur(page, (0, 0), 1.0), dtype=np.uint8)
    b, g, r = (darkness(np.ascontiguousarray(soft[:, :, k]), bridge_px=_PAPER_PX) for k in range(3))
    return (g + b) / 2 - r > _COLOURED, (g + r) / 2 - b > _COLOURED


def _printed(lines: Sequence[QuadPx], scale: float, shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=np.uint8)
    for quad in lines:
        corners = np.array([(p.x * scale, p.y * scale) for p in quad.corners])
        cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1)
    return mask.astype(bool)


def _regions(
    colour: NDArray[np.bool_], printed: NDArray[np.bool_], kind: MarkKind
) -> list[NDArray[np.bool_]]:
    """The coloured pixels of each mark, as a mask of the whole page."""
    side = _JOIN_PX[kind]
    kernel = np.ones((side, side), np.uint8)
    joined = cv2.morphologyEx(colour.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    found: list[NDArray[np.bool_]] = []
    for label in range(1, count):
        _, _, width, height, _ = (int(value) for value in stats[label])
        short, long = sorted((width, height))
        if long > _MAX_SIDE * colour.shape[1]:
            continue
        if kind is MarkKind.STAMP and (short < _MIN_STAMP_PX or long > _MAX_STAMP_ASPECT * short):
            continue
        if kind is MarkKind.PEN and (short < _MIN_PEN_PX / 2 or long < 2 * _MIN_PEN_PX):
            continue
        mask = (labels == label) & colour
        if mask.sum() < _MIN_PIXELS or (mask & printed).sum() > _IN_LINES * mask.sum():
            continue
        found.append(mask)
    return found


def _darkness(gray: GrayImage) -> FloatArray:
    soft = np.asarray(cv2.GaussianBlur(gray, (0, 0), 1.0), dtype=np.uint8)
    return darkness(soft, bridge_px=_PAPER_PX)


def _disc(radius_px: int) -> NDArray[np.uint8]:
    side = 2 * radius_px + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(disc, dtype=np.uint8)


def _judged(
    kind: MarkKind,
    mask: NDArray[np.bool_],
    dark: FloatArray,
    reached: FloatArray,
    near_black: NDArray[np.bool_],
    *,
    seen: NDArray[np.bool_],
    grey_copy: bool,
    scale: float,
) -> Mark:
    """Steps 3 and 4 for one mark."""
    alone = mask & ~near_black
    judged = alone if alone.sum() >= _MIN_PIXELS // 2 else mask
    own = float(np.median(dark[judged]))
    share = float(np.mean(reached[judged] >= max(_HAS_INK * own, 0.05)))
    presence = Presence.UNCLEAR
    whole = float(seen[judged].mean()) >= _SHOWN
    if whole and share >= _PRESENT:
        presence = Presence.PRESENT
    elif whole and share <= _ABSENT and judged is alone and not (grey_copy and own < _PALE):
        presence = Presence.ABSENT
    rows, columns = np.nonzero(mask)
    box = BoxPx(
        left=float(columns.min()) / scale,
        top=float(rows.min()) / scale,
        right=float(columns.max() + 1) / scale,
        bottom=float(rows.max() + 1) / scale,
    )
    return Mark(kind=kind, box=box, presence=presence, share=share)
