"""PACE on the card's side (ICAO 9303-11 §4.4): nonce, mapping, key agreement, mutual authentication."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from asn1crypto import core

from ekyc.chip.sim.ciphers import Cipher
from ekyc.chip.sim.commands import Status, StatusError
from ekyc.chip.sim.groups import Group, random_scalar, standard_group
from ekyc.chip.sim.mappings import map_generic, map_integrated
from ekyc.chip.sim.profile import PaceConfiguration, PaceMapping
from ekyc.chip.sim.secure_channel import SecureChannel
from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.pki.curves import Point
from ekyc.ports import Random

MRZ: Final = 1
CAN: Final = 2
"""Password references of MSE:Set AT."""

_PASSWORD_KEY: Final = 3


def password_key(cipher: Cipher, reference: int, *, mrz_information: str, can: str) -> bytes:
    """K_pi (ICAO 9303-11 §9.7.3)."""
    if reference == CAN:
        return cipher.derive_key(can.encode("ascii"), _PASSWORD_KEY)
    seed = hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()
    return cipher.derive_key(seed, _PASSWORD_KEY)


class PaceRun:
    """One run. Each step expects its own data object; anything else ends the run.

    Args:
        configuration: algorithm and group.
        key: K_pi.
        random: nonce and private keys, in the order of the protocol.
        static_key: private key of EF.CardSecurity, for chip authentication mapping.
    """

    def __init__(
        self,
        configuration: PaceConfiguration,
        *,
        key: bytes,
        random: Random,
        static_key: int | None = None,
    ) -> None:
        self.channel: SecureChannel | None = None
        """There once the terminal has authenticated."""
        self._configuration = configuration
        self._cipher = configuration.cipher
        self._group = standard_group(configuration.parameters)
        self._key = key
        self._random = random
        self._static_key = static_key
        self._nonce = b""
        self._mapping_key = 0
        self._generator: Point = self._group.generator
        self._own_public = b""
        self._other_public = b""
        self._secret = b""
        self._next: Callable[[bytes, bytes], bytes] | None = self._send_nonce

    def step(self, data: bytes) -> bytes:
        """Answer one GENERAL AUTHENTICATE: dynamic authentication data in, the same out.

        Raises:
            StatusError: 6A80, 6985, or 6300 where the terminal does not know the password.
        """
        answer, self._next = self._next, None
        if answer is None:
            raise StatusError(Status.CONDITIONS)
        tag, value = _only_object(data)
        return der.encode(0x7C, answer(tag, value))

    def _send_nonce(self, tag: bytes, _value: bytes) -> bytes:
        _expect(tag, b"")
        long = self._cipher in {Cipher.AES_192, Cipher.AES_256}
        self._nonce = self._random.token_bytes(32 if long else 16)
        encrypted = self._cipher.encrypt(self._key, bytes(self._cipher.block), self._nonce)
        self._next = self._map
        return der.encode(0x80, encrypted)

    def _map(self, tag: bytes, value: bytes) -> bytes:
        _expect(tag, b"\x81")
        self._next = self._agree
        if self._configuration.mapping is PaceMapping.INTEGRATED:
            return self._map_integrated(value)
        group = self._group
        self._mapping_key = random_scalar(group, self._random)
        shared = group.multiply(group.decode(value), self._mapping_key)
        self._generator = map_generic(group, self._nonce, shared)
        public = group.multiply(group.generator, self._mapping_key)
        return der.encode(0x82, group.encode(public))

    def _map_integrated(self, of_terminal: bytes) -> bytes:
        if len(of_terminal) < self._cipher.key_octets:
            raise StatusError(Status.WRONG_DATA)
        self._generator = map_integrated(self._group, self._cipher, self._nonce, of_terminal)
        return der.encode(0x82)

    def _agree(self, tag: bytes, value: bytes) -> bytes:
        _expect(tag, b"\x83")
        self._next = self._authenticate
        group: Group = self._group
        private = random_scalar(group, self._random)
        self._own_public = group.encode(group.multiply(self._generator, private))
        self._other_public = value
        if self._own_public == value:
            raise StatusError(Status.AUTHENTICATION_FAILED)
        self._secret = group.secret(group.multiply(group.decode(value), private))
        return der.encode(0x84, self._own_public)

    def _authenticate(self, tag: bytes, value: bytes) -> bytes:
        _expect(tag, b"\x85")
        key_mac = self._cipher.derive_key(self._secret, 2)
        if value != self._token(key_mac, self._own_public):
            raise StatusError(Status.AUTHENTICATION_FAILED)
        self.channel = SecureChannel.derive(self._cipher, self._secret)
        answer = der.encode(0x86, self._token(key_mac, self._other_public))
        if self._configuration.mapping is PaceMapping.CHIP_AUTHENTICATION:
            answer += der.encode(0x8A, self._chip_authentication_data())
        return answer

    def _token(self, key_mac: bytes, public: bytes) -> bytes:
        oid: bytes = core.ObjectIdentifier(self._configuration.oid).dump()
        return self._cipher.token(
            key_mac, der.encode(0x7F49, oid, der.encode(self._group.key_tag, public))
        )

    def _chip_authentication_data(self) -> bytes:
        """CA_IC, encrypted: static key times CA_IC is the mapping key (ICAO 9303-11 §4.4.3.3.3)."""
        if self._static_key is None:
            raise StatusError(Status.CONDITIONS)
        order = self._group.order
        data = pow(self._static_key, -1, order) * self._mapping_key % order
        key = self._cipher.derive_key(self._secret, 1)
        block = self._cipher.block
        iv = self._cipher.encrypt(key, bytes(block), b"\xff" * block)
        padded = self._cipher.pad(data.to_bytes(self._group.scalar_octets, "big"))
        return self._cipher.encrypt(key, iv, padded)


def _only_object(data: bytes) -> tuple[bytes, bytes]:
    """Tag and value of the one data object in dynamic authentication data; both empty where there is none."""
    content = dynamic_data(data)
    if not content:
        return b"", b""
    tag, value = next(iter(content.items()))
    if len(content) != 1:
        raise StatusError(Status.WRONG_DATA)
    return bytes((tag,)), value


def dynamic_data(data: bytes) -> dict[int, bytes]:
    """Data objects within ``7C`` by tag."""
    return parse_objects(parse_objects(data).get(0x7C))


def parse_objects(data: bytes | None) -> dict[int, bytes]:
    """Data objects by tag.

    Raises:
        StatusError: 6A80.
    """
    if data is None:
        raise StatusError(Status.WRONG_DATA)
    try:
        return {item.tag: der.content_of(data, item) for item in der.elements(data, 0, len(data))}
    except InputError as exc:
        raise StatusError(Status.WRONG_DATA) from exc


def _expect(tag: bytes, wanted: bytes) -> None:
    if tag != wanted:
        raise StatusError(Status.WRONG_DATA)
