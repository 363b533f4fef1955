"""Comparisons of what was submitted to a session: which artefacts were held against each other, and the checks.

Identifiers and checks without personal data; what was read is not kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Index, String, Table, Text, delete, insert, select

from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

MOST_COMPARISONS: Final = 200
"""Of one session."""

session_comparisons: Final = Table(
    "session_comparisons",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("session_id", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_session_comparisons_session_id", "tenant_id", "session_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionComparison:
    """One comparison."""

    id: str
    session_id: str
    body: Mapping[str, Any]
    """What was compared, by whom, and the checks: JSON without personal data."""
    created_at: datetime


class SessionComparisons:
    """The comparisons of one tenant's sessions."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def add(self, comparison: SessionComparison) -> None:
        """Keep one."""
        self._connection.execute(
            insert(session_comparisons).values(
                tenant_id=self._tenant,
                id=comparison.id,
                session_id=comparison.session_id,
                body=json.dumps(dict(comparison.body), ensure_ascii=False),
                created_at=comparison.created_at,
            )
        )

    def of(self, session_id: str) -> tuple[SessionComparison, ...]:
        """Those of a session, the oldest first."""
        table = session_comparisons.c
        query = (
            select(session_comparisons)
            .where(table.tenant_id == self._tenant, table.session_id == session_id)
            .order_by(table.created_at, table.id)
            .limit(MOST_COMPARISONS)
        )
        return tuple(
            SessionComparison(
                id=row.id,
                session_id=row.session_id,
                body=json.loads(row.body),
                created_at=row.created_at,
            )
            for row in self._connection.execute(query)
        )

    def forget(self, session_id: str) -> None:
        """Erase those of a session."""
        table = session_comparisons.c
        self._connection.execute(
            delete(session_comparisons).where(
                table.tenant_id == self._tenant, table.session_id == session_id
            )
        )
