"""The card's own ciphers, checksums and key derivation (ICAO 9303-11 §9.7, §9.8).

Written apart from the reader's on purpose: a mistake shared by both sides would never show. What proves them are the
worked examples of the standard, in ``tests/chip/test_sim_vectors.py``.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as _Cipher
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

MAC_OCTETS: Final = 8


class Cipher(Enum):
    """Block cipher of a protocol; the value is the last arc of the protocol's object identifier."""

    TRIPLE_DES = 1
    AES_128 = 2
    AES_192 = 3
    AES_256 = 4

    @property
    def block(self) -> int:
        """Octets of a block."""
        return 8 if self is Cipher.TRIPLE_DES else 16

    @property
    def key_octets(self) -> int:
        return {Cipher.AES_192: 24, Cipher.AES_256: 32}.get(self, 16)

    def derive_key(self, secret: bytes, counter: int) -> bytes:
        """KDF(K, c) with c = 1 for encryption, 2 for checksums, 3 for a password (ICAO 9303-11 §9.7.1)."""
        long_key = self in {Cipher.AES_192, Cipher.AES_256}
        digest = hashlib.sha256 if long_key else hashlib.sha1  # the standard's choice
        key = digest(secret + counter.to_bytes(4, "big")).digest()[: self.key_octets]
        return _with_odd_parity(key) if self is Cipher.TRIPLE_DES else key

    def encrypt(self, key: bytes, iv: bytes, padded: bytes) -> bytes:
        """CBC over whole blocks."""
        encryptor = _Cipher(self._algorithm(key), modes.CBC(iv)).encryptor()
        return encryptor.update(padded) + encryptor.finalize()

    def decrypt(self, key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
        """CBC over whole blocks; padding stays."""
        decryptor = _Cipher(self._algorithm(key), modes.CBC(iv)).decryptor()
        return decryptor.update(ciphertext) + decryptor.finalize()

    def checksum(self, key: bytes, message: bytes) -> bytes:
        """Retail MAC over whole blocks (ISO/IEC 9797-1 algorithm 3), or CMAC cut to eight octets."""
        if self is Cipher.TRIPLE_DES:
            return _retail_mac(key, message)
        cmac = CMAC(AES(key))
        cmac.update(message)
        return cmac.finalize()[:MAC_OCTETS]

    def pad(self, data: bytes) -> bytes:
        """ISO/IEC 9797-1 padding method 2."""
        return data + b"\x80" + bytes(-(len(data) + 1) % self.block)

    def token(self, key: bytes, message: bytes) -> bytes:
        """Checksum over a message of any length: CMAC pads by itself, the retail MAC does not."""
        return self.checksum(key, self.pad(message) if self is Cipher.TRIPLE_DES else message)

    def _algorithm(self, key: bytes) -> AES | TripleDES:
        return TripleDES(_triple(key)) if self is Cipher.TRIPLE_DES else AES(key)


def unpad(padded: bytes) -> bytes | None:
    """Without the padding of method 2; None where there is none."""
    data = padded.rstrip(b"\x00")
    return data[:-1] if data.endswith(b"\x80") else None


def _triple(key: bytes) -> bytes:
    """Keying option 2: the first key again as the third."""
    return key + key[:8]


def _retail_mac(key: bytes, message: bytes) -> bytes:
    """Single DES in CBC mode, the last block as triple DES. Single DES is triple DES with three equal keys."""
    first, second = key[:8] * 3, key[8:16] * 3
    zero = bytes(8)
    chained = _Cipher(TripleDES(first), modes.CBC(zero)).encryptor().update(message)[-8:]
    middle = _Cipher(TripleDES(second), modes.CBC(zero)).decryptor().update(chained)
    return _Cipher(TripleDES(first), modes.CBC(zero)).encryptor().update(middle)


def _with_odd_parity(key: bytes) -> bytes:
    """DES keys have an odd number of ones in each octet (ICAO 9303-11 §9.7.1.1)."""
    return bytes(octet & 0xFE | (octet >> 1).bit_count() + 1 & 1 for octet in key)
