"""The client's side of one relayed reading: text in, commands or text out. It knows no socket either.

A client serves the holder of the card, not the server: it refuses commands that reading an identity document does not
need, so that nobody uses the relay to write to a card or to try its PIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.handover import Handover
from ekyc.chip.relay.frames import (
    Abort,
    Commands,
    Failed,
    FileFrame,
    Finished,
    HandoverFrame,
    Hello,
    Ready,
    RelayMode,
    Responses,
    encode_frame,
    parse_any,
)
from ekyc.errors import ChipError, EkycError, InputError, UpstreamError
from ekyc.pki import der
from ekyc.ports import Transceiver
from ekyc.values import Redacted

_EXTENDED_RESPONSE_BYTES: Final = 65_538
_SHORT_RESPONSE_BYTES: Final = 258
_MAX_COMMAND_BYTES: Final = 65_544
_SECURE_CLASS: Final = 0x0C
_PLAIN_CLASSES: Final = frozenset({0x00, 0x0C, 0x10, 0x1C})
_MANAGE_SECURITY_ENVIRONMENT: Final = 0x22
_EXTERNAL_AUTHENTICATE: Final = 0x82
_FOR_PACE: Final = (0xC1, 0xA4)
_FOR_CHIP_AUTHENTICATION: Final = ((0x41, 0xA4), (0x41, 0xA6))
_READING: Final = frozenset({0x22, 0x82, 0x84, 0x86, 0x88, 0xA4, 0xB0, 0xB1, 0xC0})
"""MSE, EXTERNAL/MUTUAL AUTHENTICATE, GET CHALLENGE, GENERAL AUTHENTICATE, INTERNAL AUTHENTICATE, SELECT, READ BINARY,
GET RESPONSE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardWork:
    """Commands to put to the chip, in order, up to the first whose answer is not 9000."""

    sequence: int
    commands: tuple[CommandApdu, ...]


class RelayClient:
    """One relayed reading as the client sees it.

    Args:
        token: from the session's creation; sent once, in the first frame.
        card: link to the chip.
    """

    def __init__(self, token: Redacted[str], card: Transceiver) -> None:
        self._token = token
        self._card = card
        self._sequence = 0
        self.commands = 0
        """Commands put to the chip so far."""
        self.transcript: str | None = None
        """Digest of what the server recorded, once it has finished."""

    @property
    def finished(self) -> bool:
        return self.transcript is not None

    def hello(self) -> str:
        """The first frame."""
        extended = self._card.extended_length
        return encode_frame(
            Hello(
                token=self._token,
                max_command_bytes=min(self._card.max_command_bytes, _MAX_COMMAND_BYTES),
                max_response_bytes=_EXTENDED_RESPONSE_BYTES if extended else _SHORT_RESPONSE_BYTES,
                extended_length=extended,
            )
        )

    def receive(self, text: str) -> Ready | CardWork | None:
        """Take a frame of the server.

        Returns:
            ``Ready`` once; work for the card; None where the reading is finished.

        Raises:
            UpstreamError: ``chip.relay_refused``: the server ended the session, with its code as subject.
            InputError: ``chip.relay_*``: the server breaks the protocol.
            ChipError: ``chip.relay_command_refused``: a command that reading a document does not need.
        """
        frame = parse_any(text)
        if isinstance(frame, Failed):
            raise UpstreamError(
                "the server ended the session", code="chip.relay_refused", subject=frame.code
            )
        if isinstance(frame, Ready):
            return frame
        if isinstance(frame, Finished):
            self.transcript = frame.transcript
            return None
        if not isinstance(frame, Commands):
            raise InputError("commands were due", code="chip.relay_unexpected_frame")
        self._sequence += 1
        if frame.sequence != self._sequence:
            raise InputError("a frame is missing or came twice", code="chip.relay_sequence")
        commands = tuple(CommandApdu.parse(octets) for octets in frame.commands)
        for command in commands:
            _require_harmless(command)
        return CardWork(sequence=frame.sequence, commands=commands)

    def carry_out(self, work: CardWork) -> str:
        """Put the commands to the chip, and make the frame of its answers.

        Raises:
            UpstreamError: the card went away.
        """
        answers: list[bytes] = []
        for command in work.commands:
            answer = self._card.transceive(command.encode())
            answers.append(answer)
            self.commands += 1
            if not ResponseApdu.parse(answer).ok:
                break
        return encode_frame(Responses(sequence=work.sequence, responses=tuple(answers)))

    def hand_over(self, handover: Handover) -> tuple[str, ...]:
        """Frames that give an open session to the server (hybrid mode)."""
        keys = handover.keys
        files = (
            encode_frame(FileFrame(name=name, content=data))
            for name, data in handover.files.items()
        )
        session = HandoverFrame(
            access=handover.access,
            suite=keys.suite.name,
            encryption=keys.encryption,
            mac=keys.mac,
            counter=handover.counter.to_bytes(keys.suite.block_bytes, "big"),
        )
        return (*files, encode_frame(session))

    def abort(self, error: EkycError) -> str:
        """The frame that tells the server why the client stops."""
        return encode_frame(Abort(code=error.code[:64]))


def require_mode(ready: Ready, wanted: RelayMode) -> None:
    """Return if the server agreed to the mode.

    Raises:
        InputError: ``chip.relay_mode``.
    """
    if ready.mode is not wanted:
        raise InputError(
            f"the session is in {ready.mode.value} mode", code="chip.relay_mode", subject=wanted
        )


def _require_harmless(command: CommandApdu) -> None:
    readable = command.cla in _PLAIN_CLASSES and command.ins in _READING
    if not readable or _tries_a_secret(command):
        raise ChipError(
            f"the server asked for {command.header.hex().upper()}, which reading does not need",
            code="chip.relay_command_refused",
        )


def _tries_a_secret(command: CommandApdu) -> bool:
    """Whether the chip would count a wrong guess: PACE with PIN or PUK, or a key of the card's own.

    Under secure messaging nobody here sees which password PACE is to take, and reading begins none there.
    """
    place = (command.p1, command.p2)
    if command.ins == _EXTERNAL_AUTHENTICATE:
        return place != (0, 0)
    if command.ins != _MANAGE_SECURITY_ENVIRONMENT or place in _FOR_CHIP_AUTHENTICATION:
        return False
    if place != _FOR_PACE or command.cla & _SECURE_CLASS:
        return True
    return _password_references(command.data) not in ({b"\x01"}, {b"\x02"})


def _password_references(data: bytes) -> set[bytes]:
    """The passwords that MSE:Set AT names (ICAO 9303-11 §4.4.4.1): 01 for the zone, 02 for the access number."""
    with der.malformed_as(ChipError, code="chip.relay_command_refused"):
        found = list(der.elements(data, 0, len(data)))
        return {der.content_of(data, element) for element in found if element.tag == 0x83}
