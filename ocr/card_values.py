"""Values of a card's fields without what a misread label left of itself in front of them.

Labels are printed small, values large: of *Sex:* may remain a letter, of *Date of issue:* a few. Number, dates, sex and
nationality have a form of their own, so what stands in front of it can be cut off. Nothing is added or exchanged, and a
value that is not there whole stays as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ekyc.values import Redacted

if TYPE_CHECKING:
    from ekyc.ocr.fields import ReadField

_DATE: Final = re.compile(r"\D{0,16}?(\d{2}/\d{2}/\d{4})\W{0,2}")
_FORMS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "personal_number": re.compile(r"\D{0,16}?(\d{12})\W{0,2}"),
        "birth_date": _DATE,
        "issue_date": _DATE,
        "expiry_date": _DATE,
        # Two letters at most: of *Việt Nam* the second word must not become a sex.
        "sex": re.compile(r"(?:\w{1,2}\W+)?(Nam|Nữ)\W{0,2}"),
        "nationality": re.compile(r"[^:]{1,20}:\W*(Việt Nam)\W{0,2}"),
    }
)


def without_remains(field: ReadField) -> ReadField:
    """The field with its value alone, where the value has the form of its field."""
    form = _FORMS.get(field.name)
    text = field.value.reveal()
    found = form.fullmatch(text) if form is not None else None
    if found is None or found[1] == text or len(text) != len(field.confidences):
        return field
    start, end = found.span(1)
    spans = field.spans
    if len(spans) == 1:
        first = spans[0]
        spans = (replace(first, start=first.start + start, end=first.start + end),)
    return replace(
        field, value=Redacted(found[1]), confidences=field.confidences[start:end], spans=spans
    )
