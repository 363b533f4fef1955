"""Where a store's transactions come from: its own, or one that its caller has open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from ekyc.storage.engine import reading

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class Begins(Protocol):
    """Gives a connection for the length of a transaction."""

    def begin(self) -> AbstractContextManager[Connection]: ...


class _Joined:
    """The transaction of the caller, who ends it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        yield self._connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Transactions to write and to read in."""

    writing: Begins
    reading: Begins

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Each its own."""
        return cls(writing=engine, reading=reading(engine))

    @classmethod
    def within(cls, connection: Connection) -> Self:
        """All of them the one that is open on a connection: all of it happens, or nothing."""
        joined = _Joined(connection)
        return cls(writing=joined, reading=joined)
