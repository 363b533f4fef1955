"""The two signature algorithms that are made here, and the checking of a signature value.

EC P-256 with ECDSA, and RSA 3072 with PSS, both over SHA-256: the ones that the technical circular on signing
software names first. A key signs a digest, so that no token needs a mechanism that also hashes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ekyc.errors import InputError, TrustError
from ekyc.signing.der import context, integer, null, oid, sequence

DIGEST_BYTES: Final = 32
RSA_BITS: Final = 3072
SHA256_OID: Final = "2.16.840.1.101.3.4.2.1"
_ECDSA_WITH_SHA256: Final = "1.2.840.10045.4.3.2"
_RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
PREHASHED: Final = Prehashed(SHA256())
_HALF: Final = 32


class SignatureAlgorithm(StrEnum):
    """What a key signs with."""

    ECDSA_P256 = "ecdsa-p256-sha256"
    """Values are DER ``Ecdsa-Sig-Value`` (RFC 3279 §2.2.3)."""
    RSA_PSS_3072 = "rsa-pss-3072-sha256"
    """Values are octets of RSASSA-PSS, MGF1 with SHA-256, salt of 32 octets (RFC 4055 §3.1)."""
    RSA_PSS_3072_LONG_SALT = "rsa-pss-3072-sha256-long-salt"
    """The same key with the longest salt that fits its length. Callers may ask for it, pyHanko does; no key says it of itself."""

    @property
    def identifier_der(self) -> bytes:
        """DER AlgorithmIdentifier as it stands in a CMS; of what keys say of themselves."""
        if self is SignatureAlgorithm.ECDSA_P256:
            return sequence(oid(_ECDSA_WITH_SHA256))
        sha256 = sequence(oid(SHA256_OID), null())
        parameters = sequence(
            context(0, sha256),
            context(1, sequence(oid(_MGF1), sha256)),
            context(2, integer(DIGEST_BYTES)),
        )
        return sequence(oid(_RSASSA_PSS), parameters)

    @property
    def dotted(self) -> str:
        """Object identifier in dotted form, as remote-signing protocols name it."""
        return _ECDSA_WITH_SHA256 if self is SignatureAlgorithm.ECDSA_P256 else _RSASSA_PSS


def pss(salt_bytes: int = DIGEST_BYTES) -> padding.PSS:
    """The padding of :attr:`SignatureAlgorithm.RSA_PSS_3072`, or with another salt."""
    return padding.PSS(padding.MGF1(SHA256()), salt_bytes)


def long_salt_bytes(key_bits: int) -> int:
    """Length of the longest salt (RFC 8017 §9.1.1): what a modulus leaves beside digest, separator and trailer."""
    return (key_bits + 6) // 8 - DIGEST_BYTES - 2


def require_digest(digest: bytes) -> None:
    """Refuse what cannot be a SHA-256.

    Raises:
        InputError: ``signing.digest.length``.
    """
    if len(digest) != DIGEST_BYTES:
        raise InputError("a SHA-256 digest has 32 bytes", code="signing.digest.length")


def algorithm_of(public_key_der: bytes) -> SignatureAlgorithm:
    """The algorithm that a key is used with here.

    Args:
        public_key_der: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

    Raises:
        InputError: ``signing.key.unsupported``: neither EC P-256 nor RSA of 3072 bits or more.
    """
    try:
        key = load_der_public_key(public_key_der)
    except (ValueError, TypeError) as exc:
        raise _unsupported() from exc
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return SignatureAlgorithm.ECDSA_P256
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS:
        return SignatureAlgorithm.RSA_PSS_3072
    raise _unsupported()


def verify_value(
    public_key_der: bytes,
    digest: bytes,
    signature: bytes,
    *,
    algorithm: SignatureAlgorithm | None = None,
) -> None:
    """Return if the key made this signature over this digest.

    Args:
        public_key_der: SubjectPublicKeyInfo.
        digest: SHA-256.
        signature: the value.
        algorithm: where another than the key's own was asked for.

    Raises:
        TrustError: ``signing.key.mismatch``: it did not.
        InputError: ``signing.key.unsupported``.
    """
    algorithm_of(public_key_der)
    key = load_der_public_key(public_key_der)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(PREHASHED))
        elif isinstance(key, rsa.RSAPublicKey):
            long = algorithm is SignatureAlgorithm.RSA_PSS_3072_LONG_SALT
            padded = pss(long_salt_bytes(key.key_size)) if long else pss()
            key.verify(signature, digest, padded, PREHASHED)
    except (InvalidSignature, ValueError) as exc:
        raise TrustError(
            "the signature was not made by the key of the certificate", code="signing.key.mismatch"
        ) from exc


def plain_of(value: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """A signature value as JWS, XML and COSE carry it: of EC P-256 two numbers of 32 octets (RFC 7518 §3.4, RFC 4050 §3.3)."""
    if algorithm is not SignatureAlgorithm.ECDSA_P256:
        return value
    return b"".join(number.to_bytes(_HALF) for number in decode_dss_signature(value))


def value_of(plain: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """The inverse of :func:`plain_of`: a value in the form that :class:`SignatureAlgorithm` gives.

    Raises:
        ValueError: not of the right length.
    """
    if algorithm is not SignatureAlgorithm.ECDSA_P256:
        return plain
    if len(plain) != 2 * _HALF:
        raise ValueError("not two numbers of 32 octets")
    return encode_dss_signature(int.from_bytes(plain[:_HALF]), int.from_bytes(plain[_HALF:]))


def _unsupported() -> InputError:
    return InputError(
        "keys are EC P-256, or RSA of at least 3072 bits", code="signing.key.unsupported"
    )
