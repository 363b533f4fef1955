"""How long PostgreSQL may say nothing: a server that hangs costs a request seconds, not for ever.

psycopg waits for an answer without a bound. Here a connection waits so long and no longer; then it is closed, and the caller
hears that the database does not answer. Whether a transaction that was being committed stands is then not known, as with
any connection that breaks: keys of idempotency are for that.

- A connection that rested in the pool is asked first, with less patience.
- When connecting fails, nobody else tries for a second: they are told so at once, instead of waiting one after the other. A sign of
  life ends that second.
- Statements that have a right to take long say so (:func:`unhurried`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

ANSWER_S: Final = 10.0
"""For the answer to one statement, waits for locks included."""
_RESTED_S: Final = 2.0
"""For a sign of life of a connection that comes from the pool."""
_CONNECT_S: Final = 3
_AWAY_S: Final = 1.0
"""For which nobody tries to connect after it failed."""


class SignsOfLife:
    """Whether to try to connect at all: not for a second after a try failed, unless the server has answered since it began."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._away_until = self._heard_at = -math.inf

    def is_away(self) -> bool:
        return self._monotonic() < self._away_until

    def missed(self, began: float) -> None:
        """A try that ``began`` then has failed."""
        if self._heard_at < began:
            self._away_until = self._monotonic() + _AWAY_S

    def heard(self) -> None:
        self._away_until, self._heard_at = -math.inf, self._monotonic()


def bound_waiting(engine: Engine, *, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Have the connections of a PostgreSQL engine, which is to ping them (``pool_pre_ping``), wait with a bound."""
    psycopg: Any = engine.dialect.loaded_dbapi
    opened = _bounded(psycopg)
    life = SignsOfLife(monotonic)

    def connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> object:
        if life.is_away():
            raise psycopg.OperationalError("the server was away a moment ago")
        began = monotonic()
        try:
            return opened.connect(*arguments, **{"connect_timeout": _CONNECT_S, **named})
        except psycopg.OperationalError:
            life.missed(began)
            raise

    def rest(connection: Any, _record: Any) -> None:
        if connection is not None:
            connection.answer_s = _RESTED_S

    def work(connection: Any, _record: Any, _proxy: Any) -> None:
        life.heard()  # it has just connected or answered
        connection.answer_s = ANSWER_S

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", work)


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Within the block, statements of ``connection`` may take as long as they take."""
    driver: Any = connection.connection.driver_connection
    before = getattr(driver, "answer_s", None)
    if before is None:  # SQLite, which nobody waits for
        yield
        return
    driver.answer_s = None
    try:
        yield
    finally:
        driver.answer_s = before


def _bounded(psycopg: Any) -> Any:  # the driver is optional: its types may not be there
    class Bounded(psycopg.Connection):  # type: ignore[misc]  # likewise
        answer_s: float | None = ANSWER_S

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            given = self.answer_s if timeout is None else timeout
            try:
                return super().wait(gen, interval, given)
            except psycopg.errors._WaitTimeout:  # noqa: SLF001 - what wait() is documented to raise
                if timeout is None:
                    self.close()  # its state is unknown
                raise

    return Bounded
