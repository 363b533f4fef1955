"""The certificates and the revocation list of the embedded authority (RFC 5280), each plainly marked SAMPLE.

One root issues everything: a certificate that signs PDFs and one that stamps time. Both point to the root's CRL,
because validators treat a certificate without any pointer to its status as unfinished business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ekyc.ports import Random

SAMPLE_ORGANISATION: Final = "SAMPLE - embedded authority, no legal value"
"""Stands in every subject, so that no signature of this authority can be taken for an official one."""
ROOT_LIFE: Final = timedelta(days=3650)
LEAF_LIFE: Final = timedelta(days=1095)
CRL_LIFE: Final = timedelta(days=30)
_BACKDATE: Final = timedelta(minutes=5)
"""Certificates begin a little before their making, for verifiers whose clock is behind."""


def new_key() -> EllipticCurvePrivateKey:
    """A fresh EC P-256 key."""
    return generate_private_key(SECP256R1())


def issue_root(
    key: EllipticCurvePrivateKey, *, name: str, at: datetime, random: Random
) -> x509.Certificate:
    """Self-signed root that may issue end-entity certificates and CRLs, nothing below another CA."""
    subject = _subject(name)
    builder = _builder(
        subject=subject,
        issuer=subject,
        public_key=key.public_key(),
        at=at,
        life=ROOT_LIFE,
        random=random,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(certificate_sign=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def issue_signer(
    root: x509.Certificate,
    root_key: EllipticCurvePrivateKey,
    public_key: EllipticCurvePublicKey,
    *,
    name: str,
    at: datetime,
    random: Random,
) -> x509.Certificate:
    """End-entity certificate for signing documents: KeyUsage contentCommitment (nonRepudiation)."""
    builder = _builder(
        subject=_subject(name),
        issuer=root.subject,
        public_key=public_key,
        at=at,
        life=LEAF_LIFE,
        random=random,
    )
    builder = builder.add_extension(_usage(content_commitment=True), critical=True)
    return _finish_leaf(builder, root, root_key)


def issue_timestamper(
    root: x509.Certificate,
    root_key: EllipticCurvePrivateKey,
    public_key: EllipticCurvePublicKey,
    *,
    name: str,
    at: datetime,
    random: Random,
) -> x509.Certificate:
    """Certificate of a time-stamping authority: EKU timeStamping alone and critical (RFC 3161 §2.3)."""
    builder = _builder(
        subject=_subject(name),
        issuer=root.subject,
        public_key=public_key,
        at=at,
        life=LEAF_LIFE,
        random=random,
    )
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    builder = builder.add_extension(usage, critical=True)
    return _finish_leaf(builder, root, root_key)


def issue_crl(
    root: x509.Certificate,
    root_key: EllipticCurvePrivateKey,
    *,
    at: datetime,
    revoked: Sequence[tuple[int, datetime]] = (),
) -> x509.CertificateRevocationList:
    """The root's revocation list, good for :data:`CRL_LIFE`.

    Args:
        root: the issuer.
        root_key: its key.
        at: time of issue; also gives the CRL number, which must only ever grow (RFC 5280 §5.2.3).
        revoked: serial numbers and times of revocation.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(at)
        .next_update(at + CRL_LIFE)
        .add_extension(x509.CRLNumber(int(at.timestamp() * 1000)), critical=False)
        .add_extension(_authority_key_identifier(root), critical=False)
    )
    for serial, when in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(root_key, hashes.SHA256())


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, SAMPLE_ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _builder(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: EllipticCurvePublicKey,
    at: datetime,
    life: timedelta,
    random: Random,
) -> x509.CertificateBuilder:
    # RFC 5280 §4.1.2.2: positive and at most 20 octets; the leading 01 fixes sign and length.
    serial = int.from_bytes(b"\x01" + random.token_bytes(15))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(at - _BACKDATE)
        .not_valid_after(at + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _finish_leaf(
    builder: x509.CertificateBuilder, root: x509.Certificate, root_key: EllipticCurvePrivateKey
) -> x509.Certificate:
    # The pointer names the issuer's directory entry, not a host: the CRL travels inside each signed file.
    pointer = x509.DistributionPoint(
        full_name=[x509.DirectoryName(root.subject)],
        relative_name=None,
        reasons=None,
        crl_issuer=None,
    )
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=False
    )
    builder = builder.add_extension(_authority_key_identifier(root), critical=False)
    builder = builder.add_extension(x509.CRLDistributionPoints([pointer]), critical=False)
    return builder.sign(root_key, hashes.SHA256())


def _authority_key_identifier(root: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _usage(
    *,
    certificate_sign: bool = False,
    content_commitment: bool = False,
    digital_signature: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificate_sign,
        crl_sign=certificate_sign,
        encipher_only=False,
        decipher_only=False,
    )
