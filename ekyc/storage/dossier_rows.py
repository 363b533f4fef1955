"""Rows of dossiers and of verification sessions, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, insert, or_, select, update

from ekyc.errors import LimitError
from ekyc.storage.dossier_tables import dossiers, verification_sessions
from ekyc.storage.outbox import SessionMoved

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select, Table

    from ekyc.storage.outbox import Outbox

MOST_ROWS: Final = 200
"""Of one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRow:
    """A dossier beside its log."""

    id: str
    procedure: str
    state: str
    office: str | None
    subject: str | None
    """Pseudonym of the citizen who files it, where one does."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A verification session beside its log."""

    id: str
    dossier_id: str | None
    procedure: str
    state: str
    office: str | None
    subject: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """Whose rows a caller may see, within its tenant."""

    offices: frozenset[str] | None = None
    """``None`` is every office, and what belongs to none."""
    subject: str | None = None
    """A citizen's own rows only."""
    procedures: frozenset[str] | None = None
    """Of these procedures only: what a citizen consented to that an agent does."""

    def covers(self, row: DossierRow | SessionRow) -> bool:
        """Whether ``row`` is one of them."""
        if self.procedures is not None and row.procedure not in self.procedures:
            return False
        if self.subject is not None:
            return row.subject == self.subject
        return self.offices is None or row.office in self.offices


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOf:
    """Which rows of a list."""

    limit: int
    after: tuple[datetime, str] | None = None
    """Time and id of the last row that the caller has."""
    within: Jurisdiction = Jurisdiction()
    equal: tuple[tuple[str, str], ...] = ()
    """Columns and the values that they must have."""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ROWS:
            raise LimitError(f"a page has 1 to {MOST_ROWS} rows", subject="limit")


class DossierRows:
    """Dossiers of one tenant."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def add(self, row: DossierRow) -> None:
        """Record a new one."""
        values = {name: getattr(row, name) for name in DossierRow.__slots__}
        self._connection.execute(insert(dossiers).values(tenant_id=self._tenant, **values))

    def get(self, dossier_id: str, *, lock: bool = False) -> DossierRow | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        row = self._connection.execute(
            _one(dossiers, self._tenant, dossier_id, lock=lock)
        ).one_or_none()
        return None if row is None else _dossier(row)

    def index(self, dossier_id: str, *, state: str, office: str | None) -> None:
        """Bring the index in step with the log."""
        self._connection.execute(
            update(dossiers)
            .where(dossiers.c.tenant_id == self._tenant, dossiers.c.id == dossier_id)
            .values(state=state, office=office)
        )

    def page(self, page: PageOf) -> tuple[DossierRow, ...]:
        """The newest first."""
        rows = self._connection.execute(_page(dossiers, self._tenant, page))
        return tuple(_dossier(row) for row in rows)


class SessionRows:
    """Verification sessions of one tenant."""

    def __init__(self, connection: Connection, tenant: str, outbox: Outbox) -> None:
        self._connection = connection
        self._tenant = tenant
        self._outbox = outbox

    def add(self, row: SessionRow) -> None:
        """Record a new one."""
        values = {name: getattr(row, name) for name in SessionRow.__slots__}
        self._connection.execute(
            insert(verification_sessions).values(tenant_id=self._tenant, **values)
        )

    def get(self, session_id: str, *, lock: bool = False) -> SessionRow | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        query = _one(verification_sessions, self._tenant, session_id, lock=lock)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _session(row)

    def index(self, session_id: str, *, state: str) -> None:
        """Bring the index in step with the log, and tell others of another state."""
        table = verification_sessions.c
        moved = self._connection.execute(
            update(verification_sessions)
            .where(table.tenant_id == self._tenant, table.id == session_id, table.state != state)
            .values(state=state)
        )
        if moved.rowcount:
            self._outbox.put(SessionMoved(id=session_id, state=state))

    def page(self, page: PageOf) -> tuple[SessionRow, ...]:
        """The newest first."""
        rows = self._connection.execute(_page(verification_sessions, self._tenant, page))
        return tuple(_session(row) for row in rows)


def _one(table: Table, tenant: str, row_id: str, *, lock: bool) -> Select[Any]:
    query = select(table).where(table.c.tenant_id == tenant, table.c.id == row_id)
    return query.with_for_update() if lock else query


def _page(table: Table, tenant: str, page: PageOf) -> Select[Any]:
    columns = table.c
    query = select(table).where(columns.tenant_id == tenant)
    for name, value in page.equal:
        query = query.where(columns[name] == value)
    if page.within.procedures is not None:
        query = query.where(columns.procedure.in_(sorted(page.within.procedures)))
    if page.within.subject is not None:
        query = query.where(columns.subject == page.within.subject)
    elif page.within.offices is not None:
        query = query.where(columns.office.in_(sorted(page.within.offices)))
    if page.after is not None:
        at, row_id = page.after
        query = query.where(
            or_(columns.created_at < at, and_(columns.created_at == at, columns.id < row_id))
        )
    return query.order_by(columns.created_at.desc(), columns.id.desc()).limit(page.limit)


def _dossier(row: Row[Any]) -> DossierRow:
    return DossierRow(
        id=row.id,
        procedure=row.procedure,
        state=row.state,
        office=row.office,
        subject=row.subject,
        created_at=row.created_at,
    )


def _session(row: Row[Any]) -> SessionRow:
    return SessionRow(
        id=row.id,
        dossier_id=row.dossier_id,
        procedure=row.procedure,
        state=row.state,
        office=row.office,
        subject=row.subject,
        created_at=row.created_at,
    )
