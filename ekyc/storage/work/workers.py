"""What workers agree on through the database: who runs a timer, and who of them is alive.

Neither is a lock. Two workers may believe the same for a moment, after a pause or a jump of a clock; what they then do
twice must be something that may be done twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ekyc.storage.engine import make_private_file, reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.work.tables import work_timers, work_workers

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from ekyc.ports import Clock

WORK_SCHEMA: Final = "ekyc_work"
_MOST_WORKERS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPlace:
    """Where an engine of durable work keeps its own tables, apart from ours and from our migrations."""

    url: str = field(repr=False)
    """Database URL; it may hold a password."""
    schema: str | None
    """Schema of its own within that database; ``None`` where the file is its own."""


def place_beside(url: URL) -> WorkPlace:
    """A file beside an SQLite file, for the owner only; a schema of its own within PostgreSQL.

    Raises:
        StorageError: the file cannot be made.
    """
    if url.get_backend_name() != "sqlite":
        return WorkPlace(url=url.render_as_string(hide_password=False), schema=WORK_SCHEMA)
    file = Path(url.database or "").with_suffix(".work.sqlite3")
    make_private_file(file)
    return WorkPlace(url=url.set(database=str(file)).render_as_string(), schema=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerState:
    """When a timer ran, and when it will."""

    due_at: datetime
    ran_at: datetime | None
    failure: str | None
    """Code of what went wrong the last time."""


class TimerStore:
    """When timers are due, over all workers. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._subject = subject

    def now(self) -> datetime:
        """The time by which timers are due."""
        return self._clock.now()

    def states(self) -> Mapping[str, TimerState]:
        """All that ever ran, by name.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            return {
                row.name: TimerState(due_at=row.due_at, ran_at=row.ran_at, failure=row.failure)
                for row in connection.execute(select(work_timers))
            }

    def claim(self, name: str, every: timedelta) -> datetime | None:
        """The time now if the timer is due and this caller is the one that runs it; it is due again after ``every``.

        A time that lies further ahead than ``every`` was written by a clock that had jumped, and counts as due.

        Raises:
            StorageError, BusyError: the database failed.
        """
        table = work_timers.c
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    now = self._clock.now()
                    due = or_(table.due_at <= now, table.due_at > now + every)
                    values = {"due_at": now + every, "ran_at": now}
                    won = connection.execute(
                        update(work_timers).where(table.name == name, due).values(**values)
                    )
                    if won.rowcount:
                        return now
                    known = select(table.name).where(table.name == name)
                    if connection.execute(known).one_or_none() is not None:
                        return None
                    connection.execute(insert(work_timers).values(name=name, **values))
                    return now
            except IntegrityError:  # another worker ran it for the first time just now
                return None

    def ended(self, name: str, *, failure: str | None, again_in: timedelta) -> None:
        """Write down how it went; one that failed is due again after ``again_in``.

        Raises:
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            values: dict[str, object] = {"failure": failure}
            if failure is not None:
                values["due_at"] = self._clock.now() + again_in
            connection.execute(
                update(work_timers).where(work_timers.c.name == name).values(**values)
            )


class WorkerRegister:
    """Which workers are alive: each says so again and again. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._subject = subject

    def seen(self, worker_id: str) -> None:
        """A worker says that it lives.

        Raises:
            StorageError, BusyError: the database failed.
        """
        table = work_workers.c
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            known = connection.execute(
                update(work_workers).where(table.id == worker_id).values(seen_at=now)
            )
            if not known.rowcount:
                connection.execute(insert(work_workers).values(id=worker_id, seen_at=now))

    def silent(self, since: timedelta) -> tuple[str, ...]:
        """Workers that said nothing for so long; those of a time that lies ahead spoke by a clock that had jumped.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        table = work_workers.c
        with storage_errors(self._subject), self._reading.begin() as connection:
            now = self._clock.now()
            quiet = or_(table.seen_at <= now - since, table.seen_at > now + since)
            query = select(table.id).where(quiet).order_by(table.id).limit(_MOST_WORKERS)
            return tuple(connection.execute(query).scalars())

    def forget(self, worker_id: str) -> None:
        """Strike off one that is gone, and whose work was given to others.

        Raises:
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(delete(work_workers).where(work_workers.c.id == worker_id))
