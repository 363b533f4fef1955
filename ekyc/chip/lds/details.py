"""What DG11, DG12 and the entries of DG16 share: data objects of text, dates, names and images (ICAO 9303-10 §4.7.11).

Issuers keep to the standard loosely: dates stand as eight digits or as four bytes of packed digits (Malaysia, Taiwan),
other names stand without their wrapper (China), the list of tags names objects that are not there. So every object is
read for itself, and what cannot be read is named and kept raw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from ekyc.chip.lds.encoded_image import sniff_format
from ekyc.chip.lds.salvage import FieldGrammar, SearchBudget, salvage_fields
from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.values import Redacted

TAG_LIST: Final = 0x5C
REPEATED: Final = 0xA0
"""Wrapper of a count and of objects that repeat."""
_COUNT: Final = 0x02
_MAX_TEXT_BYTES: Final = 4096
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_HEADER: Final = re.compile(rb"(?=\x5f[\x0e-\x7f][\x00-\x84]|\xa0)")

Value = str | tuple[str, ...] | date | datetime | bytes
F = TypeVar("F", bound=IntEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details(Generic[F]):
    """The objects of one group. ``repr`` shows no personal data."""

    values: Mapping[F, Redacted[Value]]
    """Text (fillers become spaces), tuple of texts, date, moment without zone, or encoded image. Empty ones are left
    out."""
    raw: Mapping[int, Redacted[tuple[bytes, ...]]]
    """Tag → content as stored of every object, also of unknown and of unreadable ones."""
    unknown: tuple[int, ...]
    """Tags that this version does not know."""
    unreadable: tuple[int, ...]
    """Tags of objects that are malformed, and of objects that the tag list promises but that are not there."""

    def text(self, name: F) -> str | None:
        """A text, revealed; None where it is absent, unreadable or no text."""
        found = self.values.get(name)
        value = found.reveal() if found else None
        return value if isinstance(value, str) else None

    def day(self, name: F) -> date | None:
        """A date, revealed; None where it is absent, unreadable or no date."""
        found = self.values.get(name)
        value = found.reveal() if found else None
        return value if isinstance(value, date) and not isinstance(value, datetime) else None


Decoder = Callable[[bytes], Value | None]


def parse_details(
    content: bytes, fields: type[F], decoders: Mapping[F, Decoder], repeated: frozenset[F]
) -> Details[F]:
    """Parse the data objects inside a group.

    Args:
        content: what stands inside the group's own tag.
        fields: the known objects; the value of each is its tag.
        decoders: how each is read. A decoder returns None for an empty object and raises InputError for a bad one.
        repeated: objects that may stand several times, bare or inside tag A0; their texts become a tuple.

    Raises:
        ChipError: ``chip.tlv.limit``.
    """
    known = frozenset(int(name) for name in fields)
    grammar = _grammar({int(name): decoder for name, decoder in decoders.items()})
    found: dict[int, list[bytes]] = {}
    damaged: set[int] = set()
    for tag, stored in _objects(content, grammar, damaged):
        found.setdefault(tag, []).append(stored)
    values: dict[F, Redacted[Value]] = {}
    for name in fields:
        if name not in found:
            continue
        try:
            value = _decode(found[name], decoders[name], repeats=name in repeated)
        except InputError:
            damaged.add(int(name))
        else:
            if value:
                values[name] = Redacted(value)
    missing = _promised(found.get(TAG_LIST, [b""])[0]) - set(found) - {REPEATED, *repeated}
    return Details(
        values=MappingProxyType(values),
        raw=MappingProxyType({tag: Redacted(tuple(items)) for tag, items in found.items()}),
        unknown=tuple(sorted(set(found) - known - {TAG_LIST, _COUNT})),
        unreadable=tuple(sorted(damaged | missing)),
    )


def _objects(
    content: bytes, grammar: FieldGrammar, damaged: set[int]
) -> Iterator[tuple[int, bytes]]:
    """All data objects, those inside A0 in place of the wrapper."""
    budget = SearchBudget()
    walk = salvage_fields(content, 0, len(content), grammar, budget)
    damaged |= {element.tag for element in walk.damaged}
    for element in sorted(walk.fields + walk.others, key=lambda item: item.start):
        value = der.content_of(content, element)
        if element.tag == REPEATED:
            inner = salvage_fields(value, 0, len(value), grammar, budget)
            damaged |= {item.tag for item in inner.damaged}
            for item in inner.fields + inner.others:
                if item.tag != _COUNT:
                    yield item.tag, der.content_of(value, item)
        else:
            yield element.tag, value


def _grammar(decoders: Mapping[int, Decoder]) -> FieldGrammar:
    """Objects of the application class with two octets, known or not, the tag list and the wrapper."""
    marks = {*range(0x5F0E, 0x5F80), TAG_LIST, REPEATED}

    def is_sound(data: bytes, element: der.Element) -> bool:
        decoder = decoders.get(element.tag)
        if decoder is None:
            return True
        try:
            decoder(der.content_of(data, element))
        except InputError:
            return False
        return True

    return FieldGrammar(
        header=_HEADER, is_field=lambda _data, element: element.tag in marks, is_sound=is_sound
    )


def _decode(found: list[bytes], decoder: Decoder, *, repeats: bool) -> Value | None:
    """One value; the texts of an object that repeats as a tuple."""
    read = [decoder(value) for value in found]
    if repeats:
        return tuple(item for item in read if isinstance(item, str) and item)
    if len(read) > 1:
        raise InputError("an object stands twice", code="asn1.structure")
    return read[0]


def _promised(tag_list: bytes) -> set[int]:
    """Tags that the tag list names; a tag cut short names nothing."""
    tags: set[int] = set()
    at = 0
    while at < len(tag_list):
        size = 2 if tag_list[at] & 0x1F == 0x1F else 1
        if at + size <= len(tag_list):
            tags.add(int.from_bytes(tag_list[at : at + size], "big"))
        at += size
    return tags


def read_text(value: bytes) -> str | None:
    """UTF-8 text with fillers as spaces; ``SURNAME<<GIVEN<NAMES`` becomes ``SURNAME GIVEN NAMES``."""
    return " ".join(_characters(value).replace("<", " ").split()) or None


def read_lines(value: bytes) -> tuple[str, ...] | None:
    """Parts that fillers separate: lines of an address, numbers of documents."""
    parts = (part.strip() for part in _characters(value).split("<"))
    return tuple(part for part in parts if part) or None


def read_image(value: bytes) -> bytes | None:
    """An encoded image as stored; a single zero byte, seen in specimens, stands for none."""
    if not value.strip(b"\x00"):
        return None
    if sniff_format(value) is None:
        raise InputError("the image is neither JPEG nor JPEG 2000", code="asn1.structure")
    return value


def read_day(value: bytes) -> date | None:
    """``yyyymmdd`` as digits, or as four bytes of packed digits."""
    digits = _digits(value, 8)
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError as exc:
        raise InputError("not a date", code="asn1.text") from exc


def read_moment(value: bytes) -> datetime | None:
    """``yyyymmddhhmmss`` as digits, or as seven bytes of packed digits; no zone is given."""
    digits = _digits(value, 14)
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007  # the group gives no zone
    except ValueError as exc:
        raise InputError("not a moment", code="asn1.text") from exc


def _digits(value: bytes, count: int) -> str:
    text = value.hex() if 2 * len(value) == count else value.decode("ascii", "replace")
    if len(text) != count or not (text.isascii() and text.isdigit()):
        raise InputError("not a date", code="asn1.text")
    return text


def _characters(value: bytes) -> str:
    if len(value) > _MAX_TEXT_BYTES:
        raise InputError("a text is too long", code="asn1.text")
    try:
        text = value.decode("utf-8").strip("\x00")
    except UnicodeDecodeError as exc:
        raise InputError("a text is not in its encoding", code="asn1.text") from exc
    if _CONTROL.search(text):
        raise InputError("a text holds control characters", code="asn1.text")
    return text
