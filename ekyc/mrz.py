"""Machine readable zone: grammar and check digits. Pure.

Format TD1 (three lines of 30), ICAO 9303-5 §4.2; check digits ICAO 9303-3 §4.9. TD2 and TD3 come with travel documents.

Layout of TD1, positions counted from 1::

    line 1   1–2 document code   3–5 issuer   6–14 document number   15 check   16–30 optional data 1
    line 2   1–6 birth   7 check   8 sex   9–14 expiry   15 check   16–18 nationality   19–29 optional data 2   30 composite
    line 3   1–30 name: SURNAME<<GIVEN<NAMES

The composite check digit covers line 1 positions 6–30 and line 2 positions 1–7, 9–15 and 19–29.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from ekyc.errors import InputError

_ALPHABET: Final = re.compile(r"[A-Z0-9<]*")
_VALUE_OF: Final = {c: i for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_WEIGHTS: Final = (7, 3, 1)
_LINE = 30


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mrz:
    """A TD1 zone whose check digits hold. Fields are as printed, fillers removed; ``repr`` shows no personal data."""

    document_code: str
    issuer: str
    """Three-letter code, ``VNM`` for Vietnam."""
    document_number: str
    optional_1: str
    """On the Vietnamese card the twelve digits of the personal number, with a check digit of its own after fillers."""
    optional_2: str
    birth_yymmdd: str
    """As printed; unknown parts are ``<``."""
    sex: str
    """``M``, ``F`` or ``<``."""
    expiry_yymmdd: str
    nationality: str
    surname: str
    given_names: str

    def __repr__(self) -> str:
        return f"Mrz(TD1, issuer={self.issuer!r}, …)"

    @property
    def full_name(self) -> str:
        """Surname and given names, separated by spaces, capitals without diacritics."""
        return " ".join(part for part in (self.surname, self.given_names) if part)


def check_digit(text: str) -> str:
    """Check digit over ``text``: weights 7-3-1, modulus 10 (ICAO 9303-3 §4.9).

    Raises:
        InputError: a character outside A–Z, 0–9 and the filler (``mrz.character``).
    """
    try:
        total = sum(_VALUE_OF[char] * _WEIGHTS[i % 3] for i, char in enumerate(text))
    except KeyError as exc:
        raise InputError("a character is not allowed in an MRZ", code="mrz.character") from exc
    return str(total % 10)


def parse_td1(text: str) -> Mrz:
    """Parse a TD1 zone and verify all its check digits.

    Args:
        text: 90 characters, or three lines of 30; spaces around lines are ignored.

    Raises:
        InputError: wrong length (``mrz.length``), a foreign character (``mrz.character``), a check digit that does
            not hold (``mrz.check_digit``, ``subject`` names the field), or no name (``mrz.name``).
    """
    zone = "".join(line.strip() for line in text.splitlines()) if "\n" in text else text.strip()
    if len(zone) != 3 * _LINE:
        raise InputError(f"a TD1 zone has 90 characters, not {len(zone)}", code="mrz.length")
    if not _ALPHABET.fullmatch(zone):
        raise InputError("a character is not allowed in an MRZ", code="mrz.character")
    one, two, three = zone[:_LINE], zone[_LINE : 2 * _LINE], zone[2 * _LINE :]

    number, optional_1 = _document_number(one)
    _verify("birth date", two[:6], two[6])
    _verify("expiry date", two[8:14], two[14])
    _verify("composite", _composite_input(one, two), two[29])
    _verify_date("birth date", two[:6], fillers=True)
    _verify_date("expiry date", two[8:14], fillers=False)
    if two[7] not in "MF<":
        raise InputError("sex is none of M, F and <", code="mrz.sex", subject="sex")

    surname, _, given = three.rstrip("<").partition("<<")
    if not surname:
        raise InputError("the name is empty", code="mrz.name", subject="name")
    return Mrz(
        document_code=one[:2].rstrip("<"),
        issuer=one[2:5].rstrip("<"),
        document_number=number,
        optional_1=optional_1,
        optional_2=two[18:29].rstrip("<"),
        birth_yymmdd=two[:6],
        sex=two[7],
        expiry_yymmdd=two[8:14],
        nationality=two[15:18].rstrip("<"),
        surname=surname.replace("<", " ").strip(),
        given_names=given.replace("<", " ").strip(),
    )


def build_td1(
    *,
    document_code: str = "ID",
    issuer: str = "VNM",
    document_number: str,
    optional_1: str = "",
    optional_2: str = "",
    birth_yymmdd: str,
    sex: str,
    expiry_yymmdd: str,
    nationality: str = "VNM",
    surname: str,
    given_names: str,
) -> str:
    """Build the 90 characters of a TD1 zone; names lose their diacritics and are cut to 30 characters.

    Raises:
        InputError: a field is too long (``mrz.length``) or holds a foreign character (``mrz.character``).
    """
    number = _field(document_number, 9, "document number")
    head = _field(document_code, 2, "document code") + _field(issuer, 3, "issuer")
    one = head + number + check_digit(number) + _field(optional_1, 15, "optional data 1")
    birth, expiry = _field(birth_yymmdd, 6, "birth date"), _field(expiry_yymmdd, 6, "expiry date")
    two = birth + check_digit(birth) + _field(sex, 1, "sex") + expiry + check_digit(expiry)
    two += _field(nationality, 3, "nationality") + _field(optional_2, 11, "optional data 2")
    two += check_digit(_composite_input(one, two))
    name = f"{_mrz_name(surname)}<<{_mrz_name(given_names)}"[:_LINE].ljust(_LINE, "<")
    return one + two + name


def vietnamese_optional_1(personal_number: str) -> str:
    """Optional data 1 as Vietnamese cards print it: twelve digits, two fillers, check digit over the twelve."""
    return f"{personal_number}<<{check_digit(personal_number)}"


def strip_diacritics(text: str) -> str:
    """``text`` without Vietnamese diacritics, case kept: ``Đặng`` → ``Dang``."""
    plain = text.replace("đ", "d").replace("Đ", "D")
    decomposed = unicodedata.normalize("NFD", plain)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _document_number(one: str) -> tuple[str, str]:
    """Number and optional data 1; numbers over nine characters continue in the optional data (ICAO 9303-5 §4.2.2.1)."""
    if one[14] != "<":
        _verify("document number", one[5:14], one[14])
        return one[5:14].rstrip("<"), one[15:].rstrip("<")
    tail, _, rest = one[15:].partition("<")
    if not tail:
        raise InputError(
            "the check digit does not hold", code="mrz.check_digit", subject="document number"
        )
    _verify("document number", one[5:14] + tail[:-1], tail[-1])
    return one[5:14] + tail[:-1], rest.rstrip("<")


def _composite_input(one: str, two: str) -> str:
    return one[5:30] + two[:7] + two[8:15] + two[18:29]


def _verify(field: str, text: str, digit: str) -> None:
    if check_digit(text) != digit:
        raise InputError("the check digit does not hold", code="mrz.check_digit", subject=field)


def _verify_date(field: str, yymmdd: str, *, fillers: bool) -> None:
    """Digits with a possible month and day; a birth date may hold fillers for unknown parts."""
    if fillers and "<" in yymmdd:
        return
    if not (yymmdd.isascii() and yymmdd.isdigit()):
        raise InputError("not a date", code="mrz.date", subject=field)
    if not (1 <= int(yymmdd[2:4]) <= 12 and 1 <= int(yymmdd[4:6]) <= 31):
        raise InputError("not a date", code="mrz.date", subject=field)


def _field(value: str, width: int, name: str) -> str:
    text = value.upper().replace(" ", "<")
    if len(text) > width:
        raise InputError(f"longer than {width} characters", code="mrz.length", subject=name)
    if not _ALPHABET.fullmatch(text):
        raise InputError("a character is not allowed in an MRZ", code="mrz.character", subject=name)
    return text.ljust(width, "<")


def _mrz_name(name: str) -> str:
    return re.sub(r"[^A-Z]+", "<", strip_diacritics(name).upper()).strip("<")
