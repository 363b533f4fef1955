"""Protocols as programs: generators that yield commands and take responses, with no idea who carries them.

PC/SC, a relay, a recorded session and the simulated card drive the same code. Randomness is a parameter, so a program
with the same answers does the same thing again.

**Announcements.** A command may name the commands that follow it (:attr:`~ekyc.chip.apdu.CommandApdu.ahead`): those that
the program yields next as long as every answer is 9000. Who pays for each round trip sends them along and feeds the
answers in order; everybody else takes no notice. Program, transcript and replay are the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.errors import ChipError, InputError, LimitError
from ekyc.ports import Transceiver

_T = TypeVar("_T")

Program = Generator[CommandApdu, ResponseApdu, _T]
"""Yields one command at a time, is sent the response to it, returns its result or raises."""

MAX_COMMANDS: Final = 20_000
"""Commands in one run; a whole chip in chunks of 100 bytes needs fewer."""

_MAX_CONTINUATIONS: Final = 300
_MAX_RESPONSE_BYTES: Final = 65536
_GET_RESPONSE: Final = 0xC0
_SW1_MORE: Final = 0x61
_SW1_WRONG_LE: Final = 0x6C


class Channel(Protocol):
    """A way to put a command to the chip: in clear, or under secure messaging."""

    def send(self, command: CommandApdu) -> Program[ResponseApdu]:
        """Carry out one command."""
        ...

    def send_all(self, commands: Sequence[CommandApdu]) -> Program[tuple[ResponseApdu, ...]]:
        """Carry out commands in order, up to the first whose answer is not 9000. Each announces the rest."""
        ...


class PlainChannel:
    """Commands as they are. Status ``61xx`` and ``6Cxx`` are dealt with here, and bounded."""

    def send(self, command: CommandApdu) -> Program[ResponseApdu]:
        """Carry out one command; what a card hands over in parts (``61xx``) is put together.

        Raises:
            ChipError: ``chip.apdu.endless``: the parts never end.
        """
        response = yield command
        if response.sw >> 8 == _SW1_WRONG_LE and not response.data:
            le = response.sw & 0xFF or 256
            response = yield CommandApdu(
                command.cla, command.ins, command.p1, command.p2, command.data, le
            )
        data = response.data
        for _ in range(_MAX_CONTINUATIONS):
            if response.sw >> 8 != _SW1_MORE:
                return ResponseApdu(data, response.sw)
            response = yield CommandApdu(0, _GET_RESPONSE, 0, 0, le=response.sw & 0xFF or 256)
            data += response.data
            if len(data) > _MAX_RESPONSE_BYTES:
                break
        raise ChipError("the chip's response does not end", code="chip.apdu.endless")

    def send_all(self, commands: Sequence[CommandApdu]) -> Program[tuple[ResponseApdu, ...]]:
        """Carry out commands in order, up to the first whose answer is not 9000. Each announces the rest."""
        responses: list[ResponseApdu] = []
        for position, command in enumerate(commands, start=1):
            announcing = replace(command, ahead=tuple(commands[position:]))
            responses.append((yield from self.send(announcing)))
            if not responses[-1].ok:
                break
        return tuple(responses)


def run_program(
    program: Program[_T],
    transceiver: Transceiver,
    *,
    observe: Callable[[CommandApdu, ResponseApdu], None] | None = None,
) -> _T:
    """Run a program against a card.

    Args:
        program: what to do.
        transceiver: the card.
        observe: is told each exchange, for a transcript.

    Raises:
        InputError: ``chip.apdu.too_long``: the link cannot carry a command that the program needs.
        LimitError: ``chip.program_too_long``.
        EkycError: whatever the program or the transceiver raises.
    """
    try:
        command = next(program)
        for _ in range(MAX_COMMANDS):
            response = ResponseApdu.parse(transceiver.transceive(_encode(command, transceiver)))
            if observe:
                observe(command, response)
            command = program.send(response)
    except StopIteration as stop:
        result: _T = stop.value
        return result
    finally:
        program.close()
    raise LimitError(f"more than {MAX_COMMANDS} commands", code="chip.program_too_long")


def _encode(command: CommandApdu, transceiver: Transceiver) -> bytes:
    encoded = command.encode()
    short = transceiver.extended_length or not command.needs_extended_length
    if not short or len(encoded) > transceiver.max_command_bytes:
        raise InputError("the reader cannot carry so long a command", code="chip.apdu.too_long")
    return encoded
