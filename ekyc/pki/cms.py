"""CMS SignedData as travel documents use it: EF.SOD, EF.CardSecurity, master lists (RFC 5652, ICAO 9303-10 §4.6.2).

Signed attributes are always hashed as the bytes that were received. Encoding them again would put a SET into another
order and break genuine documents.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from asn1crypto import cms, core

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
        info = cms.ContentInfo.load(encoded, strict=True)
        if info["content_type"].dotted != _SIGNED_DATA:
            raise InputError("the content is not SignedData", code="cms.malformed")
        signed = info["content"]
        encapsulated = signed["encap_content_info"]
        return SignedData(
            content_type=encapsulated["content_type"].dotted,
            content=bytes(encapsulated["content"]),
            certificates=_parse_certificates(signed["certificates"]),
            signers=_parse_signers(signed["signer_infos"]),
        )


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


def _parse_certificates(found: Any) -> tuple[Certificate, ...]:  # asn1crypto is untyped
    if isinstance(found, core.Void):
        return ()
    if len(found) > _MAX_CERTIFICATES:
        raise InputError("too many certificates", code="cms.malformed")
    return tuple(parse_certificate(choice.chosen.dump()) for choice in found)


def _parse_signers(found: Any) -> tuple[SignerInfo, ...]:  # asn1crypto is untyped
    if len(found) > _MAX_SIGNERS:
        raise InputError("too many signers", code="cms.malformed")
    return tuple(_parse_signer(item) for item in found)


def _parse_signer(info: Any) -> SignerInfo:  # asn1crypto is untyped
    issuer, serial, key_identifier = _parse_identifier(info["sid"])
    digest = DIGEST_BY_OID.get(info["digest_algorithm"]["algorithm"].dotted)
    if digest is None:
        raise InputError("the digest algorithm is not supported", code="cms.digest_unsupported")
    received = info["signed_attrs"].dump()
    if not received:
        raise InputError("there are no signed attributes", code="cms.malformed")
    attributes = _parse_attributes(bytes((der.SET,)) + received[1:])
    time = attributes.get(_SIGNING_TIME)
    return SignerInfo(
        issuer=issuer,
        serial_number=serial,
        subject_key_identifier=key_identifier,
        digest=digest,
        signature_algorithm=info["signature_algorithm"].dump(),
        signature=bytes(info["signature"]),
        signed_attributes=bytes((der.SET,)) + received[1:],
        content_type=der.decode_oid(attributes[_CONTENT_TYPE][1]),
        message_digest=attributes[_MESSAGE_DIGEST][1],
        signing_time=decode_time(*time) if time else None,
    )


def _parse_identifier(sid: Any) -> tuple[Name | None, int | None, bytes | None]:
    """Issuer and serial number, or the subject key identifier; asn1crypto is untyped."""
    if sid.name == "subject_key_identifier":
        return None, None, bytes(sid.chosen)
    chosen = sid.chosen
    return parse_name(chosen["issuer"].dump()), int(chosen["serial_number"].native), None


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
