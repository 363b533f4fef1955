"""One face of DG2, whichever standard recorded it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ekyc.chip.lds.encoded_image import ImageFormat, sniff_format
from ekyc.errors import ChipError


class FaceEncoding(StrEnum):
    """The standard that a face record follows."""

    ISO_19794_5 = "ISO/IEC 19794-5:2005"
    ISO_39794_5 = "ISO/IEC 39794-5:2019"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceImage:
    """One encoded face image of DG2."""

    encoded: bytes = field(repr=False)
    """JPEG or JPEG 2000 as stored. Personal data."""
    format: ImageFormat
    encoding: FaceEncoding
    width_px: int
    """As declared; 0 where not said. The image itself is the truth."""
    height_px: int


def face_image(
    encoded: bytes, *, encoding: FaceEncoding, width_px: int, height_px: int
) -> FaceImage:
    """A face whose image is of a known kind.

    Raises:
        ChipError: ``chip.dg2_malformed``.
    """
    found = sniff_format(encoded)
    if found is None:
        raise dg2_malformed("the image is neither JPEG nor JPEG 2000")
    return FaceImage(
        encoded=encoded, format=found, encoding=encoding, width_px=width_px, height_px=height_px
    )


def dg2_malformed(message: str) -> ChipError:
    return ChipError(message, code="chip.dg2_malformed", subject="EF.DG2")
