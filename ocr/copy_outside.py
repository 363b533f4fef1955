"""What a copy shows outside the original's lines: lines it has more, lines that moved, regions and photographs that differ.

Added marks may be lawful (*bản sao*, a certification), so an officer looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ekyc.imaging.effects import quad_of
from ekyc.imaging.page_difference import DifferenceRegion, RegionKind
from ekyc.imaging.strips import compare_strips, cut_strips
from ekyc.ocr.alignment import DifferenceClass, edit_distance
from ekyc.ocr.copy_lines import CopyDifference, DifferenceScope, DifferenceStatus
from ekyc.ocr.reading import MARGIN, MAX_LINES, PageReading, Reader
from ekyc.values import BoxPx, QuadPx, Redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.imaging.page_pictures import PagePicture
    from ekyc.values import BgrImage

STRIP_MARGIN = (MARGIN[0], 0.2)
"""Along the line as for reading, so that positions agree; above and below room for marks and shifts."""
_INK_OF_ADDED = 0.5
"""Unexplained ink of a line that only the copy has: print on empty paper, not a signature read in one scan only."""
WITHIN = 0.7
"""Part of a difference's area that must lie inside a mark to belong to it."""
_SAME_LINE = 0.2
"""Edits per letter up to which an added line is a missing line that was moved."""


def added_lines(
    index: int, pictures: tuple[BgrImage, BgrImage], reading: PageReading, reader: Reader
) -> list[CopyDifference]:
    """Lines of the copy that lie over no line of the original, where the pictures differ as well.

    Added marks may be lawful (*bản sao*, a certification), so an officer looks.
    """
    boxes = [line.box for line in reading.lines]
    added: list[CopyDifference] = []
    for region in reader.find_lines(pictures[1])[:MAX_LINES]:
        x = sum(p.x for p in region.quad.corners) / 4
        y = sum(p.y for p in region.quad.corners) / 4
        if any(b.left <= x <= b.right and b.top <= y <= b.bottom for b in boxes):
            continue
        peak = compare_strips(*cut_strips(*pictures, None, region.quad, margin=STRIP_MARGIN)).peak
        if peak < _INK_OF_ADDED:
            continue
        (text,) = reader.read_quads(pictures[1], [region.quad])
        if text.chars:
            added.append(_outside(index, region.quad, peak, text.text))
    return added


def with_moved(
    differences: list[CopyDifference], added: list[CopyDifference]
) -> list[CopyDifference]:
    """Missing lines whose text an added line repeats become moved lines, for an officer; both stay in place."""
    left = list(added)
    result: list[CopyDifference] = []
    for item in differences:
        twin = None
        if _is_lost(item):
            twin = next((other for other in left if _same_text(item, other)), None)
        if twin is None:
            result.append(item)
            continue
        left.remove(twin)
        result.append(
            replace(
                item,
                kind=DifferenceClass.MOVED,
                status=DifferenceStatus.UNCLEAR,
                spot=twin.quad,
                copy=twin.copy,
            )
        )
    return result + left


def _is_lost(item: CopyDifference) -> bool:
    return (
        item.scope is DifferenceScope.LINE
        and item.kind is DifferenceClass.MISSING
        and item.status is not DifferenceStatus.WOBBLE
    )


def _same_text(missing: CopyDifference, added: CopyDifference) -> bool:
    one, other = missing.original.reveal(), added.copy.reveal()
    return edit_distance(one, other) <= _SAME_LINE * max(len(one), len(other))


def with_pictures(
    regions: Sequence[DifferenceRegion], pictures: Sequence[PagePicture]
) -> tuple[DifferenceRegion, ...]:
    """Photographs that differ, each as a whole, and the regions outside them."""
    whole = [
        DifferenceRegion(
            box=picture.box,
            peak=min(1.0, picture.unlike),
            kind=RegionKind.CUT_OFF if picture.cut_off else RegionKind.CHANGED,
        )
        for picture in pictures
    ]
    outside = [
        region
        for region in regions
        if not any(overlap(region.box, picture.box) > WITHIN for picture in pictures)
    ]
    return (*whole, *outside)


def of_region(index: int, region: DifferenceRegion) -> CopyDifference:
    found = _outside(index, quad_of(region.box), region.peak, "")
    if region.kind is RegionKind.CUT_OFF:
        return replace(found, kind=DifferenceClass.CUT_OFF)
    return found


def _outside(index: int, quad: QuadPx, ink: float, text: str) -> CopyDifference:
    return CopyDifference(
        status=DifferenceStatus.UNCLEAR,
        scope=DifferenceScope.LINE if text else DifferenceScope.PICTURE,
        kind=DifferenceClass.ADDED if text else None,
        page=index,
        line=-1,
        at=-1,
        quad=quad,
        spot=quad,
        ink=ink,
        original=Redacted(""),
        copy=Redacted(text),
    )


def overlap(box: BoxPx, other: BoxPx) -> float:
    """The part of ``box`` inside ``other``."""
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(0.0, width) * max(0.0, height) / max(box.width * box.height, 1.0)
