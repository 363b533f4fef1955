"""Public keys as a PKCS#11 token holds them (OASIS PKCS #11 v2.40), in the form that others read."""

from __future__ import annotations

from typing import Any, Final

from asn1crypto import core

from ekyc.signing.der import integer, null, oid, sequence, tlv

_RSA: Final = "1.2.840.113549.1.1.1"
_EC: Final = "1.2.840.10045.2.1"
P256_PARAMETERS: Final = oid("1.2.840.10045.3.1.7")
"""CKA_EC_PARAMS of the one curve that keys are made on."""


def public_key_der(p11: Any, public: Any) -> bytes:
    """SubjectPublicKeyInfo of a public key object; what is no key of ours is refused by :func:`~ekyc.signing.keys.algorithms.algorithm_of`."""
    attribute = p11.Attribute
    if public[attribute.KEY_TYPE] == p11.KeyType.RSA:
        numbers = (public[attribute.MODULUS], public[attribute.PUBLIC_EXPONENT])
        kind, inner = (
            sequence(oid(_RSA), null()),
            sequence(*map(integer, map(int.from_bytes, numbers))),
        )
    else:
        kind = sequence(oid(_EC), P256_PARAMETERS)
        inner = core.OctetString.load(public[attribute.EC_POINT]).native
    return sequence(kind, tlv(0x03, b"\x00", inner))
