"""Rows of dossiers and of verification sessions, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import insert, or_, select, update

from ekyc.errors import LimitError
from ekyc.storage.dossiers.tables import dossiers, verification_sessions
from ekyc.storage.sealed.protections import Name, NameKind, follow, require_unrestricted
from ekyc.storage.webhooks.outbox import SessionMoved

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select, Table

    from ekyc.storage.webhooks.outbox import Outbox

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


class Owned(Protocol):
    """A row that has its place: of a procedure, of an office or of none, and of a citizen where one filed it."""

    @property
    def procedure(self) -> str: ...

    @property
    def office(self) -> str | None: ...

    @property
    def subject(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """Whose rows a caller may see, within its tenant."""

    offices: frozenset[str] | None = None
    """``None`` is every office, and what belongs to none."""
    subject: str | None = None
    """A citizen's own rows only."""
    procedures: frozenset[str] | None = None
    """Of these procedures only: what a citizen consented to that an agent does."""

    def covers(self, row: Owned) -> bool:
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
    moved_by: datetime | None = None
    """Whatever state is asked for, sessions that time alone has moved by then are given as well: their own lags behind."""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ROWS:
            raise LimitError(f"a page has 1 to {MOST_ROWS} rows", subject="limit")


class DossierRows:
    """Dossiers of one tenant."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def add(self, row: DossierRow) -> None:
        """Record a new one.

        Raises:
            ProtectedError: ``subject.restricted``: the citizen's data are.
        """
        login = _of(row.subject)
        require_unrestricted(self._connection, self._tenant, login)
        values = {name: getattr(row, name) for name in DossierRow.__slots__}
        self._connection.execute(insert(dossiers).values(tenant_id=self._tenant, **values))
        follow(self._connection, self._tenant, (NameKind.DOSSIER, row.id), *login)

    def get(self, dossier_id: str, *, lock: bool = False) -> DossierRow | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        row = self._connection.execute(
            _one(dossiers, self._tenant, dossier_id, lock=lock)
        ).one_or_none()
        return None if row is None else _dossier(row)

    def index(self, dossier_id: str, *, state: str, office: str | None) -> None:
        """Bring the index in step with the log.

        Raises:
            ProtectedError: ``subject.restricted``.
        """
        require_unrestricted(self._connection, self._tenant, [(NameKind.DOSSIER, dossier_id)])
        self._connection.execute(
            update(dossiers)
            .where(dossiers.c.tenant_id == self._tenant, dossiers.c.id == dossier_id)
            .values(state=state, office=office)
        )

    def page(self, page: PageOf) -> tuple[DossierRow, ...]:
        """The newest first."""
        rows = self._connection.execute(page_query(dossiers, self._tenant, page)).all()
        return tuple(_dossier(row) for row in rows)


class SessionRows:
    """Verification sessions of one tenant."""

    def __init__(self, connection: Connection, tenant: str, outbox: Outbox) -> None:
        self._connection = connection
        self._tenant = tenant
        self._outbox = outbox

    def add(self, row: SessionRow, *, due_at: datetime | None = None) -> None:
        """Record a new one, and when time alone will move it.

        Raises:
            ProtectedError: ``subject.restricted``: the citizen's data are, or the dossier is.
        """
        of = _of(row.subject, row.dossier_id)
        require_unrestricted(self._connection, self._tenant, of)
        values = {name: getattr(row, name) for name in SessionRow.__slots__}
        self._connection.execute(
            insert(verification_sessions).values(tenant_id=self._tenant, due_at=due_at, **values)
        )
        follow(self._connection, self._tenant, (NameKind.SESSION, row.id), *of)

    def get(
        self, session_id: str, *, lock: bool = False, despite_restriction: bool = False
    ) -> SessionRow | None:
        """One by its id; with ``lock``, held until the transaction ends: so begins whatever is done with it.

        Args:
            session_id: whose.
            lock: as said.
            despite_restriction: for what was being done when the restriction came, and must be written down.

        Raises:
            ProtectedError: ``subject.restricted``, with ``lock``.
        """
        query = _one(verification_sessions, self._tenant, session_id, lock=lock)
        row = self._connection.execute(query).one_or_none()
        if lock and not despite_restriction and row is not None:
            names = ((NameKind.SESSION, row.id), *_of(row.subject, row.dossier_id))
            require_unrestricted(self._connection, self._tenant, names)
        return None if row is None else _session(row)

    def office_of(self, session_id: str) -> str | None:
        """The office that a session lies with; ``None``: with none."""
        row = self.get(session_id)
        return None if row is None else row.office

    def index(self, session_id: str, *, state: str, due_at: datetime | None = None) -> None:
        """Bring the index in step with the log, and tell others of another state."""
        table = verification_sessions.c
        moved = self._connection.execute(
            update(verification_sessions)
            .where(table.tenant_id == self._tenant, table.id == session_id, table.state != state)
            .values(state=state, due_at=due_at)
        )
        if moved.rowcount:
            office = self.office_of(session_id)
            self._outbox.put(SessionMoved(id=session_id, state=state), office=office)

    def of_dossier(self, dossier_id: str) -> tuple[str, ...]:
        """Ids of the sessions of a dossier."""
        table = verification_sessions.c
        query = select(table.id).where(
            table.tenant_id == self._tenant, table.dossier_id == dossier_id
        )
        return tuple(self._connection.execute(query).scalars())

    def expect(self, session_id: str, due_at: datetime | None) -> None:
        """Bring the index of a session up to date that was made before there was one."""
        table = verification_sessions.c
        self._connection.execute(
            update(verification_sessions)
            .where(table.tenant_id == self._tenant, table.id == session_id)
            .values(due_at=due_at)
        )

    def page(self, page: PageOf) -> tuple[SessionRow, ...]:
        """The newest first."""
        rows = self._connection.execute(page_query(verification_sessions, self._tenant, page))
        return tuple(_session(row) for row in rows)


def _of(subject: str | None, dossier_id: str | None = None) -> tuple[Name, ...]:
    """Whose a row is, and in what: where a protection on them reaches it as well."""
    found = ((NameKind.LOGIN, subject), (NameKind.DOSSIER, dossier_id))
    return tuple((kind, name) for kind, name in found if name is not None)


def _one(table: Table, tenant: str, row_id: str, *, lock: bool) -> Select[Any]:
    query = select(table).where(table.c.tenant_id == tenant, table.c.id == row_id)
    return query.with_for_update() if lock else query


def page_query(table: Table, tenant: str, page: PageOf) -> Select[Any]:
    """Rows of a page, the newest first, of a table with ``id``, ``created_at``, ``office``, ``subject`` and ``procedure``."""
    columns = table.c
    query = select(table).where(columns.tenant_id == tenant)
    for name, value in page.equal:
        has = columns[name] == value
        if name == "state" and page.moved_by is not None:
            has = or_(has, columns.due_at <= page.moved_by)
        query = query.where(has)
    if page.within.procedures is not None:
        query = query.where(columns.procedure.in_(sorted(page.within.procedures)))
    if page.within.subject is not None:
        query = query.where(columns.subject == page.within.subject)
    elif page.within.offices is not None:
        query = query.where(columns.office.in_(sorted(page.within.offices)))
    if page.after is not None:
        at, row_id = page.after
        # The first bound alone is one that an index can begin at.
        query = query.where(
            columns.created_at <= at, or_(columns.created_at < at, columns.id < row_id)
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
