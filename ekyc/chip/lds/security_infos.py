"""SecurityInfos: the list of protocols in EF.DG14, EF.CardAccess and EF.CardSecurity (ICAO 9303-11 §9.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import ChipError
from ekyc.pki import der
from ekyc.pki.signatures import ECDSA_PLAIN

ACTIVE_AUTHENTICATION: Final = "2.23.136.1.1.5"
_MAX_INFOS: Final = 64


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

    @property
    def active_authentication_digest(self) -> str | None:
        """Digest that ``ActiveAuthenticationInfo`` names for ECDSA (ICAO 9303-11 §9.2.4); None where it names none."""
        for info in self.infos:
            if info.protocol == ACTIVE_AUTHENTICATION and info.optional:
                content = der.content_of(
                    info.optional, der.single(info.optional, der.OBJECT_IDENTIFIER)
                )
                return ECDSA_PLAIN.get(der.decode_oid(content))
        return None


def parse_security_infos(data: bytes, *, subject: str) -> SecurityInfos:
    """Parse a DER ``SecurityInfos``.

    Raises:
        ChipError: ``chip.security_infos_malformed``.
    """
    with der.malformed_as(ChipError, code="chip.security_infos_malformed", subject=subject):
        entries = der.children(data, der.single(data, der.SET))
        if len(entries) > _MAX_INFOS:
            raise ChipError("too many entries", code="chip.security_infos_malformed")
        infos = SecurityInfos(infos=tuple(_parse_info(data, entry) for entry in entries))
        _ = (
            infos.active_authentication_digest
        )  # malformed optional data are an error here, not later
        return infos


def _parse_info(data: bytes, entry: der.Element) -> SecurityInfo:
    protocol, required, *optional = der.children(data, entry)
    return SecurityInfo(
        protocol=der.decode_oid(der.content_of(data, protocol)),
        required=der.encoding_of(data, required),
        optional=der.encoding_of(data, optional[0]) if optional else None,
    )
