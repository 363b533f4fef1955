"""A small PKI built on the spot: authorities and document signers with one thing changed at a time."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ekyc.pki import Certificate, der, parse_certificate

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
    purposes: tuple[str, ...] = (),
    critical: str | None = None,
    crl_sign: bool = True,
) -> Certificate:
    usage = usage_bit or ("key_cert_sign" if ca else "digital_signature")
    bits = x509.KeyUsage(
        digital_signature=usage == "digital_signature",
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=usage == "key_agreement",
        key_cert_sign=usage == "key_cert_sign",
        crl_sign=ca and crl_sign,
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
    if purposes:
        oids = [x509.ObjectIdentifier(oid) for oid in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=True)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    if with_identifiers:
        named = (claimed_issuer_key or issuer.key).public_key()
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()), False
        ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(named), False)
    return parse_certificate(builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER))


def crl(
    issuer: Party,
    *revoked: tuple[int, datetime, x509.ReasonFlags | None],
    signed_by: Party | None = None,
    this_update: datetime = NOW - timedelta(days=10),
    next_update: datetime = NOW + timedelta(days=80),
    digest: hashes.HashAlgorithm | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    entry_extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> bytes:
    """A DER revocation list; ``revoked`` gives serial number, date and reason."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.name)
        .last_update(this_update)
        .next_update(next_update)
    )
    for serial, date, reason in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(date)
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        for extension, critical in entry_extensions:
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign((signed_by or issuer).key, digest or hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def signed_list(
    content_type: str,
    content: bytes,
    signer: Party,
    certificate: Certificate,
    *,
    signed_at: datetime = NOW - timedelta(days=1),
) -> bytes:
    """A SignedData over ``content``: master list, deviation list or security object."""
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": kind, "values": [value]})
            for kind, value in (
                ("content_type", content_type),
                ("signing_time", cms.Time(name="utc_time", value=signed_at)),
                ("message_digest", hashlib.sha256(content).digest()),
            )
        ]
    )
    identifier = cms.IssuerAndSerialNumber(
        {
            "issuer": asn1_x509.Name.load(certificate.issuer_encoded),
            "serial_number": certificate.serial_number,
        }
    )
    info = {
        "version": "v1",
        "sid": cms.SignerIdentifier("issuer_and_serial_number", identifier),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
        "signed_attrs": attributes,
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
        "signature": signer.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
    }
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
            "encap_content_info": {
                "content_type": content_type,
                "content": core.ParsableOctetString(content),
            },
            "certificates": [asn1_x509.Certificate.load(certificate.encoded)],
            "signer_infos": [info],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()


def master_list(signer: Party, certificate: Certificate, *listed: Certificate) -> bytes:
    certificates = der.encode(der.SET, *(item.encoded for item in listed))
    content = der.encode(der.SEQUENCE, b"\x02\x01\x00", certificates)
    return signed_list("2.23.136.1.1.2", content, signer, certificate)


def ldif(*entries: tuple[str, str, bytes]) -> bytes:
    """Entries of name, attribute and value, folded at 76 columns as the PKD folds them."""
    lines = ["version: 1", ""]
    for name, attribute, value in entries:
        lines += [f"dn: {name}", "objectClass: top", "pkdVersion: 70"]
        whole = f"{attribute}:: {base64.b64encode(value).decode()}"
        lines += [whole[:76], *(" " + whole[at : at + 75] for at in range(76, len(whole), 75)), ""]
    return "\n".join(lines).encode()


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def make():
    """``make.party``, ``make.issue``, and the lists that authorities and directories publish."""

    class Maker:
        party = staticmethod(party)
        issue = staticmethod(issue)
        crl = staticmethod(crl)
        signed_list = staticmethod(signed_list)
        master_list = staticmethod(master_list)
        ldif = staticmethod(ldif)

    return Maker
