"""EF.DG5: the portrait as displayed (ICAO 9303-10 §4.7.5). Faces are compared with DG2, never with this one."""

from __future__ import annotations

from typing import Final

from ekyc.chip.lds.displayed_images import DisplayedImages, parse_displayed_images

_TAG: Final = 0x65
_PORTRAIT: Final = 0x5F40


def parse_dg5(data: bytes) -> DisplayedImages:
    """Parse EF.DG5.

    Raises:
        ChipError: ``chip.tlv.*``.
    """
    return parse_displayed_images(data, _TAG, _PORTRAIT)
