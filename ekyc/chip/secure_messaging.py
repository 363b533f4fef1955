"""Secure messaging (ICAO 9303-11 §9.8): every command encrypted and authenticated, every response believed only so.

1. The send-sequence counter goes up before each command and before each response; both sides count alike.
2. A command's header, cryptogram (DO'87', for odd instructions DO'85'), expected length (DO'97') are under one
   checksum (DO'8E').
3. A response counts only with a status object (DO'99'), a checksum over everything before it, and a status word equal
   to the one inside. A response in clear is never believed, whatever it says; an error in clear ends the session.

One exception to (3), argued at :meth:`SecureChannel.send`: a card that does not know extended length may refuse a
command before its secure messaging ever sees it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from ekyc.chip.apdu import SW_WRONG_LENGTH, CommandApdu, ResponseApdu, status_error
from ekyc.chip.ciphers import MAC_BYTES, CipherSuite, KeyUse, unpad
from ekyc.chip.program import Channel, PlainChannel, Program
from ekyc.errors import ChipError
from ekyc.pki import der

_SECURE_CLASS: Final = 0x0C
_CRYPTOGRAM: Final = 0x87
_CRYPTOGRAM_ODD: Final = 0x85
_EXPECTED_LENGTH: Final = 0x97
_STATUS: Final = 0x99
_CHECKSUM: Final = 0x8E
_PADDED: Final = b"\x01"
"""Padding-content indicator: padding method 2."""

_MAX_SHORT: Final = 255
_EXTENDED_LE: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKeys:
    """What both sides share after an access protocol or chip authentication."""

    suite: CipherSuite
    encryption: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def derive(cls, suite: CipherSuite, secret: bytes) -> SessionKeys:
        """From a shared secret (ICAO 9303-11 §9.7.1)."""
        return cls(
            suite=suite,
            encryption=suite.derive_key(secret, KeyUse.ENCRYPTION),
            mac=suite.derive_key(secret, KeyUse.MAC),
        )


class SecureMessaging:
    """Keys and send-sequence counter. Pure: bytes in, bytes out."""

    def __init__(self, keys: SessionKeys, *, counter: int = 0) -> None:
        self.keys = keys
        self._counter = counter

    @property
    def counter(self) -> int:
        """The send-sequence counter as last used."""
        return self._counter

    def rewind(self, counter: int) -> None:
        """Put the counter back to before a command that the card's secure messaging never saw."""
        self._counter = counter

    def protect(self, command: CommandApdu) -> CommandApdu:
        """The command under secure messaging. Counts."""
        self._count()
        header = bytes((command.cla | _SECURE_CLASS, command.ins, command.p1, command.p2))
        objects = self._cryptogram(command) + _expected_length(command)
        padded = self._pad(header) + (self._pad(objects) if objects else b"")
        data = objects + der.encode(_CHECKSUM, self._checksum(padded))
        long = len(data) > _MAX_SHORT or (command.le or 0) > _MAX_SHORT + 1
        return CommandApdu(
            command.cla | _SECURE_CLASS,
            command.ins,
            command.p1,
            command.p2,
            data,
            _EXTENDED_LE if long else _MAX_SHORT + 1,
        )

    def foresee(self, commands: Sequence[CommandApdu]) -> tuple[CommandApdu, ...]:
        """The commands as :meth:`protect` will make them when each is answered before the next. Does not count."""
        messaging = SecureMessaging(self.keys, counter=self._counter)
        protected: list[CommandApdu] = []
        for command in commands:
            protected.append(messaging.protect(command))
            messaging._count()  # for the response
        return tuple(protected)

    def unprotect(self, response: ResponseApdu) -> ResponseApdu:
        """The response in clear, once its checksum holds. Counts.

        Raises:
            ChipError: ``chip.sm.plain_response`` (no secure messaging at all), ``chip.sm.malformed``,
                ``chip.sm.status_missing``, ``chip.sm.checksum_missing``, ``chip.sm.checksum_wrong``,
                ``chip.sm.status_differs``, ``chip.sm.cryptogram``, ``chip.sm.padding``.
        """
        self._count()
        if not response.data:
            raise _plain(response.sw)
        objects, authenticated = _read_objects(response.data)
        checksum = self._checksum(self._pad(authenticated))
        if not hmac.compare_digest(checksum, objects[_CHECKSUM]):
            raise ChipError("the checksum of a response is wrong", code="chip.sm.checksum_wrong")
        status = objects[_STATUS]
        if len(status) != 2 or int.from_bytes(status, "big") != response.sw:
            raise ChipError(
                "the status word differs from the authenticated one", code="chip.sm.status_differs"
            )
        return ResponseApdu(self._plain_text(objects), response.sw)

    def _plain_text(self, objects: Mapping[int, bytes]) -> bytes:
        if _CRYPTOGRAM_ODD in objects:
            return self._decrypt(objects[_CRYPTOGRAM_ODD])
        cryptogram = objects.get(_CRYPTOGRAM)
        if cryptogram is None:
            return b""
        if cryptogram[:1] != _PADDED:
            raise ChipError("an unknown padding indicator", code="chip.sm.padding")
        return self._decrypt(cryptogram[1:])

    def _decrypt(self, cryptogram: bytes) -> bytes:
        keys = self.keys
        return unpad(keys.suite.decrypt(keys.encryption, cryptogram, iv=self._iv()))

    def _cryptogram(self, command: CommandApdu) -> bytes:
        if not command.data:
            return b""
        keys = self.keys
        encrypted = keys.suite.encrypt(keys.encryption, self._pad(command.data), iv=self._iv())
        if command.ins & 1:
            return der.encode(_CRYPTOGRAM_ODD, encrypted)
        return der.encode(_CRYPTOGRAM, _PADDED, encrypted)

    def _iv(self) -> bytes | None:
        """Zero for 3DES; for AES the encrypted counter (ICAO 9303-11 §9.8.6.1)."""
        keys = self.keys
        return keys.suite.encrypt(keys.encryption, self._counted()) if keys.suite.is_aes else None

    def _checksum(self, padded: bytes) -> bytes:
        return self.keys.suite.mac(self.keys.mac, self._counted() + padded)

    def _pad(self, data: bytes) -> bytes:
        return self.keys.suite.pad(data)

    def _count(self) -> None:
        self._counter = (self._counter + 1) % (1 << 8 * self.keys.suite.block_bytes)

    def _counted(self) -> bytes:
        return self._counter.to_bytes(self.keys.suite.block_bytes, "big")


class SecureChannel:
    """A channel under secure messaging. There is no way back to a channel in clear."""

    def __init__(self, messaging: SecureMessaging, *, beneath: Channel | None = None) -> None:
        self.messaging = messaging
        self._beneath = beneath or PlainChannel()

    def send(self, command: CommandApdu) -> Program[ResponseApdu]:
        """Carry out one command.

        A card without extended length refuses such a command with a bare 6700 before its secure messaging runs, so
        its counter stands still. Ours is put back and the refusal handed to the caller, who may ask for less. Nothing
        is believed by this: the refusal carries no data, and the next response needs its checksum as ever.

        Raises:
            ChipError: as :meth:`SecureMessaging.unprotect`.
        """
        return (yield from self._send(command, ()))

    def send_all(self, commands: Sequence[CommandApdu]) -> Program[tuple[ResponseApdu, ...]]:
        """Carry out commands in order, up to the first whose answer is not 9000. Each announces the rest.

        The announced ones are foreseen, not sent: each command is protected anew when its turn comes, so the counter
        is in step with what was answered wherever the row breaks off.

        Raises:
            ChipError: as :meth:`SecureMessaging.unprotect`.
        """
        foreseen = self.messaging.foresee(commands)
        responses: list[ResponseApdu] = []
        for position, command in enumerate(commands, start=1):
            responses.append((yield from self._send(command, foreseen[position:])))
            if not responses[-1].ok:
                break
        return tuple(responses)

    def _send(self, command: CommandApdu, ahead: tuple[CommandApdu, ...]) -> Program[ResponseApdu]:
        before = self.messaging.counter
        protected = replace(self.messaging.protect(command), ahead=ahead)
        response = yield from self._beneath.send(protected)
        refused = not response.data and response.sw == SW_WRONG_LENGTH
        if refused and protected.needs_extended_length:
            self.messaging.rewind(before)
            return response
        return self.messaging.unprotect(response)


def _plain(sw: int) -> ChipError:
    reported = status_error(sw, "secure messaging ended")
    return ChipError(f"{reported.message}, in clear", code="chip.sm.plain_response")


def _expected_length(command: CommandApdu) -> bytes:
    """DO'97' in one octet, or two where one does not suffice; zero stands for 256 or 65536."""
    if command.le is None:
        return b""
    width = 1 if command.le <= _MAX_SHORT + 1 else 2
    return der.encode(_EXPECTED_LENGTH, (command.le % (1 << 8 * width)).to_bytes(width, "big"))


def _read_objects(data: bytes) -> tuple[Mapping[int, bytes], bytes]:
    """The objects of a protected response by tag, and the octets that the checksum covers.

    The order is fixed, the checksum last, nothing unknown among them, so that nothing stands beside what is
    authenticated.
    """
    ours = {_CRYPTOGRAM, _CRYPTOGRAM_ODD, _STATUS, _CHECKSUM}
    torn = "chip.sm.malformed" if data[0] in ours else "chip.sm.plain_response"
    with der.malformed_as(ChipError, code=torn):
        found = list(der.elements(data, 0, len(data)))
    tags = [element.tag for element in found]
    if not ours & set(tags):
        raise ChipError("a response came in clear", code="chip.sm.plain_response")
    if _STATUS not in tags:
        raise ChipError("a response lacks its status object", code="chip.sm.status_missing")
    if _CHECKSUM not in tags:
        raise ChipError("a response lacks its checksum", code="chip.sm.checksum_missing")
    if tags[-2:] != [_STATUS, _CHECKSUM] or tags[:-2] not in ([], [_CRYPTOGRAM], [_CRYPTOGRAM_ODD]):
        raise ChipError("the objects of a response are out of order", code="chip.sm.malformed")
    objects = {element.tag: der.content_of(data, element) for element in found}
    if len(objects[_CHECKSUM]) != MAC_BYTES:
        raise ChipError("the checksum of a response is wrong", code="chip.sm.checksum_wrong")
    return MappingProxyType(objects), data[: found[-1].start]
