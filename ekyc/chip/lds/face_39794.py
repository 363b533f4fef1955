"""Face image data of ISO/IEC 39794-5:2019 as travel documents restrict it (ICAO application profile, ASN.1 in DER).

The way to the image, with implicit context tags::

    A1 { 65 FaceImageDataBlock {                      [APPLICATION 5]
        A0 versionBlock { 80 generation, 81 year }
        A1 representationBlocks { 30 RepresentationBlock {        exactly one
            80 representationId
            A1 imageRepresentation { A0 base { A0 imageRepresentation2DBlock {
                80 representationData2D                           the encoded image
                A1 imageInformation2DBlock { … A7 imageSizeBlock { 80 width, 81 height } … } } } }
            … } } } }

Everything else – capture time, quality, pose, landmarks – is optional, and new members may follow anywhere; it stays in
the raw file.
"""

from __future__ import annotations

from typing import Final

from ekyc.chip.lds.face_image import FaceEncoding, FaceImage, dg2_malformed, face_image
from ekyc.errors import ChipError, EkycError
from ekyc.pki import der

_OUTER: Final = 0xA1
_BLOCK: Final = 0x65
_GENERATION: Final = 3
_REPRESENTATIONS: Final = 0xA1
_IMAGE_REPRESENTATION: Final = (0xA1, 0xA0, 0xA0)
_IMAGE_DATA: Final = 0x80
_IMAGE_INFORMATION: Final = 0xA1
_IMAGE_SIZE: Final = 0xA7
_PIXELS: Final = range(65_536)


def parse_face_image_data(block: bytes) -> FaceImage:
    """Parse a biometric data block, which holds exactly one face image data block with exactly one face.

    Raises:
        ChipError: ``chip.dg2_malformed``; ``chip.dg2_unsupported`` for a later generation of the standard.
    """
    with der.malformed_as(ChipError, code="chip.dg2_malformed", subject="EF.DG2"):
        root = _child(block, der.single(block, _OUTER), _BLOCK)
        _verify_generation(block, root)
        representations = der.children(block, _child(block, root, _REPRESENTATIONS))
        if len(representations) != 1:
            raise dg2_malformed("there must be exactly one representation")
        image = representations[0]
        for tag in _IMAGE_REPRESENTATION:
            image = _child(block, image, tag)
        width, height = _declared_size(block, image)
        encoded = der.content_of(block, _child(block, image, _IMAGE_DATA))
    return face_image(encoded, encoding=FaceEncoding.ISO_39794_5, width_px=width, height_px=height)


def _verify_generation(block: bytes, root: der.Element) -> None:
    version = _child(block, root, 0xA0)
    generation = der.decode_integer(der.content_of(block, _child(block, version, 0x80)))
    if generation != _GENERATION:
        raise ChipError(
            f"generation {generation} of the face standard is not known",
            code="chip.dg2_unsupported",
            subject="EF.DG2",
        )


def _declared_size(block: bytes, image: der.Element) -> tuple[int, int]:
    """Width and height; 0 where the optional size block is absent or makes no sense."""
    information = _child(block, image, _IMAGE_INFORMATION)
    try:
        size = _child(block, information, _IMAGE_SIZE)
        sides = (_child(block, size, tag) for tag in (0x80, 0x81))
        width, height = (der.decode_integer(der.content_of(block, side)) for side in sides)
    except EkycError:
        return 0, 0
    return (width, height) if width in _PIXELS and height in _PIXELS else (0, 0)


def _child(block: bytes, parent: der.Element, tag: int) -> der.Element:
    """The one child with this tag; members of unknown tags are passed over."""
    found = [item for item in der.elements(block, parent.content, parent.stop) if item.tag == tag]
    if len(found) != 1:
        raise dg2_malformed(f"member {tag:X} must stand exactly once")
    return found[0]
