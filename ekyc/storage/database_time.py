"""How long the database took, for whoever asks: a request, whatever threads it went through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy import Engine

_BEGUN: Final = "ekyc_begun"


@dataclass(slots=True)
class DatabaseTime:
    """Statements and commits since it was begun."""

    seconds: float = 0.0
    statements: int = 0


_CURRENT: ContextVar[DatabaseTime | None] = ContextVar("ekyc_database_time", default=None)


@contextmanager
def counting_database() -> Iterator[DatabaseTime]:
    """Count what the block does with databases that are timed, in this context and in those that are copied from it."""
    spent = DatabaseTime()
    token = _CURRENT.set(spent)
    try:
        yield spent
    finally:
        _CURRENT.reset(token)


def time_database(engine: Engine) -> None:
    """Count from now on what this engine does. Neither a statement nor a value of it is kept."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    engine.dialect.do_commit = _timed(engine.dialect.do_commit)  # type: ignore[assignment, method-assign]  # has no event of its end


def _begin(connection: Any, *_: Any) -> None:  # as SQLAlchemy calls it
    connection.info[_BEGUN] = time.perf_counter()


def _end(connection: Any, *_: Any) -> None:
    _add(time.perf_counter() - connection.info[_BEGUN], statements=1)


def _timed(commit: Callable[[Any], None]) -> Callable[[Any], None]:
    def timed(connection: Any) -> None:
        began = time.perf_counter()
        try:
            commit(connection)
        finally:
            _add(time.perf_counter() - began, statements=0)

    return timed


def _add(seconds: float, *, statements: int) -> None:
    spent = _CURRENT.get()
    if spent is not None:
        spent.seconds += seconds
        spent.statements += statements
