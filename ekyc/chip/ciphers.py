"""Ciphers, checksums and key derivation of secure messaging (ICAO 9303-11 §9.7 and §9.8).

Two-key 3DES with the retail MAC is what the oldest documents speak; AES-128, -192 and -256 with CMAC the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from ekyc.errors import ChipError

MAC_BYTES: Final = 8
"""Every checksum is cut to eight octets."""

_PAD: Final = b"\x80"


class KeyUse(IntEnum):
    """Counter of the key derivation function (ICAO 9303-11 §9.7.1)."""

    ENCRYPTION = 1
    MAC = 2
    PASSWORD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CipherSuite:
    """One of the four ways to encrypt and authenticate. Keys are given to each call; the suite holds none."""

    name: str
    key_bytes: int
    block_bytes: int
    strength: int
    """Rank among the suites; a larger one is preferred."""

    @property
    def is_aes(self) -> bool:
        return self.block_bytes == 16

    def derive_key(self, secret: bytes, use: KeyUse) -> bytes:
        """Key from a shared secret or password (ICAO 9303-11 §9.7.1.1–9.7.1.3)."""
        digest = hashlib.sha256 if self.key_bytes > 16 else hashlib.sha1
        key = digest(secret + use.to_bytes(4, "big")).digest()[: self.key_bytes]
        return key if self.is_aes else bytes(map(_with_odd_parity, key))

    def encrypt(self, key: bytes, data: bytes, *, iv: bytes | None = None) -> bytes:
        """CBC over whole blocks; the IV is zero unless given."""
        step = self._cipher(key, modes.CBC(iv or bytes(self.block_bytes))).encryptor()
        return step.update(data) + step.finalize()

    def decrypt(self, key: bytes, data: bytes, *, iv: bytes | None = None) -> bytes:
        """Inverse of :meth:`encrypt`.

        Raises:
            ChipError: ``chip.sm.cryptogram``: not whole blocks.
        """
        if len(data) % self.block_bytes:
            raise ChipError("a cryptogram is not made of whole blocks", code="chip.sm.cryptogram")
        step = self._cipher(key, modes.CBC(iv or bytes(self.block_bytes))).decryptor()
        return step.update(data) + step.finalize()

    def pad(self, data: bytes) -> bytes:
        """Padding method 2 of ISO/IEC 9797-1: always one bit, then zeros."""
        return data + _PAD + bytes(-(len(data) + 1) % self.block_bytes)

    def mac(self, key: bytes, padded: bytes) -> bytes:
        """Checksum over padded data: retail MAC (ISO/IEC 9797-1 algorithm 3) or AES-CMAC, cut to eight octets."""
        if self.is_aes:
            cmac = CMAC(algorithms.AES(key))
            cmac.update(padded)
            return cmac.finalize()[:MAC_BYTES]
        return _retail_mac(key, padded)

    def token(self, key: bytes, data: bytes) -> bytes:
        """Authentication token of PACE (ICAO 9303-11 §4.4.3.4): CMAC brings its own padding, the retail MAC none."""
        return self.mac(key, data if self.is_aes else self.pad(data))

    def _cipher(self, key: bytes, mode: modes.CBC) -> Cipher[modes.CBC]:
        if self.is_aes:
            return Cipher(algorithms.AES(key), mode)
        return Cipher(TripleDES(key + key[:8]), mode)


DES3: Final = CipherSuite(name="3DES", key_bytes=16, block_bytes=8, strength=0)
AES128: Final = CipherSuite(name="AES-128", key_bytes=16, block_bytes=16, strength=1)
AES192: Final = CipherSuite(name="AES-192", key_bytes=24, block_bytes=16, strength=2)
AES256: Final = CipherSuite(name="AES-256", key_bytes=32, block_bytes=16, strength=3)

SUITE_OF_LAST_ARC: Final = {1: DES3, 2: AES128, 3: AES192, 4: AES256}
"""By the last arc of the object identifiers of PACE and chip authentication (ICAO 9303-11 §9.2.1, §9.2.5)."""


def unpad(padded: bytes) -> bytes:
    """Remove padding method 2.

    Raises:
        ChipError: ``chip.sm.padding``.
    """
    data = padded.rstrip(b"\x00")
    if data[-1:] != _PAD:
        raise ChipError("the padding of a cryptogram is wrong", code="chip.sm.padding")
    return data[:-1]


def _retail_mac(key: bytes, padded: bytes) -> bytes:
    """Single DES in CBC mode with the first half of the key, then the last block through the second and first half."""
    chained = _des(key[:8], padded)[-8:]
    step = Cipher(TripleDES(key[8:] * 3), modes.CBC(bytes(8))).decryptor()
    return _des(key[:8], step.update(chained) + step.finalize())


def _des(key: bytes, data: bytes) -> bytes:
    """Single DES in CBC mode with a zero IV, as 3DES with three equal keys."""
    step = Cipher(TripleDES(key * 3), modes.CBC(bytes(8))).encryptor()
    return step.update(data) + step.finalize()


def _with_odd_parity(octet: int) -> int:
    high = octet & 0xFE
    return high | (high.bit_count() + 1) % 2
