"""EF.DG1: the machine readable zone (ICAO 9303-10 §4.7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.tlv import parse_tlv
from ekyc.errors import ChipError, InputError
from ekyc.mrz import Mrz, parse_td1
from ekyc.values import Redacted

_TAG: Final = 0x61
_MRZ: Final = 0x5F1F
_FORMAT_OF_LENGTH: Final = {90: "TD1", 72: "TD2", 88: "TD3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg1:
    """The zone as stored."""

    format: str
    """``TD1``, ``TD2`` or ``TD3``, by length."""
    issuer: str
    """Issuing state or organisation, up to three letters."""
    text: Redacted[str]
    mrz: Mrz | None
    """Parsed fields of a TD1 zone whose check digits hold; other formats are kept as text."""


def parse_dg1(data: bytes) -> Dg1:
    """Parse EF.DG1.

    Raises:
        ChipError: ``chip.tlv.*``, ``chip.dg1_malformed`` (length, characters, check digits of a TD1 zone).
    """
    raw = parse_tlv(data, _TAG).get(_MRZ).value
    form = _FORMAT_OF_LENGTH.get(len(raw))
    if form is None or not raw.isascii():
        raise _malformed("the zone has the wrong length or foreign characters")
    text = raw.decode("ascii")
    return Dg1(
        format=form,
        issuer=text[2:5].rstrip("<"),
        text=Redacted(text),
        mrz=_parse_zone(text) if form == "TD1" else None,
    )


def _parse_zone(text: str) -> Mrz:
    try:
        return parse_td1(text)
    except InputError as exc:
        raise _malformed(exc.message) from exc


def _malformed(message: str) -> ChipError:
    return ChipError(message, code="chip.dg1_malformed", subject="EF.DG1")
