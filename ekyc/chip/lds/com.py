"""EF.COM: versions and the list of data groups (ICAO 9303-10 §4.6.1). Unsigned: a hint, never evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.tlv import parse_tlv

_TAG: Final = 0x60
_LDS_VERSION: Final = 0x5F01
_UNICODE_VERSION: Final = 0x5F36
_TAG_LIST: Final = 0x5C

DATA_GROUP_OF_TAG: Final = {
    0x61: 1,
    0x75: 2,
    0x63: 3,
    0x76: 4,
    0x65: 5,
    0x66: 6,
    0x67: 7,
    0x68: 8,
    0x69: 9,
    0x6A: 10,
    0x6B: 11,
    0x6C: 12,
    0x6D: 13,
    0x6E: 14,
    0x6F: 15,
    0x70: 16,
}
TAG_OF_DATA_GROUP: Final = {number: tag for tag, number in DATA_GROUP_OF_TAG.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Com:
    """What EF.COM claims."""

    lds_version: str
    unicode_version: str
    data_groups: tuple[int, ...]
    """Numbers in ascending order; tags that name no data group are left out."""


def parse_com(data: bytes) -> Com:
    """Parse EF.COM.

    Raises:
        ChipError: ``chip.tlv.*``.
    """
    root = parse_tlv(data, _TAG)
    tags = root.get(_TAG_LIST).value
    return Com(
        lds_version=_digits(root.get(_LDS_VERSION).value),
        unicode_version=_digits(root.get(_UNICODE_VERSION).value),
        data_groups=tuple(sorted({DATA_GROUP_OF_TAG[t] for t in tags if t in DATA_GROUP_OF_TAG})),
    )


def _digits(value: bytes) -> str:
    return value.decode("ascii", "replace")
