"""How a nonce becomes a generator: generic and integrated mapping (ICAO 9303-11 §4.4.3.3, Appendix B)."""

from __future__ import annotations

from typing import Final

from ekyc.chip.sim.ciphers import Cipher
from ekyc.chip.sim.commands import Status, StatusError
from ekyc.chip.sim.groups import EcGroup, Group, ModpGroup
from ekyc.pki.curves import Curve, Point

# Constants of the pseudo-random function (ICAO 9303-11 §4.4.3.3.2), by octets of the cipher's key.
_C0: Final = {
    16: bytes.fromhex("a668892a7c41e3ca739f40b057d85904"),
    32: bytes.fromhex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"),
}
_C1: Final = {
    16: bytes.fromhex("a4e136ac725f738b01c1f60217c188ad"),
    32: bytes.fromhex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"),
}
_MARGIN_BITS: Final = 64


def map_generic(group: Group, nonce: bytes, shared: Point) -> Point:
    """``s · G + H``."""
    return group.combine(group.multiply(group.generator, int.from_bytes(nonce, "big")), shared)


def map_integrated(
    group: EcGroup | ModpGroup, cipher: Cipher, nonce: bytes, of_terminal: bytes
) -> Point:
    """The point or number that both nonces lead to."""
    if isinstance(group, ModpGroup):
        number = pseudo_random(cipher, nonce, of_terminal, group.p)
        return group.multiply((number, 0), (group.p - 1) // group.order)
    return encode_to_curve(group.curve, pseudo_random(cipher, nonce, of_terminal, group.curve.p))


def pseudo_random(cipher: Cipher, nonce: bytes, of_terminal: bytes, modulus: int) -> int:
    """R(s, t) modulo the field's prime."""
    long = 16 if cipher.key_octets == 16 else 32
    zero = bytes(cipher.block)
    key = cipher.encrypt(of_terminal[: cipher.key_octets], zero, nonce)
    output = b""
    while 8 * len(output) < modulus.bit_length() + _MARGIN_BITS:
        current = key[: cipher.key_octets]
        key, block = (
            cipher.encrypt(current, zero, _C0[long]),
            cipher.encrypt(current, zero, _C1[long]),
        )
        output += block
    return int.from_bytes(output, "big") % modulus


def encode_to_curve(curve: Curve, t: int) -> Point:
    """Point from a field element (Appendix B.1, affine form), for primes that are 3 modulo 4 and cofactor 1."""
    p, a, b = curve.p, curve.a, curve.b
    alpha = -t * t % p
    if p % 4 != 3 or (alpha + alpha * alpha) % p == 0:
        raise StatusError(Status.WRONG_DATA)
    x2 = -b * pow(a, -1, p) * (1 + pow(alpha + alpha * alpha, -1, p)) % p
    h2 = (x2**3 + a * x2 + b) % p
    root = pow(h2, p - 1 - (p + 1) // 4, p)
    if root * root * h2 % p == 1:
        return x2, root * h2 % p
    return alpha * x2 % p, root * pow(t, 3, p) * h2 % p
