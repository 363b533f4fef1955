"""Public keys: RSA numbers, or a point on a known curve. Explicit curve parameters are compared by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.pki.curves import CURVE_BY_OID, Curve, Point, find_curve

_RSA_OIDS: Final = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"})
_EC_OIDS: Final = frozenset({"1.2.840.10045.2.1", "1.3.132.1.12"})
_PRIME_FIELD: Final = "1.2.840.10045.1.1"

MAX_RSA_BITS: Final = 8192
"""A larger modulus only costs time; no issuer uses one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaPublicKey:
    """RSA modulus and public exponent, within bounds.

    Real keys lack the zero octet before a modulus whose first bit is set, and so claim a negative one: both numbers are
    read as unsigned.
    """

    modulus: int
    exponent: int

    @property
    def bits(self) -> int:
        return self.modulus.bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class EcPublicKey:
    """A point and the known curve that it lies on."""

    curve: Curve
    point: Point
    """On the curve, checked when parsed."""

    @property
    def bits(self) -> int:
        return self.curve.order.bit_length()


PublicKey = RsaPublicKey | EcPublicKey


def parse_public_key(encoded: bytes) -> PublicKey:
    """Parse a DER ``SubjectPublicKeyInfo``.

    Raises:
        InputError: ``pki.key_malformed``; ``pki.key_unsupported`` for another algorithm or a foreign curve;
            ``pki.curve_foreign_generator``, ``…_order``, ``…_cofactor`` for explicit parameters that are a known curve
            but for this one number.
    """
    with der.malformed_as(InputError, code="pki.key_malformed"):
        algorithm, bits = der.children(encoded, der.single(encoded, der.SEQUENCE))
        identifier, *parameters = der.children(encoded, algorithm)
        oid = der.decode_oid(der.content_of(encoded, identifier))
        key = der.content_of(encoded, bits)[1:]
        if oid in _RSA_OIDS:
            return _parse_rsa(key)
        if oid in _EC_OIDS and parameters:
            return _parse_ec(der.encoding_of(encoded, parameters[0]), key)
    raise InputError(f"public key algorithm {oid} is not supported", code="pki.key_unsupported")


def _parse_rsa(key: bytes) -> RsaPublicKey:
    modulus, exponent = (
        der.decode_unsigned(der.content_of(key, item))
        for item in der.children(key, der.single(key, der.SEQUENCE))
    )
    if not (512 <= modulus.bit_length() <= MAX_RSA_BITS and modulus & 1):
        raise InputError("the RSA modulus is out of range", code="pki.key_unsupported")
    if not (3 <= exponent < 2**64 and exponent & 1):
        raise InputError("the RSA exponent is out of range", code="pki.key_unsupported")
    return RsaPublicKey(modulus=modulus, exponent=exponent)


def _parse_ec(parameters: bytes, key: bytes) -> EcPublicKey:
    curve = _named_curve(parameters) if parameters[0] == 0x06 else _explicit_curve(parameters)
    if curve is None:
        raise InputError("the elliptic curve is not a known one", code="pki.key_unsupported")
    point = curve.decode_point(key)
    if point is None:
        raise InputError("the public point is not on its curve", code="pki.key_malformed")
    return EcPublicKey(curve=curve, point=point)


def _named_curve(parameters: bytes) -> Curve | None:
    content = der.content_of(parameters, der.single(parameters, der.OBJECT_IDENTIFIER))
    return CURVE_BY_OID.get(der.decode_oid(content))


def _explicit_curve(parameters: bytes) -> Curve | None:
    """The known curve equal to a ``SpecifiedECDomain`` (X9.62); a seed says nothing about security and is ignored.

    ``SEQUENCE { version, SEQUENCE { fieldType, p }, SEQUENCE { a, b, seed? }, base, order, cofactor?, … }``
    """
    whole = der.single(parameters, der.SEQUENCE)
    _version, field, equation, base, order, *rest = der.children(parameters, whole)
    field_type, *field_parameters = der.children(parameters, field)
    if der.decode_oid(der.content_of(parameters, field_type)) != _PRIME_FIELD:
        return None
    a, b, *_seed = der.children(parameters, equation)
    cofactor = next((item for item in rest if item.tag == der.INTEGER), None)
    return find_curve(
        p=_integer(parameters, field_parameters[0]),
        a=int.from_bytes(der.octets(parameters, a), "big"),
        b=int.from_bytes(der.octets(parameters, b), "big"),
        generator=der.octets(parameters, base),
        order=_integer(parameters, order),
        cofactor=_integer(parameters, cofactor) if cofactor else None,
    )


def _integer(data: bytes, element: der.Element) -> int:
    if element.tag != der.INTEGER:
        raise InputError("a curve parameter has a foreign type", code="asn1.tag")
    return der.decode_unsigned(der.content_of(data, element))
