"""Keys of credentials: two algorithms, raw 64-byte signatures, and a name that follows from the key.

A key has one algorithm, for good: what a token says of its algorithm is compared with the key's and never chooses it.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Any, Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from ekyc.errors import InputError, TrustError
from ekyc.signing.credentials import base64url
from ekyc.signing.keys.algorithms import SignatureAlgorithm, plain_of, value_of
from ekyc.signing.keys.port import SigningKey

KID_BYTES: Final = 8
SIGNATURE_BYTES: Final = 64
_HALF: Final = 32


class CredentialAlgorithm(Enum):
    """How credentials, status lists and presentations are signed. Values: number in COSE (RFC 9053 §2), name in JOSE."""

    ES256 = (-7, "ES256")
    """ECDSA with P-256 and SHA-256."""
    EDDSA = (-8, "Ed25519")
    """EdDSA with Ed25519 (RFC 8032): ``EdDSA`` in COSE (RFC 9053 §2.2), ``Ed25519`` in JOSE (RFC 9864 §2.2)."""

    @property
    def cose(self) -> int:
        return self.value[0]

    @property
    def jose(self) -> str:
        return self.value[1]


class CredentialKey:
    """A public key with its algorithm and its name."""

    __slots__ = ("_key", "algorithm", "der", "kid")

    def __init__(self, der: bytes) -> None:
        """
        Args:
            der: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

        Raises:
            InputError: ``signing.key.unsupported``: neither EC P-256 nor Ed25519.
        """
        try:
            key = load_der_public_key(der)
        except (ValueError, TypeError) as exc:
            raise _unsupported() from exc
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            self.algorithm = CredentialAlgorithm.ES256
        elif isinstance(key, ed25519.Ed25519PublicKey):
            self.algorithm = CredentialAlgorithm.EDDSA
        else:
            raise _unsupported()
        self._key = key
        # The one encoding of this key, so that its name does not depend on how it was written.
        self.der: Final = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.kid: Final = hashlib.sha256(self.der).digest()[:KID_BYTES]

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """
        Raises:
            InputError: ``signing.key.unsupported``.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, TypeError) as exc:
            raise _unsupported() from exc
        return cls(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @classmethod
    def from_jwk(cls, jwk: object) -> Self:
        """A public key from a JSON Web Key (RFC 7517) with exactly the members that such a key needs.

        Raises:
            InputError: ``signing.key.unsupported``.
        """
        try:
            return cls(_der_of_jwk(jwk))
        except (AttributeError, InputError, KeyError, TypeError, ValueError) as exc:
            raise _unsupported() from exc

    def as_jwk(self) -> dict[str, str]:
        """Public key as JSON Web Key."""
        if isinstance(self._key, ec.EllipticCurvePublicKey):
            numbers = self._key.public_numbers()
            x, y = (base64url.encode(number.to_bytes(_HALF)) for number in (numbers.x, numbers.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        raw = self._key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(raw)}

    def pem(self) -> bytes:
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if this key signed this message.

        Args:
            message: what was signed, not its digest.
            signature: 64 bytes: r and s, or R and S.

        Raises:
            TrustError: ``credential.signature_wrong``.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise _not_signed()
        try:
            if isinstance(self._key, ec.EllipticCurvePublicKey):
                value = value_of(signature, SignatureAlgorithm.ECDSA_P256)
                self._key.verify(value, message, ec.ECDSA(SHA256()))
            else:
                self._key.verify(signature, message)
        except (InvalidSignature, ValueError) as exc:
            raise _not_signed() from exc

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CredentialKey) and other.der == self.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"CredentialKey({self.kid.hex()}, {self.algorithm.jose})"


class CredentialSigner(Protocol):
    """A private key that signs credentials or status lists. Safe to use from many threads."""

    @property
    def public(self) -> CredentialKey:
        """Its public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes over the message."""
        ...


class EcSigner:
    """Signs by any EC P-256 key of :mod:`ekyc.signing.keys.port`: in this process, in a token, with a provider."""

    __slots__ = ("_key", "public")

    def __init__(self, key: SigningKey) -> None:
        """
        Raises:
            InputError: ``signing.key.unsupported``: an RSA key.
        """
        if key.algorithm is not SignatureAlgorithm.ECDSA_P256:
            raise _unsupported()
        self._key = key
        self.public: Final = CredentialKey(key.public_key_der)

    def sign(self, message: bytes) -> bytes:
        value = self._key.sign_digest(hashlib.sha256(message).digest())
        return plain_of(value, self._key.algorithm)


class Ed25519Signer:
    """Signs by an Ed25519 key in this process's memory. **Not an HSM.**"""

    __slots__ = ("_key", "public")

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.public: Final = CredentialKey(
            key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )

    @classmethod
    def generate(cls) -> Self:
        return cls(ed25519.Ed25519PrivateKey.generate())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def __repr__(self) -> str:
        return "Ed25519Signer(…)"


def _der_of_jwk(jwk: Any) -> bytes:
    if {**jwk, "x": "", "y": ""} == {"kty": "EC", "crv": "P-256", "x": "", "y": ""}:
        x, y = (base64url.decode(jwk[name]) for name in ("x", "y"))
        if (len(x), len(y)) != (_HALF, _HALF):
            raise ValueError("coordinates have 32 bytes")
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
        return point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if {**jwk, "x": ""} != {"kty": "OKP", "crv": "Ed25519", "x": ""}:
        raise ValueError("not a key of these kinds")
    raw = ed25519.Ed25519PublicKey.from_public_bytes(base64url.decode(jwk["x"]))
    return raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _unsupported() -> InputError:
    return InputError("keys of credentials are EC P-256 or Ed25519", code="signing.key.unsupported")


def _not_signed() -> TrustError:
    return TrustError("not signed by this key", code="credential.signature_wrong")
