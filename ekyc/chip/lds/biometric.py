"""The envelope of biometric data in DG2, DG3 and DG4 (ICAO 9303-10 §4.7.2; ISO/IEC 7816-11, CBEFF patron format)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ekyc.errors import ChipError, InputError
from ekyc.pki import der

_GROUP: Final = 0x7F61
_TEMPLATE: Final = 0x7F60
_HEADER: Final = 0xA1
_DATA: Final = (0x5F2E, 0x7F2E)
_SUBTYPE: Final = 0x82
_FORMAT_OWNER: Final = 0x87
_FORMAT_TYPE: Final = 0x88
MAX_TEMPLATES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BiometricTemplate:
    """One biometric information template. What is inside the data block is another file's matter."""

    header: Mapping[int, bytes]
    """Tag → value of the biometric header, unknown ones too."""
    data: bytes | None = field(repr=False)
    """The biometric data block; None where the template has none. Personal data."""

    @property
    def subtype(self) -> bytes:
        """Which finger or eye (tag 82); empty where not said."""
        return self.header.get(_SUBTYPE, b"")

    @property
    def format_owner(self) -> bytes:
        """``0101`` for ISO/IEC JTC 1/SC 37."""
        return self.header.get(_FORMAT_OWNER, b"")

    @property
    def format_type(self) -> bytes:
        """``0008`` face 19794-5, ``002A`` face 39794-5, ``0007`` finger image, ``0009`` iris image."""
        return self.header.get(_FORMAT_TYPE, b"")


def parse_biometric_group(data: bytes, tag: int) -> tuple[BiometricTemplate, ...]:
    """The templates of a biometric data group, in order; none where the group says that it holds none.

    Data blocks are not looked into. A template whose inside is broken comes out without data.

    Raises:
        ChipError: ``chip.tlv.malformed``, ``chip.tlv.missing``, ``chip.tlv.limit`` for more than sixteen templates.
    """
    with der.malformed_as(ChipError, code="chip.tlv.malformed"):
        root = der.single(data, tag)
        group = next((item for item in der.children(data, root) if item.tag == _GROUP), None)
        if group is None:
            raise ChipError("data object 7F61 is missing", code="chip.tlv.missing")
        found = [item for item in der.children(data, group) if item.tag == _TEMPLATE]
    if len(found) > MAX_TEMPLATES:
        raise ChipError("too many biometric templates", code="chip.tlv.limit")
    return tuple(_read_template(data, item) for item in found)


def _read_template(data: bytes, template: der.Element) -> BiometricTemplate:
    entries: dict[int, bytes] = {}
    block: bytes | None = None
    with suppress(InputError):
        for item in der.elements(data, template.content, template.stop):
            if item.tag == _HEADER:
                entries |= {
                    entry.tag: der.content_of(data, entry) for entry in der.children(data, item)
                }
            elif item.tag in _DATA and block is None:
                block = der.content_of(data, item)
    return BiometricTemplate(header=MappingProxyType(entries), data=block)
