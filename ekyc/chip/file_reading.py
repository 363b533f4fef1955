"""SELECT and READ BINARY (ICAO 9303-10 §3.6): a file in bounded pieces, whatever length it claims.

A claimed length costs nothing: it is held against a bound first, and the buffer only grows with bytes that came.
"""

from __future__ import annotations

from typing import Final

from ekyc.chip.apdu import (
    SW_WARNING_END_OF_FILE,
    SW_WRONG_LENGTH,
    CommandApdu,
    ResponseApdu,
    status_error,
)
from ekyc.chip.files import ElementaryFile, size_limit
from ekyc.chip.program import Channel, Program
from ekyc.errors import ChipError, LimitError
from ekyc.pki import der

APPLICATION: Final = bytes.fromhex("a0000002471001")
"""Identifier of the eMRTD application (ICAO 9303-10 §3.5)."""
MASTER_FILE: Final = bytes.fromhex("3f00")

DEFAULT_CHUNK_BYTES: Final = 223
"""Fits a short response under secure messaging with either cipher."""

_SMALLER_CHUNKS: Final = (223, 128, 64)
HEADER_BYTES: Final = 4
"""Tag and length of most files; a long length takes more."""
_MAX_LENGTH_BYTES: Final = 4
_MAX_EVEN_OFFSET: Final = 0x7FFF
_SW1_WRONG_LE: Final = 0x6C
_IDENTIFIERS: Final = {
    ElementaryFile.CARD_ACCESS: 0x011C,
    ElementaryFile.CARD_SECURITY: 0x011D,
    ElementaryFile.COM: 0x011E,
    ElementaryFile.SOD: 0x011D,
}


class FileReader:
    """Reads files over a channel, with pieces as large as the chip turns out to take."""

    def __init__(self, channel: Channel, *, chunk_bytes: int = DEFAULT_CHUNK_BYTES) -> None:
        self.channel = channel
        self.chunk_bytes = chunk_bytes
        """How much is asked for at once; shrinks to what the chip gives."""
        self.fetched: dict[ElementaryFile, bytes | ChipError | LimitError] = {}
        """What :func:`ekyc.chip.file_rows.prefetch` found; :meth:`read` gives it out, or raises it."""

    def select_master_file(self) -> Program[ResponseApdu]:
        """Select the master file. Some chips refuse (6D00, 6A86, 6A87) and work on regardless: the caller may go on."""
        command = CommandApdu(0, 0xA4, 0x00, 0x0C, MASTER_FILE)
        return (yield from self.channel.send(command))

    def select_application(self) -> Program[None]:
        """Select the eMRTD application.

        Raises:
            ChipError: ``chip.no_application``.
        """
        response = yield from self.channel.send(CommandApdu(0, 0xA4, 0x04, 0x0C, APPLICATION))
        if not response.ok:
            error = status_error(response.sw, "the chip has no eMRTD application")
            raise ChipError(error.message, code="chip.no_application")

    def read(self, file: ElementaryFile) -> Program[bytes]:
        """Select a file and read all of it.

        Raises:
            ChipError: ``chip.status.*``, ``chip.read_malformed`` (no tag and length), ``chip.read_stalled`` (the chip
                stops giving), each with the file as subject.
            LimitError: ``chip.file_too_large``: it claims more than such a file may have. Nothing was read.
        """
        fetched = self.fetched.pop(file, None)
        if isinstance(fetched, bytes):
            return fetched
        if fetched is not None:
            raise fetched
        response = yield from self.channel.send(select_command(file))
        if not response.ok:
            raise status_error(response.sw, "the file cannot be selected", subject=file)
        return (yield from self._read_selected(file))

    def _read_selected(self, file: ElementaryFile) -> Program[bytes]:
        header = yield from self._read_piece(file, 0, HEADER_BYTES)
        while missing := missing_header_bytes(header, file):
            header += yield from self._read_piece(file, len(header), missing)
        total = claimed_bytes(header, file)
        data = bytearray(header[:total])  # a short file may be all in here
        while len(data) < total:
            data += yield from self._read_piece(file, len(data), total - len(data))
        return bytes(data)

    def _read_piece(self, file: ElementaryFile, offset: int, wanted: int) -> Program[bytes]:
        """Some bytes at an offset: at least one, at most ``wanted``."""
        response = yield from self._read_binary(offset, min(wanted, self.chunk_bytes))
        while response.sw == SW_WRONG_LENGTH and self._shrink(min(wanted, self.chunk_bytes)):
            response = yield from self._read_binary(offset, min(wanted, self.chunk_bytes))
        if response.sw >> 8 == _SW1_WRONG_LE and not response.data:
            response = yield from self._read_binary(offset, response.sw & 0xFF or 256)
        return piece_of(response, wanted, file)

    def _shrink(self, refused: int) -> bool:
        smaller = smaller_chunk(refused)
        if smaller is None:
            return False
        self.chunk_bytes = smaller
        return True

    def _read_binary(self, offset: int, size: int) -> Program[ResponseApdu]:
        response = yield from self.channel.send(read_command(offset, size))
        return unwrap(response, offset)


def select_command(file: ElementaryFile) -> CommandApdu:
    """SELECT by file identifier, without asking for control parameters."""
    number = file.data_group
    identifier = _IDENTIFIERS[file] if number is None else 0x0100 + number
    return CommandApdu(0, 0xA4, 0x02, 0x0C, identifier.to_bytes(2, "big"))


def read_command(offset: int, size: int) -> CommandApdu:
    """READ BINARY, beyond 32 KiB with the odd instruction (ISO/IEC 7816-4 §7.2.3)."""
    if offset <= _MAX_EVEN_OFFSET:
        return CommandApdu(0, 0xB0, offset >> 8, offset & 0xFF, le=size)
    encoded = offset.to_bytes(2 if offset <= 0xFFFF else 3, "big")
    overhead = len(der.encode(0x53, bytes(size))) - size
    return CommandApdu(0, 0xB1, 0, 0, der.encode(0x54, encoded), le=size + overhead)


def unwrap(response: ResponseApdu, offset: int) -> ResponseApdu:
    """The response to :func:`read_command`, without the object around the data of the odd instruction.

    Raises:
        ChipError: ``chip.read_malformed``.
    """
    if offset <= _MAX_EVEN_OFFSET or not response.data:
        return response
    with der.malformed_as(ChipError, code="chip.read_malformed"):
        data = der.content_of(response.data, der.single(response.data, 0x53))
    return ResponseApdu(data, response.sw)


def piece_of(response: ResponseApdu, wanted: int, file: ElementaryFile) -> bytes:
    """What a READ BINARY gave: at least one octet, at most ``wanted``.

    Raises:
        ChipError: ``chip.status.*``, ``chip.read_stalled``.
    """
    if not response.ok and response.sw != SW_WARNING_END_OF_FILE:
        raise status_error(response.sw, "the file cannot be read", subject=file)
    if not 0 < len(response.data) <= wanted:
        raise ChipError(
            "the chip gives nothing, or more than was asked for",
            code="chip.read_stalled",
            subject=file,
        )
    return response.data


def smaller_chunk(refused: int) -> int | None:
    """How much to ask for where so much was refused; None where even the smallest piece was."""
    return next((size for size in _SMALLER_CHUNKS if size < refused), None)


def missing_header_bytes(begin: bytes, file: ElementaryFile) -> int:
    """How many octets of tag and length are still to be read.

    Raises:
        ChipError: ``chip.read_malformed``: it is no tag and length.
    """
    return max(0, _header_bytes(begin, file) - len(begin))


def claimed_bytes(header: bytes, file: ElementaryFile) -> int:
    """Length of the whole file by its complete tag and length.

    Raises:
        LimitError: ``chip.file_too_large``: more than such a file may have.
    """
    at = _tag_bytes(header)
    width = header[at] & 0x7F if header[at] & 0x80 else 0
    length = int.from_bytes(header[at + 1 : at + 1 + width], "big") if width else header[at]
    total = at + 1 + width + length
    if total > size_limit(file):
        raise LimitError(
            f"claims {total} bytes, more than {size_limit(file)}",
            code="chip.file_too_large",
            subject=file,
        )
    return total


def _header_bytes(begin: bytes, file: ElementaryFile) -> int:
    """How many octets tag and length take, by the first of them."""
    at = _tag_bytes(begin)
    if len(begin) <= at:
        raise _no_header(file)
    width = begin[at] & 0x7F if begin[at] & 0x80 else 0
    if begin[at] == 0x80 or width > _MAX_LENGTH_BYTES:
        raise _no_header(file)
    return at + 1 + width


def _tag_bytes(begin: bytes) -> int:
    """One octet, or two: no file of the application has a longer tag."""
    return 2 if begin[:1] and begin[0] & 0x1F == 0x1F else 1


def _no_header(file: ElementaryFile) -> ChipError:
    return ChipError(
        "the file does not begin with tag and length", code="chip.read_malformed", subject=file
    )
