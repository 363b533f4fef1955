"""Secure messaging on the card's side: open commands, close responses (ICAO 9303-11 §9.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ekyc.chip.sim.ciphers import MAC_OCTETS, Cipher, unpad
from ekyc.chip.sim.commands import (
    EXTENDED_LE,
    SECURED,
    SHORT_LE,
    CardCommand,
    Status,
    StatusError,
)
from ekyc.errors import InputError
from ekyc.pki import der

_CRYPTOGRAM: Final = 0x87
_CRYPTOGRAM_OF_TLV: Final = 0x85
_LE: Final = 0x97
_STATUS: Final = 0x99
_MAC: Final = 0x8E
_PADDING_INDICATOR: Final = b"\x01"


class SecureChannel:
    """Session keys and a send sequence counter that goes up before every command and every response."""

    def __init__(self, cipher: Cipher, *, key_enc: bytes, key_mac: bytes, counter: int = 0) -> None:
        self._cipher = cipher
        self._key_enc = key_enc
        self._key_mac = key_mac
        self._counter = counter

    @classmethod
    def derive(cls, cipher: Cipher, secret: bytes) -> SecureChannel:
        """Keys from a shared secret, counter at zero (ICAO 9303-11 §9.7.1, §9.8.2)."""
        return cls(
            cipher, key_enc=cipher.derive_key(secret, 1), key_mac=cipher.derive_key(secret, 2)
        )

    def open(self, command: CardCommand) -> CardCommand:
        """The command that the terminal meant.

        Raises:
            StatusError: 6987, data objects are missing; 6988, they are wrong.
        """
        self._counter += 1
        objects, authenticated = _parse_objects(command.data)
        if _MAC not in objects:
            raise StatusError(Status.SECURE_MESSAGING_OBJECTS_MISSING)
        message = self._cipher.pad(command.header)
        if authenticated:
            message = self._cipher.pad(message + authenticated)
        if self._checksum(message) != objects[_MAC]:
            raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
        return replace(
            command,
            cla=command.cla & ~SECURED,
            data=self._decrypt(objects),
            le=_expected(objects.get(_LE)),
        )

    def close(self, data: bytes, status: int, *, odd: bool) -> bytes:
        """The protected response: cryptogram, status and checksum, followed by the status in clear."""
        self._counter += 1
        body = self._encrypt(data, odd=odd) if data else b""
        body += der.encode(_STATUS, status.to_bytes(2, "big"))
        checksum = self._checksum(self._cipher.pad(body))
        return body + der.encode(_MAC, checksum) + status.to_bytes(2, "big")

    @property
    def _block_counter(self) -> bytes:
        return self._counter.to_bytes(self._cipher.block, "big")

    @property
    def _iv(self) -> bytes:
        """Zero for triple DES; the encrypted counter for AES (ICAO 9303-11 §9.8.6.3)."""
        zero = bytes(self._cipher.block)
        if self._cipher is Cipher.TRIPLE_DES:
            return zero
        return self._cipher.encrypt(self._key_enc, zero, self._block_counter)

    def _checksum(self, padded: bytes) -> bytes:
        return self._cipher.checksum(self._key_mac, self._block_counter + padded)

    def _encrypt(self, data: bytes, *, odd: bool) -> bytes:
        cryptogram = self._cipher.encrypt(self._key_enc, self._iv, self._cipher.pad(data))
        if odd:
            return der.encode(_CRYPTOGRAM_OF_TLV, cryptogram)
        return der.encode(_CRYPTOGRAM, _PADDING_INDICATOR, cryptogram)

    def _decrypt(self, objects: dict[int, bytes]) -> bytes:
        cryptogram = objects.get(_CRYPTOGRAM_OF_TLV)
        if _CRYPTOGRAM in objects:
            indicator, cryptogram = objects[_CRYPTOGRAM][:1], objects[_CRYPTOGRAM][1:]
            if indicator != _PADDING_INDICATOR:
                raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
        if cryptogram is None:
            return b""
        if not cryptogram or len(cryptogram) % self._cipher.block:
            raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
        plain = unpad(self._cipher.decrypt(self._key_enc, self._iv, cryptogram))
        if plain is None:
            raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
        return plain


def _parse_objects(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """Data objects by tag, and the octets before the checksum."""
    try:
        listed = list(der.elements(data, 0, len(data)))
    except InputError as exc:
        raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG) from exc
    objects = {element.tag: der.content_of(data, element) for element in listed}
    if len(objects) != len(listed) or len(objects.get(_MAC, bytes(MAC_OCTETS))) != MAC_OCTETS:
        raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
    if _MAC in objects and listed[-1].tag != _MAC:
        raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
    return objects, b"".join(der.encoding_of(data, item) for item in listed if item.tag != _MAC)


def _expected(octets: bytes | None) -> int | None:
    if octets is None:
        return None
    if len(octets) not in {1, 2}:
        raise StatusError(Status.SECURE_MESSAGING_OBJECTS_WRONG)
    return int.from_bytes(octets, "big") or (SHORT_LE if len(octets) == 1 else EXTENDED_LE)
