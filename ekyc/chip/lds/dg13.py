"""EF.DG13 of the Vietnamese identity card: the bearer's data in full Vietnamese spelling.

ICAO leaves DG13 to the issuer. No layout is published; seven independent readers agree on this grammar::

    6D { wrappers, at least one SEQUENCE { SEQUENCE { INTEGER index, value … } … } }

Readers in the field search for byte patterns and slice at fixed offsets; they break on long-form lengths (most
addresses), on text that contains the pattern, and on families of other than two names. This one walks the DER.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from ekyc.errors import ChipError, InputError
from ekyc.pki import der
from ekyc.values import Redacted

_TAG: Final = 0x6D
_MAX_DEPTH: Final = 6
_MAX_FIELDS: Final = 64
_MAX_TEXT_BYTES: Final = 4096
_CODEC_OF_TAG: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}


class Dg13Field(IntEnum):
    """Index of a field."""

    PERSONAL_NUMBER = 1
    FULL_NAME = 2
    BIRTH_DATE = 3
    """dd/mm/yyyy."""
    SEX = 4
    """Nam or Nữ."""
    NATIONALITY = 5
    ETHNICITY = 6
    RELIGION = 7
    PLACE_OF_ORIGIN = 8
    PLACE_OF_RESIDENCE = 9
    IDENTIFYING_FEATURES = 10
    ISSUE_DATE = 11
    EXPIRY_DATE = 12
    """dd/mm/yyyy, or text on cards that never expire."""
    PARENTS = 13
    SPOUSE = 14
    OLD_NUMBER = 15
    FIELD_16 = 16
    """Sixteen characters whose meaning the known readers dispute; kept, not interpreted."""


_KNOWN: Final = frozenset(Dg13Field)
_NAME_LISTS: Final = frozenset({Dg13Field.PARENTS, Dg13Field.SPOUSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg13:
    """The fields, in Unicode normal form C, with what could not be read set apart."""

    texts: Mapping[Dg13Field, Redacted[str]]
    """Fields with one text; an empty text is left out."""
    names: Mapping[Dg13Field, Redacted[tuple[str, ...]]]
    """``PARENTS`` (father first where both stand; the place of a single parent is ambiguous) and ``SPOUSE``."""
    unknown: Mapping[int, Redacted[bytes]]
    """Index → DER of fields that this version does not know."""
    unreadable: tuple[int, ...]
    """Indices of known fields that are malformed or stand twice; the others are unharmed."""

    def text(self, field: Dg13Field) -> str | None:
        """The text of a field, revealed; None where it is absent or unreadable."""
        found = self.texts.get(field)
        return found.reveal() if found else None


def parse_dg13(data: bytes) -> Dg13:
    """Parse EF.DG13. One bad field never loses the group.

    Raises:
        ChipError: ``chip.dg13_malformed`` (no walkable structure, or no field at all).
    """
    with der.malformed_as(ChipError, code="chip.dg13_malformed", subject="EF.DG13"):
        found = list(_fields(data, der.single(data, _TAG), 0))
    if not found or len(found) > _MAX_FIELDS:
        raise ChipError(
            "the group has no field, or too many", code="chip.dg13_malformed", subject="EF.DG13"
        )
    return _collect(data, found)


def _collect(data: bytes, found: list[tuple[int, der.Element]]) -> Dg13:
    texts: dict[Dg13Field, Redacted[str]] = {}
    names: dict[Dg13Field, Redacted[tuple[str, ...]]] = {}
    unknown: dict[int, Redacted[bytes]] = {}
    indices = [index for index, _ in found]
    unreadable = {index for index in indices if indices.count(index) > 1}
    for index, element in found:
        if index in unreadable:
            continue
        if index not in _KNOWN:
            unknown[index] = Redacted(der.encoding_of(data, element))
            continue
        field = Dg13Field(index)
        try:
            if field in _NAME_LISTS:
                names[field] = Redacted(_read_names(data, element))
            elif text := _read_text(data, element):
                texts[field] = Redacted(text)
        except InputError:
            unreadable.add(index)
    return Dg13(
        texts=MappingProxyType(texts),
        names=MappingProxyType(names),
        unknown=MappingProxyType(unknown),
        unreadable=tuple(sorted(unreadable)),
    )


def _fields(data: bytes, element: der.Element, depth: int) -> Iterator[tuple[int, der.Element]]:
    """Descend through wrappers to each SEQUENCE that begins with its index."""
    if depth > _MAX_DEPTH:
        raise InputError("nested too deeply", code="asn1.structure")
    index = _index_of(data, element)
    if index is not None:
        yield index, element
        return
    for child in der.elements(data, element.content, element.stop):
        if child.constructed:
            yield from _fields(data, child, depth + 1)


def _index_of(data: bytes, element: der.Element) -> int | None:
    """The index of a field; None for a wrapper, even for one that begins with a version number."""
    if element.tag != der.SEQUENCE or element.content == element.stop:
        return None
    first = der.read_element(data, element.content, element.stop)
    if first.tag != der.INTEGER or first.stop - first.content > 2:
        return None
    if first.stop < element.stop and _starts_with_index(data, first.stop, element.stop):
        return None
    return der.decode_integer(der.content_of(data, first))


def _starts_with_index(data: bytes, at: int, end: int) -> bool:
    """Whether a SEQUENCE with an index of its own begins here. Damage inside one field must stay inside it."""
    try:
        element = der.read_element(data, at, end)
        if element.tag != der.SEQUENCE or element.content == element.stop:
            return False
        return der.read_element(data, element.content, element.stop).tag == der.INTEGER
    except InputError:
        return False


def _read_text(data: bytes, field: der.Element) -> str:
    """The one text after the index; absent is empty."""
    _index, *values = der.children(data, field)
    if not values:
        return ""
    if len(values) > 1:
        raise InputError("a field has several values", code="asn1.structure")
    return _decode(data, values[0])


def _read_names(data: bytes, field: der.Element) -> tuple[str, ...]:
    _index, *values = der.children(data, field)
    read = (_read_name(data, value) for value in values)
    return tuple(name for name in read if name)


def _read_name(data: bytes, value: der.Element) -> str:
    if not value.constructed:
        return _decode(data, value)
    inner = der.children(data, value)
    return _decode(data, inner[0]) if inner else ""


def _decode(data: bytes, value: der.Element) -> str:
    codec = _CODEC_OF_TAG.get(value.tag)
    content = der.content_of(data, value)
    if codec is None or len(content) > _MAX_TEXT_BYTES:
        raise InputError("a field is no text or too long", code="asn1.structure")
    try:
        return unicodedata.normalize("NFC", content.decode(codec)).strip()
    except UnicodeDecodeError as exc:
        raise InputError("a text is not in its encoding", code="asn1.text") from exc
