"""Reads FlatBuffers without generated code: tables, vectors and strings, every offset held against the buffer.

The format (FlatBuffers internals, "Encoding"): a table begins with the signed distance back to its vtable; the vtable
gives its own size, the table's size, and per field the field's distance from the table's begin, 0 where the field has
its default. Vectors, strings and sub-tables are reached through unsigned distances from where they stand. All numbers
are little-endian. Nothing here recurses: how deep one goes is the caller's schema, not the file's choice.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from ekyc.errors import ModelError

MAX_VECTOR: Final = 100_000
"""Entries of a vector of tables or numbers; weights are read as bytes and bounded by the buffer alone."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a buffer. Fields are asked for by their position in the schema."""

    buffer: bytes
    at: int

    @classmethod
    def root(cls, buffer: bytes, *, identifier: bytes) -> Table:
        """The buffer's root table.

        Raises:
            ModelError: ``model.unreadable``: another file identifier, or an offset out of bounds.
        """
        if buffer[4:8] != identifier:
            raise _unreadable(f"the file identifier is not {identifier.decode()}")
        return cls(buffer, _unsigned(buffer, 0))

    def integer(self, field: int, layout: str, *, default: int = 0) -> int:
        """A scalar; ``layout`` is a letter of :mod:`struct`, such as ``b`` or ``I``."""
        place = self._place(field)
        return default if place is None else _number(self.buffer, place, layout)

    def text(self, field: int) -> str:
        """A string, empty where absent."""
        try:
            return self.octets(field).decode()
        except UnicodeDecodeError as exc:
            raise _unreadable("a string is not UTF-8") from exc

    def octets(self, field: int) -> bytes:
        """A vector of bytes, empty where absent."""
        begin, count = self._vector(field, 1)
        return self.buffer[begin : begin + count]

    def integers(self, field: int) -> tuple[int, ...]:
        """A vector of signed 32-bit integers, empty where absent."""
        begin, count = self._vector(field, 4)
        _bound(count)
        return struct.unpack_from(f"<{count}i", self.buffer, begin)

    def tables(self, field: int) -> tuple[Table, ...]:
        """A vector of tables, empty where absent."""
        begin, count = self._vector(field, 4)
        _bound(count)
        places = (begin + 4 * index for index in range(count))
        return tuple(Table(self.buffer, at + _unsigned(self.buffer, at)) for at in places)

    def table(self, field: int) -> Table | None:
        """A sub-table, or None where absent."""
        place = self._place(field)
        if place is None:
            return None
        return Table(self.buffer, place + _unsigned(self.buffer, place))

    def has(self, field: int) -> bool:
        """Whether the field is written: it may still hold its default."""
        return self._place(field) is not None

    def _place(self, field: int) -> int | None:
        vtable = self.at - _number(self.buffer, self.at, "i")
        slot = 4 + 2 * field
        if slot + 2 > _number(self.buffer, vtable, "H"):
            return None
        distance = _number(self.buffer, vtable + slot, "H")
        return self.at + distance if distance else None

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        """Where a vector's entries begin, and how many there are."""
        place = self._place(field)
        if place is None:
            return 0, 0
        begin = place + _unsigned(self.buffer, place)
        count = _unsigned(self.buffer, begin)
        if begin + 4 + count * size > len(self.buffer):
            raise _unreadable("a vector reaches past the end")
        return begin + 4, count


def _unsigned(buffer: bytes, at: int) -> int:
    return _number(buffer, at, "I")


def _number(buffer: bytes, at: int, layout: str) -> int:
    if at < 0 or at + struct.calcsize(f"<{layout}") > len(buffer):
        raise _unreadable("an offset points outside")
    return int(struct.unpack_from(f"<{layout}", buffer, at)[0])


def _bound(count: int) -> None:
    if count > MAX_VECTOR:
        raise _unreadable(f"a vector has {count} entries")


def _unreadable(why: str) -> ModelError:
    return ModelError(f"not a usable FlatBuffer: {why}", code="model.unreadable")
