"""Submitted cases on their way: who works on each, until when, how often it was begun, and what it is made of.

1. A row is written in the transaction that accepts the case, and removed in the one that writes down what came of it.
2. Whoever works on a case holds it until its lease ends, and renews the lease while it works. A case whose lease has ended
   is taken up by whoever claims it first; each claim has a higher *fence*.
3. Whatever is written in the name of a case names its fence. Whoever was overtaken, after a pause or a jump of a clock,
   gets :class:`RunLostError` and writes nothing.
4. What is sealed in a row, under the key of the session's person, is what no other table has: names of files, and what the
   case says about a challenge and a liveness session. Without it a case cannot be carried on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    or_,
    select,
    update,
)

from ekyc.errors import EkycError
from ekyc.storage import nonces
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.liveness import room as liveness
from ekyc.storage.tables import Instant, metadata
from ekyc.values import Receipt

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine, Row

    from ekyc.ports import Clock

_LONGEST: Final = 2
"""Leases that one may last: a later end was written by a clock that had jumped."""

submission_runs: Final = Table(
    "submission_runs",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("session_id", String(40), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("answered", String(16), nullable=False),
    Column("key_digest", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("subject_id", String(40), nullable=True),
    Column("manifest", LargeBinary, nullable=True),
    Column("fence", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Index("ix_submission_runs_lease_until", "lease_until"),
)


class RunLostError(EkycError):
    """Another process works on the submission by now, or it is over. What this one found is dropped."""

    default_code = "session.attempt_ended"


class Answered(StrEnum):
    """Who is answered about a submission."""

    PORTAL = "portal"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRun:
    """A submitted case, and the right to work on it."""

    tenant: str
    id: str
    """Nobody guesses it; what the case spends is held for it."""
    session_id: str
    attempt: int
    answered: Answered
    key_digest: bytes = field(repr=False)
    """Of the request's idempotency key."""
    received_at: datetime
    subject_id: str | None = None
    """Under whose key its files lie."""
    manifest: bytes | None = field(default=None, repr=False)
    """Sealed; ``None`` where nothing of the case is kept."""
    fence: int = 1
    tries: int = 0
    """How often its verification was begun."""

    @property
    def receipt(self) -> Receipt:
        """By which what is spent for it can be had again."""
        return Receipt(id=self.id, received_at=self.received_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlace:
    """A submission whose lease has ended."""

    tenant: str
    id: str
    fence: int
    tries: int
    sealed: bool
    """Whether its case is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a case spends, by its ids."""

    challenge_id: str | None = None
    liveness_id: str | None = None


class SubmissionRuns:
    """The submissions of one tenant that are on their way, in its transaction."""

    def __init__(self, connection: Connection, tenant: str, *, now: datetime) -> None:
        self._connection = connection
        self._tenant = tenant
        self._now = now

    def add(self, run: SubmissionRun, *, lease: timedelta) -> None:
        """Record that a case was accepted; whoever did has it for one lease."""
        values = {name: getattr(run, name) for name in SubmissionRun.__slots__ if name != "tenant"}
        values |= {"answered": run.answered.value, "lease_until": self._now + lease}
        self._connection.execute(insert(submission_runs).values(tenant_id=self._tenant, **values))

    def begin(self, run: SubmissionRun) -> None:
        """Count that its verification is begun.

        Raises:
            RunLostError: another process has it.
        """
        table = submission_runs.c
        self._require_one(
            self._connection.execute(
                update(submission_runs).where(*_at(run)).values(tries=table.tries + 1)
            ).rowcount
        )

    def finish(self, run: SubmissionRun, spent: Spent | None) -> None:
        """Strike a case off, and let go of what was held for it: in the transaction that writes down what came of it.

        Args:
            run: as this process has it.
            spent: what may be held; ``None`` where that is not known, and is looked for.

        Raises:
            RunLostError: another process has it; nothing may be written.
        """
        self._require_one(
            self._connection.execute(delete(submission_runs).where(*_at(run))).rowcount
        )
        known = spent or Spent()
        if spent is None or known.challenge_id is not None:
            nonces.let_go_within(self._connection, known.challenge_id, run.id)
        if spent is None or known.liveness_id is not None:
            liveness.let_go_within(self._connection, known.liveness_id, run.id)

    @staticmethod
    def _require_one(count: int) -> None:
        if count != 1:
            raise RunLostError("another process has the submission, or it is over")


class SubmissionLeases:
    """Who works on which submission, over all tenants. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._subject = subject

    def ended(self, lease: timedelta, limit: int) -> tuple[RunPlace, ...]:
        """Submissions that nobody works on any more: those that were begun least often first, and the oldest of them.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        table = submission_runs.c
        query = (
            select(
                *(table.tenant_id, table.id, table.fence, table.tries),
                table.manifest.is_not(None).label("sealed"),
            )
            .where(_ended(self._clock.now(), lease))
            .order_by(table.tries, table.received_at, table.id)
            .limit(limit)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(
                RunPlace(
                    tenant=row.tenant_id,
                    id=row.id,
                    fence=row.fence,
                    tries=row.tries,
                    sealed=row.sealed,
                )
                for row in connection.execute(query)
            )

    def claim(self, place: RunPlace, lease: timedelta) -> SubmissionRun | None:
        """The submission, for one lease; ``None`` where somebody else was first.

        Raises:
            StorageError, BusyError: the database failed.
        """
        table = submission_runs.c
        here = (table.tenant_id == place.tenant, table.id == place.id)
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            claimed = connection.execute(
                update(submission_runs)
                .where(*here, table.fence == place.fence, _ended(now, lease))
                .values(fence=place.fence + 1, lease_until=now + lease)
            )
            if claimed.rowcount != 1:
                return None
            return _run(connection.execute(select(submission_runs).where(*here)).one())

    def renew(self, runs: Iterable[SubmissionRun], lease: timedelta) -> None:
        """Have the leases of submissions that are worked on end later. One that was lost stays lost.

        Raises:
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            until = self._clock.now() + lease
            for run in runs:
                connection.execute(
                    update(submission_runs).where(*_at(run)).values(lease_until=until)
                )


def _ended(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    until = submission_runs.c.lease_until
    return or_(until <= now, until > now + _LONGEST * lease)


def _at(run: SubmissionRun) -> tuple[ColumnElement[bool], ...]:
    table = submission_runs.c
    return table.tenant_id == run.tenant, table.id == run.id, table.fence == run.fence


def _run(row: Row[Any]) -> SubmissionRun:
    names = [name for name in SubmissionRun.__slots__ if name != "tenant"]
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    return SubmissionRun(**(values | {"tenant": row.tenant_id, "answered": Answered(row.answered)}))
