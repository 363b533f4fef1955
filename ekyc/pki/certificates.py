"""X.509 certificates of travel documents, outlined without touching their keys.

``cryptography`` refuses one real CSCA in six (explicit curve parameters, odd extensions). So a certificate is read
here by a plain walk over its DER; the key is parsed only when a signature is to be verified. Outlining the 588
certificates of the German master list takes tens of milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.pki.names import Name, parse_name
from ekyc.values import Sha256Hex

_SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
_KEY_USAGE: Final = "2.5.29.15"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
_EXTENDED_KEY_USAGE: Final = "2.5.29.37"

# ICAO 9303-12 §7.1.1: the extensions of its profiles. They are judged here, or they only inform.
_UNDERSTOOD: Final = frozenset(
    {
        _SUBJECT_KEY_IDENTIFIER,
        _KEY_USAGE,
        "2.5.29.16",  # private key usage period
        "2.5.29.17",  # alternative name of the subject
        "2.5.29.18",  # alternative name of the issuer
        _BASIC_CONSTRAINTS,
        "2.5.29.31",  # where revocation lists are published
        "2.5.29.32",  # policies
        _AUTHORITY_KEY_IDENTIFIER,
        _EXTENDED_KEY_USAGE,
        "2.23.136.1.1.6.1",  # change of the authority's name
        "2.23.136.1.1.6.2",  # types of documents
    }
)

_MAX_CERTIFICATE_BYTES: Final = 64 * 1024
_MAX_EXTENSIONS: Final = 64
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate. Its content is a claim until a path to an anchor verifies (:mod:`ekyc.pki.path`).

    Everything is read when the certificate is parsed, so that a hostile one fails there and nowhere later.
    """

    encoded: bytes = field(repr=False)
    """The whole DER."""
    fingerprint: Sha256Hex
    """SHA-256 of the DER."""
    to_be_signed: bytes = field(repr=False)
    signature_algorithm: bytes = field(repr=False)
    """DER ``AlgorithmIdentifier`` of the issuer's signature."""
    signature: bytes = field(repr=False)
    serial_number: int
    issuer: Name
    issuer_encoded: bytes = field(repr=False)
    subject: Name
    public_key: bytes = field(repr=False)
    """DER ``SubjectPublicKeyInfo``, unparsed."""
    not_before: datetime
    not_after: datetime
    subject_key_identifier: bytes | None = field(repr=False)
    authority_key_identifier: bytes | None = field(repr=False)
    """The ``keyIdentifier`` field only; issuer name and serial there are often wrong."""
    may_sign_certificates: bool
    """Key usage grants ``keyCertSign``, or basic constraints say ``cA`` (RFC 5280 §4.2.1).

    RFC 5280 wants both, but real CSCAs exist with only one of them right (Italy, Turkey, Luxembourg), and only
    certificates that the operator installed are ever asked. A document signer has neither.
    """
    may_sign_data: bool
    """Key usage, where present, grants ``digitalSignature``."""
    may_sign_crls: bool = False
    """Key usage, where present, grants ``cRLSign``."""
    purposes: frozenset[str] | None = None
    """Extended key usage (dotted), None where the extension is absent: any purpose."""
    unknown_critical: tuple[str, ...] = ()
    """Critical extensions that this package does not understand (RFC 5280 §4.2: then nobody may rely on it)."""

    @property
    def self_issued(self) -> bool:
        return self.subject.folded == self.issuer.folded

    def valid_at(self, moment: datetime) -> bool:
        return self.not_before <= moment <= self.not_after


def parse_certificate(encoded: bytes) -> Certificate:
    """Outline one DER certificate. Verifies nothing.

    Raises:
        InputError: ``pki.certificate_malformed``.
    """
    with der.malformed_as(InputError, code="pki.certificate_malformed"):
        return _parse(encoded)


def _parse(encoded: bytes) -> Certificate:
    if len(encoded) > _MAX_CERTIFICATE_BYTES:
        raise InputError("the certificate is too large", code="asn1.length")
    outer = der.children(encoded, der.single(encoded, der.SEQUENCE))
    if len(outer) != 3:
        raise InputError("a certificate has three parts", code="asn1.structure")
    tbs, algorithm, signature = outer
    parts = der.children(encoded, tbs)
    if parts and parts[0].tag == 0xA0:
        parts = parts[1:]
    serial, _inner_algorithm, issuer, validity, subject, key, *rest = parts
    not_before, not_after = der.children(encoded, validity)
    wrapper = next((item for item in rest if item.tag == 0xA3), None)
    extensions, critical = read_extensions(encoded, wrapper) if wrapper else ({}, ())
    usage = _key_usage_bits(extensions.get(_KEY_USAGE))
    issuer_encoded = der.encoding_of(encoded, issuer)
    return Certificate(
        encoded=encoded,
        fingerprint=Sha256Hex(hashlib.sha256(encoded).hexdigest()),
        to_be_signed=der.encoding_of(encoded, tbs),
        signature_algorithm=der.encoding_of(encoded, algorithm),
        signature=der.content_of(encoded, signature)[1:],
        serial_number=der.decode_integer(der.content_of(encoded, serial)),
        issuer=parse_name(issuer_encoded),
        issuer_encoded=issuer_encoded,
        subject=parse_name(der.encoding_of(encoded, subject)),
        public_key=der.encoding_of(encoded, key),
        not_before=decode_time(not_before.tag, der.content_of(encoded, not_before)),
        not_after=decode_time(not_after.tag, der.content_of(encoded, not_after)),
        subject_key_identifier=_subject_key_identifier(extensions),
        authority_key_identifier=read_authority_key_identifier(extensions),
        may_sign_certificates=bool(usage and usage & 0x04) or _is_ca(extensions),
        may_sign_data=usage is None or usage & 0x80 != 0,
        may_sign_crls=usage is None or usage & 0x02 != 0,
        purposes=_purposes(extensions),
        unknown_critical=tuple(oid for oid in critical if oid not in _UNDERSTOOD),
    )


def read_extensions(
    encoded: bytes, wrapper: der.Element
) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """``[n] SEQUENCE OF { oid, critical BOOLEAN DEFAULT FALSE, OCTET STRING }``: values by OID, and the critical ones.

    Raises:
        InputError: ``asn1.*``.
    """
    (listed,) = der.children(encoded, wrapper)
    return read_extension_list(encoded, listed)


def read_extension_list(
    encoded: bytes, listed: der.Element
) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """The same without the outer tag, as entries of revocation lists have it."""
    found: dict[str, bytes] = {}
    critical: list[str] = []
    for extension in der.children(encoded, listed):
        parts = der.children(encoded, extension)
        oid = der.decode_oid(der.content_of(encoded, parts[0]))
        if oid in found or len(found) >= _MAX_EXTENSIONS:
            raise InputError("an extension stands twice or too many stand", code="asn1.structure")
        found[oid] = der.content_of(encoded, parts[-1])
        if len(parts) > 2 and der.content_of(encoded, parts[1]) != b"\x00":
            critical.append(oid)
    return MappingProxyType(found), tuple(critical)


def read_authority_key_identifier(extensions: Mapping[str, bytes]) -> bytes | None:
    """The ``keyIdentifier`` of the authority (RFC 5280 §4.2.1.1), in certificates and revocation lists alike.

    Raises:
        InputError: ``asn1.*``.
    """
    value = extensions.get(_AUTHORITY_KEY_IDENTIFIER)
    if value is None:
        return None
    fields = der.children(value, der.single(value, der.SEQUENCE))
    found = next((item for item in fields if item.tag == 0x80), None)
    return der.content_of(value, found) if found else None


def _subject_key_identifier(extensions: Mapping[str, bytes]) -> bytes | None:
    value = extensions.get(_SUBJECT_KEY_IDENTIFIER)
    return der.content_of(value, der.single(value, der.OCTET_STRING)) if value else None


def _key_usage_bits(value: bytes | None) -> int | None:
    """First octet of the bit string: digitalSignature 0x80 … keyCertSign 0x04; None where the extension is absent."""
    if value is None:
        return None
    bits = der.content_of(value, der.single(value, 0x03))
    return bits[1] if len(bits) > 1 else 0


def _purposes(extensions: Mapping[str, bytes]) -> frozenset[str] | None:
    value = extensions.get(_EXTENDED_KEY_USAGE)
    if value is None:
        return None
    listed = der.children(value, der.single(value, der.SEQUENCE))
    return frozenset(der.decode_oid(der.content_of(value, item)) for item in listed)


def _is_ca(extensions: Mapping[str, bytes]) -> bool:
    value = extensions.get(_BASIC_CONSTRAINTS)
    if value is None:
        return False
    fields = der.children(value, der.single(value, der.SEQUENCE))
    return bool(fields) and fields[0].tag == 0x01 and der.content_of(value, fields[0]) != b"\x00"


def decode_time(tag: int, content: bytes) -> datetime:
    """UTCTime or GeneralizedTime in UTC; seconds may be missing (real certificates).

    Raises:
        InputError: ``asn1.time``.
    """
    text = content.decode("ascii", "replace")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise InputError("a time has a foreign type", code="asn1.time")
    if len(text) == 15 and text[:14].isdecimal() and text[14] == "Z":  # nearly every time
        return _usual_time(text)
    for form in ("%Y%m%d%H%M%SZ", "%Y%m%d%H%MZ", "%Y%m%d%H%M%S%z", "%Y%m%d%H%M%S.%fZ"):
        try:
            parsed = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set below
        except ValueError:
            continue
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    raise InputError("a time is malformed", code="asn1.time")


def _usual_time(text: str) -> datetime:
    """``YYYYMMDDhhmmssZ``, twenty times as fast as the general way."""
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    try:
        return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as exc:
        raise InputError("a time is malformed", code="asn1.time") from exc
