"""Command APDUs as a card sees them (ISO/IEC 7816-4 §5.1), and the status words that it answers with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

SECURED: Final = 0x0C
"""Class bits of secure messaging with an authenticated header."""
CHAINED: Final = 0x10
SHORT_LE: Final = 256
EXTENDED_LE: Final = 65536


class Status(IntEnum):
    """Status words (ISO/IEC 7816-4 §5.1.3)."""

    OK = 0x9000
    END_OF_FILE = 0x6282
    AUTHENTICATION_FAILED = 0x6300
    WRONG_LENGTH = 0x6700
    SECURE_MESSAGING_UNSUPPORTED = 0x6882
    SECURITY_STATUS = 0x6982
    CONDITIONS = 0x6985
    NO_CURRENT_FILE = 0x6986
    SECURE_MESSAGING_OBJECTS_MISSING = 0x6987
    SECURE_MESSAGING_OBJECTS_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    FILE_NOT_FOUND = 0x6A82
    WRONG_P1_P2 = 0x6A86
    REFERENCE_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    INSTRUCTION = 0x6D00
    CLASS = 0x6E00


class StatusError(Exception):
    """The card refuses a command with a status word. It never leaves the simulator."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCommand:
    """A command, its length fields resolved."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int | None = None
    """How many octets may be answered; None: none are expected."""
    extended: bool = False

    @property
    def header(self) -> bytes:
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @property
    def secured(self) -> bool:
        return self.cla & SECURED == SECURED

    @property
    def odd(self) -> bool:
        """Whether data come as BER-TLV, as for READ BINARY with B1."""
        return bool(self.ins & 1)


def parse_command(octets: bytes) -> CardCommand:
    """Resolve the four cases of ISO/IEC 7816-4 §5.1, short and extended.

    Raises:
        StatusError: 6700, the length fields contradict the length.
    """
    if len(octets) < 4:
        raise StatusError(Status.WRONG_LENGTH)
    data, le, extended = _parse_body(octets[4:])
    cla, ins, p1, p2 = octets[:4]
    return CardCommand(cla=cla, ins=ins, p1=p1, p2=p2, data=data, le=le, extended=extended)


def _parse_body(body: bytes) -> tuple[bytes, int | None, bool]:
    if not body:
        return b"", None, False
    if len(body) == 1:
        return b"", body[0] or SHORT_LE, False
    if body[0]:
        data, rest = _split(body, 1, body[0])
        return data, _expected(rest, 1, SHORT_LE), False
    if len(body) == 3:
        return b"", int.from_bytes(body[1:], "big") or EXTENDED_LE, True
    data, rest = _split(body, 3, int.from_bytes(body[1:3], "big"))
    return data, _expected(rest, 2, EXTENDED_LE), True


def _split(body: bytes, head: int, length: int) -> tuple[bytes, bytes]:
    if length == 0 or len(body) < head + length:
        raise StatusError(Status.WRONG_LENGTH)
    return body[head : head + length], body[head + length :]


def _expected(rest: bytes, width: int, maximum: int) -> int | None:
    if not rest:
        return None
    if len(rest) != width:
        raise StatusError(Status.WRONG_LENGTH)
    return int.from_bytes(rest, "big") or maximum
