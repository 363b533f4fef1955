"""Numbers and dates in Vietnamese words, as civil-status papers write them beside the digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ekyc.errors import InputError

if TYPE_CHECKING:
    from datetime import date

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_LAST_DIGIT_AFTER_TENS = {1: "mốt", 4: "tư", 5: "lăm"}


def number_in_words(number: int) -> str:
    """A number from 0 to 9999: ``2024`` → ``hai nghìn không trăm hai mươi tư``.

    Raises:
        InputError: the number is outside that range (``words.range``).
    """
    if not 0 <= number <= 9999:
        raise InputError("only numbers from 0 to 9999 are written in words", code="words.range")
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    head = f"{_DIGITS[thousands]} nghìn"
    return f"{head} {_below_thousand(rest, leading_zero=True)}" if rest else head


def date_in_words(day: date) -> str:
    """``Ngày mười bảy, tháng ba, năm hai nghìn không trăm hai mươi tư``."""
    parts = (number_in_words(day.day), number_in_words(day.month), number_in_words(day.year))
    return f"Ngày {parts[0]}, tháng {parts[1]}, năm {parts[2]}"


def _below_thousand(number: int, *, leading_zero: bool = False) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds and not leading_zero:
        return _below_hundred(rest)
    head = f"{_DIGITS[hundreds]} trăm"
    if not rest:
        return head
    return f"{head} linh {_DIGITS[rest]}" if rest < 10 else f"{head} {_below_hundred(rest)}"


def _below_hundred(number: int) -> str:
    tens, unit = divmod(number, 10)
    if not tens:
        return _DIGITS[unit]
    if tens == 1:
        head, last = "mười", "lăm" if unit == 5 else _DIGITS[unit]
    else:
        head = f"{_DIGITS[tens]} mươi"
        last = _LAST_DIGIT_AFTER_TENS.get(unit, _DIGITS[unit])
    return f"{head} {last}" if unit else head
