"""What a source says about a card's holder, in one form for print, zone, QR code and chip, and how two sources compare."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from ekyc.mrz import Mrz, strip_diacritics
from ekyc.ocr.dates import date_from_digits
from ekyc.values import Redacted

if TYPE_CHECKING:
    from datetime import date

    from ekyc.ocr.fields import ReadField
    from ekyc.ocr.qr import CardQr

SURE = 0.9
"""Confidence from which a value counts as read: on generated documents 99 % of the lines whose every character
passes it are right (docs/ocr.md)."""

_FULL_MRZ_NAME = 28
"""A name of this many letters in the zone may have been cut there."""


class Source(StrEnum):
    """Where a statement stands."""

    PRINT = "print"
    MRZ = "mrz"
    QR = "qr"
    CHIP = "chip"


class Verdict(StrEnum):
    """How two statements about one thing compare."""

    EQUAL = "EQUAL"
    DIACRITICS_DIFFER = "DIACRITICS_DIFFER"
    """Equal after all diacritics are taken away."""
    DIFFERS = "DIFFERS"
    UNREADABLE = "UNREADABLE"
    """Different as read, but read with too little certainty to say so."""
    ABSENT = "ABSENT"
    """One of the two says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement in its canonical form: digits, ISO date, ``M`` or ``F``, name in capitals."""

    value: Redacted[str]
    confidence: float = 1.0
    """1 for sources that are decoded rather than read."""
    stripped: bool = False
    """Whether the source writes names without diacritics, and perhaps cut, as the zone does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """All statements of one source.

    Fields: ``personal_number``, ``full_name``, ``birth_date``, ``expiry_date``, ``sex``, ``nationality``,
    ``residence``, ``origin``.
    """

    source: Source
    facts: Mapping[str, Fact]

    def get(self, name: str) -> Fact | None:
        return self.facts.get(name)


def facts_of_print(fields: Iterable[ReadField]) -> CardFacts:
    """Statements of the printed fields; a value that has not the form of its field is left out."""
    return _facts(
        Source.PRINT,
        {
            field.name: (_canonical(field.name, field.value.reveal()), field.confidence)
            for field in fields
        },
    )


def facts_of_mrz(mrz: Mrz) -> CardFacts:
    """Statements of the zone: years have two digits, names no diacritics."""
    number = mrz.optional_1[:12] if re.fullmatch(r"\d{12}<*\d?", mrz.optional_1) else ""
    born, expires = mrz.birth_yymmdd, mrz.expiry_yymmdd
    return _decoded(
        Source.MRZ,
        {
            "personal_number": number,
            "full_name": mrz.full_name,
            "birth_date": f"{born[:2]}-{born[2:4]}-{born[4:]}",
            "expiry_date": f"{expires[:2]}-{expires[2:4]}-{expires[4:]}",
            "sex": mrz.sex.strip("<"),
        },
        stripped_name=True,
    )


def facts_of_qr(qr: CardQr) -> CardFacts:
    """Statements of the QR code."""
    return _decoded(
        Source.QR,
        {
            "personal_number": qr.personal_number.reveal(),
            "full_name": canonical_name(qr.full_name.reveal()),
            "birth_date": qr.birth_date.reveal().isoformat(),
            "sex": qr.sex,
            "residence": qr.residence.reveal(),
        },
    )


def facts_of_values(
    source: Source,
    *,
    personal_number: str = "",
    full_name: str = "",
    birth_date: date | None = None,
    expiry_date: date | None = None,
    sex: str = "",
    texts: Mapping[str, str] | None = None,
    stripped_name: bool = False,
) -> CardFacts:
    """Statements of a source that holds typed values, such as the chip.

    Args:
        source: where they stand.
        personal_number: twelve digits.
        full_name: with diacritics.
        birth_date: day of birth.
        expiry_date: last day of validity.
        sex: ``M`` or ``F``.
        texts: further fields as text, e.g. ``residence``.
        stripped_name: whether the name comes from a zone, without diacritics.
    """
    return _decoded(
        source,
        {
            "personal_number": personal_number,
            "full_name": canonical_name(full_name),
            "birth_date": birth_date.isoformat() if birth_date else "",
            "expiry_date": expiry_date.isoformat() if expiry_date else "",
            "sex": sex,
            **(texts or {}),
        },
        stripped_name=stripped_name,
    )


def _decoded(
    source: Source, values: Mapping[str, str], *, stripped_name: bool = False
) -> CardFacts:
    certain = {name: (value, 1.0) for name, value in values.items()}
    return _facts(source, certain, stripped_name=stripped_name)


def _facts(
    source: Source, values: Mapping[str, tuple[str, float]], *, stripped_name: bool = False
) -> CardFacts:
    return CardFacts(
        source=source,
        facts=MappingProxyType(
            {
                name: Fact(
                    value=Redacted(value),
                    confidence=confidence,
                    stripped=stripped_name and name == "full_name",
                )
                for name, (value, confidence) in values.items()
                if value
            }
        ),
    )


def _canonical(name: str, text: str) -> str:
    if name == "personal_number":
        digits = re.sub(r"[\s.\-]", "", text)
        return digits if re.fullmatch(r"\d{12}", digits) else ""
    if name.endswith("_date"):
        day = date_from_digits(text)
        return day.isoformat() if day else ""
    if name == "sex":
        return {"nam": "M", "nu": "F"}.get(strip_diacritics(text).lower().strip(), "")
    return canonical_name(text) if name == "full_name" else text


def canonical_name(name: str) -> str:
    """Capitals, NFC, single spaces, tone marks where the new spelling puts them."""
    return new_tone_placement(" ".join(unicodedata.normalize("NFC", name).upper().split()))


# A tone on the first letter of a final oa, oe, uy (old spelling) belongs on the second (new spelling): HÒA = HOÀ.
# Behind q the u is part of the consonant and never carries the tone.
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_OLD_PLACEMENT = re.compile(
    rf"(o(?=[{_TONES}][ae])|(?<!q)u(?=[{_TONES}]y))([{_TONES}])([aey])(?!\w|[\u0300-\u036f])",
    re.IGNORECASE,
)


def new_tone_placement(text: str) -> str:
    """*hòa*, *khỏe*, *thủy* → *hoà*, *khoẻ*, *thuỷ*: both spellings are in use and mean the same. NFC."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", _OLD_PLACEMENT.sub(r"\1\3\2", decomposed))


def compare(name: str, read: CardFacts, other: CardFacts) -> Verdict:
    """How two sources' statements about one field compare.

    A zone's two-digit year is held against the last two digits of the other's, its name against the other without
    diacritics. Spaces in names and punctuation in addresses do not count.
    """
    one, two = read.get(name), other.get(name)
    if one is None or two is None:
        return Verdict.ABSENT
    a, b = one.value.reveal(), two.value.reveal()
    if one.stripped or two.stripped:
        same = _same_zone_name(a, b)
    elif name.endswith("_date"):
        digits = min(len(a), len(b))  # a zone's year has two digits
        same = a[-digits:] == b[-digits:]
    else:
        same = _letters(name, a) == _letters(name, b)
    if same:
        return Verdict.EQUAL
    if strip_diacritics(_letters(name, a)) == strip_diacritics(_letters(name, b)):
        return Verdict.DIACRITICS_DIFFER
    sure = min(one.confidence, two.confidence) >= SURE
    return Verdict.DIFFERS if sure else Verdict.UNREADABLE


def _letters(name: str, value: str) -> str:
    if name in {"full_name", "residence", "origin", "birth_place", "nationality"}:
        return "".join(char for char in canonical_name(value) if char.isalnum())
    return value


def _same_zone_name(one: str, other: str) -> bool:
    a, b = sorted(
        (
            "".join(c for c in strip_diacritics(text).upper() if c.isalnum())
            for text in (one, other)
        ),
        key=len,
    )
    return a == b or (len(a) >= _FULL_MRZ_NAME - 4 and b.startswith(a))
