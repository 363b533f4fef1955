"""Letters that OCR-B makes of digits, put right where the check digits leave exactly one way.

A letter where the Vietnamese zone has only digits is a misread digit. Most letters look like one digit, some like two;
all combinations are held against all check digits: those of TD1 (ICAO 9303-5 §4.2), the one behind the twelve digits,
and the agreement of the document number with them. One combination holds → that is what stands there. None or several
→ unreadable. Digits are never exchanged for other digits: with enough of that some combination always holds.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Final

from ekyc.errors import InputError
from ekyc.mrz import Mrz, check_digit, parse_td1

_DIGITS_OF: Final = {
    "O": "0",
    "Q": "0",
    "D": "0",
    "U": "0",
    "I": "1",
    "L": "1",
    "Z": "27",
    "S": "5",
    "B": "8",
    "G": "6",
    "T": "71",
    "A": "4",
}
"""Digits that a letter may have been."""
LOOKALIKES: Final = frozenset(_DIGITS_OF)

_DIGIT_PLACES: Final = (*range(5, 27), 29, *range(30, 37), *range(38, 45), 59)
"""Where a Vietnamese zone of 90 characters has only digits."""
_MAX_COMBINATIONS: Final = 1024


def correct_td1(zone: str) -> Mrz:
    """A zone as read → what stands there.

    Args:
        zone: 90 characters in the shape of a Vietnamese card's zone.

    Raises:
        InputError: as :func:`ekyc.mrz.parse_td1`; ``mrz.ambiguous`` where several corrections satisfy all check
            digits.
    """
    wrong = [at for at in _DIGIT_PLACES if zone[at] in LOOKALIKES]
    if not wrong:
        return parse_td1(zone)
    choices = [_DIGITS_OF[zone[at]] for at in wrong]
    if prod(map(len, choices)) > _MAX_COMBINATIONS:
        raise InputError("too many characters of the zone are unclear", code="mrz.ambiguous")
    found = [mrz for digits in product(*choices) if (mrz := _held(zone, wrong, digits))]
    if len(found) > 1:
        raise InputError("several corrections satisfy the check digits", code="mrz.ambiguous")
    if not found:
        raise InputError("no correction satisfies the check digits", code="mrz.check_digit")
    return found[0]


def _held(zone: str, places: list[int], digits: tuple[str, ...]) -> Mrz | None:
    """The zone with these digits in these places, if every check digit holds."""
    chars = list(zone)
    for at, digit in zip(places, digits, strict=True):
        chars[at] = digit
    try:
        mrz = parse_td1("".join(chars))
    except InputError:
        return None
    number, digit = mrz.optional_1[:12], mrz.optional_1[-1:]
    agrees = mrz.document_number == number[-9:] and check_digit(number) == digit
    return mrz if agrees else None
