"""Active authentication on the card's side (ICAO 9303-11 §6.1): ECDSA, or RSA by ISO/IEC 9796-2."""

from __future__ import annotations

import hashlib
import secrets
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_PARTIAL_RECOVERY: Final = b"\x6a"
_TRAILERS: Final = {
    "sha1": b"\xbc",
    "sha224": b"\x38\xcc",
    "sha256": b"\x34\xcc",
    "sha384": b"\x36\xcc",
    "sha512": b"\x35\xcc",
}
"""Trailer field by digest (ISO/IEC 9796-2 §8.1.3 with the identifiers of ISO/IEC 10118-3)."""


class ActiveAuthenticationKind(Enum):
    """Kind and size of the key in DG15; the value is RSA bits (0 for ECDSA on P-256) and digest."""

    ECDSA = (0, "sha256")
    RSA_1024_SHA1 = (1024, "sha1")
    RSA_1280_SHA224 = (1280, "sha224")
    RSA_1536_SHA256 = (1536, "sha256")
    RSA_1792_SHA384 = (1792, "sha384")
    RSA_2048_SHA512 = (2048, "sha512")

    @property
    def rsa_bits(self) -> int:
        return self.value[0]

    @property
    def digest(self) -> str:
        return self.value[1]


def new_key(kind: ActiveAuthenticationKind = ActiveAuthenticationKind.ECDSA) -> PrivateKey:
    """A fresh key: RSA with exponent 65537, or P-256."""
    if kind is ActiveAuthenticationKind.ECDSA:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, kind.rsa_bits)


def public_key_of(key: PrivateKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def answer(key: PrivateKey, kind: ActiveAuthenticationKind, nonce: bytes) -> bytes:
    """The signature over a nonce: r and s side by side (BSI TR-03111 §5.2.1), or ISO/IEC 9796-2 scheme 1."""
    if isinstance(key, rsa.RSAPrivateKey):
        return _answer_rsa(key, kind.digest, nonce)
    r, s = decode_dss_signature(key.sign(nonce, ec.ECDSA(hashes.SHA256())))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _answer_rsa(key: rsa.RSAPrivateKey, digest: str, nonce: bytes) -> bytes:
    """``6A ‖ M1 ‖ H(M1 ‖ nonce) ‖ trailer`` to the private exponent; M1 is random and fills the modulus.

    Of the two roots that verify, the smaller one is given (ISO/IEC 9796-2 §7.2.3).
    """
    size, trailer = (key.key_size + 7) // 8, _TRAILERS[digest]
    filled = len(_PARTIAL_RECOVERY) + hashlib.new(digest).digest_size + len(trailer)
    recoverable = secrets.token_bytes(size - filled)
    hashed = hashlib.new(digest, recoverable + nonce).digest()
    representative = _PARTIAL_RECOVERY + recoverable + hashed + trailer
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    signature = pow(int.from_bytes(representative, "big"), numbers.d, modulus)
    return min(signature, modulus - signature).to_bytes(size, "big")
