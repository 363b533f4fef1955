"""The QR code of the identity card: fields between bars, UTF-8, **not signed**: it helps to read and proves nothing.

Card of 2021: ``number|old number|full name|ddmmyyyy|Nam or Nữ|address|ddmmyyyy of issue``; the old number may be
empty. The card of 2024 holds these and more (cancelled number, parents' names for some holders), in an order that no
published text fixes. So:

1. Where the first seven fields stand as on the card of 2021, they are read as they stand; the rest is raw text only.
2. Otherwise each field is known by its form: twelve digits, nine digits, dates, *Nam* or *Nữ*, a name (letters only),
   an address (with commas or digits). Of several dates the one whose year the number states is the date of birth.
3. Number, name and date of birth must be there; without one of them it is no card's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ekyc.errors import InputError
from ekyc.mrz import strip_diacritics
from ekyc.ocr.id_number import parse_personal_number
from ekyc.values import Redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIELDS = 7
_LEAST_FIELDS = 3
_MOST_FIELDS = 20
_MAX_CHARS = 1000
"""Version 9-M holds 180 bytes; ten times that is nonsense or an attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardQr:
    """What the code says. All of it is untrusted text."""

    personal_number: Redacted[str]
    """Twelve digits."""
    old_number: Redacted[str]
    """Nine or twelve digits, or empty."""
    full_name: Redacted[str]
    birth_date: Redacted[date]
    sex: str
    """``M`` or ``F``, or empty where the code says something else."""
    residence: Redacted[str]
    issue_date: Redacted[date | None]
    further_fields: int
    """Fields behind the seventh; more than none on the card of 2024."""
    raw: Redacted[str]


def parse_card_qr(text: str) -> CardQr:
    """Parse the text of a card's QR code.

    Raises:
        InputError: not the code of a card (code ``card.qr_format``).
    """
    parts = [part.strip() for part in text.strip().split("|")]
    if len(text) > _MAX_CHARS or not _LEAST_FIELDS <= len(parts) <= _MOST_FIELDS:
        raise _no_card()
    fields = parts[:_FIELDS] if _as_in_2021(parts) else _by_form(parts)
    number, old, name, born, sex, residence, issued = fields
    birth_date = _compact_date(born)
    if birth_date is None:
        raise _no_card()
    return CardQr(
        personal_number=Redacted(number),
        old_number=Redacted(old),
        full_name=Redacted(name),
        birth_date=Redacted(birth_date),
        sex=_sex(sex),
        residence=Redacted(residence),
        issue_date=Redacted(_compact_date(issued)),
        further_fields=max(0, len(parts) - _FIELDS),
        raw=Redacted(text),
    )


def _no_card() -> InputError:
    return InputError("the QR code has not the fields of a card", code="card.qr_format")


def _as_in_2021(parts: list[str]) -> bool:
    """Whether the first seven fields stand where the card of 2021 has them."""
    if len(parts) < _FIELDS:
        return False
    number, old, name, born, sex, _, issued = parts[:_FIELDS]
    return (
        _is_digits(number, 12)
        and (not old or _is_digits(old, 9) or _is_digits(old, 12))
        and _is_name(name)
        and _compact_date(born) is not None
        and bool(_sex(sex))
        and (not issued or _compact_date(issued) is not None)
    )


def _by_form(parts: list[str]) -> tuple[str, str, str, str, str, str, str]:
    """The seven fields by what they look like, empty where there is none; the first of several names is the holder's."""
    numbers = [part for part in parts if _is_digits(part, 12)]
    names = [part for part in parts if _is_name(part) and not _sex(part)]
    if not numbers or not names:
        raise _no_card()
    year = parse_personal_number(numbers[0]).birth_year
    dates = [(part, day) for part in parts if (day := _compact_date(part)) is not None]
    born = next((part for part, day in dates if day.year == year), None)
    if born is None:
        raise _no_card()
    old = next((part for part in parts if _is_digits(part, 9)), "")
    sex = next((part for part in parts if _sex(part)), "")
    places = [part for part in parts if "," in part or (not _is_number(part) and _has_digit(part))]
    issued = next((part for part, day in dates if part != born and day.year > year), "")
    return numbers[0], old, names[0], born, sex, next(iter(places), ""), issued


def _sex(text: str) -> str:
    return {"nam": "M", "nu": "F"}.get(strip_diacritics(text).lower(), "")


def _is_name(text: str) -> bool:
    """Letters in at least one word."""
    return bool(text) and all(
        char.isalpha() or char in " '-\u0300\u0301\u0303\u0309\u0323\u0302\u0306\u031b"
        for char in text
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def find_card_qr(texts: Iterable[str]) -> CardQr | None:
    """The first of several codes that is a card's."""
    for text in texts:
        try:
            return parse_card_qr(text)
        except InputError:
            continue
    return None


def _is_digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def _compact_date(text: str) -> date | None:
    if not _is_digits(text, 8):
        return None
    try:
        return date(int(text[4:]), int(text[2:4]), int(text[:2]))
    except ValueError:
        return None
