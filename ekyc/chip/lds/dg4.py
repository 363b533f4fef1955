"""EF.DG4: irises (ICAO 9303-10 §4.7.4). Only their presence is looked at, as for :mod:`ekyc.chip.lds.dg3`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.lds.biometric import BiometricTemplate, parse_biometric_group

_TAG: Final = 0x76


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg4:
    """The templates, unread."""

    templates: tuple[BiometricTemplate, ...]


def parse_dg4(data: bytes) -> Dg4:
    """Parse the envelope of EF.DG4.

    Raises:
        ChipError: ``chip.tlv.*``.
    """
    return Dg4(templates=parse_biometric_group(data, _TAG))
