"""CMS SignedData as travel documents use it: EF.SOD, EF.CardSecurity, master lists (RFC 5652, ICAO 9303-10 §4.6.2).

Signed attributes are always hashed as the bytes that were received. Encoding them again would put a SET into another
order and break genuine documents.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ekyc.errors import InputError, TrustError
from ekyc.pki import der
from ekyc.pki.certificates import Certificate, decode_time, parse_certificate
from ekyc.pki.keys import parse_public_key
from ekyc.pki.names import Name, parse_name
from ekyc.pki.signatures import (
    DIGEST_BY_OID,
    WEAK_DIGESTS,
    SignatureEvidence,
    parse_algorithm,
    verify_signature,
)

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"

_CERTIFICATES_TAG: Final = 0xA0
_SIGNED_ATTRIBUTES_TAG: Final = 0xA0
_KEY_IDENTIFIER_TAG: Final = 0x80

_MAX_CERTIFICATES: Final = 16
_MAX_SIGNERS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    """One signer: whom it claims to be, and what it signed."""

    issuer: Name | None
    """With ``serial_number``, or None when the key identifier names the signer."""
    serial_number: int | None
    subject_key_identifier: bytes | None
    digest: str
    """Digest of the content, ``sha1`` … ``sha512``."""
    signature_algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signed_attributes: bytes = field(repr=False)
    """As received, under the SET tag (RFC 5652 §5.4)."""
    content_type: str
    message_digest: bytes = field(repr=False)
    signing_time: datetime | None
    """Claimed by the signer; absent in many documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """A parsed SignedData. Nothing in it is verified."""

    content_type: str
    content: bytes = field(repr=False)
    certificates: tuple[Certificate, ...]
    signers: tuple[SignerInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CmsEvidence:
    """One signer's signature that verified over the content. It says nothing about who stands behind the key."""

    signer: Certificate
    signing_time: datetime | None
    signature: SignatureEvidence
    content_digest: str

    @property
    def weak(self) -> bool:
        """SHA-1 anywhere between the content and the key, or a short key."""
        return self.signature.weak or self.content_digest in WEAK_DIGESTS


def parse_signed_data(encoded: bytes) -> SignedData:
    """Parse a ``ContentInfo`` that holds SignedData; the outer layers may have indefinite lengths (New Zealand).

    Raises:
        InputError: ``cms.malformed``, ``cms.digest_unsupported``.
    """
    with der.malformed_as(InputError, code="cms.malformed"):
        try:
            return _parse(encoded)
        except InputError as exc:
            if exc.code != "asn1.length":
                raise
            return _parse(der.with_definite_lengths(encoded))


def signer_candidates(signed: SignedData, signer: SignerInfo) -> tuple[Certificate, ...]:
    """The embedded certificates that may be the signer's, best first.

    An identifier that names no embedded certificate falls back to all of them: Ukrainian documents spell the issuer
    in another string type, others have a wrong serial number. That is safe, because the signature must still verify
    with the certificate's key and the certificate must still chain.
    """
    matching = tuple(item for item in signed.certificates if _identifies(signer, item))
    return matching or signed.certificates


def verify_signed_data(signed: SignedData) -> CmsEvidence:
    """Verify the one signer of a SignedData against the certificates inside it.

    1. Exactly one signer signed (ICAO 9303-10 §4.6.2.2, table 38).
    2. The signed attributes name the type of the content and carry the digest of the content.
    3. The signature over the signed attributes verifies with the key of the signer's certificate.

    Left to the caller: the path from ``CmsEvidence.signer`` to an anchor, whether ``weak`` is acceptable, and whether
    ``content_type`` is the expected one.

    Raises:
        TrustError: ``cms.signers``, ``cms.content_type``, ``cms.content_digest``, ``cms.no_signer_certificate``,
            ``pki.signature_mismatch``.
        InputError: key or algorithm cannot be used (``pki.*``).
    """
    if len(signed.signers) != 1:  # (1)
        raise TrustError(f"{len(signed.signers)} signers where one must sign", code="cms.signers")
    signer = signed.signers[0]
    if signer.content_type != signed.content_type:  # (2)
        raise TrustError("the signed content type is another", code="cms.content_type")
    digest = hashlib.new(signer.digest, signed.content).digest()
    if not hmac.compare_digest(digest, signer.message_digest):
        raise TrustError("the content does not have the signed digest", code="cms.content_digest")
    certificate, evidence = _verify_with_any(signed, signer)  # (3)
    return CmsEvidence(
        signer=certificate,
        signing_time=signer.signing_time,
        signature=evidence,
        content_digest=signer.digest,
    )


def _verify_with_any(
    signed: SignedData, signer: SignerInfo
) -> tuple[Certificate, SignatureEvidence]:
    """First candidate certificate whose key verifies; else the failure of the best candidate."""
    first_failure: InputError | TrustError | None = None
    for certificate in signer_candidates(signed, signer):
        try:
            algorithm = parse_algorithm(signer.signature_algorithm, digest=signer.digest)
            key = parse_public_key(certificate.public_key)
            evidence = verify_signature(key, algorithm, signer.signature, signer.signed_attributes)
        except (InputError, TrustError) as exc:
            first_failure = first_failure or exc
        else:
            return certificate, evidence
    raise first_failure or TrustError(
        "no certificate of the signer is embedded", code="cms.no_signer_certificate"
    )


def _identifies(signer: SignerInfo, certificate: Certificate) -> bool:
    if signer.issuer is None:
        return signer.subject_key_identifier == certificate.subject_key_identifier
    same_issuer = signer.issuer.folded == certificate.issuer.folded
    return same_issuer and signer.serial_number == certificate.serial_number


def _parse(encoded: bytes) -> SignedData:
    """``ContentInfo { type, [0] SignedData }``, ``SignedData { version, digests, content, [0] certs?, [1] crls?, signers }``."""
    kind, wrapper = der.children(encoded, der.single(encoded, der.SEQUENCE))
    if der.decode_oid(der.content_of(encoded, kind)) != _SIGNED_DATA:
        raise InputError("the content is not SignedData", code="cms.malformed")
    (signed,) = der.children(encoded, wrapper)
    _version, _digests, encapsulated, *optional, signers = der.children(encoded, signed)
    content_type, *explicit = der.children(encoded, encapsulated)
    (content,) = der.children(encoded, explicit[0])
    embedded = next((item for item in optional if item.tag == _CERTIFICATES_TAG), None)
    return SignedData(
        content_type=der.decode_oid(der.content_of(encoded, content_type)),
        content=der.octets(encoded, content),
        certificates=_parse_certificates(encoded, embedded) if embedded else (),
        signers=_parse_signers(encoded, signers),
    )


def _parse_certificates(encoded: bytes, embedded: der.Element) -> tuple[Certificate, ...]:
    found = der.children(encoded, embedded)
    if len(found) > _MAX_CERTIFICATES:
        raise InputError("too many certificates", code="cms.malformed")
    return tuple(parse_certificate(der.encoding_of(encoded, item)) for item in found)


def _parse_signers(encoded: bytes, signers: der.Element) -> tuple[SignerInfo, ...]:
    if signers.tag != der.SET:
        raise InputError("the signers are missing", code="cms.malformed")
    found = der.children(encoded, signers)
    if len(found) > _MAX_SIGNERS:
        raise InputError("too many signers", code="cms.malformed")
    return tuple(_parse_signer(encoded, item) for item in found)


def _parse_signer(encoded: bytes, signer: der.Element) -> SignerInfo:
    """``SEQUENCE { version, sid, digest, [0] signed attributes, algorithm, signature, [1] unsigned attributes? }``."""
    _version, sid, digest_algorithm, *rest = der.children(encoded, signer)
    issuer, serial, key_identifier = _parse_identifier(encoded, sid)
    oid = der.children(encoded, digest_algorithm)[0]
    digest = DIGEST_BY_OID.get(der.decode_oid(der.content_of(encoded, oid)))
    if digest is None:
        raise InputError("the digest algorithm is not supported", code="cms.digest_unsupported")
    if not rest or rest[0].tag != _SIGNED_ATTRIBUTES_TAG:
        raise InputError("there are no signed attributes", code="cms.malformed")
    received, algorithm, signature, *_unsigned = rest
    signed_attributes = bytes((der.SET,)) + der.encoding_of(encoded, received)[1:]
    attributes = _parse_attributes(signed_attributes)
    time = attributes.get(_SIGNING_TIME)
    return SignerInfo(
        issuer=issuer,
        serial_number=serial,
        subject_key_identifier=key_identifier,
        digest=digest,
        signature_algorithm=der.encoding_of(encoded, algorithm),
        signature=der.octets(encoded, signature),
        signed_attributes=signed_attributes,
        content_type=der.decode_oid(attributes[_CONTENT_TYPE][1]),
        message_digest=attributes[_MESSAGE_DIGEST][1],
        signing_time=decode_time(*time) if time else None,
    )


def _parse_identifier(
    encoded: bytes, sid: der.Element
) -> tuple[Name | None, int | None, bytes | None]:
    """Issuer and serial number, or the subject key identifier."""
    if sid.tag == _KEY_IDENTIFIER_TAG:
        return None, None, der.content_of(encoded, sid)
    issuer, serial = der.children(encoded, sid)
    number = der.decode_integer(der.content_of(encoded, serial))
    return parse_name(der.encoding_of(encoded, issuer)), number, None


def _parse_attributes(encoded: bytes) -> dict[str, tuple[int, bytes]]:
    """Type → tag and content of the first value; an attribute that stands twice is refused (RFC 5652 §11)."""
    found: dict[str, tuple[int, bytes]] = {}
    for attribute in der.children(encoded, der.single(encoded, der.SET)):
        oid_element, values = der.children(encoded, attribute)
        oid = der.decode_oid(der.content_of(encoded, oid_element))
        if oid in found:
            raise InputError("a signed attribute stands twice", code="cms.malformed")
        listed = der.children(encoded, values)
        if oid in (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME) and len(listed) != 1:
            raise InputError("a signed attribute must have one value", code="cms.malformed")
        if listed:
            found[oid] = listed[0].tag, der.content_of(encoded, listed[0])
    return found
