"""EF.DG12: additional document details (ICAO 9303-10 §4.7.12, table 72). Absent from the Vietnamese card."""

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
    read_moment,
    read_text,
)
from ekyc.chip.tlv import unwrap

_TAG: Final = 0x6C


class Dg12Field(IntEnum):
    """Data objects by tag."""

    ISSUING_AUTHORITY = 0x5F19
    OTHER_PERSONS = 0x5F1A
    """Tuple of names."""
    ENDORSEMENTS = 0x5F1B
    TAX_OR_EXIT_REQUIREMENTS = 0x5F1C
    FRONT_IMAGE = 0x5F1D
    """Encoded image."""
    REAR_IMAGE = 0x5F1E
    """Encoded image."""
    ISSUE_DATE = 0x5F26
    PERSONALISED_AT = 0x5F55
    """Moment; the group gives no zone."""
    PERSONALISATION_SYSTEM = 0x5F56
    """Serial number of the system."""


_DECODERS: Final[Mapping[Dg12Field, Decoder]] = dict.fromkeys(Dg12Field, read_text) | {
    Dg12Field.FRONT_IMAGE: read_image,
    Dg12Field.REAR_IMAGE: read_image,
    Dg12Field.ISSUE_DATE: read_day,
    Dg12Field.PERSONALISED_AT: read_moment,
}


def parse_dg12(data: bytes) -> Details[Dg12Field]:
    """Parse EF.DG12. One bad object never loses the group.

    Raises:
        ChipError: ``chip.tlv.*`` (no outer structure, too many objects).
    """
    return parse_details(
        unwrap(data, _TAG), Dg12Field, _DECODERS, frozenset({Dg12Field.OTHER_PERSONS})
    )
