"""Strict BER-TLV trees of the logical data structure (ICAO 9303-10 §4.4; ISO/IEC 7816-4 §6.3).

A chip is a stranger. Depth, number of elements and size are bounded, a claimed length is believed only as far as bytes
are there, and bytes that follow the structure are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import ChipError, InputError
from ekyc.pki import der

MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Tlv:
    """One data object. ``children`` is filled where the tag says that the value is constructed."""

    tag: int
    """Identifier octets as one number: ``0x61``, ``0x5F1F``, ``0x7F61``."""
    value: bytes = field(repr=False)
    children: tuple[Tlv, ...] = field(default=(), repr=False)

    def find(self, *tags: int) -> Tlv | None:
        """The first data object down a path of tags, or None."""
        if not tags:
            return self
        head, *rest = tags
        child = next((item for item in self.children if item.tag == head), None)
        return child.find(*rest) if child else None

    def get(self, *tags: int) -> Tlv:
        """Like :meth:`find`, but a missing data object is an error.

        Raises:
            ChipError: ``chip.tlv.missing``.
        """
        found = self.find(*tags)
        if found is None:
            path = "/".join(f"{tag:X}" for tag in tags)
            raise ChipError(f"data object {path} is missing", code="chip.tlv.missing")
        return found


class _Budget:
    """How many more elements one file may have."""

    def __init__(self) -> None:
        self.elements = MAX_ELEMENTS


def parse_tlv(data: bytes, tag: int) -> Tlv:
    """Parse ``data``, which must be exactly one data object of this tag.

    Raises:
        ChipError: ``chip.tlv.malformed`` (truncated, absurd length, wrong tag, trailing bytes),
            ``chip.tlv.limit`` (too deep, too many elements).
    """
    with der.malformed_as(ChipError, code="chip.tlv.malformed"):
        return _parse(data, der.single(data, tag), _Budget(), 0)


def unwrap(data: bytes, tag: int) -> bytes:
    """Content of the one outer data object, unparsed: for files that hold ASN.1 inside.

    Raises:
        ChipError: ``chip.tlv.malformed``.
    """
    with der.malformed_as(ChipError, code="chip.tlv.malformed"):
        return der.content_of(data, der.single(data, tag))


def outer_tag(data: bytes) -> int | None:
    """Tag of the data object that fills ``data``; None where ``data`` is no such thing."""
    try:
        element = der.read_element(data, 0, len(data))
    except InputError:
        return None
    return element.tag if element.stop == len(data) else None


def _parse(data: bytes, element: der.Element, budget: _Budget, depth: int) -> Tlv:
    budget.elements -= 1
    if depth > MAX_DEPTH or budget.elements < 0:
        raise ChipError("nested too deeply or too many elements", code="chip.tlv.limit")
    children: tuple[Tlv, ...] = ()
    if element.constructed:
        children = tuple(
            _parse(data, child, budget, depth + 1)
            for child in der.elements(data, element.content, element.stop)
        )
    return Tlv(tag=element.tag, value=der.content_of(data, element), children=children)
