"""Certificate revocation lists of country signing authorities (RFC 5280 §5, profile of ICAO 9303-12 §7.1.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from ekyc.errors import InputError, TrustError
from ekyc.pki import der
from ekyc.pki.certificates import (
    Certificate,
    decode_time,
    read_authority_key_identifier,
    read_extension_list,
    read_extensions,
)
from ekyc.pki.keys import parse_public_key
from ekyc.pki.names import Name, parse_name
from ekyc.pki.signatures import parse_algorithm, verify_signature
from ekyc.values import Sha256Hex

_REASON_CODE: Final = "2.5.29.21"
_INVALIDITY_DATE: Final = "2.5.29.24"
_TIMES: Final = (0x17, 0x18)
_MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_ENTRIES: Final = 100_000


class RevocationReason(IntEnum):
    """Why a certificate was revoked (RFC 5280 §5.3.1). Most authorities do not say."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedCertificate:
    """One entry of a list."""

    revoked_at: datetime
    """The earlier of the date of revocation and the date since when the authority doubts the key."""
    reason: RevocationReason = RevocationReason.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """A parsed list. It is a claim until :func:`verify_crl`."""

    encoded: bytes = field(repr=False)
    sha256: Sha256Hex
    to_be_signed: bytes = field(repr=False)
    signature_algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    issuer: Name
    authority_key_identifier: bytes | None = field(repr=False)
    this_update: datetime
    next_update: datetime | None
    revoked: Mapping[int, RevokedCertificate] = field(repr=False)
    """By serial number."""


def parse_crl(encoded: bytes) -> Crl:
    """Parse one DER ``CertificateList``. Verifies nothing.

    Raises:
        InputError: ``pki.crl_malformed``; ``pki.crl_unsupported``: a delta list, a partial one, or one that speaks for
            other authorities. Any of them read as a whole list would hide revocations.
    """
    with der.malformed_as(InputError, code="pki.crl_malformed"):
        if len(encoded) > _MAX_BYTES:
            raise InputError("the revocation list is too large", code="asn1.length")
        return _parse(encoded)


def verify_crl(crl: Crl, authorities: Iterable[Certificate]) -> Certificate:
    """The authority that signed the list: the first of ``authorities`` whose key verifies it.

    1. The authority is of the country that the list names as its issuer's, and may sign revocation lists.
    2. The signature verifies, by an algorithm that is not broken today.

    Raises:
        TrustError: ``pki.crl_no_authority``: none of them signed it; ``pki.algorithm_weak``.
    """
    for authority in authorities:
        if authority.subject.country != crl.issuer.country or not authority.may_sign_crls:  # (1)
            continue
        try:
            evidence = verify_signature(  # (2)
                parse_public_key(authority.public_key),
                parse_algorithm(crl.signature_algorithm),
                crl.signature,
                crl.to_be_signed,
            )
        except (InputError, TrustError):
            continue
        if evidence.weak:
            raise TrustError("the list is signed by a weak algorithm", code="pki.algorithm_weak")
        return authority
    raise TrustError(
        "no installed authority signed this revocation list", code="pki.crl_no_authority"
    )


def _parse(encoded: bytes) -> Crl:
    """``SEQUENCE { SEQUENCE { version?, algorithm, issuer, thisUpdate, nextUpdate?, revoked?, [0]? }, algorithm, signature }``."""
    tbs, algorithm, signature = der.children(encoded, der.single(encoded, der.SEQUENCE))
    parts = der.children(encoded, tbs)
    if parts and parts[0].tag == der.INTEGER:
        parts = parts[1:]
    _algorithm, issuer, this_update, *rest = parts
    next_update = rest.pop(0) if rest and rest[0].tag in _TIMES else None
    listed = rest.pop(0) if rest and rest[0].tag == der.SEQUENCE else None
    wrapper = rest.pop(0) if rest and rest[0].tag == 0xA0 else None
    extensions, critical = read_extensions(encoded, wrapper) if wrapper else ({}, ())
    if critical or rest:
        raise InputError("the revocation list is not a complete one", code="pki.crl_unsupported")
    return Crl(
        encoded=encoded,
        sha256=Sha256Hex(hashlib.sha256(encoded).hexdigest()),
        to_be_signed=der.encoding_of(encoded, tbs),
        signature_algorithm=der.encoding_of(encoded, algorithm),
        signature=der.content_of(encoded, signature)[1:],
        issuer=parse_name(der.encoding_of(encoded, issuer)),
        authority_key_identifier=read_authority_key_identifier(extensions),
        this_update=_time(encoded, this_update),
        next_update=_time(encoded, next_update) if next_update else None,
        revoked=_parse_entries(encoded, listed) if listed else MappingProxyType({}),
    )


def _parse_entries(encoded: bytes, listed: der.Element) -> Mapping[int, RevokedCertificate]:
    entries = der.children(encoded, listed)
    if len(entries) > _MAX_ENTRIES:
        raise InputError("the revocation list has too many entries", code="asn1.structure")
    found: dict[int, RevokedCertificate] = {}
    for entry in entries:
        serial, date, *optional = der.children(encoded, entry)
        number = der.decode_integer(der.content_of(encoded, serial))
        revoked = _parse_entry(encoded, date, optional[0] if optional else None)
        earlier = found.get(number)
        if earlier is None or revoked.revoked_at < earlier.revoked_at:
            found[number] = revoked
    return MappingProxyType(found)


def _parse_entry(
    encoded: bytes, date: der.Element, listed: der.Element | None
) -> RevokedCertificate:
    extensions, critical = read_extension_list(encoded, listed) if listed else ({}, ())
    if any(oid != _REASON_CODE for oid in critical):
        raise InputError("an entry speaks for another authority", code="pki.crl_unsupported")
    moments = [_time(encoded, date)]
    if _INVALIDITY_DATE in extensions:
        value = extensions[_INVALIDITY_DATE]
        moments.append(_time(value, der.read_element(value, 0, len(value))))
    return RevokedCertificate(revoked_at=min(moments), reason=_reason(extensions))


def _reason(extensions: Mapping[str, bytes]) -> RevocationReason:
    """The reason, UNSPECIFIED where it is absent or not in the standard."""
    value = extensions.get(_REASON_CODE)
    if value is None:
        return RevocationReason.UNSPECIFIED
    code = int.from_bytes(der.content_of(value, der.single(value, 0x0A)), "big")
    known = code in RevocationReason.__members__.values()
    return RevocationReason(code) if known else RevocationReason.UNSPECIFIED


def _time(data: bytes, element: der.Element) -> datetime:
    return decode_time(element.tag, der.content_of(data, element))
