"""The QR code of the identity card: fields between bars, UTF-8, **not signed**: it helps to read and proves nothing.

Card of 2021: ``number|old number|full name|ddmmyyyy|Nam or Nữ|address|ddmmyyyy of issue``; the old number may be
empty. The card of 2024 holds these and more (cancelled number, parents' names for some holders), in an order that no
published text fixes: the first seven are read, the rest is kept as raw text only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ekyc.errors import InputError
from ekyc.values import Redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIELDS = 7
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
    if len(text) > _MAX_CHARS or len(parts) < _FIELDS:
        raise InputError("the QR code has not the fields of a card", code="card.qr_format")
    number, old, name, born, sex, residence, issued = parts[:_FIELDS]
    birth_date = _compact_date(born)
    if not _is_digits(number, 12) or birth_date is None or not name:
        raise InputError("the QR code has not the fields of a card", code="card.qr_format")
    return CardQr(
        personal_number=Redacted(number),
        old_number=Redacted(old),
        full_name=Redacted(name),
        birth_date=Redacted(birth_date),
        sex={"nam": "M", "nữ": "F"}.get(sex.lower(), ""),
        residence=Redacted(residence),
        issue_date=Redacted(_compact_date(issued)),
        further_fields=len(parts) - _FIELDS,
        raw=Redacted(text),
    )


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
