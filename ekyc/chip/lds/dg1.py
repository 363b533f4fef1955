"""EF.DG1: the machine readable zone (ICAO 9303-10 §4.7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.tlv import parse_tlv
from ekyc.errors import ChipError, InputError
from ekyc.mrz import Mrz, parse_mrz
from ekyc.values import Redacted

_TAG: Final = 0x61
_MRZ: Final = 0x5F1F


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg1:
    """A zone whose check digits hold."""

    format: str
    """``TD1``, ``TD2`` or ``TD3``, by length."""
    issuer: str
    """Issuing state or organisation, up to three letters."""
    text: Redacted[str]
    """The zone as stored, without line breaks."""
    mrz: Mrz


def parse_dg1(data: bytes) -> Dg1:
    """Parse EF.DG1.

    Raises:
        ChipError: ``chip.tlv.*``, ``chip.dg1_malformed`` (length, characters, check digits).
    """
    raw = parse_tlv(data, _TAG).get(_MRZ).value
    if not raw.isascii():
        raise _malformed("the zone has foreign characters")
    text = raw.decode("ascii")
    try:
        mrz = parse_mrz(text)
    except InputError as exc:
        raise _malformed(exc.message) from exc
    return Dg1(format=mrz.format.value, issuer=mrz.issuer, text=Redacted(text), mrz=mrz)


def _malformed(message: str) -> ChipError:
    return ChipError(message, code="chip.dg1_malformed", subject="EF.DG1")
