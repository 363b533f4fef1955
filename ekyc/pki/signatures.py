"""One verification for every signature of the travel-document world: RSA PKCS #1 v1.5, RSA PSS, ECDSA (DER and plain).

The algorithm comes from the structure that was signed; the key says only what it is. SHA-1 and short RSA keys are
verified too, but come back marked weak, and it is the caller who must decide (``legacy``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from ekyc.errors import InputError, TrustError
from ekyc.pki import der
from ekyc.pki.keys import EcPublicKey, PublicKey, RsaPublicKey

DIGEST_BY_OID: Final = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Digest algorithms in use; MD5 is not among them."""

WEAK_DIGESTS: Final = frozenset({"sha1"})

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - genuine old documents; the caller is told that it is weak
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_PKCS1: Final = {
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA: Final = {
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
ECDSA_PLAIN: Final = {
    "0.4.0.127.0.7.1.1.4.1.1": "sha1",
    "0.4.0.127.0.7.1.1.4.1.2": "sha224",
    "0.4.0.127.0.7.1.1.4.1.3": "sha256",
    "0.4.0.127.0.7.1.1.4.1.4": "sha384",
    "0.4.0.127.0.7.1.1.4.1.5": "sha512",
}
"""BSI TR-03111 §5.2.1: r and s side by side, each as long as the order."""
_RSA_BARE: Final = "1.2.840.113549.1.1.1"
_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
_ECDSA_BARE: Final = frozenset({"1.2.840.10045.2.1", "1.2.840.10045.4.3"})

_MIN_RSA_BITS: Final = 2048
_MIN_EC_BITS: Final = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAlgorithm:
    """How a signature was made."""

    scheme: str
    """``rsa-pkcs1``, ``rsa-pss``, ``ecdsa`` or ``ecdsa-plain``."""
    digest: str
    """``sha1`` … ``sha512``."""
    mask_digest: str | None = None
    """PSS only: digest of the mask generation function."""
    salt_length: int | None = None
    """PSS only, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureEvidence:
    """A signature that verified. It does not say whose key it was."""

    algorithm: SignatureAlgorithm
    key_bits: int
    curve: str | None

    @property
    def weak(self) -> bool:
        """SHA-1, RSA below 2048 bits or a curve below 224 bits (ICAO 9303-12 §4.4)."""
        minimum = _MIN_EC_BITS if self.curve else _MIN_RSA_BITS
        return self.algorithm.digest in WEAK_DIGESTS or self.key_bits < minimum


def parse_algorithm(encoded: bytes, *, digest: str | None = None) -> SignatureAlgorithm:
    """Read a DER ``AlgorithmIdentifier``.

    Args:
        encoded: the identifier.
        digest: digest named elsewhere (CMS ``digestAlgorithm``), for identifiers that name only the key type.

    Raises:
        InputError: ``pki.algorithm_malformed``, ``pki.algorithm_unsupported``.
    """
    with der.malformed_as(InputError, code="pki.algorithm_malformed"):
        parts = der.children(encoded, der.single(encoded, der.SEQUENCE))
        oid = der.decode_oid(der.content_of(encoded, parts[0]))
        if oid == _PSS:
            return _parse_pss(der.encoding_of(encoded, parts[1]) if parts[1:] else b"\x30\x00")
    for scheme, table in (
        ("rsa-pkcs1", _PKCS1),
        ("ecdsa", _ECDSA),
        ("ecdsa-plain", ECDSA_PLAIN),
    ):
        if oid in table:
            return SignatureAlgorithm(scheme=scheme, digest=table[oid])
    if digest and oid == _RSA_BARE:
        return SignatureAlgorithm(scheme="rsa-pkcs1", digest=digest)
    if digest and oid in _ECDSA_BARE:
        return SignatureAlgorithm(scheme="ecdsa", digest=digest)
    raise InputError(
        f"signature algorithm {oid} is not supported", code="pki.algorithm_unsupported"
    )


def verify_signature(
    key: PublicKey, algorithm: SignatureAlgorithm, signature: bytes, message: bytes
) -> SignatureEvidence:
    """Verify ``signature`` over ``message``.

    Raises:
        TrustError: ``pki.signature_mismatch``.
        InputError: ``pki.algorithm_unsupported`` when algorithm and key do not go together.
    """
    digest = hashlib.new(algorithm.digest, message).digest()
    if isinstance(key, RsaPublicKey) and algorithm.scheme.startswith("rsa-"):
        _verify_rsa(key, algorithm, signature, digest)
        return SignatureEvidence(algorithm=algorithm, key_bits=key.bits, curve=None)
    if isinstance(key, EcPublicKey) and algorithm.scheme.startswith("ecdsa"):
        plain = algorithm.scheme == "ecdsa-plain"
        verify_ecdsa(key, algorithm.digest, signature, digest, plain=plain)
        return SignatureEvidence(algorithm=algorithm, key_bits=key.bits, curve=key.curve.name)
    raise InputError(
        "the signature algorithm does not fit the key", code="pki.algorithm_unsupported"
    )


def verify_ecdsa(
    key: EcPublicKey, digest_name: str, signature: bytes, digest: bytes, *, plain: bool
) -> None:
    """Verify an ECDSA signature over a ready digest, in DER form or as plain r‖s.

    Raises:
        TrustError: ``pki.signature_mismatch``.
    """
    encoded = _plain_to_der(key, signature) if plain else signature
    if key.curve.implementation is None:
        _verify_ecdsa_here(key, encoded, digest)
        return
    numbers = ec.EllipticCurvePublicNumbers(*key.point, key.curve.implementation())
    try:
        numbers.public_key().verify(encoded, digest, ec.ECDSA(Prehashed(_HASHES[digest_name])))
    except (InvalidSignature, ValueError) as exc:
        raise _mismatch() from exc
    except UnsupportedAlgorithm:
        _verify_ecdsa_here(key, encoded, digest)  # a build of OpenSSL without this curve


def _verify_ecdsa_here(key: EcPublicKey, encoded: bytes, digest: bytes) -> None:
    try:
        r, s = decode_dss_signature(encoded)
    except ValueError as exc:
        raise _mismatch() from exc
    if not key.curve.verify_ecdsa(key.point, digest, r, s):
        raise _mismatch()


def _plain_to_der(key: EcPublicKey, signature: bytes) -> bytes:
    size = (key.bits + 7) // 8
    if len(signature) != 2 * size:
        raise _mismatch()
    r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
    return encode_dss_signature(r, s)


def _verify_rsa(
    key: RsaPublicKey, algorithm: SignatureAlgorithm, signature: bytes, digest: bytes
) -> None:
    hashed = _HASHES[algorithm.digest]
    scheme: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm.scheme == "rsa-pss":
        mask = padding.MGF1(_HASHES[algorithm.mask_digest or algorithm.digest])
        scheme = padding.PSS(mgf=mask, salt_length=algorithm.salt_length or 0)
    try:
        public = rsa.RSAPublicNumbers(key.exponent, key.modulus).public_key()
        public.verify(signature, digest, scheme, Prehashed(hashed))
    except (InvalidSignature, ValueError) as exc:
        raise _mismatch() from exc
    except UnsupportedAlgorithm as exc:
        raise InputError(
            "this RSA combination is not supported", code="pki.algorithm_unsupported"
        ) from exc


def _parse_pss(parameters: bytes) -> SignatureAlgorithm:
    """RSASSA-PSS-params with the defaults of RFC 4055 §3.1; the mask digest may differ from the digest.

    ``SEQUENCE { [0] hash?, [1] mask generation?, [2] salt length?, [3] trailer field? }``
    """
    listed = der.children(parameters, der.single(parameters, der.SEQUENCE))
    given = {item.tag: der.content_of(parameters, item) for item in listed}
    digest, mask_digest, salt_length = "sha1", "sha1", 20
    if 0xA0 in given:
        digest = DIGEST_BY_OID.get(_algorithm_oid(given[0xA0]), "")
    if 0xA1 in given:
        mask_digest = _mask_digest(given[0xA1])
    if 0xA2 in given:
        salt_length = _pss_integer(given[0xA2])
    usual_trailer = 0xA3 not in given or _pss_integer(given[0xA3]) == 1
    if not (digest and mask_digest and 0 <= salt_length <= 512 and usual_trailer):
        raise InputError("PSS parameters are not supported", code="pki.algorithm_unsupported")
    return SignatureAlgorithm(
        scheme="rsa-pss", digest=digest, mask_digest=mask_digest, salt_length=salt_length
    )


def _mask_digest(encoded: bytes) -> str:
    """Digest of mask generation function 1; empty for any other function."""
    function, *parameters = der.children(encoded, der.single(encoded, der.SEQUENCE))
    if der.decode_oid(der.content_of(encoded, function)) != _MGF1 or not parameters:
        return ""
    return DIGEST_BY_OID.get(_algorithm_oid(der.encoding_of(encoded, parameters[0])), "")


def _algorithm_oid(encoded: bytes) -> str:
    identifier, *_parameters = der.children(encoded, der.single(encoded, der.SEQUENCE))
    return der.decode_oid(der.content_of(encoded, identifier))


def _pss_integer(encoded: bytes) -> int:
    return der.decode_integer(der.content_of(encoded, der.single(encoded, der.INTEGER)))


def _mismatch() -> TrustError:
    return TrustError("the signature does not verify", code="pki.signature_mismatch")
