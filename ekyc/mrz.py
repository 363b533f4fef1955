"""Machine readable zone: grammar and check digits. Pure.

Formats TD1 (three lines of 30, ICAO 9303-5 §4.2), TD2 (two of 36, ICAO 9303-6 §4.2) and TD3 (two of 44, passports,
ICAO 9303-4 §4.2); check digits ICAO 9303-3 §4.9.

Positions counted from 1::

    TD1  line 1   1–2 document code   3–5 issuer   6–14 document number   15 check   16–30 optional data 1
         line 2   1–6 birth   7 check   8 sex   9–14 expiry   15 check   16–18 nationality   19–29 optional data 2
                  30 composite, over line 1 positions 6–30 and line 2 positions 1–7, 9–15 and 19–29
         line 3   1–30 name: SURNAME<<GIVEN<NAMES
    TD2  line 1   1–2 document code   3–5 issuer   6–36 name
         line 2   1–9 document number   10 check   11–13 nationality   14–19 birth   20 check   21 sex   22–27 expiry
                  28 check   29–35 optional data   36 composite, over positions 1–10, 14–20 and 22–35
    TD3  line 1   1–2 document code   3–5 issuer   6–44 name
         line 2   as TD2 up to 28; 29–42 personal number or optional data   43 check (0 or < where that is empty)
                  44 composite, over positions 1–10, 14–20 and 22–43

A document number of more than nine characters leaves its check position empty and goes on at the start of the optional
data, with its check digit behind it (TD1, TD2; no passport has one).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ekyc.errors import InputError

_ALPHABET: Final = re.compile(r"[A-Z0-9<]*")
_VALUE_OF: Final = {c: i for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_WEIGHTS: Final = (7, 3, 1)
_LINE: Final = 30


class MrzFormat(StrEnum):
    """Size of the document, which fixes the layout of its zone."""

    TD1 = "TD1"
    """Cards."""
    TD2 = "TD2"
    TD3 = "TD3"
    """Passports."""

    @property
    def characters(self) -> int:
        """Length of the whole zone."""
        return {MrzFormat.TD1: 90, MrzFormat.TD2: 72, MrzFormat.TD3: 88}[self]

    @property
    def name_room(self) -> int:
        """Characters that a name may fill; a longer one is cut there."""
        return {MrzFormat.TD1: 30, MrzFormat.TD2: 31, MrzFormat.TD3: 39}[self]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mrz:
    """A zone whose check digits hold. Fields are as printed, fillers removed; ``repr`` shows no personal data."""

    format: MrzFormat = MrzFormat.TD1
    document_code: str
    issuer: str
    """Three-letter code, ``VNM`` for Vietnam."""
    document_number: str
    optional_1: str
    """On the Vietnamese card and passport the twelve digits of the personal number; on the card with a check digit of
    its own after fillers. TD3 calls it personal number."""
    optional_2: str
    """TD1 only; empty in the others."""
    birth_yymmdd: str
    """As printed; unknown parts are ``<``."""
    sex: str
    """``M``, ``F`` or ``<``."""
    expiry_yymmdd: str
    nationality: str
    surname: str
    given_names: str

    def __repr__(self) -> str:
        return f"Mrz({self.format}, issuer={self.issuer!r}, …)"

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


def parse_mrz(text: str) -> Mrz:
    """Parse a zone of any format, told by its length, and verify all its check digits.

    Args:
        text: all characters in one piece, or one line each; spaces around lines are ignored.

    Raises:
        InputError: as :func:`parse_td1`.
    """
    length = len(_joined(text))
    parse = {90: parse_td1, 72: parse_td2, 88: parse_td3}.get(length)
    if parse is None:
        raise InputError(f"no zone has {length} characters", code="mrz.length")
    return parse(text)


def parse_td1(text: str) -> Mrz:
    """Parse a TD1 zone and verify all its check digits.

    Args:
        text: 90 characters, or three lines of 30; spaces around lines are ignored.

    Raises:
        InputError: wrong length (``mrz.length``), a foreign character (``mrz.character``), a check digit that does
            not hold (``mrz.check_digit``, ``subject`` names the field), no date (``mrz.date``), another letter for the
            sex (``mrz.sex``), or no name (``mrz.name``).
    """
    zone = _zone(text, MrzFormat.TD1)
    one, two, three = zone[:_LINE], zone[_LINE : 2 * _LINE], zone[2 * _LINE :]
    number, optional_1 = _document_number(one[5:14], one[14], one[15:])
    _verify("composite", _td1_composite(one, two), two[29])
    birth, sex, expiry = _person(two[:7], two[7], two[8:15])
    surname, given = _names(three)
    return Mrz(
        format=MrzFormat.TD1,
        document_code=one[:2].rstrip("<"),
        issuer=one[2:5].rstrip("<"),
        document_number=number,
        optional_1=optional_1,
        optional_2=two[18:29].rstrip("<"),
        birth_yymmdd=birth,
        sex=sex,
        expiry_yymmdd=expiry,
        nationality=two[15:18].rstrip("<"),
        surname=surname,
        given_names=given,
    )


def parse_td2(text: str) -> Mrz:
    """Parse a TD2 zone (72 characters, or two lines of 36) and verify all its check digits.

    Raises:
        InputError: as :func:`parse_td1`.
    """
    zone = _zone(text, MrzFormat.TD2)
    one, two = zone[:36], zone[36:]
    number, optional = _document_number(two[:9], two[9], two[28:35])
    _verify("composite", _two_line_composite(two), two[35])
    return _two_lines(MrzFormat.TD2, one, two, number=number, optional=optional)


def parse_td3(text: str) -> Mrz:
    """Parse a TD3 zone (88 characters, or two lines of 44: passports) and verify all its check digits.

    Raises:
        InputError: as :func:`parse_td1`.
    """
    zone = _zone(text, MrzFormat.TD3)
    one, two = zone[:44], zone[44:]
    personal = two[28:42]
    _verify("document number", two[:9], two[9])
    if personal.strip("<") or two[42] != "<":
        _verify("personal number", personal, two[42])
    _verify("composite", _two_line_composite(two), two[43])
    number = two[:9].rstrip("<")
    return _two_lines(MrzFormat.TD3, one, two, number=number, optional=personal.rstrip("<"))


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
    two += check_digit(_td1_composite(one, two))
    return one + two + _name_field(MrzFormat.TD1, surname, given_names)


def build_td2(
    *,
    document_code: str = "I",
    issuer: str = "VNM",
    document_number: str,
    optional: str = "",
    birth_yymmdd: str,
    sex: str,
    expiry_yymmdd: str,
    nationality: str = "VNM",
    surname: str,
    given_names: str,
) -> str:
    """Like :func:`build_td1`, for the 72 characters of TD2. A number over nine characters goes on in the optional data."""
    number, digit, rest = _long_number(document_number, optional)
    one = _two_line_head(MrzFormat.TD2, document_code, issuer, surname, given_names)
    two = number + digit + _two_line_person(nationality, birth_yymmdd, sex, expiry_yymmdd)
    two += _field(rest, 7, "optional data")
    return one + two + check_digit(_two_line_composite(two))


def build_td3(
    *,
    document_code: str = "P",
    issuer: str = "VNM",
    document_number: str,
    personal_number: str = "",
    birth_yymmdd: str,
    sex: str,
    expiry_yymmdd: str,
    nationality: str = "VNM",
    surname: str,
    given_names: str,
) -> str:
    """Like :func:`build_td1`, for the 88 characters of TD3."""
    number = _field(document_number, 9, "document number")
    one = _two_line_head(MrzFormat.TD3, document_code, issuer, surname, given_names)
    two = number + check_digit(number)
    two += _two_line_person(nationality, birth_yymmdd, sex, expiry_yymmdd)
    personal = _field(personal_number, 14, "personal number")
    two += personal + (check_digit(personal) if personal_number else "<")
    return one + two + check_digit(_two_line_composite(two))


def vietnamese_optional_1(personal_number: str) -> str:
    """Optional data 1 as Vietnamese cards print it: twelve digits, two fillers, check digit over the twelve."""
    return f"{personal_number}<<{check_digit(personal_number)}"


def strip_diacritics(text: str) -> str:
    """``text`` without Vietnamese diacritics, case kept: ``Đặng`` → ``Dang``."""
    plain = text.replace("đ", "d").replace("Đ", "D")
    decomposed = unicodedata.normalize("NFD", plain)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _joined(text: str) -> str:
    return "".join(line.strip() for line in text.splitlines()) if "\n" in text else text.strip()


def _zone(text: str, form: MrzFormat) -> str:
    """The characters of a zone in one piece."""
    zone = _joined(text)
    if len(zone) != form.characters:
        raise InputError(
            f"a {form} zone has {form.characters} characters, not {len(zone)}", code="mrz.length"
        )
    if not _ALPHABET.fullmatch(zone):
        raise InputError("a character is not allowed in an MRZ", code="mrz.character")
    return zone


def _two_lines(form: MrzFormat, one: str, two: str, *, number: str, optional: str) -> Mrz:
    """What TD2 and TD3 share: everything but number, optional data and composite."""
    birth, sex, expiry = _person(two[13:20], two[20], two[21:28])
    surname, given = _names(one[5:])
    return Mrz(
        format=form,
        document_code=one[:2].rstrip("<"),
        issuer=one[2:5].rstrip("<"),
        document_number=number,
        optional_1=optional,
        optional_2="",
        birth_yymmdd=birth,
        sex=sex,
        expiry_yymmdd=expiry,
        nationality=two[10:13].rstrip("<"),
        surname=surname,
        given_names=given,
    )


def _document_number(number: str, digit: str, optional: str) -> tuple[str, str]:
    """Number and optional data; a number over nine characters continues there (ICAO 9303-5 §4.2.2.1, note j)."""
    if digit != "<":
        _verify("document number", number, digit)
        return number.rstrip("<"), optional.rstrip("<")
    tail, _, rest = optional.partition("<")
    if not tail:
        raise InputError(
            "the check digit does not hold", code="mrz.check_digit", subject="document number"
        )
    _verify("document number", number + tail[:-1], tail[-1])
    return number + tail[:-1], rest.rstrip("<")


def _person(birth: str, sex: str, expiry: str) -> tuple[str, str, str]:
    """Birth date, sex and expiry date; the dates come with their check digits."""
    _verify("birth date", birth[:6], birth[6])
    _verify("expiry date", expiry[:6], expiry[6])
    _verify_date("birth date", birth[:6], fillers=True)
    _verify_date("expiry date", expiry[:6], fillers=False)
    if sex not in "MF<":
        raise InputError("sex is none of M, F and <", code="mrz.sex", subject="sex")
    return birth[:6], sex, expiry[:6]


def _names(field: str) -> tuple[str, str]:
    surname, _, given = field.rstrip("<").partition("<<")
    if not surname:
        raise InputError("the name is empty", code="mrz.name", subject="name")
    return surname.replace("<", " ").strip(), given.replace("<", " ").strip()


def _td1_composite(one: str, two: str) -> str:
    return one[5:30] + two[:7] + two[8:15] + two[18:29]


def _two_line_composite(two: str) -> str:
    """Positions 1–10, 14–20, and 22 to the one before the composite digit; the last is 35 in TD2 and 43 in TD3."""
    last = 43 if len(two) > 36 else 35
    return two[:10] + two[13:20] + two[21:last]


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


def _long_number(number: str, optional: str) -> tuple[str, str, str]:
    """Nine characters, check position and optional data; the rest of a long number leads the optional data."""
    if len(number) <= 9:
        field = _field(number, 9, "document number")
        return field, check_digit(field), optional
    whole = _field(number, len(number), "document number")
    tail = whole[9:] + check_digit(whole)
    return whole[:9], "<", f"{tail}<{optional}" if optional else tail


def _two_line_head(
    form: MrzFormat, document_code: str, issuer: str, surname: str, given_names: str
) -> str:
    head = _field(document_code, 2, "document code") + _field(issuer, 3, "issuer")
    return head + _name_field(form, surname, given_names)


def _two_line_person(nationality: str, birth: str, sex: str, expiry: str) -> str:
    birth, expiry = _field(birth, 6, "birth date"), _field(expiry, 6, "expiry date")
    middle = _field(nationality, 3, "nationality") + birth + check_digit(birth)
    return middle + _field(sex, 1, "sex") + expiry + check_digit(expiry)


def _name_field(form: MrzFormat, surname: str, given_names: str) -> str:
    name = f"{_mrz_name(surname)}<<{_mrz_name(given_names)}"
    return name[: form.name_room].ljust(form.name_room, "<")


def _mrz_name(name: str) -> str:
    return re.sub(r"[^A-Z]+", "<", strip_diacritics(name).upper()).strip("<")
