"""EF.DG2: the face (ICAO 9303-10 §4.7.2; ISO/IEC 19794-5:2005 §5). Images stay encoded; decoding is another room."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ekyc.chip.tlv import Tlv, parse_tlv
from ekyc.errors import ChipError

_TAG: Final = 0x75
_GROUP: Final = 0x7F61
_TEMPLATE: Final = 0x7F60
_DATA: Final = (0x5F2E, 0x7F2E)
_MAX_TEMPLATES: Final = 9

_FORMAT: Final = b"FAC\x00010\x00"
_HEADER: Final = struct.Struct(">8sIH")
_FACE: Final = struct.Struct(">IHBBB3sH3s3s")
_FEATURE_POINT_BYTES: Final = 8
_IMAGE: Final = struct.Struct(">BBHHBBHH")

_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_JPEG2000_MAGICS: Final = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")


class ImageFormat(StrEnum):
    """What an encoded image says it is by its first bytes."""

    JPEG = "JPEG"
    JPEG2000 = "JPEG2000"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceImage:
    """One encoded face image of DG2."""

    encoded: bytes = field(repr=False)
    """JPEG or JPEG 2000 as stored. Personal data."""
    format: ImageFormat
    width_px: int
    """As declared; some issuers write 0. The image itself is the truth."""
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg2:
    """The face images in order of storage; at least one."""

    images: tuple[FaceImage, ...]


def parse_dg2(data: bytes) -> Dg2:
    """Parse EF.DG2 with biometric data of ISO/IEC 19794-5:2005.

    Raises:
        ChipError: ``chip.tlv.*``, ``chip.dg2_malformed``, ``chip.dg2_unsupported`` (another biometric format, such as
            ISO/IEC 39794-5).
    """
    templates = [item for item in parse_dg2_templates(data) if item.tag == _TEMPLATE]
    if not 1 <= len(templates) <= _MAX_TEMPLATES:
        raise _malformed("there is no face template, or there are too many")
    return Dg2(images=tuple(image for item in templates for image in _parse_template(item)))


def parse_dg2_templates(data: bytes) -> tuple[Tlv, ...]:
    """The data objects of the biometric information group template."""
    return parse_tlv(data, _TAG).get(_GROUP).children


def _parse_template(template: Tlv) -> list[FaceImage]:
    block = next((item for item in template.children if item.tag in _DATA), None)
    if block is None:
        raise _malformed("a template has no biometric data block")
    if not block.value.startswith(_FORMAT):
        raise ChipError(
            "the biometric data are not of ISO/IEC 19794-5:2005",
            code="chip.dg2_unsupported",
            subject="EF.DG2",
        )
    return parse_face_record(block.value)


def parse_face_record(record: bytes) -> list[FaceImage]:
    """Parse a facial record of ISO/IEC 19794-5:2005 §5.4–5.8.

    Raises:
        ChipError: ``chip.dg2_malformed``.
    """
    try:
        _magic, length, count = _HEADER.unpack_from(record)
        if length != len(record) or not 1 <= count <= _MAX_TEMPLATES:
            raise _malformed("the facial record has another length than it says")
        images: list[FaceImage] = []
        at = _HEADER.size
        for _ in range(count):
            size = _FACE.unpack_from(record, at)[0]
            if not _FACE.size + _IMAGE.size < size <= len(record) - at:
                raise _malformed("a face has another length than it says")
            images.append(_parse_face(record[at : at + size]))
            at += size
    except struct.error as exc:
        raise _malformed("the facial record ends early") from exc
    if at != len(record):
        raise _malformed("bytes follow the last face")
    return images


def _parse_face(face: bytes) -> FaceImage:
    points = _FACE.unpack_from(face)[1]
    at = _FACE.size + _FEATURE_POINT_BYTES * points
    _kind, _type, width, height, *_rest = _IMAGE.unpack_from(face, at)
    encoded = face[at + _IMAGE.size :]
    return FaceImage(encoded=encoded, format=_sniff(encoded), width_px=width, height_px=height)


def _sniff(encoded: bytes) -> ImageFormat:
    """By the first bytes: the declared data type is wrong in genuine documents."""
    if encoded.startswith(_JPEG_MAGIC):
        return ImageFormat.JPEG
    if encoded.startswith(_JPEG2000_MAGICS):
        return ImageFormat.JPEG2000
    raise _malformed("the image is neither JPEG nor JPEG 2000")


def _malformed(message: str) -> ChipError:
    return ChipError(message, code="chip.dg2_malformed", subject="EF.DG2")
