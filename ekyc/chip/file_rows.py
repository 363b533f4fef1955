"""Several files in few round trips: rows of commands that announce each other (:mod:`ekyc.chip.program`).

1. A first row asks for tag and length of every file: SELECT, READ BINARY of four octets. Nothing is asked for beyond the
   end of a file, because a chip may answer that with an error in clear, and the session would be over.
2. With the lengths known, further rows fetch the contents: SELECT before the pieces of each file.
3. A piece that comes short leaves a gap. What came from behind the gap is dropped, the chip is asked for less from then
   on, and what is missing goes into the next row.

A row ends at the first answer that is not 9000. That answer decides about its own file only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ekyc.chip.apdu import SW_WRONG_LENGTH, CommandApdu, ResponseApdu, status_error
from ekyc.chip.file_reading import (
    HEADER_BYTES,
    FileReader,
    claimed_bytes,
    missing_header_bytes,
    piece_of,
    read_command,
    select_command,
    smaller_chunk,
    unwrap,
)
from ekyc.chip.files import ElementaryFile
from ekyc.chip.program import Program
from ekyc.errors import ChipError, LimitError

MAX_ROW: Final = 256
"""Most commands in a row."""

_SMALLEST_CHUNK: Final = 16
"""A chip that gives less at once is not asked for less."""
_SW1_WRONG_LE: Final = 0x6C


def prefetch(reader: FileReader, files: Sequence[ElementaryFile], *, row: int) -> Program[None]:
    """Fetch files in rows, for :meth:`~ekyc.chip.file_reading.FileReader.read` to give out.

    Args:
        reader: whose channel and piece size are used, and who keeps what was found.
        files: which ones.
        row: most commands in a row, up to :data:`MAX_ROW`. With one there is nothing to gain, and nothing is done.

    Raises:
        ChipError: ``chip.sm.*`` and others that end the session. What concerns one file, its reading raises.
    """
    if row < 2:
        return
    rows = _Rows(reader, files, min(row, MAX_ROW))
    while steps := rows.plan():
        responses = yield from reader.channel.send_all([step.command for step in steps])
        for step, response in zip(steps, responses, strict=False):  # the row may have ended early
            rows.take(step, response)
    reader.fetched |= rows.found()


@dataclass(slots=True)
class _File:
    name: ElementaryFile
    data: bytearray = field(default_factory=bytearray)
    total: int | None = None
    error: ChipError | LimitError | None = None

    @property
    def done(self) -> bool:
        return self.error is not None or (self.total is not None and len(self.data) >= self.total)

    def append(self, piece: bytes) -> None:
        """Take a piece; with the header complete, the length is known."""
        self.data += piece
        if self.total is None and not missing_header_bytes(bytes(self.data), self.name):
            self.total = claimed_bytes(bytes(self.data), self.name)
            del self.data[self.total :]  # a short file may be all in its header


@dataclass(frozen=True, slots=True)
class _Step:
    """SELECT where ``size`` is 0, else READ BINARY of so many octets."""

    file: _File
    command: CommandApdu
    offset: int = 0
    size: int = 0


class _Rows:
    """What is there already, and what the next row asks for."""

    def __init__(self, reader: FileReader, files: Iterable[ElementaryFile], row: int) -> None:
        self._reader = reader
        self._files = [_File(name) for name in files]
        self._row = row
        self._selected: _File | None = None

    def found(self) -> dict[ElementaryFile, bytes | ChipError | LimitError]:
        return {file.name: file.error or bytes(file.data) for file in self._files}

    def plan(self) -> list[_Step]:
        """The next row; empty where every file is done."""
        steps: list[_Step] = []
        selected = self._selected
        for file in self._files:
            if file.done:
                continue
            if len(steps) >= self._row - 1:  # no room for SELECT and a piece
                break
            if file is not selected:
                steps.append(_Step(file, select_command(file.name)))
                selected = file
            steps += self._pieces(file, self._row - len(steps))
        return steps

    def _pieces(self, file: _File, room: int) -> list[_Step]:
        """READ BINARY for what is missing of a file, as far as its length is known."""
        at, end = len(file.data), file.total
        if end is None:
            end = at + (missing_header_bytes(bytes(file.data), file.name) if at else HEADER_BYTES)
        chunk = self._reader.chunk_bytes
        offsets = range(at, end, chunk)[:room]
        sizes = ((offset, min(chunk, end - offset)) for offset in offsets)
        return [
            _Step(file, read_command(offset, size), offset=offset, size=size)
            for offset, size in sizes
        ]

    def take(self, step: _Step, response: ResponseApdu) -> None:
        """Sort in one answer."""
        file = step.file
        try:
            if step.size:
                self._take_piece(step, unwrap(response, step.offset))
            elif response.ok:
                self._selected = file
            else:
                self._selected = None
                raise status_error(response.sw, "the file cannot be selected", subject=file.name)
        except (ChipError, LimitError) as exc:
            file.error = exc

    def _take_piece(self, step: _Step, response: ResponseApdu) -> None:
        smaller = _smaller(step.size, response)
        if smaller:
            self._reader.chunk_bytes = smaller
            return
        piece = piece_of(response, step.size, step.file.name)
        if response.ok and len(piece) < step.size and step.size > _SMALLEST_CHUNK:
            self._reader.chunk_bytes = max(_SMALLEST_CHUNK, len(piece))
        if step.offset == len(step.file.data) and not step.file.error:
            step.file.append(piece)


def _smaller(size: int, response: ResponseApdu) -> int | None:
    """How much to ask for instead, where the chip refuses the length; None where it does not."""
    if response.sw == SW_WRONG_LENGTH:
        return smaller_chunk(size)
    if response.sw >> 8 == _SW1_WRONG_LE and not response.data and response.sw & 0xFF:
        allowed = response.sw & 0xFF
        return allowed if allowed < size else None
    return None
