"""Tenants, offices and clients. What ends stays in the tables, so that what it did can be told later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from ekyc.errors import LimitError
from ekyc.storage.access.tables import clients, offices, tenants
from ekyc.storage.access.values import (
    MAX_OFFICE_DEPTH,
    Client,
    NewClient,
    Office,
    RegisterError,
    Tenant,
    require_id,
    require_name,
)
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import AccessEnded, AccessGranted, Reference
from ekyc.storage.tables import Instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Engine, Insert

    from ekyc.ports import Clock
    from ekyc.storage.evidence.log import EvidenceLog

_MOST_LISTED: Final = 20_000
_MOST_ROOTS: Final = 64
_AGENTS_MAY_NOT: Final = frozenset({"consents:write"})
"""An agent that records the consent by which it acts would have it from nobody."""


class AccessRegister:
    """Who there is. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, log: EvidenceLog, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._clock = clock
        self._subject = subject

    def add_tenant(self, tenant_id: str, name: str) -> Tenant:
        """Register an agency.

        Raises:
            RegisterError: the form (``register.form``), or the id is taken (``register.taken``).
        """
        made = Tenant(
            id=require_id(tenant_id, "tenant"),
            name=require_name(name),
            created_at=self._clock.now(),
        )
        row = insert(tenants).values(id=made.id, name=made.name, created_at=made.created_at)
        with storage_errors(self._subject), self._engine.begin() as connection:
            _insert_new(connection, row, "tenant")
        return made

    def tenants(self) -> tuple[Tenant, ...]:
        """All of them, by id."""
        query = select(tenants).order_by(tenants.c.id).limit(_MOST_LISTED)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_tenant(row) for row in connection.execute(query))

    def end_tenant(self, tenant_id: str) -> None:
        """End an agency: none of its clients, keys and logins counts from now on.

        Raises:
            RegisterError: ``register.unknown``.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            _end(connection, tenants, self._clock.now(), "tenant", tenants.c.id == tenant_id)

    def add_office(
        self, tenant: str, office_id: str, name: str, *, parent: str | None = None
    ) -> Office:
        """Register an office, beneath another or at the top.

        Raises:
            RegisterError: the form, id taken, tenant or parent unknown or ended, or too deep (``register.depth``).
        """
        require_id(office_id, "office")
        require_name(name)
        with storage_errors(self._subject), self._engine.begin() as connection:
            _require_tenant(connection, tenant)
            above = "/" if parent is None else standing_office(connection, tenant, parent).path
            path = f"{above}{office_id}/"
            if path.count("/") - 1 > MAX_OFFICE_DEPTH or len(path) > 700:
                raise RegisterError(
                    f"at most {MAX_OFFICE_DEPTH} levels", code="register.depth", subject="office"
                )
            made = Office(
                tenant=tenant,
                id=office_id,
                name=name,
                parent=parent,
                path=path,
                created_at=self._clock.now(),
            )
            row = insert(offices).values(
                tenant_id=tenant,
                id=office_id,
                parent=parent,
                path=path,
                name=name,
                created_at=made.created_at,
            )
            _insert_new(connection, row, "office")
        return made

    def offices(self, tenant: str) -> tuple[Office, ...]:
        """All offices of a tenant, each after its parent."""
        query = (
            select(offices)
            .where(offices.c.tenant_id == tenant)
            .order_by(offices.c.path)
            .limit(_MOST_LISTED)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_office(row) for row in connection.execute(query))

    def end_office(self, tenant: str, office_id: str) -> None:
        """End an office; what it holds stays within its parent's jurisdiction.

        Raises:
            RegisterError: ``register.unknown``.
        """
        which = (offices.c.tenant_id == tenant, offices.c.id == office_id)
        with storage_errors(self._subject), self._engine.begin() as connection:
            _end(connection, offices, self._clock.now(), "office", *which)

    def within(self, tenant: str, roots: Iterable[str]) -> frozenset[str]:
        """Ids of these offices and of all beneath them, those that have ended too; unknown ones give nothing.

        Raises:
            LimitError: more than 64.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            return beneath(connection, tenant, roots)

    def add_client(self, tenant: str, wanted: NewClient) -> Client:
        """Register an application.

        Raises:
            RegisterError: id taken, tenant or office unknown, or an agent with a scope that no agent may have
                (``register.scope``).
        """
        if wanted.is_agent and wanted.scopes & _AGENTS_MAY_NOT:
            raise RegisterError(
                "an agent does not record the consent by which it acts",
                code="register.scope",
                subject=", ".join(sorted(wanted.scopes & _AGENTS_MAY_NOT)),
            )
        now = self._clock.now()
        with storage_errors(self._subject), self._engine.begin() as connection:
            _require_tenant(connection, tenant)
            for office in wanted.offices or ():
                standing_office(connection, tenant, office)
            row = insert(clients).values(
                id=wanted.id,
                tenant_id=tenant,
                name=wanted.name,
                scopes=_texts(wanted.scopes),
                offices=None if wanted.offices is None else _texts(wanted.offices),
                networks=json.dumps(wanted.networks),
                jwks=wanted.jwks,
                certificate=wanted.certificate,
                is_agent=wanted.is_agent,
                created_at=now,
            )
            _insert_new(connection, row, "client")
            stored = connection.execute(select(clients).where(clients.c.id == wanted.id)).one()
            granted = AccessGranted(client=reference_to(wanted.id))
            self._log.append(connection, granted, tenant=tenant, office=wanted.only_office)
        return client_of(stored)

    def clients(self, tenant: str) -> tuple[Client, ...]:
        """All applications of a tenant, by id."""
        query = (
            select(clients)
            .where(clients.c.tenant_id == tenant)
            .order_by(clients.c.id)
            .limit(_MOST_LISTED)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(client_of(row) for row in connection.execute(query))

    def client(self, client_id: str) -> Client | None:
        """A standing application of a standing tenant, whichever it is of: its own id says so."""
        query = (
            select(clients)
            .join(tenants, tenants.c.id == clients.c.tenant_id)
            .where(
                clients.c.id == client_id,
                clients.c.ended_at.is_(None),
                tenants.c.ended_at.is_(None),
            )
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else client_of(row)

    def end_client(self, tenant: str, client_id: str) -> None:
        """End an application: none of its keys and tokens counts from now on.

        Raises:
            RegisterError: ``register.unknown``.
        """
        which = (clients.c.tenant_id == tenant, clients.c.id == client_id)
        with storage_errors(self._subject), self._engine.begin() as connection:
            _end(connection, clients, self._clock.now(), "client", *which)
            ended = client_of(connection.execute(select(clients).where(*which)).one())
            told = AccessEnded(client=reference_to(client_id))
            self._log.append(connection, told, tenant=tenant, office=ended.only_office)

    def count_clients(self) -> int:
        """How many applications were ever made, of all tenants: without any, a service is in development.

        Those that ended count: a service whose last key was revoked must not be open to everybody at its next start.
        """
        query = select(func.count()).select_from(clients)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return int(connection.execute(query).scalar_one())


def client_of(row: Any) -> Client:
    """A row of ``access_clients`` as a value."""
    return Client(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        scopes=frozenset(json.loads(row.scopes)),
        offices=None if row.offices is None else frozenset(json.loads(row.offices)),
        networks=tuple(json.loads(row.networks)),
        jwks=row.jwks,
        certificate=row.certificate,
        is_agent=row.is_agent,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def has_ended(connection: Connection, tenant: str) -> bool:
    """Whether a tenant was ended; one that nobody registered was not."""
    query = select(tenants.c.id).where(tenants.c.id == tenant, tenants.c.ended_at.is_not(None))
    return connection.execute(query).first() is not None


def standing_office(connection: Connection, tenant: str, office: str) -> Any:
    """The row of an office that something may be given to.

    Raises:
        RegisterError: ``office.unknown``, ``office.ended``.
    """
    query = select(offices).where(offices.c.tenant_id == tenant, offices.c.id == office)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise RegisterError("there is no such office", code="office.unknown", subject="office")
    if row.ended_at is not None:
        raise RegisterError("the office has ended", code="office.ended", subject="office")
    return row


def beneath(connection: Connection, tenant: str, roots: Iterable[str]) -> frozenset[str]:
    """As :meth:`AccessRegister.within`, in the caller's transaction."""
    wanted = sorted(set(roots))
    if len(wanted) > _MOST_ROOTS:
        raise LimitError(f"at most {_MOST_ROOTS}", subject="offices")
    if not wanted:
        return frozenset()
    mine = offices.c.tenant_id == tenant
    paths = connection.execute(
        select(offices.c.path).where(mine, offices.c.id.in_(wanted))
    ).scalars()
    under = [offices.c.path.startswith(path, autoescape=True) for path in paths]
    if not under:
        return frozenset()
    query = select(offices.c.id).where(mine, or_(*under)).limit(_MOST_LISTED)
    return frozenset(connection.execute(query).scalars())


def reference_to(client_id: str) -> Reference:
    """A client as the evidence log knows it: operators may name one after a person."""
    return Reference(kind="client", text=client_id)


def _texts(items: Iterable[str]) -> str:
    return json.dumps(sorted(items))


def _insert_new(connection: Connection, row: Insert, what: str) -> None:
    try:
        connection.execute(row)
    except IntegrityError as exc:
        raise RegisterError("the id is taken", code="register.taken", subject=what) from exc


def _end(connection: Connection, table: Any, now: Any, what: str, *which: Any) -> None:
    found = connection.execute(
        update(table)
        .where(*which)
        .values(ended_at=func.coalesce(table.c.ended_at, literal(now, Instant)))
    ).rowcount
    if not found:
        raise RegisterError(f"there is no such {what}", code="register.unknown", subject=what)


def _require_tenant(connection: Connection, tenant: str) -> None:
    row = connection.execute(select(tenants.c.ended_at).where(tenants.c.id == tenant)).one_or_none()
    if row is None:
        raise RegisterError("there is no such tenant", code="register.unknown", subject="tenant")
    if row.ended_at is not None:
        raise RegisterError("the tenant has ended", code="register.ended", subject="tenant")


def _tenant(row: Any) -> Tenant:
    return Tenant(id=row.id, name=row.name, created_at=row.created_at, ended_at=row.ended_at)


def _office(row: Any) -> Office:
    return Office(
        tenant=row.tenant_id,
        id=row.id,
        name=row.name,
        parent=row.parent,
        path=row.path,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
