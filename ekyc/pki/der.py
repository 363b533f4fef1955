"""The one reader of tag-length-value bytes: definite lengths, everything inside bounds, nothing allocated by claim.

X.690 §8.1 with the definite form only. A claimed length is compared with what is really there before anything is
taken, so a header that promises 4 GB costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, NamedTuple

from ekyc.errors import EkycError, InputError

SEQUENCE: Final = 0x30
SET: Final = 0x31
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06

_CONSTRUCTED_OCTET_STRING: Final = 0x24
_END_OF_CONTENTS: Final = b"\x00\x00"

_MAX_TAG_BYTES: Final = 3
_MAX_LENGTH_BYTES: Final = 4
_MAX_DEPTH: Final = 16

# What asn1crypto and our own slicing raise on hostile bytes besides ValueError, found by fuzzing.
_PARSER_FAILURES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
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


_new_tuple = tuple.__new__
"""Without the wrapper of ``NamedTuple``: reading headers is most of the time of a document."""


def read_element(data: bytes, at: int, end: int) -> Element:
    """Read the header at ``at`` and check that the element ends within ``end``.

    Raises:
        InputError: ``asn1.truncated``, ``asn1.tag``, ``asn1.length`` (indefinite, reserved or absurd).
    """
    if at + 1 < end and data[at] & 0x1F != 0x1F and data[at + 1] < 0x80:  # nearly every header
        tag, length, position = data[at], data[at + 1], at + 2
    else:
        tag, position = _read_tag(data, at, end)
        length, position = _read_length(data, position, end)
    if length > end - position:
        raise InputError(
            f"an element claims {length} bytes where {end - position} are left",
            code="asn1.truncated",
        )
    return _new_tuple(Element, (tag, at, position, position + length))


def elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    """The elements that fill ``data[start:end]`` without gap or remainder."""
    while start < end:
        element = read_element(data, start, end)
        yield element
        start = element.stop


def children(data: bytes, parent: Element) -> list[Element]:
    """The direct children of a constructed element."""
    found: list[Element] = []
    at, end = parent.content, parent.stop
    while at < end:
        element = read_element(data, at, end)
        found.append(element)
        at = element.stop
    return found


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


def decode_unsigned(content: bytes) -> int:
    """INTEGER content of a number that cannot be negative: a modulus, a prime, an order.

    Some issuers leave out the zero octet that keeps a large number positive. Its octets are then taken as they stand;
    read as two's complement they would name a number that no key has.
    """
    if not content:
        raise InputError("an INTEGER is empty", code="asn1.integer")
    return int.from_bytes(content, "big")


def octets(data: bytes, element: Element) -> bytes:
    """Content of an OCTET STRING, its segments joined where it is a constructed one (X.690 §8.7.3.2).

    Raises:
        InputError: ``asn1.tag``.
    """
    if element.tag == OCTET_STRING:
        return content_of(data, element)
    segments = children(data, element) if element.tag == _CONSTRUCTED_OCTET_STRING else None
    if segments is None or any(segment.tag != OCTET_STRING for segment in segments):
        raise InputError("an OCTET STRING must stand here", code="asn1.tag")
    return b"".join(content_of(data, segment) for segment in segments)


def with_definite_lengths(data: bytes) -> bytes:
    """The same elements, those of indefinite length (X.690 §8.1.3.6) written with definite ones.

    What is definite already stays as it is, byte for byte, so that signed parts keep their digests.

    Raises:
        InputError: ``asn1.*``; nested deeper than any signed structure is (``asn1.depth``).
    """
    parts, at = [], 0
    while at < len(data):
        part, at = _definite(data, at, len(data), _MAX_DEPTH)
        parts.append(part)
    return b"".join(parts)


def _definite(data: bytes, at: int, end: int, depth: int) -> tuple[bytes, int]:
    """The element at ``at`` in definite form, and where it ended."""
    tag, position = _read_tag(data, at, end)
    if data[position : position + 1] != b"\x80":
        element = read_element(data, at, end)
        return _definite_inside(data, element, depth), element.stop
    if depth == 0:
        raise InputError("the structure is nested too deeply", code="asn1.depth")
    contents, position = [], position + 1
    while data[position : min(position + 2, end)] != _END_OF_CONTENTS:
        part, position = _definite(data, position, end, depth - 1)
        contents.append(part)
    return encode(tag, *contents), position + 2


def _definite_inside(data: bytes, element: Element, depth: int) -> bytes:
    """A definite element; only where something inside is indefinite does it change."""
    received = encoding_of(data, element)
    if not element.constructed or depth == 0 or not _may_hold_indefinite(received):
        return received
    contents, at = [], element.content
    while at < element.stop:
        part, at = _definite(data, at, element.stop, depth - 1)
        contents.append(part)
    if b"".join(contents) == content_of(data, element):
        return received
    return encode(element.tag, *contents)


def _may_hold_indefinite(encoded: bytes) -> bool:
    """An indefinite length needs both marks somewhere; most certificates lack the second."""
    return b"\x80" in encoded and _END_OF_CONTENTS in encoded


@lru_cache(maxsize=1024)
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
