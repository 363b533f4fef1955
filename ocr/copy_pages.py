"""One page of a copy against the same page of the original: lines, regions between them, stamps and signatures.

1. The original's lines are cut from both pages and held against each other as pictures.
2. Lines whose pictures differ anywhere are read from the copy as well, **at the same places**, by the same net, with
   the same margins, and text and picture are judged together (:mod:`ekyc.ocr.copy_lines`). Where the pictures agree,
   another reading would be the reader's wobble, so those lines are not read again.
3. Lines that only the copy has are looked for. One that says what a missing line said is that line, moved.
4. Between the lines the pictures are compared as well, the original's photographs each as a whole, and its coloured marks
   are looked for in the copy.
5. What lies outside the copy's picture is not compared: a line that is cut off, and ink that is, go to an officer.
6. Letters of a few pixels' height hide any change, and so does wear on most lines: such a copy is too coarse, too blurred
   or too worn to say anything about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from ekyc.imaging.marks import Mark, MarkKind, Presence, compare_marks
from ekyc.imaging.page_difference import DifferenceRegion, difference_regions
from ekyc.imaging.page_pictures import differing_pictures
from ekyc.imaging.registration import Registration, lay_over
from ekyc.imaging.shown_part import shown_part, shown_stretch
from ekyc.imaging.strips import compare_strips, cut_strips
from ekyc.imaging.text_regions import part_of_quad, quad_size
from ekyc.ocr.alignment import DifferenceClass
from ekyc.ocr.copy_lines import (
    INK_AGREES,
    CopyDifference,
    DifferenceScope,
    DifferenceStatus,
    JudgedDifference,
    PageWobble,
    judge_line,
    page_wobble,
)
from ekyc.ocr.copy_outside import (
    STRIP_MARGIN,
    WITHIN,
    added_lines,
    of_region,
    overlap,
    with_moved,
    with_pictures,
)
from ekyc.ocr.reading import PageReading, Reader
from ekyc.ocr.recognise import LineText
from ekyc.values import BoxPx, QuadPx, Redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.imaging.strips import StripDifference
    from ekyc.ocr.lines import ReadLine
    from ekyc.values import BgrImage

_NO_TEXT = 0.7
"""What is read with a lower mean confidence is noise: nets invent letters on erased paper."""
_MIN_LINE_PX = 11.0
"""Height of a line in the copy, marks and margins included, below which changes may not be seen."""
_MAX_WOBBLE = 0.25
"""Half of the lines differ by more: then what one of them differs by tells nothing. Worn photocopies stayed below 0.13."""
_WHOLE, _HIDDEN = (0.0, 1.0), (0.0, 0.0)
"""Stretches of lines that the copy's picture shows."""
_MAX_SOFTENED_PX = 2.2
"""The copy is so much softer than the original, at strips of 64 pixels' height, that a tone mark may drown."""


class PageStatus(StrEnum):
    """What became of a page of the original."""

    COMPARED = "COMPARED"
    BLANK = "BLANK"
    """The page is blank; there is nothing to compare."""
    MISSING = "MISSING"
    """The copy does not hold it."""
    NOT_COMPARED = "NOT_COMPARED"
    """Something in the copy may be this page, but it could not be laid over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageComparison:
    """One page of the original and what the copy shows of it."""

    status: PageStatus
    copy_page: int | None = None
    """Index of the copy's page that shows it."""
    registration: Registration | None = None
    """None when the page could not be laid over the original."""
    differences: tuple[CopyDifference, ...] = ()
    """All of them, wobbles included."""
    copy_lines: tuple[LineText | None, ...] = ()
    """What the copy says at the places of the original's lines, in their order; None where the pictures agree, or the
    copy's picture leaves the line out."""
    regions: tuple[DifferenceRegion, ...] = ()
    """Where the pictures differ between the lines, in pixels of the original, largest difference first."""
    marks: tuple[Mark, ...] = ()
    """Stamps and pen strokes of the original."""
    reasons: tuple[str, ...] = ()
    """What kept the page from being compared, or weakens the comparison."""

    @property
    def turned_deg(self) -> int:
        """How the copy's page is turned, clockwise: 0, 90, 180 or 270."""
        return 0 if self.registration is None else self.registration.turned_deg


def compare_page(
    index: int,
    pictures: tuple[BgrImage, BgrImage],
    reading: PageReading,
    found: tuple[int, Registration],
    reader: Reader,
) -> PageComparison:
    """Steps 1 to 6.

    Args:
        index: of the original's page.
        pictures: the original's page and the copy's.
        reading: what the original says.
        found: index of the copy's page, and how it lies over the original.
        reader: reads lines.
    """
    copy_page, registration = found
    lines = _held_lines(pictures, registration, reading.lines, reader)  # (1), (2)
    quads = [held.line.quad for held in lines]
    laid_over = lay_over(*pictures, registration)
    shown = shown_part(*pictures, registration)
    marks = compare_marks(pictures[0], laid_over, quads, shown=shown)  # (4)
    outside = difference_regions(pictures[0], laid_over, quads, shown=shown)
    whole = [held.strips for held in lines if held.seen == _WHOLE]
    wobble = page_wobble(whole, specks=outside.specks)
    differences = [
        item
        for number, held in enumerate(lines)
        for item in _of_line((index, number), held, wobble, marks)
    ]
    added = added_lines(index, (pictures[0], laid_over), reading, reader)  # (3)
    differences = with_moved(differences, added)
    regions = with_pictures(
        outside.regions, differing_pictures(pictures[0], laid_over, shown=shown)
    )
    differences += [of_region(index, region) for region in regions]
    differences = [item for item in differences if not _of_mark(item, marks)]
    return PageComparison(
        status=PageStatus.COMPARED,
        copy_page=copy_page,
        registration=registration,
        differences=tuple(differences),
        copy_lines=tuple(held.text for held in lines),
        regions=regions,
        marks=marks,
        reasons=_weakened(registration, quads, whole, wobble),  # (6)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldLine:
    """A line of the original, and what the copy shows at its place."""

    line: ReadLine
    strips: StripDifference
    seen: tuple[float, float]
    """The stretch of it that the copy's picture shows."""
    text: LineText | None = None


def _held_lines(
    pictures: tuple[BgrImage, BgrImage],
    registration: Registration,
    lines: Sequence[ReadLine],
    reader: Reader,
) -> list[_HeldLine]:
    """Steps 1 and 2."""
    held = [
        _HeldLine(
            line=line,
            strips=compare_strips(
                *cut_strips(*pictures, registration, line.quad, margin=STRIP_MARGIN)
            ),
            seen=shown_stretch(line.quad, *pictures, registration),
        )
        for line in lines
    ]
    chosen = [i for i, h in enumerate(held) if h.strips.peak >= INK_AGREES and h.seen != _HIDDEN]
    places = [registration.quad_to_copy(lines[i].quad) for i in chosen]
    for i, text in zip(chosen, reader.read_quads(pictures[1], places), strict=True):
        read = text if text.mean_confidence >= _NO_TEXT else LineText()
        held[i] = replace(held[i], text=read)
    return held


def _of_line(
    place: tuple[int, int], held: _HeldLine, wobble: PageWobble, marks: Sequence[Mark]
) -> list[CopyDifference]:
    """Differences of one line; ``place``: indices of page and line."""
    found = list[CopyDifference]()
    original = LineText(chars=held.line.chars)
    if held.text is not None:
        in_stamp = _in_stamp(held.line.box, marks)
        found += [
            _placed(item, place, held.line.quad, (original, held.text))
            for item in judge_line(
                original, held.text, held.strips, wobble=wobble, in_stamp=in_stamp
            )
            if _is_shown(item, held.seen)
        ]
    return found if held.seen == _WHOLE else [*found, _cut_off(*place, held.line)]


def _placed(
    item: JudgedDifference,
    place: tuple[int, int],
    quad: QuadPx,
    texts: tuple[LineText, LineText],
) -> CopyDifference:
    original, copy = "", ""
    if item.scope is DifferenceScope.LINE:
        original, copy = texts[0].text, texts[1].text
    elif item.scope is DifferenceScope.CHARACTER:
        if item.kind is not DifferenceClass.ADDED:
            original = texts[0].text[item.at : item.at + 1]
        if item.kind is not DifferenceClass.MISSING:
            copy = texts[1].text[item.at_copy : item.at_copy + 1]
    return CopyDifference(
        status=item.status,
        scope=item.scope,
        kind=item.kind,
        page=place[0],
        line=place[1],
        at=item.at,
        quad=quad,
        spot=_part(quad, item.left, item.right),
        ink=item.ink,
        original=Redacted(original),
        copy=Redacted(copy),
    )


def _is_shown(item: JudgedDifference, seen: tuple[float, float]) -> bool:
    """Whether a difference stands where the copy's picture shows the line."""
    return seen == _WHOLE or (seen[0] <= item.left and item.right <= seen[1])


def _cut_off(index: int, number: int, line: ReadLine) -> CopyDifference:
    return CopyDifference(
        status=DifferenceStatus.UNCLEAR,
        scope=DifferenceScope.LINE,
        kind=DifferenceClass.CUT_OFF,
        page=index,
        line=number,
        at=-1,
        quad=line.quad,
        spot=line.quad,
        ink=0.0,
        original=Redacted(line.text),
        copy=Redacted(""),
    )


def _part(quad: QuadPx, left: float, right: float) -> QuadPx:
    """A stretch of a line; positions count along the strip, which reaches beyond the line by its margin."""
    width, height = quad_size(quad)
    margin = STRIP_MARGIN[0] * height
    whole = max(width + 2 * margin, 1.0)
    a, b = (min(1.0, max(0.0, (x * whole - margin) / max(width, 1.0))) for x in (left, right))

    return part_of_quad(quad, a, b)


def _of_mark(item: CopyDifference, marks: Sequence[Mark]) -> bool:
    """Whether a difference lies within a mark that is already known to be missing or unclear, as its letters do."""
    return any(
        mark.presence is not Presence.PRESENT and overlap(item.quad.box, mark.box) > WITHIN
        for mark in marks
    )


def _in_stamp(line: BoxPx, marks: Sequence[Mark]) -> bool:
    """Whether a line stands within a stamp that the copy shows as well."""
    return any(
        mark.kind is MarkKind.STAMP
        and mark.presence is Presence.PRESENT
        and overlap(line, mark.box) > WITHIN
        for mark in marks
    )


def _weakened(
    registration: Registration,
    quads: Sequence[QuadPx],
    strips: Sequence[StripDifference],
    wobble: PageWobble,
) -> tuple[str, ...]:
    """Step 6."""
    if not quads:
        return ()
    heights = [quad_size(registration.quad_to_copy(quad))[1] for quad in quads]
    if float(np.median(heights)) < _MIN_LINE_PX:
        return ("document.copy_too_coarse",)
    if not strips:  # every line is cut off, and that is said of each
        return ()
    if float(np.median([strip.softened_px for strip in strips])) > _MAX_SOFTENED_PX:
        return ("document.copy_too_blurred",)
    if wobble.ink > _MAX_WOBBLE:
        return ("document.copy_too_worn",)
    return ()
