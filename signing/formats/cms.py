"""The CMS of a signature (RFC 5652) with the attributes of CAdES (ETSI EN 319 122-1), as bytes.

Signing takes two steps, so that the key may live elsewhere::

    attributes = signed_attributes(digest, certificate_der)
    signature = key.sign_digest(sha256(attributes))        # here, in an HSM, or at a remote service
    cms = signed_data(attributes, signature, certificate_der, …)

The signer's certificate stands in the CMS once; pyHanko's own signers put it in twice, which a strict reader of
DER refuses, since a SET OF has no duplicates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from asn1crypto import x509

from ekyc.signing.der import (
    context,
    elements,
    inside,
    integer,
    octet_string,
    oid,
    sequence,
    set_of,
    utc_time,
)
from ekyc.signing.keys.algorithms import SHA256_OID, SignatureAlgorithm
from ekyc.signing.validation.material import ValidationMaterial

DATA: Final = "1.2.840.113549.1.7.1"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_SIGNATURE_TIMESTAMP: Final = "1.2.840.113549.1.9.16.2.14"


def signed_attributes(
    digest: bytes,
    certificate_der: bytes,
    *,
    content_type: str = DATA,
    signing_time: datetime | None = None,
) -> bytes:
    """DER of the SET OF attributes that the key signs.

    Args:
        digest: SHA-256 of the content.
        certificate_der: the signer's, bound into the signature by ESSCertIDv2 (RFC 5035).
        content_type: what the content is.
        signing_time: claimed time; absent from PDF signatures (ETSI EN 319 142-1 §6.3), which state it in the
            signature dictionary.
    """
    attributes = [
        _attribute(_CONTENT_TYPE, oid(content_type)),
        _attribute(_MESSAGE_DIGEST, octet_string(digest)),
        _attribute(_SIGNING_CERTIFICATE_V2, _certificate_reference(certificate_der)),
    ]
    if signing_time is not None:
        attributes.append(_attribute(_SIGNING_TIME, utc_time(signing_time)))
    return set_of(attributes)


def signed_data(
    attributes: bytes,
    signature: bytes,
    certificate_der: bytes,
    *,
    algorithm: SignatureAlgorithm,
    certificates: Iterable[bytes],
    content: bytes | None = None,
    content_type: str = DATA,
    timestamp_token: bytes | None = None,
) -> bytes:
    """DER of the whole ContentInfo.

    Args:
        attributes: as :func:`signed_attributes` gave them.
        signature: value over SHA-256 of ``attributes``.
        certificate_der: the signer's.
        algorithm: what the signer's key signs with.
        certificates: what to embed; duplicates vanish.
        content: carried inside, or ``None`` for a detached signature.
        content_type: what the content is.
        timestamp_token: RFC 3161 token over SHA-256 of ``signature``.
    """
    digest_algorithm = sequence(oid(SHA256_OID))
    carried = context(0, octet_string(content)) if content is not None else b""
    signer_info = sequence(
        integer(1),
        sequence(*_issuer_and_serial(certificate_der)),
        digest_algorithm,
        _retagged(attributes, 0),
        algorithm.identifier_der,
        octet_string(signature),
        _unsigned(timestamp_token),
    )
    embedded = list(certificates)
    body = sequence(
        integer(1 if content_type == DATA else 3),  # RFC 5652 §5.1
        set_of([digest_algorithm]),
        sequence(oid(content_type), carried),
        set_of(embedded, tag=0xA0) if embedded else b"",
        set_of([signer_info]),
    )
    return sequence(oid(_SIGNED_DATA), context(0, body))


def add_timestamp(cms_der: bytes, make_token: Callable[[bytes], bytes]) -> bytes | None:
    """The same ContentInfo with a signature timestamp among its unsigned attributes (ETSI EN 319 122-1 §5.3).

    Args:
        cms_der: a ``SignedData`` of one signer.
        make_token: RFC 3161 token over the SHA-256 that it is given.

    Returns:
        ``None`` if there are unsigned attributes already, or several signers: such a CMS is left as it is.

    Raises:
        ValueError: not DER.
    """
    stamped = signature_of(cms_der)
    if stamped is None:
        return None
    token = make_token(hashlib.sha256(stamped).digest())
    return add_unsigned(cms_der, token, ValidationMaterial())


def signature_of(cms_der: bytes) -> bytes | None:
    """The signature value of a ``SignedData`` of one signer that has no unsigned attributes yet; ``None`` of any other.

    Raises:
        ValueError: not DER.
    """
    *_, signer_infos = _body(cms_der)[1]
    signers = elements(inside(signer_infos))
    parts = elements(inside(signers[0])) if len(signers) == 1 else []
    if not parts or parts[-1][:1] != b"\x04":
        return None  # the signature value is last where no unsigned attributes follow
    return inside(parts[-1])


def add_unsigned(cms_der: bytes, timestamp_token: bytes, material: ValidationMaterial) -> bytes:
    """The same ContentInfo with a signature timestamp, and with certificates and revocation lists beside its own.

    Args:
        cms_der: of which :func:`signature_of` gives a value.
        timestamp_token: RFC 3161 token over that value.
        material: chains and lists; what is there already is not repeated (ETSI EN 319 122-1 §5.4.2).
    """
    kind, (version, digests, content, *optional, signer_infos) = _body(cms_der)
    (signer,) = elements(inside(signer_infos))
    stamped = sequence(*elements(inside(signer)), _unsigned(timestamp_token))
    found = {part[:1]: elements(inside(part)) for part in optional}
    certificates = [*found.get(b"\xa0", []), *material.certificates]
    lists = [*found.get(b"\xa1", []), *material.crls]
    body = sequence(
        version,
        digests,
        content,
        set_of(certificates, tag=0xA0) if certificates else b"",
        set_of(lists, tag=0xA1) if lists else b"",
        set_of([stamped]),
    )
    return sequence(kind, context(0, body))


def _body(cms_der: bytes) -> tuple[bytes, list[bytes]]:
    """Content type, and the elements of the ``SignedData``: version, digests, content, [0], [1], signers."""
    kind, wrapped = elements(inside(cms_der))
    (body,) = elements(inside(wrapped))
    found = elements(inside(body))
    tags = [part[:1] for part in found[3:-1]]
    if kind != oid(_SIGNED_DATA) or tags not in ([], [b"\xa0"], [b"\xa1"], [b"\xa0", b"\xa1"]):
        raise ValueError("not a SignedData")
    return kind, found


def directory_name(name_der: bytes) -> bytes:
    """GeneralName of a distinguished name; the choice inside makes the tag explicit (RFC 5280 §4.2.1.6)."""
    return context(4, name_der)


def subject_der(certificate_der: bytes) -> bytes:
    """The subject as it is encoded in the certificate."""
    der: bytes = x509.Certificate.load(certificate_der)["tbs_certificate"]["subject"].dump()
    return der


def _attribute(kind: str, value: bytes) -> bytes:
    return sequence(oid(kind), set_of([value]))


def _certificate_reference(certificate_der: bytes) -> bytes:
    """SigningCertificateV2 with one ESSCertIDv2; its hash algorithm is the default, SHA-256, and left out."""
    issuer, serial = _issuer_and_serial(certificate_der)
    digest = octet_string(hashlib.sha256(certificate_der).digest())
    issuer_serial = sequence(sequence(directory_name(issuer)), serial)
    return sequence(sequence(sequence(digest, issuer_serial)))


def _issuer_and_serial(certificate_der: bytes) -> tuple[bytes, bytes]:
    body = x509.Certificate.load(certificate_der)["tbs_certificate"]
    return body["issuer"].dump(), body["serial_number"].dump()


def _unsigned(timestamp_token: bytes | None) -> bytes:
    if timestamp_token is None:
        return b""
    return _retagged(set_of([_attribute(_SIGNATURE_TIMESTAMP, timestamp_token)]), 1)


def _retagged(encoded: bytes, number: int) -> bytes:
    """The same contents under an implicit context tag."""
    return bytes((0xA0 | number,)) + encoded[1:]
