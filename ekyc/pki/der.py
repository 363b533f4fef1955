"""The one reader of tag-length-value bytes: definite lengths, everything inside bounds, nothing allocated by claim.

X.690 §8.1 with the definite form only. A claimed length is compared with what is really there before anything is
taken, so a header that promises 4 GB costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from ekyc.errors import EkycError, InputError

SEQUENCE: Final = 0x30
SET: Final = 0x31
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06

_MAX_TAG_BYTES: Final = 3
_MAX_LENGTH_BYTES: Final = 4

# What asn1crypto raises on hostile bytes besides ValueError, found by fuzzing.
_PARSER_FAILURES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


class Element(NamedTuple):
    """Where one element lies in the bytes it was read from."""

    tag: int
    """The identifier octets as one big-endian number: ``0x30``, ``0x7F61``."""
    start: int
    """Offset of the first identifier octet."""
    content: int
    """Offset of the first content octet."""
    stop: int
    """Offset after the last content octet."""

    @property
    def constructed(self) -> bool:
        """Whether the content is itself a series of elements (bit 6 of the first identifier octet)."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & 0x20)


def read_element(data: bytes, at: int, end: int) -> Element:
    """Read the header at ``at`` and check that the element ends within ``end``.

    Raises:
        InputError: ``asn1.truncated``, ``asn1.tag``, ``asn1.length`` (indefinite, reserved or absurd).
    """
    tag, position = _read_tag(data, at, end)
    length, position = _read_length(data, position, end)
    if length > end - position:
        raise InputError(
            f"an element claims {length} bytes where {end - position} are left",
            code="asn1.truncated",
        )
    return Element(tag, at, position, position + length)


def elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    """The elements that fill ``data[start:end]`` without gap or remainder."""
    while start < end:
        element = read_element(data, start, end)
        yield element
        start = element.stop


def children(data: bytes, parent: Element) -> list[Element]:
    """The direct children of a constructed element."""
    return list(elements(data, parent.content, parent.stop))


def content_of(data: bytes, element: Element) -> bytes:
    return data[element.content : element.stop]


def encoding_of(data: bytes, element: Element) -> bytes:
    return data[element.start : element.stop]


def single(data: bytes, tag: int) -> Element:
    """The one element that is all of ``data``.

    Raises:
        InputError: another tag (``asn1.tag``) or bytes after the element (``asn1.trailing``).
    """
    element = read_element(data, 0, len(data))
    if element.tag != tag:
        raise InputError(f"tag {element.tag:#x} where {tag:#x} must stand", code="asn1.tag")
    if element.stop != len(data):
        raise InputError(
            f"{len(data) - element.stop} bytes follow the end of the structure",
            code="asn1.trailing",
        )
    return element


def encode(tag: int, *contents: bytes) -> bytes:
    """Tag, minimal definite length and the contents, one after the other."""
    body = b"".join(contents)
    head = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    if len(body) < 0x80:
        return head + bytes((len(body),)) + body
    width = (len(body).bit_length() + 7) // 8
    return head + bytes((0x80 | width,)) + len(body).to_bytes(width, "big") + body


def decode_integer(content: bytes) -> int:
    """Two's complement INTEGER content."""
    if not content:
        raise InputError("an INTEGER is empty", code="asn1.integer")
    return int.from_bytes(content, "big", signed=True)


def decode_oid(content: bytes) -> str:
    """OBJECT IDENTIFIER content in dotted form (X.690 §8.19)."""
    if not content or content[-1] & 0x80 or len(content) > 64:
        raise InputError("an OBJECT IDENTIFIER is malformed", code="asn1.oid")
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


@contextmanager
def malformed_as(
    error: Callable[..., EkycError], *, code: str, subject: str | None = None
) -> Iterator[None]:
    """Turn whatever a parser raises on hostile bytes into one typed error.

    asn1crypto reads lazily and raises many kinds of exception; this is the only place that knows them. Errors that
    are typed already pass, except the reader's own ``asn1.*``, which gain the code and subject of the caller.
    """
    try:
        yield
    except EkycError as exc:
        if not exc.code.startswith("asn1."):
            raise
        raise error(exc.message, code=code, subject=subject) from exc
    except _PARSER_FAILURES as exc:
        raise error("the ASN.1 structure is malformed", code=code, subject=subject) from exc


def _read_tag(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at >= end:
        raise InputError("the data end where a tag must stand", code="asn1.truncated")
    tag = data[at]
    at += 1
    if tag & 0x1F != 0x1F:
        return tag, at
    for _ in range(_MAX_TAG_BYTES - 1):
        if at >= end:
            raise InputError("the data end within a tag", code="asn1.truncated")
        tag = tag << 8 | data[at]
        at += 1
        if not tag & 0x80:
            return tag, at
    raise InputError(f"a tag is longer than {_MAX_TAG_BYTES} bytes", code="asn1.tag")


def _read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at >= end:
        raise InputError("the data end where a length must stand", code="asn1.truncated")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    width = first & 0x7F
    if not 1 <= width <= _MAX_LENGTH_BYTES:
        raise InputError("a length is indefinite or absurd", code="asn1.length")
    if width > end - at:
        raise InputError("the data end within a length", code="asn1.truncated")
    return int.from_bytes(data[at : at + width], "big"), at + width
