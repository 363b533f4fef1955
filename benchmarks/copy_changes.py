"""What is planted in a copy by the suite ``ocr-copy``: one change at a time, as a forger or a careless clerk makes it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ekyc.benchmarks.copy_forms import FAMILY, GIVEN, MIDDLE, Row
from ekyc.benchmarks.copy_papers import Sheet, invented_paper, invented_sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_ALIKE = {"3": "8", "8": "3", "0": "6", "6": "0", "1": "7", "7": "1", "5": "6", "9": "8"}
"""Digits that a stroke of the pen turns into each other."""
_DAY = re.compile(r"\b\d\d(?=/\d\d/\d{4}\b)")
_NOTE = "Ghi chú: bản chính đã được đính chính."
_OTHER_OFFICE = "ỦY BAN NHÂN DÂN XÃ HÒA TIẾN"


class Change(StrEnum):
    """What is planted."""

    DIGIT = "digit"
    TONE = "tone"
    NAME = "name"
    STAMP = "stamp"
    SIGNATURE = "signature"
    LINE = "line"
    PAGES_SWAPPED = "pages-swapped"
    PAGE_MISSING = "page-missing"
    PAGE_EXCHANGED = "page-exchanged"
    DIGIT_ALIKE = "digit-alike"
    """A digit of much the same shape: 3 for 8, 0 for 6."""
    DIGITS_EXCHANGED = "digits-exchanged"
    """Two neighbours."""
    DATE = "date"
    """Another day, in the digits only."""
    LINE_INSERTED = "line-inserted"
    STAMP_EXCHANGED = "stamp-exchanged"
    """The stamp of another office, at the same place."""
    PORTRAIT_EXCHANGED = "portrait-exchanged"
    PAGE_OF_ANOTHER = "page-of-another"
    """A page of another paper, which looks different."""

    @property
    def needs_pages(self) -> bool:
        """Whether it takes a paper of several pages."""
        return self in {
            Change.PAGES_SWAPPED,
            Change.PAGE_MISSING,
            Change.PAGE_EXCHANGED,
            Change.PAGE_OF_ANOTHER,
        }

    @property
    def needs_portrait(self) -> bool:
        """Whether it takes a paper with a picture of its holder."""
        return self is Change.PORTRAIT_EXCHANGED


def plant(
    paper: tuple[Sheet, ...], change: Change, random: np.random.Generator
) -> tuple[Sheet, ...]:
    """The paper with one change."""
    if change is Change.PAGES_SWAPPED:
        return (paper[1], paper[0], *paper[2:])
    at = int(random.integers(len(paper)))
    if change is Change.PAGE_MISSING:
        return (*paper[:at], *paper[at + 1 :])
    if change in _TEXT_CHANGES:
        changed = _with_character(paper[at], change, random)
    else:
        changed = _CHANGES[change](paper[at], random)
    return (*paper[:at], changed, *paper[at + 1 :])


def _without_line(sheet: Sheet, random: np.random.Generator) -> Sheet:
    return _with_row(sheet, int(random.integers(len(sheet.rows))), Row(label="", value=""))


def _with_row(sheet: Sheet, at: int, row: Row) -> Sheet:
    return replace(sheet, rows=(*sheet.rows[:at], row, *sheet.rows[at + 1 :]))


def _with_character(sheet: Sheet, change: Change, random: np.random.Generator) -> Sheet:
    at = int(random.choice([i for i, row in enumerate(sheet.rows) if _fits(row, change)]))
    row = sheet.rows[at]
    return _with_row(sheet, at, replace(row, value=_TEXT_CHANGES[change](row.value, random)))


def _fits(row: Row, change: Change) -> bool:
    if change is Change.NAME:
        return row.is_name
    return bool(_PLACES[change](row.value))


def _digits(text: str) -> list[int]:
    return [i for i, char in enumerate(text) if char.isdigit()]


def _alike(text: str) -> list[int]:
    return [i for i, char in enumerate(text) if char in _ALIKE]


def _unequal_neighbours(text: str) -> list[int]:
    digits = _digits(text)
    return [i for i in digits if i + 1 in digits and text[i] != text[i + 1]]


def _days(text: str) -> list[int]:
    return [match.start() for match in _DAY.finditer(text)]


def _toned(text: str) -> list[int]:
    return [i for i, char in enumerate(text) if _tone(char)]


_PLACES: Final[dict[Change, Callable[[str], list[int]]]] = {
    Change.DIGIT: _digits,
    Change.TONE: _toned,
    Change.DIGIT_ALIKE: _alike,
    Change.DIGITS_EXCHANGED: _unequal_neighbours,
    Change.DATE: _days,
}


def _other_digit(text: str, random: np.random.Generator) -> str:
    at = int(random.choice(_digits(text)))
    other = str((int(text[at]) + int(random.integers(1, 10))) % 10)
    return text[:at] + other + text[at + 1 :]


def _alike_digit(text: str, random: np.random.Generator) -> str:
    at = int(random.choice(_alike(text)))
    return text[:at] + _ALIKE[text[at]] + text[at + 1 :]


def _exchanged_digits(text: str, random: np.random.Generator) -> str:
    at = int(random.choice(_unequal_neighbours(text)))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _other_day(text: str, random: np.random.Generator) -> str:
    at = int(random.choice(_days(text)))
    day = int(text[at : at + 2])
    other = (day - 1 + int(random.integers(1, 28))) % 28 + 1
    return f"{text[:at]}{other:02d}{text[at + 2 :]}"


def _other_tone(text: str, random: np.random.Generator) -> str:
    at = int(random.choice(_toned(text)))
    letters = unicodedata.normalize("NFD", text[at])
    bare = unicodedata.normalize("NFC", "".join(c for c in letters if c not in _TONES))
    other = str(random.choice([tone for tone in _TONES if tone != _tone(text[at])]))
    return text[:at] + unicodedata.normalize("NFC", bare + other) + text[at + 1 :]


def _other_name(text: str, random: np.random.Generator) -> str:
    words = text.split()
    at = int(random.integers(len(words)))
    pool = [word for word in (FAMILY, MIDDLE, GIVEN)[min(at, 2)] if word != words[at]]
    words[at] = str(random.choice(pool))
    return " ".join(words)


def _tone(char: str) -> str:
    return next((c for c in unicodedata.normalize("NFD", char) if c in _TONES), "")


_TEXT_CHANGES: Final[dict[Change, Callable[[str, np.random.Generator], str]]] = {
    Change.DIGIT: _other_digit,
    Change.TONE: _other_tone,
    Change.NAME: _other_name,
    Change.DIGIT_ALIKE: _alike_digit,
    Change.DIGITS_EXCHANGED: _exchanged_digits,
    Change.DATE: _other_day,
}
_CHANGES: Final[dict[Change, Callable[[Sheet, np.random.Generator], Sheet]]] = {
    Change.STAMP: lambda sheet, _: replace(sheet, office=None),
    Change.STAMP_EXCHANGED: lambda sheet, _: replace(sheet, office=_OTHER_OFFICE),
    Change.SIGNATURE: lambda sheet, _: replace(sheet, signed=False),
    Change.LINE: _without_line,
    Change.LINE_INSERTED: lambda sheet, _: replace(sheet, note=_NOTE),
    Change.PORTRAIT_EXCHANGED: lambda sheet, random: replace(
        sheet, portrait=int(random.integers(1 << 30))
    ),
    Change.PAGE_EXCHANGED: lambda sheet, random: invented_sheet(random, sheet.look),
    Change.PAGE_OF_ANOTHER: lambda _, random: invented_paper(random)[0],
}
