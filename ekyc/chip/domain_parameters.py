"""Groups for key agreement: the standardised domain parameters of PACE, and whatever a chip's own key lies in.

Elliptic curves come from :mod:`ekyc.pki.curves`; the MODP groups are RFC 5114 §2.1–2.3, printed by OpenSSL 3.0
(``openssl genpkey -genparam -algorithm DHX -pkeyopt dh_rfc5114:1``) and checked in ``tests/chip/test_domain_parameters.py``.

Every element from outside is checked to lie in the group before a private key touches it. Scalars of ours are
ephemeral, one protocol run each. Shared secrets and multiples of a standard generator come from ``cryptography`` where it
knows the curve; what PACE needs besides (a full point, a mapped generator) is computed here, not in constant time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from ekyc.errors import ChipError
from ekyc.pki.curves import CURVES, Curve, Point
from ekyc.ports import Random

_E = TypeVar("_E")

_MAX_DRAWS: Final = 128
MIN_DH_BITS: Final = 1024
MAX_DH_BITS: Final = 4096
_MAX_PRIVATE_BITS: Final = 640
"""More than any curve's order, and twice over what a group of 4,096 bits resists. A chip's file may name a prime without
the order of its subgroup (PKCS #3); an exponent as long as the prime would cost whoever answers ten times the work."""


class Group(ABC, Generic[_E]):
    """A cyclic group, written additively. ``_E`` is a point, or an integer modulo p."""

    public_key_tag: int
    """Data object of a public key inside DO'7F49' (ICAO 9303-11 §9.4)."""

    @property
    @abstractmethod
    def generator(self) -> _E:
        """The generator that the standard names."""

    @property
    @abstractmethod
    def order(self) -> int:
        """Multiples of the generator repeat after so many; a multiple of that number where the chip does not tell."""

    @property
    def private_bound(self) -> int:
        """Private keys of ours are below this number: the order, as far as its length adds safety."""
        return min(self.order, 1 << _MAX_PRIVATE_BITS)

    @property
    @abstractmethod
    def field_prime(self) -> int:
        """p; its length is that of one coordinate."""

    @property
    @abstractmethod
    def has_integrated_mapping(self) -> bool:
        """Whether :meth:`map_number` has results here; secp224r1 has none, its p is 1 modulo 4."""

    @abstractmethod
    def multiply(self, scalar: int, element: _E) -> _E:
        """``scalar`` times ``element``.

        Raises:
            ChipError: ``chip.key_agreement``: the result is the neutral element.
        """

    @abstractmethod
    def add(self, first: _E, second: _E) -> _E:
        """Sum of two elements.

        Raises:
            ChipError: ``chip.key_agreement``: the result is the neutral element.
        """

    @abstractmethod
    def encode(self, element: _E) -> bytes:
        """Octets as they are sent: an uncompressed point, or an integer as long as p."""

    @abstractmethod
    def decode(self, encoded: bytes) -> _E:
        """An element from outside, checked to lie in the group.

        Raises:
            ChipError: ``chip.key_agreement``.
        """

    @abstractmethod
    def shared_secret(self, private: int, public: _E) -> bytes:
        """Octets that keys are derived from: the x-coordinate, or the integer, as long as p."""

    @abstractmethod
    def map_number(self, number: int) -> _E:
        """The element that a number below p is mapped to (integrated mapping, ICAO 9303-11 §4.4.3.3.2).

        Raises:
            ChipError: ``chip.key_agreement``: the number has no image.
        """

    def private_key(self, random: Random) -> int:
        """A number from 1 to below :attr:`private_bound`, each as likely, by rejection."""
        bound = self.private_bound
        bits = (bound - 1).bit_length()
        size, excess = (bits + 7) // 8, -bits % 8
        for _ in range(_MAX_DRAWS):
            drawn = int.from_bytes(random.token_bytes(size), "big")
            drawn &= (1 << 8 * size - excess) - 1
            if 0 < drawn < bound:
                return drawn
        raise ChipError("the source of randomness is stuck", code="chip.key_agreement")


@dataclass(frozen=True)
class EcGroup(Group[Point]):
    """Points of a known curve."""

    curve: Curve

    public_key_tag = 0x86

    @property
    def generator(self) -> Point:
        return self.curve.generator

    @property
    def order(self) -> int:
        return self.curve.order

    @property
    def field_prime(self) -> int:
        return self.curve.p

    @property
    def has_integrated_mapping(self) -> bool:
        return self.curve.p % 4 == 3

    def multiply(self, scalar: int, element: Point) -> Point:
        implementation = self.curve.implementation
        scalar %= self.order
        if implementation and element == self.generator and scalar:
            numbers = ec.derive_private_key(scalar, implementation()).public_key().public_numbers()
            return numbers.x, numbers.y
        product = self.curve.multiply(scalar, element)
        if product is None:
            raise _refused("a product is the point at infinity")
        return product

    def add(self, first: Point, second: Point) -> Point:
        (x1, y1), (x2, y2), p = first, second, self.curve.p
        if x1 == x2:
            if (y1 + y2) % p == 0:
                raise _refused("a sum is the point at infinity")
            slope = (3 * x1 * x1 + self.curve.a) * pow(2 * y1, -1, p)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, p)
        x3 = (slope * slope - x1 - x2) % p
        return x3, (slope * (x1 - x3) - y1) % p

    def encode(self, element: Point) -> bytes:
        size = self.curve.octets
        return b"\x04" + element[0].to_bytes(size, "big") + element[1].to_bytes(size, "big")

    def decode(self, encoded: bytes) -> Point:
        point = self.curve.decode_point(encoded) if encoded[:1] == b"\x04" else None
        if point is None:
            raise _refused("a public key is no point of the curve")
        return point

    def shared_secret(self, private: int, public: Point) -> bytes:
        implementation = self.curve.implementation
        if implementation is None:
            return self.multiply(private, public)[0].to_bytes(self.curve.octets, "big")
        key = ec.derive_private_key(private, implementation())
        peer = ec.EllipticCurvePublicNumbers(*public, implementation()).public_key()
        return key.exchange(ec.ECDH(), peer)

    def map_number(self, number: int) -> Point:
        """Point encoding of ICAO 9303-11 Appendix B.2 (affine, p = 3 mod 4)."""
        p, a, b = self.curve.p, self.curve.a, self.curve.b
        alpha = -number * number % p
        denominator = (alpha + alpha * alpha) % p
        if p % 4 != 3 or denominator == 0:
            raise _refused("the integrated mapping has no result here")
        x2 = -b * pow(a, -1, p) * (1 + pow(denominator, -1, p)) % p
        h2 = (x2**3 + a * x2 + b) % p
        root = pow(h2, p - 1 - (p + 1) // 4, p)
        if root * root * h2 % p == 1:
            return x2, root * h2 % p
        return alpha * x2 % p, root * number**3 * h2 % p


@dataclass(frozen=True, kw_only=True)
class DhGroup(Group[int]):
    """A subgroup of the integers modulo a prime. "Addition" is multiplication, "multiplication" exponentiation."""

    p: int
    g: int
    q: int | None = None
    """Order of the subgroup; None where the chip's key does not tell (PKCS #3)."""

    public_key_tag = 0x84

    @property
    def generator(self) -> int:
        return self.g

    @property
    def order(self) -> int:
        return self.q or self.p - 1

    @property
    def field_prime(self) -> int:
        return self.p

    @property
    def has_integrated_mapping(self) -> bool:
        return self.q is not None

    @property
    def octets(self) -> int:
        return (self.p.bit_length() + 7) // 8

    def multiply(self, scalar: int, element: int) -> int:
        return self._checked(pow(element, scalar, self.p))

    def add(self, first: int, second: int) -> int:
        return self._checked(first * second % self.p)

    def encode(self, element: int) -> bytes:
        return element.to_bytes(self.octets, "big")

    def decode(self, encoded: bytes) -> int:
        number = int.from_bytes(encoded, "big")
        in_range = 1 < number < self.p - 1
        if not in_range or (self.q and pow(number, self.q, self.p) != 1):
            raise _refused("a public key does not lie in the group")
        return number

    def shared_secret(self, private: int, public: int) -> bytes:
        return self.encode(self.multiply(private, public))

    def map_number(self, number: int) -> int:
        if not self.q:
            raise _refused("the integrated mapping needs the order of the group")
        return self.multiply((self.p - 1) // self.q, number)

    @staticmethod
    def _checked(number: int) -> int:
        if number in (0, 1):
            raise _refused("a result is the neutral element")
        return number


def _refused(message: str) -> ChipError:
    return ChipError(message, code="chip.key_agreement")


def _modp(p: str, g: str, q: str) -> DhGroup:
    return DhGroup(p=int(p, 16), g=int(g, 16), q=int(q, 16))


_CURVE_OF_ID: Final = {
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
_CURVE_OF_NAME: Final = {curve.name: curve for curve in CURVES}
_MODP_OF_ID: Final = {
    0: _modp(
        "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371",
        "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f213160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28ad662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5",
        "f518aa8781a8df278aba4e7d64b7cb9d49462353",
    ),
    1: _modp(
        "ad107e1e9123a9d0d660faa79559c51fa20d64e5683b9fd1b54b1597b61d0a75e6fa141df95a56dbaf9a3c407ba1df15eb3d688a309c180e1de6b85a1274a0a66d3f8152ad6ac2129037c9edefda4df8d91e8fef55b7394b7ad5b7d0b6c12207c9f98d11ed34dbf6c6ba0b2c8bbc27be6a00e0a0b9c49708b3bf8a317091883681286130bc8985db1602e714415d9330278273c7de31efdc7310f7121fd5a07415987d9adc0a486dcdf93acc44328387315d75e198c641a480cd86a1b9e587e8be60e69cc928b2b9c52172e413042e9b23f10b0e16e79763c9b53dcf4ba80a29e3fb73c16b8e75b97ef363e2ffa31f71cf9de5384e71b81c0ac4dffe0c10e64f",
        "ac4032ef4f2d9ae39df30b5c8ffdac506cdebe7b89998caf74866a08cfe4ffe3a6824a4e10b9a6f0dd921f01a70c4afaab739d7700c29f52c57db17c620a8652be5e9001a8d66ad7c17669101999024af4d027275ac1348bb8a762d0521bc98ae247150422ea1ed409939d54da7460cdb5f6c6b250717cbef180eb34118e98d119529a45d6f834566e3025e316a330efbb77a86f0c1ab15b051ae3d428c8f8acb70a8137150b8eeb10e183edd19963ddd9e263e4770589ef6aa21e7f5f2ff381b539cce3409d13cd566afbb48d6c019181e1bcfe94b30269edfe72fe9b6aa4bd7b5a0f1c71cfff4c19c418e1f6ec017981bc087f2a7065b384b890d3191f2bfa",
        "801c0d34c58d93fe997177101f80535a4738cebcbf389a99b36371eb",
    ),
    2: _modp(
        "87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df4561b2aa3016c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c022e0b1ef4275bf7b6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1caa6b7902d52526735488a0ef13c6d9a51bfa4ab3ad8347796524d8ef6a167b5a41825d967e144e5140564251ccacb83e6b486f6b3ca3f7971506026c0b857f689962856ded4010abd0be621c3a3960a54e710c375f26375d7014103a4b54330c198af126116d2276e11715f693877fad7ef09cadb094ae91e1a1597",
        "3fb32c9b73134d0b2e77506660edbd484ca7b18f21ef205407f4793a1a0ba12510dbc15077be463fff4fed4aac0bb555be3a6c1b0c6b47b1bc3773bf7e8c6f62901228f8c28cbb18a55ae31341000a650196f931c77a57f2ddf463e5e9ec144b777de62aaab8a8628ac376d282d6ed3864e67982428ebc831d14348f6f2f9193b5045af2767164e1dfc967c1fb3f2e55a4bd1bffe83b9c80d052b985d182ea0adb2a3b7313d3fe14c8484b1e052588b9b7d2bbd2df016199ecd06e1557cd0915b3353bbb64e0ec377fd028370df92b52c7891428cdc67eb6184b523d1db246c32f63078490f00ef8d647d148d47954515e2327cfef98c582664b4c0f6cc41659",
        "8cf83642a709a097b447997640129da299b1a47d1eb3750ba308b0fe64f5fbd3",
    ),
}

STANDARD_GROUPS: Final[Mapping[int, Group[Any]]] = MappingProxyType(
    {number: EcGroup(_CURVE_OF_NAME[name]) for number, name in _CURVE_OF_ID.items()}
    | dict(_MODP_OF_ID)
)
"""Standardised domain parameters by their number (ICAO 9303-11 §9.5.1). Points and integers differ in type: ``Any``."""
