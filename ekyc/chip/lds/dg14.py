"""EF.DG14: protocols and keys of the chip (ICAO 9303-10 §4.7.14)."""

from __future__ import annotations

from typing import Final

from ekyc.chip.lds.security_infos import SecurityInfos, parse_security_infos
from ekyc.chip.tlv import unwrap

_TAG: Final = 0x6E


def parse_dg14(data: bytes) -> SecurityInfos:
    """Parse EF.DG14.

    Raises:
        ChipError: ``chip.tlv.*``, ``chip.security_infos_malformed``.
    """
    return parse_security_infos(unwrap(data, _TAG), subject="EF.DG14")
