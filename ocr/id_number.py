"""The personal number of twelve digits: what its digits say.

Decree 137/2015/NĐ-CP article 13, Circular 07/2016/TT-BCA article 7, Law on Identity 2023 article 12: three digits for
the province or country of birth registration, one for century and sex, two for the year of birth, six at random.
There is no check digit, so a number can only contradict itself or other fields, never prove itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from ekyc.errors import InputError

_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonalNumber:
    """A personal number taken apart. ``repr`` shows none of it."""

    digits: str
    province_code: str
    province: str | None
    """Name of the province; None for codes outside the table, e.g. registrations abroad, which are no fault."""
    sex: str
    """``M`` or ``F``."""
    birth_year: int

    def __repr__(self) -> str:
        return "PersonalNumber(…)"


@cache
def provinces() -> Mapping[str, str]:
    """Names of the provinces by code (``ocr/data/provinces.toml``)."""
    text = resources.files("ekyc.ocr.data").joinpath("provinces.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def parse_personal_number(digits: str) -> PersonalNumber:
    """Take a personal number apart.

    Raises:
        InputError: not twelve digits (code ``card.number_format``).
    """
    if len(digits) != _LENGTH or not (digits.isascii() and digits.isdigit()):
        raise InputError("a personal number has twelve digits", code="card.number_format")
    century, sex = divmod(int(digits[3]), 2)
    return PersonalNumber(
        digits=digits,
        province_code=digits[:3],
        province=provinces().get(digits[:3]),
        sex="MF"[sex],
        birth_year=1900 + 100 * century + int(digits[4:6]),
    )
