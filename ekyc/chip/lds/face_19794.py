"""Facial records of ISO/IEC 19794-5:2005 §5: fixed big-endian structures."""

from __future__ import annotations

import struct
from typing import Final

from ekyc.chip.lds.face_image import FaceEncoding, FaceImage, dg2_malformed, face_image

FORMAT_IDENTIFIER: Final = b"FAC\x00010\x00"
_HEADER: Final = struct.Struct(">8sIH")
_FACE: Final = struct.Struct(">IHBBB3sH3s3s")
_FEATURE_POINT_BYTES: Final = 8
_IMAGE: Final = struct.Struct(">BBHHBBHH")
_MAX_FACES: Final = 9


def parse_face_record(record: bytes) -> list[FaceImage]:
    """Parse a facial record of ISO/IEC 19794-5:2005 §5.4–5.8.

    Raises:
        ChipError: ``chip.dg2_malformed``.
    """
    try:
        _magic, length, count = _HEADER.unpack_from(record)
        if length != len(record) or not 1 <= count <= _MAX_FACES:
            raise dg2_malformed("the facial record has another length than it says")
        images: list[FaceImage] = []
        at = _HEADER.size
        for _ in range(count):
            size = _FACE.unpack_from(record, at)[0]
            if not _FACE.size + _IMAGE.size < size <= len(record) - at:
                raise dg2_malformed("a face has another length than it says")
            images.append(_parse_face(record[at : at + size]))
            at += size
    except struct.error as exc:
        raise dg2_malformed("the facial record ends early") from exc
    if at != len(record):
        raise dg2_malformed("bytes follow the last face")
    return images


def _parse_face(face: bytes) -> FaceImage:
    points = _FACE.unpack_from(face)[1]
    at = _FACE.size + _FEATURE_POINT_BYTES * points
    _kind, _type, width, height, *_rest = _IMAGE.unpack_from(face, at)
    return face_image(
        face[at + _IMAGE.size :],
        encoding=FaceEncoding.ISO_19794_5,
        width_px=width,
        height_px=height,
    )
