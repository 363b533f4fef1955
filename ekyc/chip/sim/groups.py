"""Groups for key agreement: elliptic curves and prime fields under one interface (ICAO 9303-11 §9.5).

Nothing here is constant time, and nothing needs to be: the only secrets are those of simulated cards.
"""

from __future__ import annotations

from typing import Final, Protocol

from ekyc.chip.sim.commands import Status, StatusError
from ekyc.pki.curves import CURVE_BY_OID, Curve, Point
from ekyc.ports import Random


class EcGroup:
    """Points of a curve with cofactor 1."""

    def __init__(self, curve: Curve) -> None:
        self.key_tag = 0x86
        self.curve = curve
        self.order = curve.order
        self.generator: Point = curve.generator

    @property
    def scalar_octets(self) -> int:
        return (self.order.bit_length() + 7) // 8

    def multiply(self, element: Point, scalar: int) -> Point:
        """``scalar`` times ``element``; the point at infinity is refused."""
        point = self.curve.multiply(scalar % self.order, element)
        return _not_neutral(point)

    def combine(self, first: Point, second: Point) -> Point:
        """Sum of two points."""
        p, a = self.curve.p, self.curve.a
        (x1, y1), (x2, y2) = first, second
        if x1 == x2:
            if (y1 + y2) % p == 0:
                return _not_neutral(None)
            slope = (3 * x1 * x1 + a) * pow(2 * y1, -1, p) % p
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
        x3 = (slope * slope - x1 - x2) % p
        return x3, (slope * (x1 - x3) - y1) % p

    def encode(self, element: Point) -> bytes:
        """Uncompressed point."""
        size = self.curve.octets
        return b"\x04" + element[0].to_bytes(size, "big") + element[1].to_bytes(size, "big")

    def decode(self, octets: bytes) -> Point:
        """An uncompressed point on the curve."""
        point = self.curve.decode_point(octets) if octets[:1] == b"\x04" else None
        if point is None:
            raise StatusError(Status.WRONG_DATA)
        return point

    def secret(self, element: Point) -> bytes:
        """The x-coordinate: what keys are derived from."""
        return element[0].to_bytes(self.curve.octets, "big")


class ModpGroup:
    """A subgroup of prime order in a prime field; elements are numbers, written like points with one coordinate."""

    def __init__(self, *, p: int, g: int, q: int) -> None:
        self.key_tag = 0x84
        self.p = p
        self.order = q
        self.generator: Point = (g, 0)

    @property
    def scalar_octets(self) -> int:
        return (self.order.bit_length() + 7) // 8

    def multiply(self, element: Point, scalar: int) -> Point:
        return self._checked(pow(element[0], scalar, self.p))

    def combine(self, first: Point, second: Point) -> Point:
        return self._checked(first[0] * second[0] % self.p)

    def encode(self, element: Point) -> bytes:
        return element[0].to_bytes((self.p.bit_length() + 7) // 8, "big")

    def decode(self, octets: bytes) -> Point:
        number = int.from_bytes(octets, "big")
        if not 1 < number < self.p - 1:
            raise StatusError(Status.WRONG_DATA)
        return number, 0

    def secret(self, element: Point) -> bytes:
        return self.encode(element)

    def _checked(self, number: int) -> Point:
        return _not_neutral((number, 0) if number not in {0, 1} else None)


class Group(Protocol):
    """What PACE and chip authentication ask of a group."""

    @property
    def key_tag(self) -> int:
        """Tag of a public key within an authentication token (ICAO 9303-11 §4.4.3.4)."""
        ...

    @property
    def generator(self) -> Point: ...

    @property
    def order(self) -> int: ...

    @property
    def scalar_octets(self) -> int: ...

    def multiply(self, element: Point, scalar: int) -> Point: ...

    def combine(self, first: Point, second: Point) -> Point: ...

    def encode(self, element: Point) -> bytes: ...

    def decode(self, octets: bytes) -> Point: ...

    def secret(self, element: Point) -> bytes: ...


def random_scalar(group: Group, random: Random) -> int:
    """A private key. Octets that already form one are taken as they are, so that worked examples replay."""
    drawn = int.from_bytes(random.token_bytes(group.scalar_octets), "big")
    return 1 + (drawn - 1) % (group.order - 1)


def _not_neutral(element: Point | None) -> Point:
    if element is None:
        raise StatusError(Status.WRONG_DATA)
    return element


# RFC 5114 §2.1: 1024-bit MODP group with a subgroup of 160 bits.
_MODP_1024_160: Final = ModpGroup(
    p=int(
        "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c0"
        "13ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0"
        "a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371",
        16,
    ),
    g=int(
        "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f213"
        "160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28a"
        "d662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5",
        16,
    ),
    q=int("f518aa8781a8df278aba4e7d64b7cb9d49462353", 16),
)
# Standardised domain parameters by number (ICAO 9303-11 §9.5.1).
_CURVE_NAMES: Final = {
    8: "secp192r1",
    9: "brainpoolP192r1",
    10: "secp224r1",
    11: "brainpoolP224r1",
    12: "secp256r1",
    13: "brainpoolP256r1",
    14: "brainpoolP320r1",
    15: "secp384r1",
    16: "brainpoolP384r1",
    17: "brainpoolP512r1",
    18: "secp521r1",
}
_CURVE_OF_NAME: Final = {curve.name: curve for curve in CURVE_BY_OID.values()}


def standard_group(number: int) -> EcGroup | ModpGroup:
    """The group of a standardised parameter number; 1 and 2 (2048-bit fields) are not simulated."""
    if number == 0:
        return _MODP_1024_160
    return EcGroup(_CURVE_OF_NAME[_CURVE_NAMES[number]])
