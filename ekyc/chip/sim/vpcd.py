"""The protocol of vsmartcard's virtual reader (vpcd), card's side: octets in, octets out.

A message is two octets of length and the content. Content of one octet is a control code of the reader; anything else
is a command APDU, and the response goes back in a message of its own.
"""

from __future__ import annotations

from typing import Final, Protocol

PORT: Final = 35963
"""Where the first virtual reader listens."""
ATR: Final = bytes.fromhex("3B80800101")
"""Answer to reset of a contactless card (PC/SC part 3 §3.1.3.2.3)."""

_OFF: Final = b"\x00"
_ON: Final = b"\x01"
_RESET: Final = b"\x02"
_GIVE_ATR: Final = b"\x04"
_LENGTH_OCTETS: Final = 2


class ResettableCard(Protocol):
    """What lies on the virtual reader."""

    def reset(self) -> None:
        """Forget the session."""
        ...

    def transceive(self, command: bytes) -> bytes:
        """Response APDU to a command APDU."""
        ...


class VpcdSession:
    """A card on a virtual reader. Holds at most one incomplete message of 64 KiB."""

    def __init__(self, card: ResettableCard, *, atr: bytes = ATR) -> None:
        self._card = card
        self._atr = atr
        self._pending = b""

    def receive(self, octets: bytes) -> bytes:
        """Take what came from the reader, in pieces of any size; return what to send back."""
        self._pending += octets
        answers = b""
        while (message := self._take_message()) is not None:
            answer = self._answer(message)
            if answer is not None:
                answers += len(answer).to_bytes(_LENGTH_OCTETS, "big") + answer
        return answers

    def _take_message(self) -> bytes | None:
        length = int.from_bytes(self._pending[:_LENGTH_OCTETS], "big")
        end = _LENGTH_OCTETS + length
        if len(self._pending) < end:
            return None
        message, self._pending = self._pending[_LENGTH_OCTETS:end], self._pending[end:]
        return message

    def _answer(self, message: bytes) -> bytes | None:
        if message == _GIVE_ATR:
            return self._atr
        if message in {_OFF, _ON, _RESET}:
            self._card.reset()
            return None
        return self._card.transceive(message) if len(message) > 1 else None
