"""The verdict on a copy: fields first, then the document, whose verdict is that of its worst part.

================================================================  =============
finding                                                           the copy is
================================================================  =============
a page missing, or pages in another order                         FAILED
a digit confirmed to differ, anywhere                             FAILED
anything confirmed to differ in the value of a field              FAILED
a line of print gone                                              FAILED
a stamp or signature absent                                       FAILED
a page added, duplicated, blank; a page that cannot be compared   INDETERMINATE
any other difference that is no wobble                            INDETERMINATE
a page turned                                                     PASSED, noted
================================================================  =============
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.imaging.marks import MarkKind, Presence
from ekyc.ocr.alignment import DifferenceClass
from ekyc.ocr.copy_lines import CopyDifference, DifferenceScope, DifferenceStatus
from ekyc.ocr.copy_pages import PageComparison, PageStatus
from ekyc.outcomes import Check, Measurement, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.documents import DocumentReading
    from ekyc.ocr.fields import ReadField
    from ekyc.ocr.page_matching import PageMatching
    from ekyc.values import Redacted

_REASON_OF_KIND = {
    DifferenceClass.DIGIT: "document.digit_changed",
    DifferenceClass.LETTER: "document.letter_changed",
    DifferenceClass.DIACRITIC: "document.diacritic_changed",
    DifferenceClass.MISSING: "document.text_missing",
    DifferenceClass.ADDED: "document.text_added",
    DifferenceClass.PUNCTUATION: "document.text_unclear",
    DifferenceClass.MOVED: "document.line_moved",
    DifferenceClass.CUT_OFF: "document.part_cut_off",
}
_REASON_OF_LINE = {
    DifferenceClass.MISSING: "document.line_missing",
    DifferenceClass.ADDED: "document.line_added",
}
_SEEN_AS_THEY_ARE = {None, DifferenceClass.MOVED, DifferenceClass.CUT_OFF}
"""Kinds that need no confirming: a difference of pictures alone, and what is about places."""
_REASON_OF_MARK = {
    MarkKind.STAMP: "document.stamp_missing",
    MarkKind.PEN: "document.signature_missing",
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


def field_verdicts(
    original: DocumentReading, pages: Sequence[PageComparison]
) -> tuple[FieldVerdict, ...]:
    """A verdict on every field of the original, from the differences that stand in its value."""
    return tuple(_verdict_on(field, pages[field.page]) for field in original.fields)


def _verdict_on(field: ReadField, page: PageComparison) -> FieldVerdict:
    inside = tuple(
        item
        for item in page.differences
        if item.status is not DifferenceStatus.WOBBLE
        and any(
            item.line == span.line and (item.at < 0 or span.start <= item.at <= span.end)
            for span in field.spans
        )
    )
    outcome = FieldOutcome.UNCLEAR
    if any(item.status is DifferenceStatus.CONFIRMED for item in inside):
        outcome = FieldOutcome.DIFFERS
    elif page.status is PageStatus.COMPARED and not inside and not page.reasons:
        outcome = FieldOutcome.MATCHES
    return FieldVerdict(field=field.name, outcome=outcome, original=field.value, differences=inside)


def judge_copy(
    original: DocumentReading,
    matching: PageMatching,
    pages: Sequence[PageComparison],
    fields: Sequence[FieldVerdict],
    *,
    duration_ms: float,
) -> Check:
    """``document.copy_matches``, by the table above."""
    found = [item for page in pages for item in page.differences]
    critical = _critical(fields, found)
    failing = [
        *_pages_failing(matching, pages),
        *[_reason(item) for item in found if id(item) in critical],
        *_marks_with(pages, Presence.ABSENT),
    ]
    unclear = [
        *_pages_unclear(original, matching, pages),
        *_differences_unclear([item for item in found if id(item) not in critical]),
        *(["document.mark_unclear"] if _marks_with(pages, Presence.UNCLEAR) else []),
    ]
    noted = ["document.page_turned"] if any(page.turned_deg for page in pages) else []
    outcome = Outcome.PASSED
    if failing:
        outcome = Outcome.FAILED
    elif unclear:
        outcome = Outcome.INDETERMINATE
    residuals = [page.registration.residual_px for page in pages if page.registration]
    return Check(
        id="document.copy_matches",
        outcome=outcome,
        reasons=tuple(dict.fromkeys([*(failing or unclear), *noted])),
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


def _critical(fields: Sequence[FieldVerdict], found: Sequence[CopyDifference]) -> set[int]:
    """Identities of the differences that fail the copy."""
    in_fields = [item for field in fields for item in field.differences]
    anywhere = [
        item
        for item in found
        if item.kind is DifferenceClass.DIGIT
        or (item.scope is DifferenceScope.LINE and item.kind is DifferenceClass.MISSING)
    ]
    return {
        id(item)
        for item in (*in_fields, *anywhere)
        if item.status is DifferenceStatus.CONFIRMED and item.kind is not None
    }


def _reason(item: CopyDifference) -> str:
    if item.kind is None:
        return "document.picture_differs"
    in_whole = item.scope is DifferenceScope.LINE
    return (_REASON_OF_LINE if in_whole else {}).get(item.kind, _REASON_OF_KIND[item.kind])


def _pages_failing(matching: PageMatching, pages: Sequence[PageComparison]) -> list[str]:
    reasons = list[str]()
    if any(page.status is PageStatus.MISSING for page in pages):
        reasons.append("document.page_missing")
    if not matching.in_order:
        reasons.append("document.page_order")
    return reasons


def _pages_unclear(
    original: DocumentReading, matching: PageMatching, pages: Sequence[PageComparison]
) -> list[str]:
    reasons = [reason for page in pages for reason in page.reasons]
    if not any(page.lines for page in original.pages):
        reasons.append("document.no_text")
    if matching.extra:
        reasons.append("document.page_extra")
    if matching.duplicates:
        reasons.append("document.page_duplicated")
    if matching.blank:
        reasons.append("document.page_blank")
    return reasons


def _marks_with(pages: Sequence[PageComparison], presence: Presence) -> list[str]:
    return [
        _REASON_OF_MARK[mark.kind]
        for page in pages
        for mark in page.marks
        if mark.presence is presence
    ]


def _differences_unclear(found: Sequence[CopyDifference]) -> list[str]:
    open_ones = [item for item in found if item.status is not DifferenceStatus.WOBBLE]
    return [_reason_to_look(item) for item in open_ones]


def _reason_to_look(item: CopyDifference) -> str:
    seen = item.status is DifferenceStatus.CONFIRMED or item.kind in _SEEN_AS_THEY_ARE
    added = item.scope is DifferenceScope.LINE and item.kind is DifferenceClass.ADDED
    return _reason(item) if seen or added else "document.text_unclear"
