"""The mappings of PACE: from a nonce that only the two sides know to a generator that nobody knew before.

Generic mapping (ICAO 9303-11 §4.4.3.3.1) agrees on a point first; chip authentication mapping (§4.4.3.3.3) does the
same and keeps the chip's point, for the chip will prove to have made it with its static key; integrated mapping
(§4.4.3.3.2) hashes both nonces into the group.
"""

from __future__ import annotations

from typing import Any, Final

from ekyc.chip.ciphers import CipherSuite
from ekyc.chip.domain_parameters import Group

_SECURITY_MARGIN_BITS: Final = 64
_CONSTANTS_128: Final = (
    bytes.fromhex("a668892a7c41e3ca739f40b057d85904"),
    bytes.fromhex("a4e136ac725f738b01c1f60217c188ad"),
)
_CONSTANTS_256: Final = (
    bytes.fromhex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"),
    bytes.fromhex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"),
)


def map_generic(group: Group[Any], nonce: bytes, shared: Any) -> Any:
    """Generator of the session: nonce times the standard generator, plus the shared element."""
    number = int.from_bytes(nonce, "big")
    return group.add(group.multiply(number, group.generator), shared)


def map_integrated(
    group: Group[Any], suite: CipherSuite, nonce: bytes, terminal_nonce: bytes
) -> Any:
    """Generator of the session: the image of a pseudo-random number that both nonces decide."""
    number = int.from_bytes(pseudo_random(suite, nonce, terminal_nonce, group), "big")
    return group.map_number(number % group.field_prime)


def pseudo_random(
    suite: CipherSuite, nonce: bytes, terminal_nonce: bytes, group: Group[Any]
) -> bytes:
    """R(s, t): the block cipher in CBC mode as generator, 64 bits longer than p (ICAO 9303-11 §4.4.3.3.2)."""
    next_key, output = _CONSTANTS_256 if suite.key_bytes > 16 else _CONSTANTS_128
    wanted = group.field_prime.bit_length() + _SECURITY_MARGIN_BITS
    key = suite.encrypt(terminal_nonce, nonce)[: suite.key_bytes]
    blocks = b""
    while 8 * len(blocks) < wanted:
        blocks += suite.encrypt(key, output)
        key = suite.encrypt(key, next_key)[: suite.key_bytes]
    return blocks
