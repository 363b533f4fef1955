"""Sign any file: CAdES baseline signatures (ETSI EN 319 122-1 §6), detached, levels B-B, B-T and B-LT.

1. The signer's certificate is valid and not revoked; otherwise nothing is signed.
2. Make the attributes over the content's SHA-256: content type, digest, signing certificate, claimed time.
3. The key signs their digest, here or elsewhere.
4. Check that value against the certificate.
5. Level B-T: an RFC 3161 timestamp over the value. Level B-LT: chains and revocation lists go along in the CMS.

The content is never held here: of a file of any size :func:`digest_stream` makes the 32 bytes that are signed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from ekyc.errors import InputError, LimitError
from ekyc.signing.authority.fitness import require_fit
from ekyc.signing.formats.cms import add_unsigned, signature_of, signed_attributes, signed_data
from ekyc.signing.keys.algorithms import (
    SignatureAlgorithm,
    algorithm_of,
    require_digest,
    verify_value,
)
from ekyc.signing.levels import Level, extended, require_not_archival
from ekyc.signing.signatory import Services, Signatory, SigningIdentity, public_key_der_of
from ekyc.signing.validation.material import ValidationMaterial

MAX_CMS_BYTES: Final = 4 << 20
MAX_CONTENT_BYTES: Final = 4 << 30
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCades:
    """A CMS that waits for the signature value."""

    attributes_der: bytes
    certificate_der: bytes
    issuers_der: tuple[bytes, ...]

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What the value must be made with."""
        return algorithm_of(public_key_der_of(self.certificate_der))

    @property
    def to_be_signed(self) -> bytes:
        """The SHA-256 that the key signs."""
        return hashlib.sha256(self.attributes_der).digest()

    def __repr__(self) -> str:
        return "PreparedCades(…)"


def digest_stream(stream: BinaryIO, *, most: int = MAX_CONTENT_BYTES) -> bytes:
    """SHA-256 of what a stream still holds, read in blocks of 1 MiB.

    Raises:
        LimitError: ``signing.content.too_large``: more than ``most`` bytes.
    """
    digest, size = hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > most:
            raise LimitError(f"more than {most >> 20} MiB", code="signing.content.too_large")
        digest.update(block)
    return digest.digest()


def sign_cades(content_sha256: bytes, signatory: Signatory, *, level: Level = Level.B_T) -> bytes:
    """DER of a detached CMS over a content.

    Args:
        content_sha256: 32 bytes; see :func:`digest_stream`.
        signatory: key, timestamps, revocation lists and clock.
        level: up to B-LT.

    Raises:
        InputError: ``signing.digest.length``, ``signing.level.unsupported``.
        TrustError: ``signing.certificate.expired``, ``.not_yet_valid``, ``.revoked``.
        TimestampFailedError: signed, but not at the level asked for.
        UpstreamError: the key does not sign; there is nothing then.
    """
    require_not_archival(level)
    prepared = prepare_cades(content_sha256, signatory.signer, signatory)
    value = signatory.signer.key.sign_digest(prepared.to_be_signed)  # (3)
    return complete_cades(prepared, value, signatory, level=level)


def prepare_cades(
    content_sha256: bytes, identity: SigningIdentity, services: Services
) -> PreparedCades:
    """Steps 1 and 2; arguments and errors as of :func:`sign_cades`."""
    require_digest(content_sha256)
    at = services.clock.now()
    require_fit(identity, services.material(), at=at)  # (1)
    return PreparedCades(
        attributes_der=signed_attributes(
            content_sha256, identity.certificate_der, signing_time=at
        ),  # (2)
        certificate_der=identity.certificate_der,
        issuers_der=identity.issuers_der,
    )


def complete_cades(
    prepared: PreparedCades, value: bytes, services: Services, *, level: Level = Level.B_T
) -> bytes:
    """Steps 4 and 5.

    Raises:
        TrustError: ``signing.key.mismatch``: not a signature of the certificate's key over this content.
        TimestampFailedError: signed, but not at the level asked for.
    """
    require_not_archival(level)
    verify_value(public_key_der_of(prepared.certificate_der), prepared.to_be_signed, value)  # (4)
    signed = signed_data(
        prepared.attributes_der,
        value,
        prepared.certificate_der,
        algorithm=prepared.algorithm,
        certificates=[prepared.certificate_der, *prepared.issuers_der],
    )
    return _extended(signed, services, level)  # (5)


def augment_cades(cms_der: bytes, services: Services, *, level: Level = Level.B_LT) -> bytes:
    """Take a detached CMS without a timestamp, of whoever's making, to B-T or B-LT.

    Raises:
        InputError: ``signing.cms.unreadable``, ``signing.cms.augmented`` (it has unsigned attributes, or several
            signers), ``signing.level.unsupported``.
        TimestampFailedError: no timestamp; it carries what was given.
    """
    require_not_archival(level)
    if len(cms_der) > MAX_CMS_BYTES:
        raise LimitError(f"more than {MAX_CMS_BYTES >> 20} MiB", code="signing.cms.too_large")
    return _extended(cms_der, services, level)


def _extended(signed: bytes, services: Services, level: Level) -> bytes:
    try:
        stamped = signature_of(signed)
    except (ValueError, IndexError) as exc:
        raise InputError("not a CMS in DER", code="signing.cms.unreadable") from exc
    if stamped is None:
        raise InputError(
            "the CMS has unsigned attributes already, or several signers",
            code="signing.cms.augmented",
        )

    def extend(token: bytes, material: ValidationMaterial) -> bytes:
        return add_unsigned(signed, token, material)

    return extended(signed, stamped, extend, services, level=level)
