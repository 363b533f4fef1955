"""Where two pictures of one page differ outside its lines of text: a stamp, a signature, a note, a piece cut away.

1. Ink of both pages is computed once, and bands of the page where it agrees outside the lines are done with.
2. The others are held against each other closely, as lines are (:mod:`ekyc.imaging.strips`).
3. Unexplained ink that lies together is a region.
4. What the copy's picture does not show is not compared; where the original has ink there, that is a region of its own
   kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.geometry import resize, to_gray
from ekyc.imaging.shown_part import enlarged
from ekyc.imaging.strips import HALO_PX, STRIP_HEIGHT, compare_strips, page_ink, rough_difference
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ekyc.values import BgrImage, FloatArray, QuadPx

_WORKING_WIDTH = 1000
_BAND = STRIP_HEIGHT + 2 * HALO_PX
_BORDER = 0.03
"""Edge of the page that is not compared, as a part of its width: shadows and cut edges of scans."""
_SPOT_AT = 0.35
"""Unexplained ink from which a pixel belongs to a region."""
_PEAK_AT = 0.45
"""Unexplained ink that a region has somewhere: photocopied portraits reach 0.39."""
_ROUGHLY = 0.2
"""A band whose ink nowhere differs by more, before anything is explained, needs no closer look."""
_MIN_AREA_PX = 60
"""Smaller regions (at the working width) are dirt."""
_DOT = 0.25
"""A dot is so much darker than the original …"""
_BLANK = 0.1
_BLANK_AROUND_PX = 11
"""… which is no darker than this around it."""
_JOIN_PX = 15
_CUT_EDGE_PX = 16
"""Beside the edge of what the copy shows paper ends, and what is darker than paper cannot be told."""
_CUT_INK = 0.3
"""Ink of the original that would be seen if it were shown."""
_MAX_REGIONS = 50
_MOSTLY = 0.8
_SIGN_PX = 4


class RegionKind(StrEnum):
    """Which of the two pictures has the ink."""

    MISSING = "missing"
    """The original."""
    ADDED = "added"
    """The copy."""
    CHANGED = "changed"
    """Both, at different places."""
    CUT_OFF = "cut_off"
    """The original, where the copy's picture ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRegion:
    """A part of the page where the pictures do not agree."""

    box: BoxPx
    """In pixels of the original."""
    peak: float
    """Largest unexplained ink, 0–1."""
    kind: RegionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideLines:
    """How two pictures of one page differ outside its lines of text."""

    regions: tuple[DifferenceRegion, ...]
    """Largest difference first, at most fifty."""
    specks: int
    """Dots of ink that only the copy has: toner, dust."""


def difference_regions(
    original: BgrImage,
    laid_over: BgrImage,
    lines: Sequence[QuadPx],
    *,
    shown: NDArray[np.bool_] | None = None,
) -> OutsideLines:
    """Regions outside the given lines where two pictures of one page differ.

    Args:
        original: the page.
        laid_over: the copy in the same frame (:func:`ekyc.imaging.registration.lay_over`).
        lines: lines of text, in pixels of the original, which are judged elsewhere.
        shown: what of the page the copy's picture shows (:func:`ekyc.imaging.shown_part.shown_part`); all of it if None.
    """
    scale = _WORKING_WIDTH / original.shape[1]
    sizes = (_WORKING_WIDTH, max(_BAND, round(original.shape[0] * scale)))
    one, other = (resize(page, *sizes) for page in (original, laid_over))
    judged = _judged(one.shape[:2], lines, scale)
    inks = (page_ink(to_gray(one)), page_ink(to_gray(other)))
    cut_off = tuple[DifferenceRegion, ...]()
    if shown is not None and not shown.all():
        cut_off = _cut_off(inks[0], judged & ~enlarged(shown, *sizes, less_px=0), 1 / scale)
        judged &= enlarged(shown, *sizes, less_px=_CUT_EDGE_PX)
    excess = np.where(judged, _excess((one, other), inks, judged), np.float32(0.0))
    return OutsideLines(
        regions=(*cut_off, *_regions(np.asarray(excess, dtype=np.float32), 1 / scale)),
        specks=_specks(inks, judged),
    )


def _specks(inks: tuple[FloatArray, FloatArray], judged: NDArray[np.bool_]) -> int:
    """Dots of ink of the copy where the original has blank paper all around."""
    near = np.ones((_BLANK_AROUND_PX, _BLANK_AROUND_PX), np.uint8)
    blank = np.asarray(cv2.dilate(inks[0], near), dtype=np.float32) < _BLANK
    dots = ((inks[1] - inks[0] >= _DOT) & blank & judged).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(dots)
    areas = stats[1:count, cv2.CC_STAT_AREA]
    return int(((areas > 1) & (areas < _MIN_AREA_PX)).sum())


def _excess(
    pages: tuple[BgrImage, BgrImage],
    inks: tuple[FloatArray, FloatArray],
    judged: NDArray[np.bool_],
) -> FloatArray:
    """Unexplained ink of the whole page, in overlapping bands; of two values the smaller. Negative: added ink."""
    one, other = pages
    height, width = one.shape[:2]
    excess = np.full((height, width), np.inf, dtype=np.float32)
    last = height - _BAND
    for top in (*range(0, last, STRIP_HEIGHT // 2), last):
        band = np.s_[top : top + _BAND]
        inner = np.s_[top + HALO_PX : top + _BAND - HALO_PX, HALO_PX : width - HALO_PX]
        rough = rough_difference(inks[0][band], inks[1][band])
        if float(rough.max(where=judged[band], initial=0.0)) < _ROUGHLY:
            excess[inner] = 0.0
            continue
        found = compare_strips(one[top : top + _BAND], other[top : top + _BAND])
        more = cv2.blur(found.original_ink - found.copy_ink, (_SIGN_PX, _SIGN_PX))
        signed = np.copysign(found.plain, more)
        known = excess[inner]
        excess[inner] = np.where(found.plain < np.abs(known), signed, known)
    excess[np.isinf(excess)] = 0.0
    return excess


def _judged(shape: tuple[int, ...], lines: Sequence[QuadPx], scale: float) -> NDArray[np.bool_]:
    """What is judged here: everything but the edge of the page and its lines."""
    height, width = shape
    border = round(_BORDER * width)
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[border : height - border, border : width - border] = 1
    for quad in lines:
        corners = np.rint(np.array([(p.x * scale, p.y * scale) for p in quad.corners]))
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 0)
        cv2.polylines(mask, [corners.astype(np.int32)], True, 0, thickness=9)
    return mask.astype(bool)


def _cut_off(
    ink: FloatArray, hidden: NDArray[np.bool_], scale: float
) -> tuple[DifferenceRegion, ...]:
    """Where the original has ink that the copy's picture leaves out."""
    mask = ((ink >= _CUT_INK) & hidden).astype(np.uint8)
    found = list[DifferenceRegion]()
    for box, spots in _together(mask):
        if spots.sum() >= _MIN_AREA_PX:
            peak = float(ink[box][spots].max())
            found.append(DifferenceRegion(box=_box(box, scale), peak=peak, kind=RegionKind.CUT_OFF))
    return tuple(found[:_MAX_REGIONS])


def _together(mask: NDArray[np.uint8]) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_]]]:
    """Pixels that lie together: rows and columns around them, and which of those they are."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_JOIN_PX, _JOIN_PX), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    for label in range(1, count):
        left, top, width, height, _area = (int(value) for value in stats[label])
        box = np.s_[top : top + height, left : left + width]
        yield box, mask[box].astype(bool) & (labels[box] == label)


def _box(place: tuple[slice, slice], scale: float) -> BoxPx:
    rows, columns = place
    return BoxPx(
        left=columns.start * scale,
        top=rows.start * scale,
        right=columns.stop * scale,
        bottom=rows.stop * scale,
    )


def _regions(excess: FloatArray, scale: float) -> tuple[DifferenceRegion, ...]:
    strength = np.abs(excess)
    found: list[DifferenceRegion] = []
    for box, spots in _together((strength >= _SPOT_AT).astype(np.uint8)):
        if spots.sum() < _MIN_AREA_PX:
            continue
        missing = float((excess[box][spots] > 0).mean())
        peak = float(strength[box][spots].max())
        if peak >= _PEAK_AT:
            found.append(DifferenceRegion(box=_box(box, scale), peak=peak, kind=_kind(missing)))
    return tuple(sorted(found, key=lambda region: -region.peak)[:_MAX_REGIONS])


def _kind(missing: float) -> RegionKind:
    """From the part of a region's ink that only the original has."""
    if missing >= _MOSTLY:
        return RegionKind.MISSING
    return RegionKind.ADDED if missing <= 1 - _MOSTLY else RegionKind.CHANGED
