"""EF.DG16: persons to notify (ICAO 9303-10 §4.7.16, table 76)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Final

from ekyc.chip.lds.details import Decoder, Details, parse_details, read_day, read_lines, read_text
from ekyc.chip.lds.salvage import FieldGrammar, salvage_fields
from ekyc.chip.tlv import unwrap
from ekyc.errors import InputError
from ekyc.pki import der

_TAG: Final = 0x70
_PERSONS: Final = range(0xA1, 0xB0)
_MAX_OBJECTS: Final = 16
_APPLICATION: Final = 0x5F
"""First octet of the tags inside an entry."""


class Dg16Field(IntEnum):
    """Data objects of one person by tag."""

    RECORDED_ON = 0x5F50
    NAME = 0x5F51
    TELEPHONE = 0x5F52
    ADDRESS = 0x5F53
    """Tuple of lines."""


_DECODERS: Final[Mapping[Dg16Field, Decoder]] = {
    Dg16Field.RECORDED_ON: read_day,
    Dg16Field.NAME: read_text,
    Dg16Field.TELEPHONE: read_text,
    Dg16Field.ADDRESS: read_lines,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dg16:
    """The persons in order of storage. They are not the bearer, and consented to nothing here."""

    persons: tuple[Details[Dg16Field], ...]
    unreadable: tuple[int, ...]
    """Tags, A1 to AF, of entries whose own length is wrong."""


def parse_dg16(data: bytes) -> Dg16:
    """Parse EF.DG16. One bad entry or object never loses the group.

    Raises:
        ChipError: ``chip.tlv.*`` (no outer structure, too many objects).
    """
    content = unwrap(data, _TAG)
    walk = salvage_fields(content, 0, len(content), _GRAMMAR)
    return Dg16(
        persons=tuple(_parse_person(der.content_of(content, element)) for element in walk.fields),
        unreadable=tuple(sorted({element.tag for element in walk.damaged})),
    )


def _parse_person(content: bytes) -> Details[Dg16Field]:
    return parse_details(content, Dg16Field, _DECODERS, frozenset())


def _is_sound(data: bytes, element: der.Element) -> bool:
    """An entry that whole objects fill, not too many: a wrong length shows itself inside."""
    inside = der.elements(data, element.content, element.stop)
    try:
        tags = [item.tag for item in islice(inside, _MAX_OBJECTS + 1)]
    except InputError:
        return False
    return len(tags) <= _MAX_OBJECTS and all(tag >> 8 == _APPLICATION for tag in tags)


_GRAMMAR: Final = FieldGrammar(
    header=re.compile(rb"(?=[\xa1-\xaf])"),
    is_field=lambda _data, element: element.tag in _PERSONS,
    is_sound=_is_sound,
)
