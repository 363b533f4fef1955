"""EF.DG2: the face (ICAO 9303-10 §4.7.2), as ISO/IEC 19794-5:2005 or ISO/IEC 39794-5 record.

Which of the two it is, the biometric data block itself tells; the format type of the header is wrong in some genuine
documents. A face that cannot be read is counted and does not lose the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.lds.biometric import BiometricTemplate, parse_biometric_group
from ekyc.chip.lds.encoded_image import ImageFormat
from ekyc.chip.lds.face_19794 import FORMAT_IDENTIFIER, parse_face_record
from ekyc.chip.lds.face_39794 import parse_face_image_data
from ekyc.chip.lds.face_image import FaceEncoding, FaceImage, dg2_malformed
from ekyc.errors import ChipError

_TAG: Final = 0x75
_FACE_IMAGE_DATA: Final = 0xA1
_MAX_TEMPLATES: Final = 9

__all__ = ["Dg2", "FaceEncoding", "FaceImage", "ImageFormat", "parse_dg2", "parse_face_record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg2:
    """The face images in order of storage; at least one."""

    images: tuple[FaceImage, ...]
    unreadable: tuple[int, ...] = ()
    """Numbers, from 1, of templates that could not be read."""


def parse_dg2(data: bytes) -> Dg2:
    """Parse EF.DG2.

    Raises:
        ChipError: ``chip.tlv.*``; with no readable face at all ``chip.dg2_malformed`` or ``chip.dg2_unsupported``
            (another biometric format).
    """
    templates = parse_biometric_group(data, _TAG)
    if not 1 <= len(templates) <= _MAX_TEMPLATES:
        raise dg2_malformed("there is no face template, or there are too many")
    images: list[FaceImage] = []
    failures: dict[int, ChipError] = {}
    for number, template in enumerate(templates, start=1):
        try:
            images += _parse_template(template)
        except ChipError as exc:
            failures[number] = exc
    if not images:
        raise failures[1]
    return Dg2(images=tuple(images), unreadable=tuple(failures))


def _parse_template(template: BiometricTemplate) -> list[FaceImage]:
    block = template.data
    if not block:
        raise dg2_malformed("a template has no biometric data block")
    if block.startswith(FORMAT_IDENTIFIER):
        return parse_face_record(block)
    if block[0] == _FACE_IMAGE_DATA:
        return [parse_face_image_data(block)]
    raise ChipError(
        "the biometric data are neither of ISO/IEC 19794-5:2005 nor of ISO/IEC 39794-5",
        code="chip.dg2_unsupported",
        subject="EF.DG2",
    )
