"""EF.DG3: fingerprints (ICAO 9303-10 §4.7.3). Only their presence is looked at.

A chip gives DG3 out after terminal authentication alone, so it is normally listed in EF.SOD and not submitted. Where
it does arrive, the images are neither decoded nor compared: nothing here needs them, and they are the most sensitive
data of the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.lds.biometric import BiometricTemplate, parse_biometric_group

_TAG: Final = 0x63


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg3:
    """The templates, unread; none where the issuer says that no finger could be taken."""

    templates: tuple[BiometricTemplate, ...]


def parse_dg3(data: bytes) -> Dg3:
    """Parse the envelope of EF.DG3.

    Raises:
        ChipError: ``chip.tlv.*``.
    """
    return Dg3(templates=parse_biometric_group(data, _TAG))
