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
# RFC 5114 §2.2: 2048-bit MODP group with a subgroup of 224 bits.
_MODP_2048_224: Final = ModpGroup(
    p=int(
        "ad107e1e9123a9d0d660faa79559c51fa20d64e5683b9fd1b54b1597b61d0a75e6fa141df95a56dbaf9a3c407ba1df15"
        "eb3d688a309c180e1de6b85a1274a0a66d3f8152ad6ac2129037c9edefda4df8d91e8fef55b7394b7ad5b7d0b6c12207"
        "c9f98d11ed34dbf6c6ba0b2c8bbc27be6a00e0a0b9c49708b3bf8a317091883681286130bc8985db1602e714415d9330"
        "278273c7de31efdc7310f7121fd5a07415987d9adc0a486dcdf93acc44328387315d75e198c641a480cd86a1b9e587e8"
        "be60e69cc928b2b9c52172e413042e9b23f10b0e16e79763c9b53dcf4ba80a29e3fb73c16b8e75b97ef363e2ffa31f71"
        "cf9de5384e71b81c0ac4dffe0c10e64f",
        16,
    ),
    g=int(
        "ac4032ef4f2d9ae39df30b5c8ffdac506cdebe7b89998caf74866a08cfe4ffe3a6824a4e10b9a6f0dd921f01a70c4afa"
        "ab739d7700c29f52c57db17c620a8652be5e9001a8d66ad7c17669101999024af4d027275ac1348bb8a762d0521bc98a"
        "e247150422ea1ed409939d54da7460cdb5f6c6b250717cbef180eb34118e98d119529a45d6f834566e3025e316a330ef"
        "bb77a86f0c1ab15b051ae3d428c8f8acb70a8137150b8eeb10e183edd19963ddd9e263e4770589ef6aa21e7f5f2ff381"
        "b539cce3409d13cd566afbb48d6c019181e1bcfe94b30269edfe72fe9b6aa4bd7b5a0f1c71cfff4c19c418e1f6ec0179"
        "81bc087f2a7065b384b890d3191f2bfa",
        16,
    ),
    q=int("801c0d34c58d93fe997177101f80535a4738cebcbf389a99b36371eb", 16),
)
# RFC 5114 §2.3: 2048-bit MODP group with a subgroup of 256 bits.
_MODP_2048_256: Final = ModpGroup(
    p=int(
        "87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df4561b2aa30"
        "16c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c022e0b1ef4275bf7b"
        "6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1caa6b7902d52526735488a0e"
        "f13c6d9a51bfa4ab3ad8347796524d8ef6a167b5a41825d967e144e5140564251ccacb83e6b486f6b3ca3f7971506026"
        "c0b857f689962856ded4010abd0be621c3a3960a54e710c375f26375d7014103a4b54330c198af126116d2276e11715f"
        "693877fad7ef09cadb094ae91e1a1597",
        16,
    ),
    g=int(
        "3fb32c9b73134d0b2e77506660edbd484ca7b18f21ef205407f4793a1a0ba12510dbc15077be463fff4fed4aac0bb555"
        "be3a6c1b0c6b47b1bc3773bf7e8c6f62901228f8c28cbb18a55ae31341000a650196f931c77a57f2ddf463e5e9ec144b"
        "777de62aaab8a8628ac376d282d6ed3864e67982428ebc831d14348f6f2f9193b5045af2767164e1dfc967c1fb3f2e55"
        "a4bd1bffe83b9c80d052b985d182ea0adb2a3b7313d3fe14c8484b1e052588b9b7d2bbd2df016199ecd06e1557cd0915"
        "b3353bbb64e0ec377fd028370df92b52c7891428cdc67eb6184b523d1db246c32f63078490f00ef8d647d148d4795451"
        "5e2327cfef98c582664b4c0f6cc41659",
        16,
    ),
    q=int("8cf83642a709a097b447997640129da299b1a47d1eb3750ba308b0fe64f5fbd3", 16),
)
_MODP: Final = (_MODP_1024_160, _MODP_2048_224, _MODP_2048_256)
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
    """The group of a standardised parameter number."""
    if number < len(_MODP):
        return _MODP[number]
    return EcGroup(_CURVE_OF_NAME[_CURVE_NAMES[number]])
