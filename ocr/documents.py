"""Civil-status papers: which kind, which fields, and whether dates in digits and in words agree."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ekyc.imaging.text_regions import quad_size
from ekyc.ocr.dates import date_from_digits, date_from_words
from ekyc.ocr.field_kinds import Standing
from ekyc.ocr.fields import ReadField, read_fields
from ekyc.ocr.page_views import PageView, view_page
from ekyc.ocr.templates import Template, choose_template, load_templates
from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.reading import PageReading, Reader
    from ekyc.values import BgrImage

_MOSTLY: Final = 0.5
"""Share of the length of all lines from which a paper counts as unread where they could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReading:
    """What a paper says. Untrusted."""

    kind: str
    """Id of the template (``birth-certificate``, ``marriage-certificate``, ``death-extract``, ``civil-status-extract``,
    ``marital-status-confirmation``) or ``unknown``."""
    fields: tuple[ReadField, ...]
    pages: tuple[PageReading, ...]
    checks: tuple[Check, ...]
    """``document.read`` and ``document.dates_agree``."""
    views: tuple[PageView, ...] = ()
    """How each page lay on its picture, where pictures were given."""

    def field(self, name: str) -> ReadField | None:
        """The field of that name, if it was read."""
        return next((field for field in self.fields if field.name == name), None)


def read_document(pages: Sequence[BgrImage], reader: Reader) -> DocumentReading:
    """Read a paper.

    Args:
        pages: pictures of the pages in order; a page may be turned by any angle and lie on anything.
        reader: reads pages.

    Returns:
        What was read; places are pixels of the straightened pages (``views``).

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    started = time.perf_counter()
    views = tuple(view_page(page, reader) for page in pages)
    duration_ms = (time.perf_counter() - started) * 1000
    reading = interpret_document(tuple(view.reading for view in views), duration_ms=duration_ms)
    return replace(reading, views=views)


def interpret_document(
    pages: tuple[PageReading, ...], *, duration_ms: float = 0.0
) -> DocumentReading:
    """Kind and fields of pages that have been read."""
    template = choose_template(pages, load_templates("documents"))
    fields = fields_of(pages, template) if template else ()
    return DocumentReading(
        kind=template.id if template else "unknown",
        fields=fields,
        pages=pages,
        checks=(
            _check_read(pages, template, fields, duration_ms),
            *_check_dates(template, fields),
        ),
    )


def fields_of(pages: Sequence[PageReading], template: Template) -> tuple[ReadField, ...]:
    """Fields of all pages; of a field found twice the first."""
    found: dict[str, ReadField] = {}
    for index, page in enumerate(pages):
        for field in read_fields(page, template.fields, stops=template.stops, index=index):
            found.setdefault(field.name, field)
    return tuple(found.values())


def _check_read(
    pages: Sequence[PageReading],
    template: Template | None,
    fields: Sequence[ReadField],
    duration_ms: float,
) -> Check:
    """``document.read``: there is text, it can be read, the kind is known, required fields are there and readable."""
    outcome = Outcome.PASSED
    reasons: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    names = {field.name for field in fields}
    unreadable = tuple(
        field.name
        for field in fields
        if template and field.name in template.required and field.standing is Standing.UNREADABLE
    )
    if not any(page.lines or page.unread for page in pages):
        outcome, reasons = Outcome.INDETERMINATE, ("document.no_text",)
    elif _unread_share(pages) > _MOSTLY:
        outcome, reasons = Outcome.INDETERMINATE, ("document.unreadable",)
    elif template is None:
        outcome, reasons = Outcome.INDETERMINATE, ("document.unknown_kind",)
    elif missing := tuple(name for name in template.required if name not in names):
        outcome, reasons, subjects = Outcome.INDETERMINATE, ("document.field_missing",), missing
    elif unreadable:
        outcome, reasons, subjects = Outcome.INDETERMINATE, ("document.unreadable",), unreadable
    return Check(
        id="document.read",
        outcome=outcome,
        reasons=reasons,
        subjects=subjects,
        duration_ms=duration_ms,
    )


def _unread_share(pages: Sequence[PageReading]) -> float:
    """Share of the length of all lines of which nothing could be read."""
    unread = sum(max(quad_size(quad)) for page in pages for quad in page.unread)
    read = sum(max(quad_size(line.quad)) for page in pages for line in page.lines)
    return unread / max(unread + read, 1.0)


def _check_dates(template: Template | None, fields: Sequence[ReadField]) -> tuple[Check, ...]:
    """``document.dates_agree``: the strongest check that a paper carries within itself.

    Disagreement may be a misreading, an error of the office or an alteration: an officer has to look.
    """
    if template is None or not template.dates_in_words:
        return ()
    values = {field.name: field.value.reveal() for field in fields}
    differing, read = list[str](), 0
    for digits, words in template.dates_in_words:
        one = date_from_digits(values.get(digits, ""))
        other = date_from_words(values.get(words, ""))
        read += one is not None and other is not None
        if one is not None and other is not None and one != other:
            differing.append(digits)
    reasons: tuple[str, ...] = ()
    if differing:
        reasons = ("document.date_words_differ",)
    elif read < len(template.dates_in_words):
        reasons = ("document.field_missing",)
    return (
        Check(
            id="document.dates_agree",
            outcome=Outcome.INDETERMINATE if reasons else Outcome.PASSED,
            reasons=reasons,
            subjects=tuple(differing),
        ),
    )
