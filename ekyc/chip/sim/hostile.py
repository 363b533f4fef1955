"""Cards that lie: a simulated card behind a wrapper that spoils what it answers.

For tests of readers, and of relays. Each attack is one way in which a chip, or somebody between chip and reader, may
break the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from ekyc.chip.files import ElementaryFile
from ekyc.chip.sim.card import SimulatedCard
from ekyc.chip.sim.commands import SECURED
from ekyc.chip.sim.simulator import CardSimulator

_OK: Final = b"\x90\x00"
_ENDLESS_PIECE: Final = 255
_SECURED_PLAIN_ANSWER: Final = 223


class Attack(StrEnum):
    """What goes wrong. Files that lie are made by :func:`with_lying_file`."""

    TRUNCATED = "truncated"
    """Responses are cut in half."""
    EMPTY = "empty"
    """Responses have no octet at all, not even a status word."""
    WRONG_MAC = "wrong-mac"
    """One bit of each checksum is turned."""
    WRONG_CRYPTOGRAM = "wrong-cryptogram"
    """One bit of each protected response's first data object is turned."""
    PLAIN_DATA = "plain-data"
    """Protected commands get plain data and 9000."""
    PLAIN_STATUS = "plain-status"
    """Protected commands get a bare 9000."""
    REPLAY = "replay"
    """Protected commands all get the first protected response."""
    ENDLESS_61 = "endless-61"
    """Every response says that more is to be fetched."""
    ENDLESS_6C = "endless-6c"
    """Every response asks for another expected length."""
    WRONG_STATUS = "wrong-status"
    """Every response ends in a status word that no standard knows."""
    OVERSIZED = "oversized"
    """Every response is as long as a length field can say."""


class HostileCard:
    """A card simulator whose responses are spoilt from a command on.

    Args:
        card: the honest one behind.
        attack: what to do to its responses.
        after: how many responses pass unspoilt.
    """

    extended_length = True

    def __init__(self, card: CardSimulator, attack: Attack, *, after: int = 0) -> None:
        self.max_command_bytes = card.max_command_bytes
        self.commands = 0
        """How many commands came in."""
        self._card = card
        self._after = after
        self._spoil = _SPOILERS.get(attack, _keep)
        self._replaying = attack is Attack.REPLAY
        self._first_protected: bytes | None = None

    def reset(self) -> None:
        """Take the card out of the field and put it back."""
        self._card.reset()

    def transceive(self, command: bytes) -> bytes:
        """The response, spoilt."""
        self.commands += 1
        response = self._card.transceive(command)
        if self.commands <= self._after:
            return response
        secured = len(command) > 0 and command[0] & SECURED == SECURED
        if self._replaying and secured:
            self._first_protected = self._first_protected or response
            return self._first_protected
        return self._spoil(response, secured)


def with_lying_file(
    card: SimulatedCard, name: ElementaryFile, *, claimed: int = 0xFFFFFFFF, held: int = 64
) -> SimulatedCard:
    """A card on which a file's header claims more octets than there are.

    Args:
        card: the honest one.
        name: which file.
        claimed: length in the header; four gigabytes by default.
        held: octets of content that are really there.
    """
    honest = card.files.get(name) or b"\x75"
    header = honest[:1] + b"\x84" + claimed.to_bytes(4, "big")
    return card.with_file(name, header + honest[:held])


def with_truncated_file(card: SimulatedCard, name: ElementaryFile, length: int) -> SimulatedCard:
    """A card on which a file ends early."""
    return card.with_file(name, (card.files.get(name) or b"")[:length])


def _keep(response: bytes, _secured: bool) -> bytes:
    return response


def _turn_bit(response: bytes, at: int) -> bytes:
    return response[:at] + bytes((response[at] ^ 1,)) + response[at:][1:]


def _wrong_mac(response: bytes, secured: bool) -> bytes:
    """The checksum's last octet stands before the status word."""
    return _turn_bit(response, len(response) - 3) if secured and len(response) > 3 else response


def _wrong_cryptogram(response: bytes, secured: bool) -> bytes:
    has_data = response[:1] == b"\x87"
    return _turn_bit(response, 8) if secured and has_data else response


def _plain_data(response: bytes, secured: bool) -> bytes:
    return bytes(_SECURED_PLAIN_ANSWER) + _OK if secured else response


def _plain_status(response: bytes, secured: bool) -> bytes:
    return _OK if secured else response


_SPOILERS: Final[dict[Attack, Callable[[bytes, bool], bytes]]] = {
    Attack.TRUNCATED: lambda response, _secured: response[: len(response) // 2],
    Attack.EMPTY: lambda _response, _secured: b"",
    Attack.WRONG_MAC: _wrong_mac,
    Attack.WRONG_CRYPTOGRAM: _wrong_cryptogram,
    Attack.PLAIN_DATA: _plain_data,
    Attack.PLAIN_STATUS: _plain_status,
    Attack.ENDLESS_61: lambda _response, _secured: bytes(_ENDLESS_PIECE) + b"\x61\xff",
    Attack.ENDLESS_6C: lambda _response, _secured: b"\x6c\x10",
    Attack.WRONG_STATUS: lambda response, _secured: response[:-2] + b"\x12\x34",
    Attack.OVERSIZED: lambda response, _secured: bytes(65536) + response[-2:],
}
