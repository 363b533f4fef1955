"""Documents for the suite ``chip``, one for each algorithm in use, and the arithmetic that no reader can do without."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ekyc.chip.lds.sod import parse_sod
from ekyc.errors import InputError
from ekyc.pki import Certificate, CmsEvidence, SecurityObject, TrustStore, der
from ekyc.pki.keys import PublicKey, RsaPublicKey, parse_public_key
from ekyc.pki.signatures import SignatureAlgorithm, parse_algorithm

AT: Final = datetime(2026, 6, 15, tzinfo=UTC)
_GROUP_BYTES: Final = {1: 95, 2: 16_384, 13: 420, 14: 310, 15: 300}
"""A Vietnamese card with a portrait of 16 kB."""

BareOperation = Callable[[], object]
_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - a genuine document of 2020 is signed so
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """How authority and document signer sign."""

    name: str
    make_key: Callable[[], _PrivateKey]
    digest: str
    pss: bool = False


def _rsa(bits: int) -> Callable[[], _PrivateKey]:
    return lambda: rsa.generate_private_key(65537, bits)


def _ec(curve: ec.EllipticCurve) -> Callable[[], _PrivateKey]:
    return lambda: ec.generate_private_key(curve)


ALGORITHMS: Final = (
    Algorithm(name="rsa-2048-pkcs1-sha256", make_key=_rsa(2048), digest="sha256"),
    Algorithm(name="rsa-4096-pkcs1-sha512", make_key=_rsa(4096), digest="sha512"),
    Algorithm(name="rsa-3072-pss-sha256", make_key=_rsa(3072), digest="sha256", pss=True),
    Algorithm(name="ecdsa-p256-sha256", make_key=_ec(ec.SECP256R1()), digest="sha256"),
    Algorithm(name="ecdsa-p384-sha384", make_key=_ec(ec.SECP384R1()), digest="sha384"),
    Algorithm(name="ecdsa-bp256-sha256", make_key=_ec(ec.BrainpoolP256R1()), digest="sha256"),
    Algorithm(name="ecdsa-bp384-sha384", make_key=_ec(ec.BrainpoolP384R1()), digest="sha384"),
    Algorithm(name="ecdsa-bp512-sha512", make_key=_ec(ec.BrainpoolP512R1()), digest="sha512"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An EF.SOD with its data groups and the store that its signer chains to."""

    name: str
    sod: bytes
    groups: Mapping[int, bytes]
    trust: TrustStore


def make_document(algorithm: Algorithm, *, seed: int) -> Document:
    """A document whose authority, signer and hashes all use one algorithm."""
    authority, signer = algorithm.make_key(), algorithm.make_key()
    root = _certificate("CSCA", authority, authority, algorithm, ca=True)
    document_signer = _certificate("DS", signer, authority, algorithm, ca=False)
    content = random.Random(seed)  # noqa: S311 - filler
    groups = {number: content.randbytes(size) for number, size in _GROUP_BYTES.items()}
    return Document(
        name=algorithm.name,
        sod=_sod(groups, document_signer, signer, algorithm),
        groups=groups,
        trust=TrustStore.from_certificates([root]),
    )


def bare_operations(
    document: Document, evidence: CmsEvidence, issuer: Certificate | None
) -> tuple[BareOperation, BareOperation, BareOperation]:
    """What cannot be avoided: the document's signature, the signer's certificate, the hashes of the groups.

    Keys are ready and digests of what was signed are made: only the arithmetic is left.
    """
    sod = parse_sod(document.sod)
    (info,) = sod.signed.signers
    algorithm = parse_algorithm(info.signature_algorithm, digest=info.digest)
    signature = _bare_verification(
        evidence.signer.public_key, algorithm, info.signature, info.signed_attributes
    )
    certificate: BareOperation = lambda: None  # noqa: E731 - nothing to verify without an issuer
    if issuer:
        certificate = _bare_verification(
            issuer.public_key,
            parse_algorithm(evidence.signer.signature_algorithm),
            evidence.signer.signature,
            evidence.signer.to_be_signed,
        )
    return signature, certificate, lambda: _hash_all(sod.security_object, document.groups)


def _hash_all(security_object: SecurityObject, groups: Mapping[int, bytes]) -> None:
    for data in groups.values():
        hashlib.new(security_object.digest, data).digest()


def _bare_verification(
    key_info: bytes, algorithm: SignatureAlgorithm, signature: bytes, message: bytes
) -> BareOperation:
    key: PublicKey = parse_public_key(key_info)
    digest = hashlib.new(algorithm.digest, message).digest()
    hashed = Prehashed(_HASHES[algorithm.digest])
    if isinstance(key, RsaPublicKey):
        public = rsa.RSAPublicNumbers(key.exponent, key.modulus).public_key()
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if algorithm.scheme == "rsa-pss":
            mask = padding.MGF1(_HASHES[algorithm.mask_digest or algorithm.digest])
            scheme = padding.PSS(mgf=mask, salt_length=algorithm.salt_length or 0)
        return lambda: public.verify(signature, digest, scheme, hashed)
    if key.curve.implementation is None:
        raise InputError("no implementation to compare with", code="bench.no_peer")
    point = ec.EllipticCurvePublicNumbers(*key.point, key.curve.implementation()).public_key()
    if algorithm.scheme == "ecdsa-plain":
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        signature = encode_dss_signature(r, s)
    return lambda: point.verify(signature, digest, ec.ECDSA(hashed))


def _certificate(
    name: str, key: _PrivateKey, authority: _PrivateKey, algorithm: Algorithm, *, ca: bool
) -> bytes:
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("CSCA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=100))
        .not_valid_after(AT + timedelta(days=3650))
        .add_extension(
            x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False
        )
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    hashed: Any = _HASHES[algorithm.digest]  # the builder lists its digests one by one
    scheme = _pss(algorithm) if algorithm.pss else None
    return builder.sign(authority, hashed, rsa_padding=scheme).public_bytes(Encoding.DER)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SAMPLE"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"SAMPLE {common_name}"),
        ]
    )


def _sod(
    groups: Mapping[int, bytes], certificate: bytes, key: _PrivateKey, algorithm: Algorithm
) -> bytes:
    digest = algos.DigestAlgorithm({"algorithm": algorithm.digest})
    listed = b"".join(
        der.encode(
            der.SEQUENCE,
            der.encode(der.INTEGER, bytes((number,))),
            der.encode(der.OCTET_STRING, hashlib.new(algorithm.digest, data).digest()),
        )
        for number, data in groups.items()
    )
    content = der.encode(
        der.SEQUENCE, b"\x02\x01\x00", digest.dump(), der.encode(der.SEQUENCE, listed)
    )
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": kind, "values": [value]})
            for kind, value in (
                ("content_type", "2.23.136.1.1.1"),
                ("signing_time", cms.Time(name="utc_time", value=AT - timedelta(days=30))),
                ("message_digest", hashlib.new(algorithm.digest, content).digest()),
            )
        ]
    )
    parsed = asn1_x509.Certificate.load(certificate)
    identifier = cms.IssuerAndSerialNumber(
        {"issuer": parsed.issuer, "serial_number": parsed.serial_number}
    )
    info = {
        "version": "v1",
        "sid": cms.SignerIdentifier("issuer_and_serial_number", identifier),
        "digest_algorithm": digest,
        "signed_attrs": attributes,
        "signature_algorithm": _signature_algorithm(algorithm, key),
        "signature": _sign(algorithm, key, attributes.dump()),
    }
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [digest],
            "encap_content_info": {
                "content_type": "2.23.136.1.1.1",
                "content": core.ParsableOctetString(content),
            },
            "certificates": [parsed],
            "signer_infos": [info],
        }
    )
    return der.encode(
        0x77, cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    )


def _signature_algorithm(algorithm: Algorithm, key: _PrivateKey) -> algos.SignedDigestAlgorithm:
    if algorithm.pss:
        mask = {"algorithm": "mgf1", "parameters": {"algorithm": algorithm.digest}}
        parameters = {
            "hash_algorithm": {"algorithm": algorithm.digest},
            "mask_gen_algorithm": mask,
            "salt_length": _HASHES[algorithm.digest].digest_size,
        }
        return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})
    kind = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa"
    return algos.SignedDigestAlgorithm({"algorithm": f"{algorithm.digest}_{kind}"})


def _sign(algorithm: Algorithm, key: _PrivateKey, message: bytes) -> bytes:
    hashed = _HASHES[algorithm.digest]
    if isinstance(key, rsa.RSAPrivateKey):
        scheme = _pss(algorithm) if algorithm.pss else padding.PKCS1v15()
        return key.sign(message, scheme, hashed)
    return key.sign(message, ec.ECDSA(hashed))


def _pss(algorithm: Algorithm) -> padding.PSS:
    hashed = _HASHES[algorithm.digest]
    return padding.PSS(mgf=padding.MGF1(hashed), salt_length=hashed.digest_size)
