"""Writing DER (ITU-T X.690): just what CMS and timestamps need.

asn1crypto parses for us and does not build for us. Values built with asn1crypto 1.5.1 are encoded again at every
look and at every level of nesting, and its ``dump`` takes a length that ends in the byte 80 for the indefinite
form and starts over: about one signature in thirty then took minutes (even ``.native`` followed by ``.dump()`` on
a parsed CMS took 12 s). Here each part is encoded once, from the inside out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

from asn1crypto import core


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: tag byte, definite length in the shortest form, contents."""
    contents = b"".join(parts)
    length = len(contents)
    if length < 0x80:
        return bytes((tag, length)) + contents
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(octets))) + octets + contents


def elements(contents: bytes) -> list[bytes]:
    """The elements that stand one after the other in ``contents``, each whole.

    Raises:
        ValueError: not DER: a length that is indefinite, or not the shortest, or beyond the end; a tag of many bytes.
    """
    found: list[bytes] = []
    place = 0
    while place < len(contents):
        end = place + element_size(contents[place : place + 6])
        if end > len(contents):
            raise ValueError("an element reaches beyond the end")
        found.append(contents[place:end])
        place = end
    return found


def inside(element: bytes) -> bytes:
    """Contents of one element.

    Raises:
        ValueError: as :func:`elements`.
    """
    return element[len(element) - _length(element[:6])[1] :]


def element_size(head: bytes) -> int:
    """How many bytes the element takes that begins here.

    Raises:
        ValueError: as :func:`elements`.
    """
    octets, length = _length(head)
    return 1 + octets + length


def _length(head: bytes) -> tuple[int, int]:
    """How many octets state the length, and the length."""
    if len(head) < 2 or head[0] & 0x1F == 0x1F or head[1] in {0x80, 0xFF}:
        raise ValueError("no DER element begins here")
    if head[1] < 0x80:
        return 1, head[1]
    count = head[1] & 0x7F
    octets = head[2 : 2 + count]
    length = int.from_bytes(octets)
    if count > 4 or len(octets) != count or octets[0] == 0 or length < 0x80:
        raise ValueError("not the shortest form of a length")
    return 1 + count, length


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def set_of(parts: Iterable[bytes], *, tag: int = 0x31) -> bytes:
    """SET OF: elements in the order of their encodings, none twice (X.690 §11.6)."""
    return tlv(tag, *sorted(set(parts)))


def context(number: int, *parts: bytes) -> bytes:
    """Constructed context-specific element: an explicit tag around one part, or an implicit one around many."""
    return tlv(0xA0 | number, *parts)


def integer(value: int) -> bytes:
    magnitude = value if value >= 0 else ~value  # -128 fits one octet, as 127 does
    return tlv(0x02, value.to_bytes(magnitude.bit_length() // 8 + 1, signed=True))


def octet_string(value: bytes) -> bytes:
    return tlv(0x04, value)


def null() -> bytes:
    return b"\x05\x00"


def named_bits(highest: int) -> bytes:
    """BIT STRING of named bits with one bit set: no trailing zero bits (X.690 §11.2.2)."""
    octets = bytearray(highest // 8 + 1)
    octets[-1] = 0x80 >> highest % 8
    return tlv(0x03, bytes((7 - highest % 8,)), bytes(octets))


def generalized_time(at: datetime) -> bytes:
    """UTC, whole seconds (X.690 §11.7)."""
    return tlv(0x18, f"{at.astimezone(UTC):%Y%m%d%H%M%S}Z".encode())


def utc_time(at: datetime) -> bytes:
    """UTC, whole seconds, years 1950 to 2049 (X.690 §11.8)."""
    return tlv(0x17, f"{at.astimezone(UTC):%y%m%d%H%M%S}Z".encode())


@cache
def oid(dotted: str) -> bytes:
    encoded: bytes = core.ObjectIdentifier(dotted).dump()
    return encoded
