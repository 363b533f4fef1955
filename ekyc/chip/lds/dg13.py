"""EF.DG13 of the Vietnamese identity card: the bearer's data in full Vietnamese spelling.

ICAO leaves DG13 to the issuer. No layout is published; seven independent readers agree on this grammar::

    6D { wrappers, at least one SEQUENCE { SEQUENCE { INTEGER index, value … } … } }

Readers in the field search for byte patterns and slice at fixed offsets; they break on long-form lengths (most
addresses), on text that contains the pattern, and on families of other than two names. This one walks the DER.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from types import MappingProxyType
from typing import Final

from ekyc.chip.lds.salvage import (
    FieldGrammar,
    Salvaged,
    SearchBudget,
    read_clipped,
    salvage_fields,
)
from ekyc.errors import ChipError, InputError
from ekyc.pki import der
from ekyc.values import Redacted

_TAG: Final = 0x6D
_MAX_DEPTH: Final = 6
_MAX_FIELDS: Final = 64
_MAX_MEMBERS: Final = 32
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
        walks = list(_walk(data, der.single(data, _TAG), 0, SearchBudget()))
    found = [(_index(data, field), field) for walk in walks for field in walk.fields]
    damaged = {_index(data, field) for walk in walks for field in walk.damaged}
    if not (found or damaged) or len(found) > _MAX_FIELDS:
        raise ChipError(
            "the group has no field, or too many", code="chip.dg13_malformed", subject="EF.DG13"
        )
    return _collect(data, found, damaged)


def _collect(data: bytes, found: list[tuple[int, der.Element]], damaged: set[int]) -> Dg13:
    texts: dict[Dg13Field, Redacted[str]] = {}
    names: dict[Dg13Field, Redacted[tuple[str, ...]]] = {}
    unknown: dict[int, Redacted[bytes]] = {}
    indices = [index for index, _ in found]
    unreadable = damaged | {index for index in indices if indices.count(index) > 1}
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


def _walk(
    data: bytes, element: der.Element, depth: int, budget: SearchBudget
) -> Iterator[Salvaged]:
    """Descend through wrappers to each SEQUENCE that begins with its index. A broken field costs no other."""
    if depth > _MAX_DEPTH:
        raise InputError("nested too deeply", code="asn1.structure")
    walk = salvage_fields(data, element.content, element.stop, _GRAMMAR, budget)
    yield walk
    for wrapper in walk.others:
        if wrapper.constructed:
            yield from _walk(data, wrapper, depth + 1, budget)


def _is_field(data: bytes, element: der.Element) -> bool:
    """A SEQUENCE that begins with its index; a wrapper that begins with a version number is none."""
    first = _leading_integer(data, element)
    if first is None:
        return False
    return first.stop == element.stop or not _begins_field(data, first.stop, element.stop)


def _begins_field(data: bytes, at: int, end: int) -> bool:
    element = read_clipped(data, at, end)
    return element is not None and _leading_integer(data, element) is not None


def _leading_integer(data: bytes, element: der.Element) -> der.Element | None:
    """The INTEGER of one or two bytes that a SEQUENCE begins with."""
    if element.tag != der.SEQUENCE or element.content == element.stop:
        return None
    try:
        first = der.read_element(data, element.content, element.stop)
    except InputError:
        return None
    return first if first.tag == der.INTEGER and 1 <= first.stop - first.content <= 2 else None


def _index(data: bytes, field: der.Element) -> int:
    first = der.read_element(data, field.content, field.stop)
    return der.decode_integer(der.content_of(data, first))


def _is_sound(data: bytes, field: der.Element) -> bool:
    try:
        if _index(data, field) in _NAME_LISTS:
            _read_names(data, field)
        elif _index(data, field) in _KNOWN:
            _read_text(data, field)
        else:
            _members(data, field)
    except InputError:
        return False
    return True


def _read_text(data: bytes, field: der.Element) -> str:
    """The one text after the index; absent is empty."""
    _index, *values = _members(data, field)
    if not values:
        return ""
    if len(values) > 1:
        raise InputError("a field has several values", code="asn1.structure")
    return _decode(data, values[0])


def _read_names(data: bytes, field: der.Element) -> tuple[str, ...]:
    _index, *values = _members(data, field)
    read = (_read_name(data, value) for value in values)
    return tuple(name for name in read if name)


def _read_name(data: bytes, value: der.Element) -> str:
    if not value.constructed:
        return _decode(data, value)
    inner = _members(data, value)
    return _decode(data, inner[0]) if inner else ""


def _members(data: bytes, parent: der.Element) -> list[der.Element]:
    """Direct children, of which no field has many."""
    found = list(islice(der.elements(data, parent.content, parent.stop), _MAX_MEMBERS + 1))
    if len(found) > _MAX_MEMBERS:
        raise InputError("a field has too many members", code="asn1.structure")
    return found


def _decode(data: bytes, value: der.Element) -> str:
    codec = _CODEC_OF_TAG.get(value.tag)
    content = der.content_of(data, value)
    if codec is None or len(content) > _MAX_TEXT_BYTES:
        raise InputError("a field is no text or too long", code="asn1.structure")
    try:
        return unicodedata.normalize("NFC", content.decode(codec)).strip()
    except UnicodeDecodeError as exc:
        raise InputError("a text is not in its encoding", code="asn1.text") from exc


_GRAMMAR: Final = FieldGrammar(
    # A SEQUENCE whose length takes one to three bytes, and an INTEGER of one byte.
    header=re.compile(rb"(?=\x30(?:[\x03-\x7f]|\x81.|\x82..)\x02\x01)", re.DOTALL),
    is_field=_is_field,
    is_sound=_is_sound,
)
