"""Basic access control on the card's side (ICAO 9303-11 §4.3)."""

from __future__ import annotations

import hashlib
from typing import Final

from ekyc.chip.sim.ciphers import MAC_OCTETS, Cipher
from ekyc.chip.sim.commands import Status, StatusError
from ekyc.chip.sim.secure_channel import SecureChannel
from ekyc.ports import Random

_CIPHER: Final = Cipher.TRIPLE_DES
_ZERO: Final = bytes(8)
_CHALLENGE_OCTETS: Final = 8
_KEY_OCTETS: Final = 16
_TOKEN_OCTETS: Final = 32


class BasicAccess:
    """One run: a challenge, then mutual authentication. A challenge serves once."""

    def __init__(self, mrz_information: str, random: Random) -> None:
        seed = hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()
        self._key_enc = _CIPHER.derive_key(seed[:_KEY_OCTETS], 1)
        self._key_mac = _CIPHER.derive_key(seed[:_KEY_OCTETS], 2)
        self._random = random
        self._challenge: bytes | None = None

    def challenge(self) -> bytes:
        """RND.IC."""
        self._challenge = self._random.token_bytes(_CHALLENGE_OCTETS)
        return self._challenge

    def authenticate(self, data: bytes) -> tuple[bytes, SecureChannel]:
        """Answer to EXTERNAL AUTHENTICATE, and the channel that follows it.

        Raises:
            StatusError: 6985, there was no challenge; 6700; 6300, the terminal does not know the key.
        """
        challenge, self._challenge = self._challenge, None
        if challenge is None:
            raise StatusError(Status.CONDITIONS)
        if len(data) != _TOKEN_OCTETS + MAC_OCTETS:
            raise StatusError(Status.WRONG_LENGTH)
        encrypted, checksum = data[:_TOKEN_OCTETS], data[_TOKEN_OCTETS:]
        if _CIPHER.token(self._key_mac, encrypted) != checksum:
            raise StatusError(Status.AUTHENTICATION_FAILED)
        token = _CIPHER.decrypt(self._key_enc, _ZERO, encrypted)
        of_terminal, returned, key_of_terminal = token[:8], token[8:16], token[16:]
        if returned != challenge:
            raise StatusError(Status.AUTHENTICATION_FAILED)
        key_of_card = self._random.token_bytes(_KEY_OCTETS)
        answer = _CIPHER.encrypt(self._key_enc, _ZERO, challenge + of_terminal + key_of_card)
        secret = bytes(a ^ b for a, b in zip(key_of_terminal, key_of_card, strict=True))
        channel = SecureChannel(
            _CIPHER,
            key_enc=_CIPHER.derive_key(secret, 1),
            key_mac=_CIPHER.derive_key(secret, 2),
            counter=int.from_bytes(challenge[4:] + of_terminal[4:], "big"),
        )
        return answer + _CIPHER.token(self._key_mac, answer), channel
