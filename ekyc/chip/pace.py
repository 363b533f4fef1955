"""PACE: a weak password makes strong keys, and whoever listens learns nothing of it (ICAO 9303-11 §4.4).

What it proves: the chip knows the password printed on it. What it does not: that the chip is genuine. Only with chip
authentication mapping does the chip add a proof about its static key; :func:`ekyc.chip.chip_auth.verify_pace_cam` takes
it up.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.chip.access_key import AccessKey
from ekyc.chip.apdu import CommandApdu, status_error
from ekyc.chip.ciphers import KeyUse, unpad
from ekyc.chip.domain_parameters import Group
from ekyc.chip.pace_mapping import map_generic, map_integrated
from ekyc.chip.program import Channel, PlainChannel, Program
from ekyc.chip.protocol_infos import Mapping, PaceInfo, encode_oid
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.errors import ChipError
from ekyc.pki import der
from ekyc.ports import Random

_CHAINED: Final = 0x10
_DYNAMIC_DATA: Final = 0x7C
_PUBLIC_KEY: Final = 0x7F49
_NONCE_SIZES: Final = (16, 32)
_MAX_SHORT_DATA: Final = 220
"""Longest key material whose objects still fit a short command and its response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CamProof:
    """What a chip with chip authentication mapping hands over, to be held against its static key."""

    mapping_public: bytes
    """The chip's public key of the mapping (PK_Map,IC)."""
    authentication_data: bytes = field(repr=False)
    """The decrypted CA_IC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceResult:
    """A channel, and what the chip said on the way."""

    info: PaceInfo
    channel: SecureChannel
    cam_proof: CamProof | None = None


def establish_pace(
    info: PaceInfo,
    key: AccessKey,
    *,
    random: Random,
    name_parameters: bool = True,
    channel: Channel | None = None,
) -> Program[PaceResult]:
    """Run PACE (ICAO 9303-11 §4.4.3).

    1. MSE:Set AT names protocol and password.
    2. The chip sends a nonce, encrypted under the password.
    3. Both sides map the nonce to a generator.
    4. They agree on a secret over that generator; equal or weak public keys are refused.
    5. Each proves with a token to have the same keys.
    6. With chip authentication mapping, the last answer carries the chip's encrypted proof.

    Args:
        info: the offer taken.
        key: MRZ or card access number.
        random: for nonce and private keys.
        name_parameters: name the domain parameters in step 1. Needed where the chip offers several, and by chips
            that insist although they offer one (Ukraine before 2022).
        channel: in clear by default.

    Raises:
        ChipError: ``chip.pace_unavailable`` (step 1 refused), ``chip.pace_refused`` (a later step refused: in the last
            one, most likely another password), ``chip.pace_failed`` (the chip's answer does not hold),
            ``chip.key_agreement``.
    """
    run = _Pace(info, channel or PlainChannel())
    yield from run.choose(key, name_parameters=name_parameters)  # (1)
    nonce = yield from run.nonce(key)  # (2)
    generator, mapping_public = yield from run.map(nonce, random)  # (3)
    secret, ours, theirs = yield from run.agree(generator, random)  # (4)
    keys = SessionKeys.derive(info.suite, secret)
    sealed = yield from run.exchange_tokens(keys, ours, theirs)  # (5)
    proof = None
    if info.mapping is Mapping.CHIP_AUTHENTICATION:  # (6)
        proof = CamProof(
            mapping_public=mapping_public, authentication_data=_open_proof(keys, sealed)
        )
    secure = SecureChannel(SecureMessaging(keys))
    return PaceResult(info=info, channel=secure, cam_proof=proof)


class _Pace:
    """The steps, over one channel and one group."""

    def __init__(self, info: PaceInfo, channel: Channel) -> None:
        self._info = info
        self._channel = channel
        self._group: Group[Any] = info.group

    def choose(self, key: AccessKey, *, name_parameters: bool) -> Program[None]:
        data = der.encode(0x80, encode_oid(self._info.protocol))
        data += der.encode(0x83, bytes((key.password_reference,)))
        if name_parameters:
            data += der.encode(0x84, bytes((self._info.parameter_id,)))
        response = yield from self._channel.send(CommandApdu(0, 0x22, 0xC1, 0xA4, data))
        if not response.ok:
            error = status_error(response.sw, "PACE is not available")
            raise ChipError(error.message, code="chip.pace_unavailable")

    def nonce(self, key: AccessKey) -> Program[bytes]:
        objects = yield from self._authenticate(b"", last=False)
        encrypted = _the_object(objects, 0x80)
        if len(encrypted) not in _NONCE_SIZES:
            raise _failed("the nonce has another length")
        suite = self._info.suite
        password = suite.derive_key(key.password.reveal(), KeyUse.PASSWORD)
        return suite.decrypt(password, encrypted)

    def map(self, nonce: bytes, random: Random) -> Program[tuple[Any, bytes]]:
        """Generator of the session, and the chip's public key of a generic mapping."""
        group, suite = self._group, self._info.suite
        if self._info.mapping is Mapping.INTEGRATED:
            ours = random.token_bytes(suite.key_bytes)
            yield from self._authenticate(der.encode(0x81, ours), last=False)
            return map_integrated(group, suite, nonce, ours), b""
        private = group.private_key(random)
        encoded = group.encode(group.multiply(private, group.generator))
        objects = yield from self._authenticate(der.encode(0x81, encoded), last=False)
        received = _the_object(objects, 0x82)
        if received == encoded:
            raise _failed("the chip sent our own public key back")
        shared = group.multiply(private, group.decode(received))
        return map_generic(group, nonce, shared), received

    def agree(self, generator: Any, random: Random) -> Program[tuple[bytes, bytes, bytes]]:
        """Shared secret, our public key, theirs."""
        group = self._group
        private = group.private_key(random)
        ours = group.encode(group.multiply(private, generator))
        objects = yield from self._authenticate(der.encode(0x83, ours), last=False)
        theirs = _the_object(objects, 0x84)
        if theirs == ours:
            raise _failed("the chip sent our own public key back")
        return group.shared_secret(private, group.decode(theirs)), ours, theirs

    def exchange_tokens(self, keys: SessionKeys, ours: bytes, theirs: bytes) -> Program[bytes]:
        """What the chip adds to its token, encrypted: empty except with chip authentication mapping."""
        token = der.encode(0x85, self._token(keys, theirs))
        objects = yield from self._authenticate(token, last=True)
        if not hmac.compare_digest(_the_object(objects, 0x86), self._token(keys, ours)):
            raise _failed("the chip's token does not hold")
        return objects.get(0x8A, b"")

    def _token(self, keys: SessionKeys, public: bytes) -> bytes:
        """Checksum over the other side's public key (§4.4.3.4)."""
        content = der.encode(
            _PUBLIC_KEY,
            der.encode(der.OBJECT_IDENTIFIER, encode_oid(self._info.protocol)),
            der.encode(self._group.public_key_tag, public),
        )
        return keys.suite.token(keys.mac, content)

    def _authenticate(self, data: bytes, *, last: bool) -> Program[dict[int, bytes]]:
        """GENERAL AUTHENTICATE with dynamic authentication data; the objects of the answer by tag."""
        long = len(data) > _MAX_SHORT_DATA
        response = yield from self._channel.send(
            CommandApdu(
                0 if last else _CHAINED,
                0x86,
                0,
                0,
                der.encode(_DYNAMIC_DATA, data),
                le=65536 if long else 256,
            )
        )
        if not response.ok:
            error = status_error(response.sw, "PACE was refused")
            raise ChipError(error.message, code="chip.pace_refused")
        return _dynamic_data(response.data)


def _dynamic_data(data: bytes) -> dict[int, bytes]:
    """Objects in DO'7C'; an empty answer has none."""
    if not data:
        return {}
    with der.malformed_as(ChipError, code="chip.pace_failed"):
        return {
            element.tag: der.content_of(data, element)
            for element in der.children(data, der.single(data, _DYNAMIC_DATA))
        }


def _open_proof(keys: SessionKeys, sealed: bytes) -> bytes:
    """CA_IC, encrypted under the new key with the counter at minus one as IV (§4.4.3.3.3)."""
    suite = keys.suite
    if not sealed:
        raise _failed("the chip gave no chip authentication data")
    iv = suite.encrypt(keys.encryption, b"\xff" * suite.block_bytes)
    return unpad(suite.decrypt(keys.encryption, sealed, iv=iv))


def _the_object(objects: dict[int, bytes], tag: int) -> bytes:
    if tag not in objects:
        raise _failed(f"the chip's answer lacks object {tag:02X}")
    return objects[tag]


def _failed(message: str) -> ChipError:
    return ChipError(message, code="chip.pace_failed")
