"""EF.DG7: the bearer's usual signature or mark as displayed (ICAO 9303-10 §4.7.7)."""

from __future__ import annotations

from typing import Final

from ekyc.chip.lds.displayed_images import DisplayedImages, parse_displayed_images

_TAG: Final = 0x67
_SIGNATURE: Final = 0x5F43


def parse_dg7(data: bytes) -> DisplayedImages:
    """Parse EF.DG7.

    Raises:
        ChipError: ``chip.tlv.*``.
    """
    return parse_displayed_images(data, _TAG, _SIGNATURE)
