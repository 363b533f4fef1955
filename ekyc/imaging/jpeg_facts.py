"""What a JPEG file tells about who wrote it: tables, structure, EXIF. Pixels are not decoded.

Segments are those of ITU-T T.81 annex B; EXIF tags those of CIPA DC-008 (EXIF 2.32). Any bytes may come in; what cannot be
read is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
from PIL import Image

_SOI: Final = b"\xff\xd8"
_START_OF_SCAN, _TABLES = 0xDA, 0xDB
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1, _APP13 = 0xE1, 0xED
_MAX_SEGMENTS: Final = 200
_EXIF: Final = b"Exif\x00\x00"
_EDITOR: Final = b"Photoshop 3.0\x00"
_RESOURCE: Final = b"8BIM"
_CAPTIONS: Final = frozenset({0x0404, 0x0425})
"""IPTC captions and their digest: libraries and the encoders of some telephones write them too, often empty."""
_MAKE, _MODEL, _SOFTWARE, _SUB_IFD = 0x010F, 0x0110, 0x0131, 0x8769
_TAKEN, _WIDTH, _HEIGHT = 0x9003, 0xA002, 0xA003
_MAX_TEXT: Final = 80
_LUMINANCE: Final = np.array(
    # ITU-T T.81 table K.1, in zig-zag order
    (
        *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
        *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
        *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
        *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExifFacts:
    """Of the camera and the moment. Texts are cut at 80 characters; None where absent or unreadable."""

    make: str | None = None
    model: str | None = None
    software: str | None = None
    taken: datetime | None = None
    """``DateTimeOriginal``: the camera's local time, which names no zone; held in UTC only to be compared."""
    width_px: int | None = None
    height_px: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegFacts:
    """Of one file."""

    width_px: int
    height_px: int
    process: int
    """Marker of the frame header: 0xC0 baseline, 0xC2 progressive."""
    sampling: tuple[int, ...]
    """Sampling factors of each component, horizontal times 16 plus vertical."""
    tables: tuple[tuple[int, ...], ...]
    """Quantisation tables in the order of the file, 64 values each, zig-zag."""
    markers: tuple[int, ...]
    """Segments before the scan, in order, each kind once."""
    edited: bool
    """Whether an image editor left resources of its own (APP13); captions alone, which others write too, are none."""
    exif: ExifFacts = field(default_factory=ExifFacts)

    @property
    def standard_quality(self) -> int | None:
        """Quality 1–100 at which the reference encoder's first table is this one, or None: another family."""
        if not self.tables:
            return None
        first = np.array(self.tables[0])
        for quality in range(1, 101):
            scale = 5000 // quality if quality < 50 else 200 - 2 * quality
            if np.array_equal(np.clip((_LUMINANCE * scale + 50) // 100, 1, 255), first):
                return quality
        return None


def read_jpeg_facts(data: bytes) -> JpegFacts | None:
    """Facts of a JPEG file, or None where it is none or its header is damaged."""
    if not data.startswith(_SOI):
        return None
    frame: tuple[int, bytes] | None = None
    tables: list[tuple[int, ...]] = []
    markers: dict[int, None] = {}
    exif, edited = ExifFacts(), False
    for marker, body in _segments(data):
        markers[marker] = None
        if marker == _TABLES:
            tables.extend(_tables(body))
        elif marker in _FRAMES:
            frame = (marker, body)
        elif marker == _APP1 and body.startswith(_EXIF):
            exif = _exif(body)
        elif marker == _APP13 and body.startswith(_EDITOR):
            edited = edited or not _CAPTIONS.issuperset(_resources(body))
    if frame is None or len(frame[1]) < 6 or len(frame[1]) < 6 + 3 * frame[1][5]:
        return None
    process, body = frame
    return JpegFacts(
        width_px=int.from_bytes(body[3:5], "big"),
        height_px=int.from_bytes(body[1:3], "big"),
        process=process,
        sampling=tuple(body[7 + 3 * i] for i in range(body[5])),
        tables=tuple(tables),
        markers=tuple(markers),
        edited=edited,
        exif=exif,
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment up to the first scan, T.81 §B.1.1.4."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] == _START_OF_SCAN:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def _resources(body: bytes) -> Iterator[int]:
    """Numbers of the resources in an editor's block: name and data are padded to even lengths."""
    at = len(_EDITOR)
    while body[at : at + 4] == _RESOURCE and at + 6 < len(body):
        yield int.from_bytes(body[at + 4 : at + 6], "big")
        at += 6 + (body[at + 6] + 2) // 2 * 2
        size = int.from_bytes(body[at : at + 4], "big")
        at += 4 + (size + 1) // 2 * 2


def _tables(body: bytes) -> Iterator[tuple[int, ...]]:
    """T.81 §B.2.4.1."""
    at = 0
    while at < len(body):
        wide = body[at] >> 4 == 1
        size = 128 if wide else 64
        raw = body[at + 1 : at + 1 + size]
        if len(raw) < size:
            return
        yield tuple(np.frombuffer(raw, ">u2" if wide else np.uint8).tolist())
        at += 1 + size


def _exif(body: bytes) -> ExifFacts:
    try:
        exif = Image.Exif()
        exif.load(body)
        detail = exif.get_ifd(_SUB_IFD)
        return ExifFacts(
            make=_text(exif.get(_MAKE)),
            model=_text(exif.get(_MODEL)),
            software=_text(exif.get(_SOFTWARE)),
            taken=_moment(detail.get(_TAKEN)),
            width_px=_number(detail.get(_WIDTH)),
            height_px=_number(detail.get(_HEIGHT)),
        )
    except Exception:  # noqa: BLE001 - a TIFF parser of its own, as fragile on hostile bytes as any
        return ExifFacts()


def _text(value: object) -> str | None:
    return value.strip("\x00 ")[:_MAX_TEXT] or None if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value.strip("\x00 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
