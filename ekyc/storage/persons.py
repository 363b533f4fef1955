"""Whose decision it was, and in which session: two pseudonyms beside a record that names nobody.

Whoever verifies a person writes this down, in the moment of the decision; whoever lets a key be used reads it. So the
one that asks for a signature need not be believed about the person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from ekyc.errors import InputError
from ekyc.policy import Verdict
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.tables import persons, results

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Engine

    from ekyc.ports import Clock

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundResult:
    """A decision on record, with the person and the session that it was made on."""

    result_id: str
    report_digest: str
    verdict: Verdict
    decided_at: datetime
    holder: str
    session: str

    def __repr__(self) -> str:
        return f"BoundResult({self.result_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who was verified, in a session of theirs.

    Raises:
        InputError: a value is not of its form.
    """

    holder: str
    """SHA-256 (hex) pseudonym."""
    session: str
    """SHA-256 (hex)."""

    def __post_init__(self) -> None:
        for name in ("holder", "session"):
            if not _DIGEST.match(getattr(self, name)):
                raise InputError("not a SHA-256 in lower-case hexadecimal", subject=name)

    def __repr__(self) -> str:
        return "Person(…)"


class PersonStore:
    """Binds decisions to people. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._subject = subject

    def bind(self, result_id: str, *, holder: str, session: str) -> None:
        """Say whose decision it is. Once for each; it is never changed.

        Args:
            result_id: of a decision on record.
            holder: SHA-256 (hex) pseudonym of the person.
            session: SHA-256 (hex) of the session in which they were verified.

        Raises:
            InputError: ``persons.unknown_result``, ``persons.bound_already``, or a value is not of its form.
            StorageError, BusyError: it could not be stored.
        """
        Person(holder=holder, session=session)
        row = {"result_id": result_id, "holder": holder, "session": session}
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    known = select(results.c.id).where(results.c.id == result_id)
                    if connection.execute(known).one_or_none() is None:
                        raise InputError("no such decision", code="persons.unknown_result")
                    now = self._clock.now()
                    connection.execute(insert(persons).values(**row, bound_at=now))
            except IntegrityError as exc:
                raise InputError(
                    "the decision is bound to a person already", code="persons.bound_already"
                ) from exc

    def of_result(self, result_id: str) -> BoundResult | None:
        """The decision with its person; ``None`` if there is none, or nobody was named."""
        return self._one(persons.c.result_id == result_id)

    def latest(self, *, holder: str, session: str) -> BoundResult | None:
        """The latest decision on a person in a session."""
        return self._one(persons.c.session == session, persons.c.holder == holder)

    def _one(self, *which: ColumnElement[bool]) -> BoundResult | None:
        named = (persons.c.result_id, persons.c.holder, persons.c.session)
        recorded = (results.c.report_digest, results.c.verdict, results.c.created_at)
        query = select(*named, *recorded).join(results, results.c.id == persons.c.result_id)
        query = query.where(*which).order_by(results.c.created_at.desc(), results.c.id).limit(1)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            return BoundResult(
                result_id=row.result_id,
                report_digest=row.report_digest,
                verdict=Verdict(row.verdict),
                decided_at=row.created_at,
                holder=row.holder,
                session=row.session,
            )
