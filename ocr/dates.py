"""Dates as Vietnamese papers write them: in digits, and in words.

Words follow the usual rules of reading numbers: *mười* and *mươi*, *mốt* for a one behind *mươi*, *lăm* for a five
behind a ten, *linh* (in the south *lẻ*) for an empty ten, *không trăm* for an empty hundred. *tư* for a four behind
*mươi* and *tháng tư* are read as well as *bốn*; *nghìn* and *ngàn* are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType

from ekyc.errors import InputError
from ekyc.mrz import strip_diacritics
from ekyc.ocr.alignment import edit_distance

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_MONTHS = 12

_DATE = re.compile(r"(?<!\d)(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4})(?!\d)")
_SPELT_DATE = re.compile(
    r"ng[aà]y\s*(\d{1,2})\s*,?\s*th[aá]ng\s*(\d{1,2})\s*,?\s*n[aă]m\s*(\d{4})", re.IGNORECASE
)


def number_in_words(number: int) -> str:
    """A number from 0 to 9999 in words, lower case, as papers write it.

    Raises:
        InputError: outside that range (code ``document.number_range``).
    """
    if not 0 <= number <= 9999:
        raise InputError("only 0 to 9999 are written in words here", code="document.number_range")
    if number < 10:
        return _DIGITS[number]
    if number < 100:
        return _tens(number)
    if number < 1000:
        return _hundreds(number)
    thousands, rest = divmod(number, 1000)
    head = f"{_DIGITS[thousands]} nghìn"
    return head if rest == 0 else f"{head} {_hundreds(rest)}"


def _tens(number: int) -> str:
    ten, unit = divmod(number, 10)
    head = "mười" if ten == 1 else f"{_DIGITS[ten]} mươi"
    if unit == 0:
        return head
    if unit == 1 and ten > 1:
        return f"{head} mốt"
    return f"{head} {'lăm' if unit == 5 else _DIGITS[unit]}"


def _hundreds(number: int) -> str:
    hundred, rest = divmod(number, 100)
    head = f"{_DIGITS[hundred]} trăm"
    if rest == 0:
        return head
    return f"{head} linh {_DIGITS[rest]}" if rest < 10 else f"{head} {_tens(rest)}"


def date_in_words(day: date) -> str:
    """``Ngày mười, tháng sáu, năm một nghìn chín trăm chín mươi mốt``."""
    return (
        f"Ngày {number_in_words(day.day)}, tháng {number_in_words(day.month)}, "
        f"năm {number_in_words(day.year)}"
    )


_VARIANTS = {"ngan": "nghin", "le": "linh", "tu": "bon", "nham": "lam"}
"""Words of the south and of the spoken language, in the spelling of the table, without diacritics."""
_WORDS_DATE = re.compile(r"(?:ngay)?(?:mung|mong)?(.+?)thang(.+?)nam((?:mot|hai)nghin.*)")


def date_from_words(text: str) -> date | None:
    """The date that a text like *Ngày mười, tháng sáu, năm một nghìn chín trăm chín mươi mốt* says.

    A part may be misread by one letter as long as no other number is as near; None when it is not readable.
    """
    match = _WORDS_DATE.search(_letters(text))
    if match is None:
        return None
    parts = (
        _nearest(match[1], range(1, 32)),
        _nearest(match[2], range(1, _MONTHS + 1)),
        _nearest(match[3], range(1900, 2101)),
    )
    day, month, year = parts
    return None if day is None or month is None or year is None else _date(year, month, day)


def date_from_digits(text: str) -> date | None:
    """The first date written as ``19/04/1985`` or ``ngày 19 tháng 4 năm 1985``; None when there is none."""
    match = _DATE.search(text) or _SPELT_DATE.search(text)
    return None if match is None else _date(int(match[3]), int(match[2]), int(match[1]))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _letters(words: str) -> str:
    tokens = re.findall(r"[a-z]+", strip_diacritics(words).lower())
    return "".join(_VARIANTS.get(str(token), str(token)) for token in tokens)


@cache
def _numbers() -> Mapping[str, int]:
    return MappingProxyType({_letters(number_in_words(n)): n for n in range(10_000)})


def _nearest(letters: str, numbers: range) -> int | None:
    """The number whose words are nearest, if that is unique and near: no edit in *ba*, one in *sáu*, more in a year."""
    exact = _numbers().get(letters)
    if exact in numbers:
        return exact
    allowed = min(1 + len(letters) // 16, (len(letters) + 1) // 4)
    distances = sorted(
        (edit_distance(letters, words), number)
        for words, number in _numbers().items()
        if number in numbers and abs(len(words) - len(letters)) <= allowed
    )
    if not distances or distances[0][0] > allowed:
        return None
    unique = len(distances) == 1 or distances[1][0] > distances[0][0]
    return distances[0][1] if unique else None
