"""Which sealed artefacts belong to which session, and under which person's key they lie.

A session has a person of its own in :mod:`ekyc.storage.sealed.subjects`, made with its first artefact: whoever erases that person
erases what the session was given, in every copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, insert, select

from ekyc.storage.sealed.artefacts import SealedArtefact, record_within
from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST: Final = 10_000

session_artefacts: Final = Table(
    "session_artefacts",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("artefact_id", String(40), primary_key=True),
    Column("session_id", String(40), nullable=False),
    Column("subject_id", String(40), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_session_artefacts_session_id", "tenant_id", "session_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionArtefact:
    """One file of a submitted case, without its name and content."""

    artefact_id: str
    session_id: str
    subject_id: str
    attempt: int
    kind: str
    size: int
    """Bytes of the content."""
    created_at: datetime


class SessionArtefacts:
    """The artefacts of one tenant's sessions."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def add(
        self, session_id: str, attempt: int, sealed: Sequence[SealedArtefact], at: datetime
    ) -> None:
        """Record contents that lie on disk, and that they belong to a session.

        Raises:
            SubjectError: ``subject.erased``.
        """
        record_within(self._connection, sealed)
        rows = [
            {
                "tenant_id": self._tenant,
                "artefact_id": one.stored.id,
                "session_id": session_id,
                "subject_id": one.stored.subject_id,
                "attempt": attempt,
                "kind": one.stored.kind,
                "size": one.stored.size,
                "created_at": at,
            }
            for one in sealed
        ]
        self._connection.execute(insert(session_artefacts), rows)

    def of(self, session_id: str) -> tuple[SessionArtefact, ...]:
        """Those of a session, attempt by attempt."""
        table = session_artefacts.c
        query = (
            select(session_artefacts)
            .where(table.tenant_id == self._tenant, table.session_id == session_id)
            .order_by(table.attempt, table.kind, table.artefact_id)
            .limit(_MOST)
        )
        return tuple(
            SessionArtefact(**{name: getattr(row, name) for name in SessionArtefact.__slots__})
            for row in self._connection.execute(query)
        )
