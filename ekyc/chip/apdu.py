"""Commands to a card and its responses (ISO/IEC 7816-4 §5.1): short and extended length, nothing interpreted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import ChipError, InputError

SW_OK: Final = 0x9000
SW_WRONG_LENGTH: Final = 0x6700
SW_SECURITY_STATUS: Final = 0x6982
SW_FILE_NOT_FOUND: Final = 0x6A82
SW_WRONG_OFFSET: Final = 0x6B00
SW_INS_NOT_SUPPORTED: Final = 0x6D00
SW_WARNING_END_OF_FILE: Final = 0x6282

MAX_SHORT_LC: Final = 255
MAX_SHORT_LE: Final = 256
MAX_EXTENDED_LC: Final = 65535
MAX_EXTENDED_LE: Final = 65536

_HEADER_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class CommandApdu:
    """One command. ``repr`` shows the header and sizes only: data may be keys in transit or personal."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int | None = None
    """Most bytes expected back, 1–65536; None where none are expected."""
    ahead: tuple[CommandApdu, ...] = field(default=(), repr=False, compare=False)
    """Commands that follow, in this order, as long as each is answered 9000: see :mod:`ekyc.chip.program`."""

    def __post_init__(self) -> None:
        if not all(0 <= octet <= 0xFF for octet in (self.cla, self.ins, self.p1, self.p2)):
            raise InputError("a header octet is out of range", code="chip.apdu.malformed")
        if len(self.data) > MAX_EXTENDED_LC:
            raise InputError("more data than a command can hold", code="chip.apdu.too_long")
        if self.le is not None and not 1 <= self.le <= MAX_EXTENDED_LE:
            raise InputError("the expected length is out of range", code="chip.apdu.malformed")

    @property
    def header(self) -> bytes:
        """CLA, INS, P1, P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @property
    def needs_extended_length(self) -> bool:
        """Whether the short form cannot express this command."""
        return len(self.data) > MAX_SHORT_LC or (self.le or 0) > MAX_SHORT_LE

    def encode(self, extended: bool = False) -> bytes:  # reads well: encode(extended=True)
        """The octets to send, in extended length where asked for or needed."""
        width = 2 if extended or self.needs_extended_length else 1
        if not self.data and self.le is None:
            return self.header
        marker = b"\x00" if width > 1 else b""  # stands once, before the first length field
        lc = len(self.data).to_bytes(width, "big") + self.data if self.data else b""
        le = b"" if self.le is None else (self.le % (1 << 8 * width)).to_bytes(width, "big")
        return self.header + marker + lc + le

    @classmethod
    def parse(cls, encoded: bytes) -> CommandApdu:
        """Read a command in either form.

        Raises:
            ChipError: ``chip.apdu.malformed``.
        """
        if len(encoded) < _HEADER_BYTES:
            raise _malformed("a command has at least four octets")
        cla, ins, p1, p2 = encoded[:_HEADER_BYTES]
        body = encoded[_HEADER_BYTES:]
        if not body:
            return cls(cla, ins, p1, p2)
        extended = body[0] == 0 and len(body) > 1
        data, le = _read_body(body[1:], 2) if extended else _read_body(body, 1)
        return cls(cla, ins, p1, p2, data, le)


@dataclass(frozen=True, slots=True)
class ResponseApdu:
    """One response. ``repr`` shows the status word and size only."""

    data: bytes = field(repr=False)
    sw: int
    """Status word, ``0x9000`` for success."""

    @property
    def ok(self) -> bool:
        return self.sw == SW_OK

    def encode(self) -> bytes:
        """Data and the two octets of the status word."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def parse(cls, encoded: bytes) -> ResponseApdu:
        """Read a response.

        Raises:
            ChipError: ``chip.apdu.malformed``: no status word, or longer than any response can be.
        """
        if not 2 <= len(encoded) <= MAX_EXTENDED_LE + 2:
            raise _malformed("a response has a status word and at most 65536 octets before it")
        return cls(encoded[:-2], int.from_bytes(encoded[-2:], "big"))


def status_error(sw: int, what: str, *, subject: str | None = None) -> ChipError:
    """The typed error for a status word that ends ``what``."""
    return ChipError(
        f"{what}: the chip answered {sw:04X}", code=_CODE_OF_SW.get(sw, _CODE), subject=subject
    )


_CODE: Final = "chip.status"
_CODE_OF_SW: Final = {
    SW_SECURITY_STATUS: "chip.status.access_denied",
    SW_FILE_NOT_FOUND: "chip.status.file_not_found",
    SW_WRONG_LENGTH: "chip.status.wrong_length",
    0x6300: "chip.status.authentication_failed",
    0x6A80: "chip.status.wrong_parameters",
    0x6987: "chip.status.secure_messaging",
    0x6988: "chip.status.secure_messaging",
}


def _read_body(body: bytes, width: int) -> tuple[bytes, int | None]:
    """Data and Le behind the header (and behind the marker octet of extended length)."""
    if len(body) == width:  # case 2: only Le
        return b"", int.from_bytes(body, "big") or 1 << 8 * width
    size, rest = int.from_bytes(body[:width], "big"), body[width:]
    if not size or len(rest) not in (size, size + width):
        raise _malformed("the length field of a command disagrees with its octets")
    le = int.from_bytes(rest[size:], "big") or 1 << 8 * width
    return rest[:size], le if len(rest) > size else None


def _malformed(message: str) -> ChipError:
    return ChipError(message, code="chip.apdu.malformed")
