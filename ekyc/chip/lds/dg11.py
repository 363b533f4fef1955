"""EF.DG11: additional personal details (ICAO 9303-10 §4.7.11, table 71). Absent from the Vietnamese card."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ekyc.chip.lds.details import (
    Decoder,
    Details,
    parse_details,
    read_day,
    read_image,
    read_lines,
    read_text,
)
from ekyc.chip.tlv import unwrap

_TAG: Final = 0x6B


class Dg11Field(IntEnum):
    """Data objects by tag."""

    FULL_NAME = 0x5F0E
    """In national characters where the issuer writes them."""
    OTHER_NAMES = 0x5F0F
    """Tuple."""
    PERSONAL_NUMBER = 0x5F10
    PLACE_OF_BIRTH = 0x5F11
    """Tuple of lines."""
    TELEPHONE = 0x5F12
    PROFESSION = 0x5F13
    TITLE = 0x5F14
    PERSONAL_SUMMARY = 0x5F15
    PROOF_OF_CITIZENSHIP = 0x5F16
    """Encoded image."""
    OTHER_TRAVEL_DOCUMENTS = 0x5F17
    """Tuple of numbers."""
    CUSTODY_INFORMATION = 0x5F18
    BIRTH_DATE = 0x5F2B
    """With the full year."""
    ADDRESS = 0x5F42
    """Tuple of lines."""


_DECODERS: Final[Mapping[Dg11Field, Decoder]] = dict.fromkeys(Dg11Field, read_text) | {
    Dg11Field.PLACE_OF_BIRTH: read_lines,
    Dg11Field.ADDRESS: read_lines,
    Dg11Field.OTHER_TRAVEL_DOCUMENTS: read_lines,
    Dg11Field.PROOF_OF_CITIZENSHIP: read_image,
    Dg11Field.BIRTH_DATE: read_day,
}


def parse_dg11(data: bytes) -> Details[Dg11Field]:
    """Parse EF.DG11. One bad object never loses the group.

    Raises:
        ChipError: ``chip.tlv.*`` (no outer structure, too many objects).
    """
    return parse_details(
        unwrap(data, _TAG), Dg11Field, _DECODERS, frozenset({Dg11Field.OTHER_NAMES})
    )
