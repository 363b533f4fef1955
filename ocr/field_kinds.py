"""What a field may hold, and whether what was read of it can be that."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError
from ekyc.ocr.dates import date_from_digits, date_from_words
from ekyc.ocr.id_number import parse_personal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SURE: Final = 0.9
"""Least confidence of every character of a field that counts as certainly read."""

READABLE: Final = 0.8
"""Least mean confidence of a value that counts as read at all: below, every sixth letter and more is wrong."""


class FieldKind(StrEnum):
    """What a field holds; decides which differences are critical."""

    NAME = "name"
    DATE = "date"
    DATE_WORDS = "date_words"
    """A date written out in words."""
    YEAR = "year"
    NUMBER = "number"
    PERSONAL_NUMBER = "personal_number"
    """Twelve digits."""
    PAPER = "paper"
    """An identity paper: its kind and number, perhaps who issued it and when."""
    SEX = "sex"
    ETHNICITY = "ethnicity"
    NATIONALITY = "nationality"
    TEXT = "text"
    ADDRESS = "address"


PROSE: Final = frozenset(
    {
        FieldKind.NAME,
        FieldKind.DATE_WORDS,
        FieldKind.SEX,
        FieldKind.ETHNICITY,
        FieldKind.NATIONALITY,
        FieldKind.TEXT,
        FieldKind.ADDRESS,
    }
)
"""Kinds whose values are words, so that language may hint at what they should read; all others hold numbers."""


class Standing(StrEnum):
    """What a field's reading is worth."""

    CERTAIN = "certain"
    """Every character is certain, and the value can be what the field holds."""
    UNCERTAIN = "uncertain"
    """A character may be misread."""
    MALFORMED = "malformed"
    """No field of this kind holds such a value: it is misread, misplaced, or wrong on the paper."""
    UNREADABLE = "unreadable"
    """Something is written there, by hand or too poor, that the recogniser itself hardly believes: what it gave is
    made up rather than read."""


def standing_of(
    kind: FieldKind, value: str, confidence: float, *, mean_confidence: float = 1.0
) -> Standing:
    """Judge a value by its kind, the least confidence of its characters, and their mean."""
    if mean_confidence < READABLE:
        return Standing.UNREADABLE
    if not can_be(kind, value):
        return Standing.MALFORMED
    return Standing.CERTAIN if confidence >= SURE else Standing.UNCERTAIN


def can_be(kind: FieldKind, value: str) -> bool:
    """Whether a field of this kind can hold the value; nothing is looked up but what the kind's form says."""
    return _RULES.get(kind, bool)(unicodedata.normalize("NFC", value))


def _is_name(value: str) -> bool:
    """At least two words of letters; ethnic names carry apostrophes and hyphens."""
    words = value.split()
    return len(words) > 1 and all(re.fullmatch(r"[^\W\d_]+(['’.\-][^\W\d_]*)*", w) for w in words)


def _is_words_only(value: str) -> bool:
    return bool(value) and all(c.isalpha() or c in " '’-()" for c in value)


def _is_year(value: str) -> bool:
    return re.fullmatch(r"(18|19|20)\d\d", value) is not None


def _is_personal_number(value: str) -> bool:
    try:
        parse_personal_number(value.replace(" ", ""))
    except InputError:
        return False
    return True


def _is_paper(value: str) -> bool:
    """A number of 9 or 12 digits, or a passport's letter and digits, stands in it."""
    return re.search(r"(?<!\d)(\d{9}|\d{12}|[A-Z]\d{7,8})(?!\d)", value) is not None


def _is_ethnicity(value: str) -> bool:
    return _spelling(value) in _ethnicities()


def _spelling(name: str) -> str:
    """Spelling without hyphens, spaces and capitals: Gia-rai and Gia Rai are one; tone marks stay."""
    return re.sub(r"[\s\-–’']+", "", name).casefold()


@cache
def _ethnicities() -> frozenset[str]:
    text = resources.files("ekyc.ocr.data").joinpath("ethnicities.toml").read_text(encoding="utf-8")
    lists = tomllib.loads(text)
    return frozenset(_spelling(name) for name in (*lists["names"], *lists["spellings"]))


_RULES: Final[Mapping[FieldKind, Callable[[str], bool]]] = {
    FieldKind.NAME: _is_name,
    FieldKind.DATE: lambda value: date_from_digits(value) is not None,
    FieldKind.DATE_WORDS: lambda value: date_from_words(value) is not None,
    FieldKind.YEAR: _is_year,
    FieldKind.NUMBER: lambda value: any(char.isdigit() for char in value),
    FieldKind.PERSONAL_NUMBER: _is_personal_number,
    FieldKind.PAPER: _is_paper,
    FieldKind.SEX: lambda value: value.casefold() in {"nam", "nữ"},
    FieldKind.ETHNICITY: _is_ethnicity,
    FieldKind.NATIONALITY: _is_words_only,
}
