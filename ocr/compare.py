"""A copy against its original (chứng thực bản sao từ bản chính, Decree 23/2015/NĐ-CP): what was changed?

1. Both must have the same number of pages.
2. Each page of the copy is laid over the original's page of the same number (:mod:`ekyc.imaging.registration`); one
   that cannot be (another page, out of order, cut off, too blurred) is unclear.
3. The original is read. Each of its lines is held against the same line of the copy as pictures.
4. Lines whose pictures differ anywhere are read from the copy as well, **at the same places**, by the same net, with
   the same margins, and text and picture are judged together (:mod:`ekyc.ocr.copy_lines`). Where the pictures agree,
   another reading would be the reader's wobble, so those lines are not read again.
5. Lines that only the copy has, and regions where the pictures differ between the lines, are looked for.
6. Fields of a known paper get a verdict each, from the differences that stand in their values.
7. A confirmed difference in a digit anywhere, or in the value of a field → FAILED. Anything unclear → INDETERMINATE.

What stays with the officer: whether the original may be copied at all, and the decision itself. A comparison never
says that a copy is true to its original; it says that it found no difference.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.imaging.page_difference import difference_regions
from ekyc.imaging.registration import Registration, lay_over, register_page
from ekyc.imaging.strips import compare_strips, cut_strips
from ekyc.ocr.alignment import DifferenceClass
from ekyc.ocr.copy_lines import (
    INK_AGREES,
    CopyDifference,
    DifferenceStatus,
    JudgedDifference,
    judge_line,
)
from ekyc.ocr.documents import DocumentReading, interpret_document
from ekyc.ocr.reading import MARGIN, MAX_LINES, PageReading, Reader
from ekyc.ocr.recognise import LineText
from ekyc.outcomes import Check, Measurement, Outcome
from ekyc.values import PointPx, QuadPx, Redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.imaging.page_difference import DifferenceRegion
    from ekyc.imaging.strips import StripDifference
    from ekyc.values import BgrImage

_STRIP_MARGIN = (MARGIN[0], 0.2)
"""Along the line as for reading, so that positions agree; above and below room for marks and shifts."""

_INK_OF_ADDED = 0.5
"""Unexplained ink of a line that only the copy has: print on empty paper, not a signature read in one scan only."""

_REASON_OF_KIND = {
    DifferenceClass.DIGIT: "document.digit_changed",
    DifferenceClass.LETTER: "document.letter_changed",
    DifferenceClass.DIACRITIC: "document.diacritic_changed",
    DifferenceClass.MISSING: "document.text_missing",
    DifferenceClass.ADDED: "document.text_added",
}


class FieldOutcome(StrEnum):
    """Verdict on one field of the copy."""

    MATCHES = "MATCHES"
    DIFFERS = "DIFFERS"
    UNCLEAR = "UNCLEAR"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldVerdict:
    """One field of the original and what the copy makes of it."""

    field: str
    outcome: FieldOutcome
    original: Redacted[str]
    differences: tuple[CopyDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageComparison:
    """One page of the copy laid over the original's."""

    registration: Registration | None
    """None when the page could not be laid over the original."""
    differences: tuple[CopyDifference, ...]
    """All of them, wobbles included."""
    copy_lines: tuple[LineText | None, ...]
    """What the copy says at the places of the original's lines, in their order; None where the pictures agree."""
    regions: tuple[DifferenceRegion, ...]
    """Where the pictures differ, in pixels of the original, largest difference first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentComparison:
    """A copy held against its original."""

    original: DocumentReading
    pages: tuple[PageComparison, ...]
    fields: tuple[FieldVerdict, ...]
    checks: tuple[Check, ...]
    """``document.copy_matches``, then those of reading the original."""

    @property
    def differences(self) -> tuple[CopyDifference, ...]:
        """Differences of all pages that are no wobble."""
        return tuple(
            difference
            for page in self.pages
            for difference in page.differences
            if difference.status is not DifferenceStatus.WOBBLE
        )


def compare_copy(
    original_pages: Sequence[BgrImage], copy_pages: Sequence[BgrImage], reader: Reader
) -> DocumentComparison:
    """Hold a copy against its original: check ``document.copy_matches``.

    Args:
        original_pages: pictures of the original's pages, upright, in order.
        copy_pages: pictures of the copy's pages, in order.
        reader: reads pages.

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    started = time.perf_counter()
    readings = tuple(reader.read_page(page) for page in original_pages)
    original = interpret_document(readings, duration_ms=_since(started))
    pages = tuple(
        _compare_page(index, page, copy, reading, reader)
        for index, (page, copy, reading) in enumerate(
            zip(original_pages, copy_pages, readings, strict=False)
        )
    )
    fields = _field_verdicts(original, pages)
    check = _judge_copy(
        original,
        pages,
        fields,
        same_count=len(original_pages) == len(copy_pages),
        duration_ms=_since(started) - original.checks[0].duration_ms,
    )
    return DocumentComparison(
        original=original, pages=pages, fields=fields, checks=(check, *original.checks)
    )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _compare_page(
    index: int, original: BgrImage, copy: BgrImage, reading: PageReading, reader: Reader
) -> PageComparison:
    registration = register_page(original, copy)  # (2)
    if registration is None:
        return PageComparison(registration=None, differences=(), copy_lines=(), regions=())
    quads = [line.quad for line in reading.lines]
    strips = [
        compare_strips(*cut_strips(original, copy, registration, quad, margin=_STRIP_MARGIN))
        for quad in quads
    ]  # (3)
    texts = _read_where_different(copy, registration, quads, strips, reader)  # (4)
    differences = [
        _placed(item, (index, number), line.quad, (read, text))
        for number, (line, strip, text) in enumerate(zip(reading.lines, strips, texts, strict=True))
        if text is not None
        for read in (LineText(chars=line.chars),)
        for item in judge_line(read, text, strip)
    ]
    differences += _added_lines(index, (original, copy), reading, registration, reader)  # (5)
    regions = difference_regions(original, lay_over(original, copy, registration), quads)
    differences += [_of_region(index, region) for region in regions]
    return PageComparison(
        registration=registration,
        differences=tuple(differences),
        copy_lines=texts,
        regions=regions,
    )


def _read_where_different(
    copy: BgrImage,
    registration: Registration,
    quads: Sequence[QuadPx],
    strips: Sequence[StripDifference],
    reader: Reader,
) -> tuple[LineText | None, ...]:
    """The copy's lines whose pictures differ anywhere, read; None for the others."""
    chosen = [i for i, strip in enumerate(strips) if strip.peak >= INK_AGREES]
    found = reader.read_quads(copy, [registration.quad_to_copy(quads[i]) for i in chosen])
    by_line = dict(zip(chosen, found, strict=True))
    return tuple(by_line.get(i) for i in range(len(quads)))


def _placed(
    item: JudgedDifference,
    place: tuple[int, int],
    quad: QuadPx,
    texts: tuple[LineText, LineText],
) -> CopyDifference:
    original, copy = "", ""
    if item.kind is not None and item.kind is not DifferenceClass.ADDED:
        original = texts[0].text[item.at : item.at + 1]
    if item.kind is not None and item.kind is not DifferenceClass.MISSING:
        copy = texts[1].text[item.at_copy : item.at_copy + 1]
    return CopyDifference(
        status=item.status,
        kind=item.kind,
        page=place[0],
        line=place[1],
        at=item.at,
        quad=quad,
        ink=item.ink,
        original=Redacted(original),
        copy=Redacted(copy),
    )


def _added_lines(
    index: int,
    pictures: tuple[BgrImage, BgrImage],
    reading: PageReading,
    registration: Registration,
    reader: Reader,
) -> list[CopyDifference]:
    """Lines of the copy that lie over no line of the original, where the pictures differ as well.

    Added marks may be lawful (*bản sao*, a certification), so an officer looks.
    """
    boxes = [line.box for line in reading.lines]
    added: list[CopyDifference] = []
    for region in reader.find_lines(pictures[1])[:MAX_LINES]:
        quad = registration.quad_to_original(region.quad)
        x = sum(p.x for p in quad.corners) / 4
        y = sum(p.y for p in quad.corners) / 4
        known = any(b.left <= x <= b.right and b.top <= y <= b.bottom for b in boxes)
        if known or not (0 <= x < reading.width and 0 <= y < reading.height):
            continue
        peak = compare_strips(*cut_strips(*pictures, registration, quad, margin=_STRIP_MARGIN)).peak
        if peak < _INK_OF_ADDED:
            continue
        (text,) = reader.read_quads(pictures[1], [region.quad])
        if text.chars:
            added.append(_outside(index, quad, peak, text.text))
    return added


def _of_region(index: int, region: DifferenceRegion) -> CopyDifference:
    box = region.box
    quad = QuadPx(
        top_left=PointPx(box.left, box.top),
        top_right=PointPx(box.right, box.top),
        bottom_right=PointPx(box.right, box.bottom),
        bottom_left=PointPx(box.left, box.bottom),
    )
    return _outside(index, quad, region.peak, "")


def _outside(index: int, quad: QuadPx, ink: float, text: str) -> CopyDifference:
    return CopyDifference(
        status=DifferenceStatus.UNCLEAR,
        kind=DifferenceClass.ADDED if text else None,
        page=index,
        line=-1,
        at=-1,
        quad=quad,
        ink=ink,
        original=Redacted(""),
        copy=Redacted(text),
    )


def _field_verdicts(
    original: DocumentReading, pages: Sequence[PageComparison]
) -> tuple[FieldVerdict, ...]:
    verdicts: list[FieldVerdict] = []
    for field in original.fields:
        if field.page >= len(pages):
            continue
        page = pages[field.page]
        inside = tuple(
            difference
            for difference in page.differences
            if difference.status is not DifferenceStatus.WOBBLE
            and any(
                difference.line == span.line
                and (difference.at < 0 or span.start <= difference.at <= span.end)
                for span in field.spans
            )
        )
        confirmed = any(item.status is DifferenceStatus.CONFIRMED for item in inside)
        outcome = FieldOutcome.DIFFERS if confirmed else FieldOutcome.UNCLEAR
        if page.registration is not None and not inside:
            outcome = FieldOutcome.MATCHES
        verdicts.append(
            FieldVerdict(
                field=field.name, outcome=outcome, original=field.value, differences=inside
            )
        )
    return tuple(verdicts)


def _judge_copy(
    original: DocumentReading,
    pages: Sequence[PageComparison],
    fields: Sequence[FieldVerdict],
    *,
    same_count: bool,
    duration_ms: float,
) -> Check:
    """Step 7."""
    found = [item for page in pages for item in page.differences]
    critical = {
        id(item)
        for field in fields
        for item in field.differences
        if item.status is DifferenceStatus.CONFIRMED
    } | {
        id(item)
        for item in found
        if item.status is DifferenceStatus.CONFIRMED and item.kind is DifferenceClass.DIGIT
    }
    failing = [_REASON_OF_KIND[item.kind] for item in found if id(item) in critical and item.kind]
    if not same_count:
        failing.insert(0, "document.page_count")
    unclear = _unclear_reasons(
        original, pages, [item for item in found if id(item) not in critical]
    )
    outcome = Outcome.PASSED
    if failing:
        outcome = Outcome.FAILED
    elif unclear:
        outcome = Outcome.INDETERMINATE
    residuals = [page.registration.residual_px for page in pages if page.registration]
    return Check(
        id="document.copy_matches",
        outcome=outcome,
        reasons=tuple(dict.fromkeys(failing or unclear)),
        subjects=tuple(
            field.field for field in fields if field.outcome is not FieldOutcome.MATCHES
        ),
        measurements=(
            Measurement(
                name="registration_residual", value=max(residuals, default=-1.0), unit="px"
            ),
            Measurement(name="confirmed_differences", value=float(len(critical))),
        ),
        duration_ms=duration_ms,
    )


def _unclear_reasons(
    original: DocumentReading, pages: Sequence[PageComparison], found: Sequence[CopyDifference]
) -> list[str]:
    reasons: list[str] = []
    if any(page.registration is None for page in pages):
        reasons.append("document.page_not_registered")
    if not any(page.lines for page in original.pages):
        reasons.append("document.no_text")
    open_ones = [item for item in found if item.status is not DifferenceStatus.WOBBLE]
    if any(item.kind is not None for item in open_ones):
        reasons.append("document.text_unclear")
    if any(item.kind is None for item in open_ones):
        reasons.append("document.picture_differs")
    return reasons
