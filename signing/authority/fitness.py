"""Whether a certificate may be signed with now: the signer's own check before signing (NĐ 23/2025/NĐ-CP art. 15).

1. It is valid now.
2. None of its issuer's revocation lists at hand, signed by that issuer, names it.
3. No OCSP response at hand about it says that it was revoked. Who signed that response is not asked: a false one stops a
   signature and makes none.
4. It is for signing documents: by key usage, by extended key usage where it has one, and not an authority's.

Chain and anchor are the validator's questions. A list that is not at hand says nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import ocsp

from ekyc.errors import TrustError
from ekyc.signing.signatory import SigningIdentity
from ekyc.signing.validation.material import ValidationMaterial

PURPOSES: Final = {
    "1.3.6.1.5.5.7.3.36",  # documentSigning, RFC 9336
    "1.2.840.113583.1.1.5",  # Adobe's authentic documents
    "1.3.6.1.4.1.311.10.3.12",  # Microsoft's document signing
    "1.3.6.1.5.5.7.3.4",  # e-mail protection
    "1.3.6.1.5.5.7.3.2",  # client authentication: what many issuers of personal signing certificates put there
}
"""Extended key usages with which a certificate may sign documents; validation (:mod:`.trust`) has the same."""


def require_fit(identity: SigningIdentity, material: ValidationMaterial, *, at: datetime) -> None:
    """Return if a key may sign under its certificate.

    Args:
        identity: who is to sign.
        material: revocation lists at hand; their issuers, unless they came with the identity.
        at: now, aware.

    Raises:
        TrustError: ``signing.certificate.not_yet_valid``, ``.expired``, ``.revoked``, ``.wrong_usage``: then nothing must be
            signed.
    """
    certificate = x509.load_der_x509_certificate(identity.certificate_der)
    if at < certificate.not_valid_before_utc:  # (1)
        raise _unfit("is not valid yet", "signing.certificate.not_yet_valid")
    if at > certificate.not_valid_after_utc:
        raise _unfit("has expired", "signing.certificate.expired")
    if not _signs_documents(certificate):  # (4)
        raise _unfit("is not for signing documents", "signing.certificate.wrong_usage")
    at_hand = ValidationMaterial(certificates=identity.issuers_der) + material
    if certificate_is_revoked(certificate, at_hand):  # (2), (3)
        raise _unfit("was revoked", "signing.certificate.revoked")


def certificate_is_revoked(certificate: x509.Certificate, material: ValidationMaterial) -> bool:
    """Whether a revocation list at hand, signed by the certificate's issuer at hand, names it, or an OCSP response does."""
    serial = certificate.serial_number
    return any(
        crl.get_revoked_certificate_by_serial_number(serial) is not None
        for crl in _lists_about(certificate, material)
    ) or any(_says_revoked(der, certificate) for der in material.ocsps)


def _signs_documents(certificate: x509.Certificate) -> bool:
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        return False
    found = {type(extension.value): extension.value for extension in extensions}
    constraints = found.get(x509.BasicConstraints)
    usage = found.get(x509.KeyUsage)
    purposes = found.get(x509.ExtendedKeyUsage)
    is_authority = isinstance(constraints, x509.BasicConstraints) and constraints.ca
    signs = not isinstance(usage, x509.KeyUsage) or (
        usage.digital_signature or usage.content_commitment
    )
    fits = not isinstance(purposes, x509.ExtendedKeyUsage) or any(
        purpose.dotted_string in PURPOSES for purpose in purposes
    )
    return signs and fits and not is_authority


def _lists_about(
    certificate: x509.Certificate, material: ValidationMaterial
) -> Iterator[x509.CertificateRevocationList]:
    """Lists of the certificate's issuer that one of the certificates at hand verifies."""
    lists = [x509.load_der_x509_crl(der) for der in material.crls]
    issuers = [x509.load_der_x509_certificate(der) for der in material.certificates]
    for crl in lists:
        named = [issuer for issuer in issuers if issuer.subject == certificate.issuer]
        if crl.issuer == certificate.issuer and any(_signed(crl, issuer) for issuer in named):
            yield crl


def _says_revoked(response_der: bytes, certificate: x509.Certificate) -> bool:
    response = ocsp.load_der_ocsp_response(response_der)
    return (
        response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
        and response.serial_number == certificate.serial_number
        and response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    )


def _signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # no key that it knows: TypeError
    except (InvalidSignature, TypeError, ValueError):
        return False


def _unfit(what: str, code: str) -> TrustError:
    return TrustError(f"the signer's certificate {what}; nothing is signed with it", code=code)
