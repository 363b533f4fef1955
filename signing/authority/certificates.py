"""Certificates and revocation lists as this program's own authorities issue them (RFC 5280), each marked SAMPLE.

Every end-entity certificate points to a revocation list, the short-lived ones too: validators treat one without any
pointer as unfinished business, and pyHanko 0.38 refuses ``noRevAvail`` (RFC 9608) while the certificate lives.
Authorities sign with EC P-256; whom they certify may bring EC P-256 or RSA.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from ekyc.errors import InputError
from ekyc.ports import Random
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of
from ekyc.signing.keys.port import SigningKey

SAMPLE_ORGANISATION: Final = "SAMPLE - embedded authority, no legal value"
"""Stands in every subject, so that no signature of these authorities can be taken for an official one."""
ROOT_LIFE: Final = timedelta(days=7300)
ISSUING_LIFE: Final = timedelta(days=5475)
CRL_LIFE: Final = timedelta(days=30)
_BACKDATE: Final = timedelta(minutes=5)
"""Certificates begin a little before their making, for verifiers whose clock is behind."""


class CertificateProfile(StrEnum):
    """What a certificate is for."""

    RESULT_SIGNER = "result-signer"
    """The service that signs its own results."""
    ONE_SHOT = "one-shot"
    """A citizen, for one act: a fresh key, minutes of life."""
    CITIZEN = "citizen"
    OFFICER = "officer"
    SEAL = "seal"
    """An agency; what its stamp was on paper."""
    TIMESTAMPER = "timestamper"
    OCSP_RESPONDER = "ocsp-responder"


LIFE: Final = {
    CertificateProfile.RESULT_SIGNER: timedelta(days=1095),
    CertificateProfile.ONE_SHOT: timedelta(minutes=10),
    CertificateProfile.CITIZEN: timedelta(days=365),
    CertificateProfile.OFFICER: timedelta(days=1095),
    CertificateProfile.SEAL: timedelta(days=1095),
    CertificateProfile.TIMESTAMPER: timedelta(days=3650),
    CertificateProfile.OCSP_RESPONDER: timedelta(days=90),
}
"""How long each profile lasts. Timestamps must outlive the signatures they prove, so their certificate lives longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An authority's certificate and key."""

    certificate: x509.Certificate
    key: SigningKey

    def __repr__(self) -> str:
        return "Issuer(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPointers:
    """Where a certificate says that its status can be asked."""

    crl_url: str | None = None
    """Without one the pointer names the issuer's directory entry: the list travels inside each signed file."""
    ocsp_url: str | None = None


def sample_name(common_name: str, *, identifier: str | None = None) -> x509.Name:
    """A subject of a sample authority.

    Args:
        common_name: whom it names.
        identifier: serialNumber attribute, e.g. ``PNOVN-…`` (ETSI EN 319 412-1 §5.1.3).
    """
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, SAMPLE_ORGANISATION),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if identifier is not None:
        parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, identifier))
    return x509.Name(parts)


def random_serial(random: Random) -> int:
    """RFC 5280 §4.1.2.2: positive and at most 20 octets; the leading 01 fixes sign and length."""
    return int.from_bytes(b"\x01" + random.token_bytes(15))


def issue_root(
    key: SigningKey, *, name: str, at: datetime, random: Random, path_length: int = 0
) -> x509.Certificate:
    """Self-signed root; ``path_length`` is how many authorities may stand below it."""
    subject = sample_name(name)
    builder = _builder(
        subject,
        subject,
        key.public_key_der,
        serial=random_serial(random),
        period=(at - _BACKDATE, at + ROOT_LIFE),
    )
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    )
    builder = builder.add_extension(_usage(certificate_sign=True), critical=True)
    return builder.sign(as_builder_key(key), hashes.SHA256())


def issue_authority(
    root: Issuer, public_key_der: bytes, *, name: str, at: datetime, random: Random
) -> x509.Certificate:
    """An issuing authority below a root, that may certify end entities only."""
    builder = _builder(
        sample_name(name),
        root.certificate.subject,
        public_key_der,
        serial=random_serial(random),
        period=(at - _BACKDATE, at + ISSUING_LIFE),
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(certificate_sign=True), critical=True)
    builder = _with_pointers(builder, root, StatusPointers())
    return builder.sign(as_builder_key(root.key), hashes.SHA256())


def issue_leaf(
    issuer: Issuer,
    public_key_der: bytes,
    *,
    profile: CertificateProfile,
    subject: x509.Name,
    serial: int,
    at: datetime,
    pointers: StatusPointers | None = None,
) -> x509.Certificate:
    """An end-entity certificate.

    Args:
        issuer: who certifies.
        public_key_der: SubjectPublicKeyInfo of the subject's key.
        profile: gives life, key usage and extended key usage.
        subject: whom it names.
        serial: positive, at most 20 octets, never used before by this issuer.
        at: time of issue, aware.
        pointers: where status can be asked.

    Raises:
        InputError: ``signing.key.unsupported``.
    """
    algorithm_of(public_key_der)
    builder = _builder(
        subject,
        issuer.certificate.subject,
        public_key_der,
        serial=serial,
        period=(at - _BACKDATE, at + LIFE[profile]),
    )
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=False
    )
    builder = _for_purpose(builder, profile)
    builder = _with_pointers(builder, issuer, pointers or StatusPointers())
    return builder.sign(as_builder_key(issuer.key), hashes.SHA256())


def issue_crl(
    issuer: Issuer,
    *,
    at: datetime,
    number: int,
    revoked: Iterable[tuple[int, datetime, x509.ReasonFlags | None]] = (),
    life: timedelta = CRL_LIFE,
) -> x509.CertificateRevocationList:
    """The issuer's revocation list.

    Args:
        issuer: whose certificates it is about.
        at: time of issue.
        number: must only ever grow (RFC 5280 §5.2.3).
        revoked: serial numbers, times and reasons of revocation.
        life: until when the next one is promised.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(at + life)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority_key_identifier(issuer.certificate), critical=False)
    )
    for serial, when, reason in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(as_builder_key(issuer.key), hashes.SHA256())


def common_name(certificate_der: bytes) -> str:
    """Common name of a certificate's subject."""
    subject = x509.load_der_x509_certificate(certificate_der).subject
    (name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


class _BuilderKey(ec.EllipticCurvePrivateKey):
    """A key behind our port, in the form that ``cryptography``'s builders ask for. It can sign, and nothing else."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    @property
    def curve(self) -> ec.EllipticCurve:
        return ec.SECP256R1()

    @property
    def key_size(self) -> int:
        return 256

    def public_key(self) -> ec.EllipticCurvePublicKey:
        public = serialization.load_der_public_key(self._key.public_key_der)
        assert isinstance(public, ec.EllipticCurvePublicKey)
        return public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        del signature_algorithm  # always ECDSA with SHA-256: see the calls of as_builder_key
        return self._key.sign_digest(hashlib.sha256(data).digest())

    def exchange(self, *_: Any, **__: Any) -> NoReturn:
        raise _only_signs()

    def private_numbers(self) -> NoReturn:
        raise _only_signs()

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise _only_signs()

    def __copy__(self) -> _BuilderKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> _BuilderKey:
        return self


def _only_signs() -> UnsupportedAlgorithm:
    """What ``cryptography`` itself says of a key that cannot do a thing. The secret may lie in a token."""
    return UnsupportedAlgorithm("this key signs and does nothing else")


def as_builder_key(key: SigningKey) -> ec.EllipticCurvePrivateKey:
    """An authority's key for ``cryptography``'s builders of certificates, lists and OCSP responses.

    Raises:
        InputError: ``signing.key.unsupported``: authorities sign with EC P-256.
    """
    if key.algorithm is not SignatureAlgorithm.ECDSA_P256:
        raise InputError("authorities sign with EC P-256", code="signing.key.unsupported")
    return _BuilderKey(key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key_der: bytes,
    *,
    serial: int,
    period: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    key = serialization.load_der_public_key(public_key_der)
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(period[0])
        .not_valid_after(period[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _for_purpose(
    builder: x509.CertificateBuilder, profile: CertificateProfile
) -> x509.CertificateBuilder:
    """Documents: contentCommitment. Timestamps: EKU alone and critical (RFC 3161 §2.3). OCSP: RFC 6960 §4.2.2.2."""
    if profile is CertificateProfile.TIMESTAMPER:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
        return builder.add_extension(_usage(digital_signature=True), critical=True)
    if profile is CertificateProfile.OCSP_RESPONDER:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        builder = builder.add_extension(usage, critical=False)
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
        return builder.add_extension(_usage(digital_signature=True), critical=True)
    return builder.add_extension(_usage(content_commitment=True), critical=True)


def _with_pointers(
    builder: x509.CertificateBuilder, issuer: Issuer, pointers: StatusPointers
) -> x509.CertificateBuilder:
    place: x509.GeneralName = x509.DirectoryName(issuer.certificate.subject)
    if pointers.crl_url is not None:
        place = x509.UniformResourceIdentifier(pointers.crl_url)
    point = x509.DistributionPoint(
        full_name=[place], relative_name=None, reasons=None, crl_issuer=None
    )
    builder = builder.add_extension(
        _authority_key_identifier(issuer.certificate), critical=False
    ).add_extension(x509.CRLDistributionPoints([point]), critical=False)
    if pointers.ocsp_url is None:
        return builder
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(pointers.ocsp_url)
    )
    return builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
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
