"""A small PKI built on the spot: authorities and document signers with one thing changed at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ekyc.pki import Certificate, parse_certificate

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass
class Party:
    """A name with its key."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def party(common_name: str, country: str | None = "VN") -> Party:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if country:
        attributes.insert(0, x509.NameAttribute(NameOID.COUNTRY_NAME, country))
    return Party(x509.Name(attributes), ec.generate_private_key(ec.SECP256R1()))


def issue(
    subject: Party,
    issuer: Party,
    *,
    ca: bool,
    start: datetime = NOW - timedelta(days=100),
    end: datetime = NOW + timedelta(days=3650),
    claimed_issuer_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    with_identifiers: bool = True,
    usage_bit: str | None = None,
) -> Certificate:
    usage = usage_bit or ("key_cert_sign" if ca else "digital_signature")
    bits = x509.KeyUsage(
        digital_signature=usage == "digital_signature",
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=usage == "key_agreement",
        key_cert_sign=usage == "key_cert_sign",
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject.name)
        .issuer_name(issuer.name)
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(bits, critical=True)
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    if with_identifiers:
        named = (claimed_issuer_key or issuer.key).public_key()
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()), False
        ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(named), False)
    return parse_certificate(builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER))


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def make():
    """``make.party`` and ``make.issue``."""

    class Maker:
        party = staticmethod(party)
        issue = staticmethod(issue)

    return Maker
