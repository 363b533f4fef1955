"""Where two pictures of one page differ outside its lines of text: a stamp, a signature, a note, a piece cut away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.geometry import resize
from ekyc.imaging.strips import HALO_PX, STRIP_HEIGHT, compare_strips
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.values import BgrImage, FloatArray, QuadPx

_WORKING_WIDTH = 1000
_BAND = STRIP_HEIGHT + 2 * HALO_PX
_BORDER = 0.03
"""Edge of the page that is not compared, as a part of its width: shadows and cut edges of scans."""
_SPOT_AT = 0.35
"""Unexplained ink from which a pixel belongs to a region."""
_MIN_AREA_PX = 60
"""Smaller regions (at the working width) are dirt."""
_JOIN_PX = 15
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRegion:
    """A part of the page where the pictures do not agree."""

    box: BoxPx
    """In pixels of the original."""
    peak: float
    """Largest unexplained ink, 0–1."""
    kind: RegionKind


def difference_regions(
    original: BgrImage, laid_over: BgrImage, lines: Sequence[QuadPx]
) -> tuple[DifferenceRegion, ...]:
    """Regions outside the given lines where two pictures of one page differ.

    Args:
        original: the page.
        laid_over: the copy in the same frame (:func:`ekyc.imaging.registration.lay_over`).
        lines: lines of text, in pixels of the original, which are judged elsewhere.

    Returns:
        Largest difference first, at most fifty.
    """
    scale = _WORKING_WIDTH / original.shape[1]
    height = max(_BAND, round(original.shape[0] * scale))
    one, other = (resize(page, _WORKING_WIDTH, height) for page in (original, laid_over))
    excess = _excess(one, other)
    _blank(excess, lines, scale)
    return _regions(excess, 1 / scale)


def _excess(one: BgrImage, other: BgrImage) -> FloatArray:
    """Unexplained ink of the whole page, in overlapping bands; of two values the smaller. Negative: added ink."""
    height, width = one.shape[:2]
    excess = np.full((height, width), np.inf, dtype=np.float32)
    last = height - _BAND
    for top in (*range(0, last, STRIP_HEIGHT // 2), last):
        found = compare_strips(one[top : top + _BAND], other[top : top + _BAND])
        more = cv2.blur(found.original_ink - found.copy_ink, (_SIGN_PX, _SIGN_PX))
        signed = np.copysign(found.excess, more)
        inner = np.s_[top + HALO_PX : top + _BAND - HALO_PX, HALO_PX : width - HALO_PX]
        known = excess[inner]
        excess[inner] = np.where(found.excess < np.abs(known), signed, known)
    excess[np.isinf(excess)] = 0.0
    return excess


def _blank(excess: FloatArray, lines: Sequence[QuadPx], scale: float) -> None:
    height, width = excess.shape
    border = round(_BORDER * width)
    excess[:border], excess[height - border :] = 0, 0
    excess[:, :border], excess[:, width - border :] = 0, 0
    for quad in lines:
        corners = np.array([(p.x * scale, p.y * scale) for p in quad.corners])
        cv2.fillConvexPoly(excess, np.rint(corners).astype(np.int32), 0)
        cv2.polylines(excess, [np.rint(corners).astype(np.int32)], True, 0, thickness=9)


def _regions(excess: FloatArray, scale: float) -> tuple[DifferenceRegion, ...]:
    strength = np.abs(excess)
    mask = (strength >= _SPOT_AT).astype(np.uint8)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_JOIN_PX, _JOIN_PX), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    found: list[DifferenceRegion] = []
    for label in range(1, count):
        left, top, width, height, _area = (int(value) for value in stats[label])
        inside = labels[top : top + height, left : left + width] == label
        spots = mask[top : top + height, left : left + width].astype(bool) & inside
        if spots.sum() < _MIN_AREA_PX:
            continue
        peak = float(strength[top : top + height, left : left + width][inside].max())
        missing = float((excess[top : top + height, left : left + width][spots] > 0).mean())
        box = BoxPx(
            left=left * scale,
            top=top * scale,
            right=(left + width) * scale,
            bottom=(top + height) * scale,
        )
        found.append(DifferenceRegion(box=box, peak=peak, kind=_kind(missing)))
    return tuple(sorted(found, key=lambda region: -region.peak)[:_MAX_REGIONS])


def _kind(missing: float) -> RegionKind:
    """From the part of a region's ink that only the original has."""
    if missing >= _MOSTLY:
        return RegionKind.MISSING
    return RegionKind.ADDED if missing <= 1 - _MOSTLY else RegionKind.CHANGED
