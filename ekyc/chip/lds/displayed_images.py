"""What DG5 and DG7 share: a count and images for display, not for comparison (ICAO 9303-10 §4.7.5, §4.7.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ekyc.chip.lds.encoded_image import ImageFormat, sniff_format
from ekyc.chip.tlv import parse_tlv
from ekyc.errors import ChipError

_COUNT: Final = 0x02
_MAX_IMAGES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedImage:
    """One image for display."""

    encoded: bytes = field(repr=False)
    """As stored. Personal data."""
    format: ImageFormat | None
    """None where the first bytes are of neither JPEG nor JPEG 2000; the bytes are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedImages:
    """The images in order of storage; possibly none."""

    images: tuple[DisplayedImage, ...]
    declared: int | None
    """How many there are by the group's own count; None where it gives none. The images are the truth."""


def parse_displayed_images(data: bytes, tag: int, image_tag: int) -> DisplayedImages:
    """Parse a group of images for display.

    Raises:
        ChipError: ``chip.tlv.*``, ``chip.tlv.limit`` for more than sixteen images.
    """
    root = parse_tlv(data, tag)
    count = root.find(_COUNT)
    found = [item.value for item in root.children if item.tag == image_tag]
    if len(found) > _MAX_IMAGES:
        raise ChipError("too many images", code="chip.tlv.limit")
    return DisplayedImages(
        images=tuple(DisplayedImage(encoded=item, format=sniff_format(item)) for item in found),
        declared=int.from_bytes(count.value, "big") if count and len(count.value) == 1 else None,
    )
