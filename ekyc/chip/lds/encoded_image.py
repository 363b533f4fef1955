"""Encoded images as data groups hold them. They stay encoded; decoding is another room."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_JPEG2000_MAGICS: Final = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")


class ImageFormat(StrEnum):
    """What an encoded image says it is by its first bytes."""

    JPEG = "JPEG"
    JPEG2000 = "JPEG2000"


def sniff_format(encoded: bytes) -> ImageFormat | None:
    """By the first bytes, because the declared type is wrong in genuine documents; None for anything else."""
    if encoded.startswith(_JPEG_MAGIC):
        return ImageFormat.JPEG
    if encoded.startswith(_JPEG2000_MAGICS):
        return ImageFormat.JPEG2000
    return None
