"""What clients send to be signed: digests in base64, algorithms as object identifiers. One digest algorithm: SHA-256."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from asn1crypto import algos
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ekyc.signing.activation.remote import MAX_HASHES, CredentialInfo
from ekyc.signing.csc.errors import CscError, invalid, missing
from ekyc.signing.keys.algorithms import (
    DIGEST_BYTES,
    SHA256_OID,
    SignatureAlgorithm,
    long_salt_bytes,
)

_RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
"""By itself it means PKCS #1 v1.5, which is not offered; some clients name it and put the parameters of PSS beside it."""
_MAX_PARAMETER_BYTES: Final = 256
_PSS: Final = {
    "hash_algorithm": ("sha256", None),
    "mask_gen_algorithm": ("mgf1", ("sha256", None)),
    "trailer_field": "trailer_field_bc",
}


def read_hashes(values: Sequence[str], *, url_safe: bool = False) -> tuple[bytes, ...]:
    """Digests of a request.

    Args:
        values: base64, or base64url with or without padding.
        url_safe: whether it is base64url, as in the address of an authorisation request.

    Raises:
        CscError: none, too many, not base64, or not of the length of a SHA-256.
    """
    if not values:
        raise CscError("Empty hash array")
    if len(values) > MAX_HASHES:
        raise CscError("Numbers of signatures is too high")
    return tuple(_digest(value, url_safe=url_safe) for value in values)


def require_count(count: int, hashes: Sequence[bytes]) -> None:
    """Refuse a number of signatures that is not that of the digests: each is authorised by itself (SCAL2).

    Raises:
        CscError: it is below one, above what is offered, or another one.
    """
    if count > MAX_HASHES:
        raise CscError("Numbers of signatures is too high")
    if count < 1 or count != len(hashes):
        raise CscError("Invalid value for parameter numSignatures")


def require_sha256(dotted: str | None, *, name: str) -> None:
    """Refuse another digest algorithm.

    Args:
        dotted: object identifier, or ``None`` where the request names none.
        name: of the parameter.

    Raises:
        CscError: it is not SHA-256.
    """
    if dotted is not None and dotted != SHA256_OID:
        raise invalid(name)


def read_signature_algorithm(
    dotted: str, parameters: str | None, *, info: CredentialInfo
) -> SignatureAlgorithm:
    """The algorithm that a request asks for: the key's own, for RSA also with the longest salt.

    Args:
        dotted: object identifier of the signature algorithm.
        parameters: DER of its parameters in base64, where the request has them.
        info: whose key is to sign.

    Raises:
        CscError: another algorithm, or parameters of another digest, mask or salt (RFC 4055 §3.1).
    """
    key = info.algorithm
    pss = key is SignatureAlgorithm.RSA_PSS_3072
    if pss and dotted == _RSA_ENCRYPTION:
        if parameters is None:
            raise missing("string", "signAlgoParams")
    elif dotted != key.dotted:
        raise invalid("signAlgo")
    if parameters is None:
        return key
    salt_bytes = _salt_of(parameters) if pss else None
    if salt_bytes == DIGEST_BYTES:
        return key
    if salt_bytes == long_salt_bytes(key_bits(info)):
        return SignatureAlgorithm.RSA_PSS_3072_LONG_SALT
    raise invalid("signAlgoParams")


def key_bits(info: CredentialInfo) -> int:
    """Length of a credential's key."""
    key = x509.load_der_x509_certificate(info.certificate_der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    return key.key_size


def text(data: bytes) -> str:
    """Base64, as answers carry it."""
    return base64.b64encode(data).decode()


def _salt_of(parameters: str) -> int | None:
    """Octets of salt, where the rest is SHA-256 throughout, whose own parameters may be NULL or absent."""
    try:
        der = base64.b64decode(parameters, validate=True)
        if len(der) > _MAX_PARAMETER_BYTES:
            return None
        said = algos.RSASSAPSSParams.load(der, strict=True).native
        mask = said["mask_gen_algorithm"]
        mask_hash = mask["parameters"] or {"algorithm": None, "parameters": None}
        given = {
            "hash_algorithm": tuple(said["hash_algorithm"].values()),
            "mask_gen_algorithm": (mask["algorithm"], tuple(mask_hash.values())),
            "trailer_field": said["trailer_field"],
        }
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None
    return int(said["salt_length"]) if given == _PSS else None


def _digest(value: str, *, url_safe: bool) -> bytes:
    padded = value + "=" * (-len(value) % 4) if url_safe else value
    try:
        data = base64.b64decode(padded, altchars=b"-_" if url_safe else None, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise CscError("Invalid Base64 hash string parameter") from exc
    if len(data) != DIGEST_BYTES:
        raise CscError("Invalid digest value length")
    return data
