"""Elliptic curves by value, and the arithmetic to verify with those that ``cryptography`` does not know.

Travel-document certificates carry *explicit* parameters. They are accepted only where every number (field, both
coefficients, generator, order, cofactor) equals a curve of this table: a foreign generator would let anybody make a
key pair for somebody else's public key (CVE-2020-0601).

Values: NIST curves SEC 2 v2 §2 (secp192r1 … secp521r1), Brainpool curves RFC 5639 §3; printed by OpenSSL 3.0
(``openssl ecparam -param_enc explicit``) and checked in ``tests/pki/test_curves.py`` (points on the curve, order of the
generator, agreement with ``cryptography`` and with Wycheproof).

Only public values pass through here, so nothing needs constant time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from ekyc.errors import InputError

Point = tuple[int, int]
"""Affine coordinates; the point at infinity is ``None``."""
_Jacobian = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A short Weierstrass curve over a prime field with cofactor 1."""

    name: str
    oid: str
    p: int
    a: int
    b: int
    generator: Point
    order: int
    implementation: type[ec.EllipticCurve] | None
    """The curve in ``cryptography``; None where it has none."""

    @cached_property
    def octets(self) -> int:
        """Bytes of one coordinate."""
        return (self.p.bit_length() + 7) // 8

    def contains(self, point: Point) -> bool:
        """Whether the coordinates are reduced and satisfy the equation."""
        x, y = point
        in_field = 0 <= x < self.p and 0 <= y < self.p
        return in_field and (y * y - (x * x * x + self.a * x + self.b)) % self.p == 0

    def decode_point(self, encoded: bytes) -> Point | None:
        """Point from its uncompressed, compressed or hybrid octets (SEC 1 §2.3.4); None where it is none."""
        form, size = encoded[:1], self.octets
        if form in (b"\x02", b"\x03") and len(encoded) == 1 + size:
            return self._decompress(int.from_bytes(encoded[1:], "big"), odd=form == b"\x03")
        if form not in (b"\x04", b"\x06", b"\x07") or len(encoded) != 1 + 2 * size:
            return None
        point = (
            int.from_bytes(encoded[1 : 1 + size], "big"),
            int.from_bytes(encoded[1 + size :], "big"),
        )
        if form != b"\x04" and point[1] & 1 != form[0] & 1:
            return None
        return point if self.contains(point) else None

    def _decompress(self, x: int, *, odd: bool) -> Point | None:
        if self.p % 4 != 3 or x >= self.p:
            return None  # only secp224r1 is 1 modulo 4; no certificate compresses it
        y = pow(x * x * x + self.a * x + self.b, (self.p + 1) // 4, self.p)
        point = x, (y if y & 1 == odd else self.p - y)
        return point if self.contains(point) else None

    def verify_ecdsa(self, public: Point, digest: bytes, r: int, s: int) -> bool:
        """ECDSA verification over a ready digest (SEC 1 §4.1.4). For curves without an implementation."""
        n = self.order
        if not (0 < r < n and 0 < s < n and self.contains(public)):
            return False
        excess = max(0, 8 * len(digest) - n.bit_length())
        e = int.from_bytes(digest, "big") >> excess
        w = pow(s, -1, n)
        sum_ = self._add(
            self._multiply(e * w % n, self.generator), self._multiply(r * w % n, public)
        )
        x, _, z = sum_
        if z == 0:
            return False
        return x * pow(z * z, -1, self.p) % self.p % n == r

    def multiply(self, scalar: int, point: Point) -> Point | None:
        """``scalar`` times ``point``; None is infinity. Not constant time."""
        x, y, z = self._multiply(scalar, point)
        if z == 0:
            return None
        inverse = pow(z, -1, self.p)
        return x * inverse**2 % self.p, y * inverse**3 % self.p

    def _multiply(self, scalar: int, point: Point) -> _Jacobian:
        base, result = (*point, 1), (1, 1, 0)
        for bit in f"{scalar:b}":
            result = self._double(result)
            if bit == "1":
                result = self._add(result, base)
        return result

    def _double(self, point: _Jacobian) -> _Jacobian:
        x, y, z = point
        p = self.p
        if z == 0 or y == 0:
            return 1, 1, 0
        yy = y * y % p
        s = 4 * x * yy % p
        m = (3 * x * x + self.a * pow(z, 4, p)) % p
        x3 = (m * m - 2 * s) % p
        return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def _add(self, first: _Jacobian, second: _Jacobian) -> _Jacobian:
        if first[2] == 0:
            return second
        if second[2] == 0:
            return first
        p = self.p
        (x1, y1, z1), (x2, y2, z2) = first, second
        z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
        u1, u2 = x1 * z2z2 % p, x2 * z1z1 % p
        s1, s2 = y1 * z2 * z2z2 % p, y2 * z1 * z1z1 % p
        if u1 == u2:
            return self._double(first) if s1 == s2 else (1, 1, 0)
        h, r = u2 - u1, s2 - s1
        hh = h * h % p
        hhh, v = h * hh % p, u1 * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - s1 * hhh) % p, h * z1 * z2 % p


def _curve(  # one row of the table below
    name: str,
    oid: str,
    implementation: type[ec.EllipticCurve] | None,
    *numbers: str,
) -> Curve:
    p, a, b, x, y, order = (int(number, 16) for number in numbers)
    return Curve(
        name=name,
        oid=oid,
        p=p,
        a=a,
        b=b,
        generator=(x, y),
        order=order,
        implementation=implementation,
    )


# p, a, b, generator x, generator y, order
CURVES: Final = (
    _curve(
        "secp192r1",
        "1.2.840.10045.3.1.1",
        ec.SECP192R1,
        "fffffffffffffffffffffffffffffffeffffffffffffffff",
        "fffffffffffffffffffffffffffffffefffffffffffffffc",
        "64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1",
        "188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
        "07192b95ffc8da78631011ed6b24cdd573f977a11e794811",
        "ffffffffffffffffffffffff99def836146bc9b1b4d22831",
    ),
    _curve(
        "secp224r1",
        "1.3.132.0.33",
        ec.SECP224R1,
        "ffffffffffffffffffffffffffffffff000000000000000000000001",
        "fffffffffffffffffffffffffffffffefffffffffffffffffffffffe",
        "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
        "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
        "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
        "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d",
    ),
    _curve(
        "secp256r1",
        "1.2.840.10045.3.1.7",
        ec.SECP256R1,
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
        "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ),
    _curve(
        "secp384r1",
        "1.3.132.0.34",
        ec.SECP384R1,
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
        "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
        "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
    _curve(
        "secp521r1",
        "1.3.132.0.35",
        ec.SECP521R1,
        "1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc",
        "051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
        "0c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
        "11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
        "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
    _curve(
        "brainpoolP192r1",
        "1.3.36.3.3.2.8.1.1.3",
        None,
        "c302f41d932a36cda7a3463093d18db78fce476de1a86297",
        "6a91174076b1e0e19c39c031fe8685c1cae040e5c69a28ef",
        "469a28ef7c28cca3dc721d044f4496bcca7ef4146fbf25c9",
        "c0a0647eaab6a48753b033c56cb0f0900a2f5c4853375fd6",
        "14b690866abd5bb88b5f4828c1490002e6773fa2fa299b8f",
        "c302f41d932a36cda7a3462f9e9e916b5be8f1029ac4acc1",
    ),
    _curve(
        "brainpoolP224r1",
        "1.3.36.3.3.2.8.1.1.5",
        None,
        "d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0ff",
        "68a5e62ca9ce6c1c299803a6c1530b514e182ad8b0042a59cad29f43",
        "2580f63ccfe44138870713b1a92369e33e2135d266dbb372386c400b",
        "0d9029ad2c7e5cf4340823b2a87dc68c9e4ce3174c1e6efdee12c07d",
        "58aa56f772c0726f24c6b89e4ecdac24354b9e99caa3f6d3761402cd",
        "d7c134aa264366862a18302575d0fb98d116bc4b6ddebca3a5a7939f",
    ),
    _curve(
        "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.7",
        ec.BrainpoolP256R1,
        "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
        "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
        "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
        "8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
        "547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
        "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
    ),
    _curve(
        "brainpoolP320r1",
        "1.3.36.3.3.2.8.1.1.9",
        None,
        "d35e472036bc4fb7e13c785ed201e065f98fcfa6f6f40def4f92b9ec7893ec28fcd412b1f1b32e27",
        "3ee30b568fbab0f883ccebd46d3f3bb8a2a73513f5eb79da66190eb085ffa9f492f375a97d860eb4",
        "520883949dfdbc42d3ad198640688a6fe13f41349554b49acc31dccd884539816f5eb4ac8fb1f1a6",
        "43bd7e9afb53d8b85289bcc48ee5bfe6f20137d10a087eb6e7871e2a10a599c710af8d0d39e20611",
        "14fdd05545ec1cc8ab4093247f77275e0743ffed117182eaa9c77877aaac6ac7d35245d1692e8ee1",
        "d35e472036bc4fb7e13c785ed201e065f98fcfa5b68f12a32d482ec7ee8658e98691555b44c59311",
    ),
    _curve(
        "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.11",
        ec.BrainpoolP384R1,
        "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
        "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
        "04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
        "1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
        "8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
        "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565",
    ),
    _curve(
        "brainpoolP512r1",
        "1.3.36.3.3.2.8.1.1.13",
        ec.BrainpoolP512R1,
        "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
        "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
        "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
        "81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
        "7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892",
        "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069",
    ),
)
"""Every curve that a certificate may name or spell out."""

CURVE_BY_OID: Final = {curve.oid: curve for curve in CURVES}


def find_curve(
    *, p: int, a: int, b: int, generator: bytes, order: int, cofactor: int | None
) -> Curve | None:
    """The curve of the table that equals these explicit parameters in every number; None where none has its equation.

    An absent cofactor is taken as 1: the order fixes it (Hasse's bound).

    Raises:
        InputError: the equation is that of a known curve and another number is not: ``pki.curve_foreign_generator``
            (whoever chose it can know a private key to anybody's public key), ``pki.curve_foreign_order``,
            ``pki.curve_foreign_cofactor``. No genuine certificate is known to differ so.
    """
    curve = next((item for item in CURVES if (item.p, item.a, item.b) == (p, a, b)), None)
    if curve is None:
        return None
    if curve.order != order:
        raise _foreign("order")
    if curve.decode_point(generator) != curve.generator:
        raise _foreign("generator")
    if cofactor not in (None, 1):
        raise _foreign("cofactor")
    return curve


def _foreign(number: str) -> InputError:
    return InputError(f"the {number} is not that of the curve", code=f"pki.curve_foreign_{number}")
