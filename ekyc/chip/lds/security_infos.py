"""SecurityInfos: the list of protocols in EF.DG14, EF.CardAccess and EF.CardSecurity (ICAO 9303-11 §9.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ekyc.chip.lds.salvage import FieldGrammar, salvage_fields
from ekyc.errors import ChipError, EkycError
from ekyc.pki import der
from ekyc.pki.signatures import ECDSA_PLAIN

ACTIVE_AUTHENTICATION: Final = "2.23.136.1.1.5"
_MAX_INFOS: Final = 64
_MAX_PARTS: Final = 3
_CODE: Final = "chip.security_infos_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityInfo:
    """``SEQUENCE { protocol OBJECT IDENTIFIER, requiredData ANY, optionalData ANY OPTIONAL }``."""

    protocol: str
    """Dotted."""
    required: bytes = field(repr=False)
    """DER of ``requiredData``."""
    optional: bytes | None = field(repr=False)
    """DER of ``optionalData``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityInfos:
    """All entries in order of storage. The SET is never encoded again: hashes are taken over the file."""

    infos: tuple[SecurityInfo, ...]
    unreadable: tuple[int, ...] = ()
    """Places in the SET, counted from 1, of entries that are none. The others are unharmed."""

    @property
    def active_authentication_digest(self) -> str | None:
        """Digest that ``ActiveAuthenticationInfo`` names for ECDSA (ICAO 9303-11 §9.2.4); None where it names none."""
        for info in self.infos:
            if info.protocol == ACTIVE_AUTHENTICATION and info.optional:
                return ECDSA_PLAIN.get(_oid(info.optional))
        return None


def parse_security_infos(data: bytes, *, subject: str) -> SecurityInfos:
    """Parse a DER ``SecurityInfos``. An entry that cannot be read costs only itself.

    Raises:
        ChipError: ``chip.security_infos_malformed``: not a SET, no entry in it that can be read, or too many.
    """
    with der.malformed_as(ChipError, code=_CODE, subject=subject):
        whole = der.single(data, der.SET)
        found = salvage_fields(data, whole.content, whole.stop, _GRAMMAR)
        places = sorted([*found.fields, *found.others, *found.damaged], key=lambda item: item.start)
        if len(places) > _MAX_INFOS:
            raise ChipError("too many entries", code=_CODE, subject=subject)
        infos: list[SecurityInfo] = []
        unreadable: list[int] = []
        for place, entry in enumerate(places, start=1):
            try:
                infos.append(_parse_info(data, entry))
            except EkycError:
                unreadable.append(place)
        if unreadable and not infos:
            raise ChipError("no entry can be read", code=_CODE, subject=subject)
        return SecurityInfos(infos=tuple(infos), unreadable=tuple(unreadable))


def _parse_info(data: bytes, entry: der.Element) -> SecurityInfo:
    """One entry; optional data that a protocol of ours reads are read here, so that they are no error later."""
    with der.malformed_as(ChipError, code=_CODE):
        inside = der.elements(data, entry.content, entry.stop)
        parts = list(
            islice(inside, _MAX_PARTS + 1)
        )  # a search tries many entries: none may be long work
        if entry.tag != der.SEQUENCE or not 2 <= len(parts) <= _MAX_PARTS:
            raise ChipError("an entry has another form", code=_CODE)
        info = SecurityInfo(
            protocol=_oid(der.encoding_of(data, parts[0])),
            required=der.encoding_of(data, parts[1]),
            optional=der.encoding_of(data, parts[2]) if len(parts) == _MAX_PARTS else None,
        )
        if info.protocol == ACTIVE_AUTHENTICATION and info.optional:
            _oid(info.optional)
        return info


def _oid(encoded: bytes) -> str:
    return der.decode_oid(der.content_of(encoded, der.single(encoded, der.OBJECT_IDENTIFIER)))


def _is_entry(data: bytes, element: der.Element) -> bool:
    return data[element.start] == der.SEQUENCE


def _is_sound(data: bytes, element: der.Element) -> bool:
    try:
        _parse_info(data, element)
    except EkycError:
        return False
    return True


_GRAMMAR: Final = FieldGrammar(
    header=re.compile(rb"(?=\x30(?:[\x00-\x7f]|\x81.|\x82..)\x06)", re.DOTALL),
    is_field=_is_entry,
    is_sound=_is_sound,
)
