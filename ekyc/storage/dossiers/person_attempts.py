"""The ledger of people's attempts: when which pseudonym tried which procedure, under a key, and for a while only.

A mark is an HMAC of tenant, procedure and the pseudonym: two procedures of one person cannot be told to be theirs.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, delete, insert, select

from ekyc.storage.liveness.attempts import one_at_a_time
from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.storage.service_key import ServiceKey

_LABEL: Final = "attempts of people"
_KEPT: Final = timedelta(days=30)
_MOST_TIMES: Final = 200

person_attempts: Final = Table(
    "person_attempts",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Index("ix_person_attempts_session_id", "tenant_id", "session_id"),
    Index("ix_person_attempts_at", "at"),
)


class PersonAttempts:
    """Attempts of one tenant's people, inside one transaction."""

    def __init__(
        self, connection: Connection, tenant: str, *, key: ServiceKey, now: datetime
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._key = key
        self._now = now

    def times(self, procedure: str, person: tuple[str, str]) -> tuple[datetime, ...]:
        """When somebody tried a procedure, the latest first, at most 200; whoever asks is the only one until the end.

        Args:
            procedure: which.
            person: kind and text of a pseudonym.
        """
        one_at_a_time(self._connection)
        table = person_attempts.c
        query = (
            select(table.at)
            .where(table.tenant_id == self._tenant, table.mark == self._mark(procedure, person))
            .order_by(table.at.desc())
            .limit(_MOST_TIMES)
        )
        return tuple(self._connection.execute(query).scalars())

    def count(
        self, procedure: str, person: tuple[str, str], *, session_id: str, attempt: int
    ) -> None:
        """Write an attempt down, and let go of those that nobody counts any more."""
        old = person_attempts.c.at < self._now - _KEPT
        self._connection.execute(delete(person_attempts).where(old))
        self._connection.execute(
            insert(person_attempts).values(
                tenant_id=self._tenant,
                mark=self._mark(procedure, person),
                session_id=session_id,
                attempt=attempt,
                at=self._now,
            )
        )

    def give_back(self, session_id: str, attempt: int) -> None:
        """Count an attempt no longer: it was accepted, or failed by our fault."""
        table = person_attempts.c
        self._connection.execute(
            delete(person_attempts).where(
                table.tenant_id == self._tenant,
                table.session_id == session_id,
                table.attempt == attempt,
            )
        )

    def lift(self, session_id: str) -> None:
        """Begin the count of whoever tried in this session anew, for its procedure."""
        table = person_attempts.c
        marks = select(table.mark).where(
            table.tenant_id == self._tenant, table.session_id == session_id
        )
        found: Collection[bytes] = self._connection.execute(marks).scalars().all()
        self._connection.execute(
            delete(person_attempts).where(table.tenant_id == self._tenant, table.mark.in_(found))
        )

    def _mark(self, procedure: str, person: tuple[str, str]) -> bytes:
        text = json.dumps([self._tenant, procedure, *person]).encode()
        return hmac.digest(self._key.derive(_LABEL), text, "sha256")
