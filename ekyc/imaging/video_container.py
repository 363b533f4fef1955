"""What the bytes of a video say before any decoder sees them: the container, whether it is whole, whether it shows.

Pure. Only the outermost structure is read, in bounded steps.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class VideoType(StrEnum):
    """The containers that are accepted."""

    MP4 = "mp4"
    """ISO/IEC 14496-12, and QuickTime, which it grew from."""
    WEBM = "webm"
    """Matroska, RFC 9559, of which WebM is a part."""
    AVI = "avi"
    MJPEG = "mjpeg"
    """JPEG pictures one after the other."""


_BRAND: Final = b"ftyp"
_EBML: Final = b"\x1aE\xdf\xa3"
_SEGMENT: Final = b"\x18S\x80g"
_JPEG_START: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
_MAX_BOXES: Final = 100_000
_VIDEO_CODEC: Final = re.compile(rb"\x86[\x83-\xbf]V_")  # RFC 9559 §5.1.4.1.21: CodecID
_VIDEO_HANDLER: Final = re.compile(rb"hdlr.{8}vide", re.DOTALL)  # ISO/IEC 14496-12 §8.4.3


def sniff_video(data: bytes) -> VideoType | None:
    """The container that the first bytes announce, or None when it is none of ours."""
    if data[4:8] == _BRAND:
        return VideoType.MP4
    if data.startswith(_EBML):
        return VideoType.WEBM
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return VideoType.AVI
    if data.startswith(_JPEG_START):
        return VideoType.MJPEG
    return None


def is_whole(data: bytes, kind: VideoType) -> bool:
    """Whether the container is as long as it says: decoders fill what is missing, or stop, without a word.

    A WebM stream whose length was unknown when it was written, as browsers write it, cannot be judged and counts as
    whole.
    """
    match kind:
        case VideoType.MP4:
            return _boxes_fit(data)
        case VideoType.WEBM:
            return _segment_fits(data)
        case VideoType.AVI:
            return int.from_bytes(data[4:8], "little") + 8 <= len(data)
        case VideoType.MJPEG:
            return data.rstrip(b"\x00\r\n").endswith(_JPEG_END)


def shows_pictures(data: bytes, kind: VideoType) -> bool:
    """Whether some track announces pictures; a recording of sound alone does not."""
    match kind:
        case VideoType.MP4:
            return _VIDEO_HANDLER.search(data) is not None
        case VideoType.WEBM:
            return _VIDEO_CODEC.search(data) is not None
        case VideoType.AVI:
            return b"vids" in data
        case VideoType.MJPEG:
            return True


def _boxes_fit(data: bytes) -> bool:
    """Walk the boxes of the file (ISO/IEC 14496-12 §4.2); the tables of samples must be among them."""
    at, tables = 0, False
    for _ in range(_MAX_BOXES):
        if at == len(data):
            return tables
        size = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        elif size == 0:
            size = len(data) - at
        if size < 8 or at + size > len(data):
            return False
        tables = tables or name in {b"moov", b"moof"}
        at += size
    return False


def _segment_fits(data: bytes) -> bool:
    """RFC 8794 §6: the length of the Segment, unless all its bits are ones, which means unknown."""
    at = data.find(_SEGMENT, 0, 4096)
    if at == -1 or at + 5 > len(data):
        return False
    first = data[at + 4]
    length = 9 - first.bit_length()
    if not 1 <= length <= 8:
        return False
    raw = int.from_bytes(data[at + 4 : at + 4 + length], "big")
    value = raw & ((1 << 7 * length) - 1)
    unknown = value == (1 << 7 * length) - 1
    return unknown or at + 4 + length + value <= len(data)
