"""Requests of data subjects: rows beside their logs, and what was said, sealed under a key of the request's own person.

A request has a person of its own in :mod:`ekyc.storage.sealed.subjects`, as a session has: whoever erases that person erases what
was said in the request and an export that was made for it, in every copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Index, LargeBinary, String, Table, insert, select, update

from ekyc.storage.dossiers.rows import page_query
from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from ekyc.storage.dossiers.rows import PageOf
    from ekyc.storage.sealed.subjects import SubjectStore

PROCEDURE: Final = "data-subject-requests"
"""What a consent names by which an agent may file a request for a citizen."""
_STATEMENT: Final = "subject-requests.statement"

subject_requests: Final = Table(
    "subject_requests",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("procedure", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("person", String(40), nullable=False),
    Column("statement", LargeBinary, nullable=True),
    Column("export", String(40), nullable=True),
    Column("export_until", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_subject_requests_created_at", "tenant_id", "created_at"),
    Index("ix_subject_requests_subject", "tenant_id", "subject"),
    Index("ix_subject_requests_state", "tenant_id", "state", "created_at"),
    Index("ix_subject_requests_export_until", "tenant_id", "export_until"),
)
_MEMBERS: Final = ("kind", "state", "office", "subject", "person", "export", "export_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRequestRow:
    """A request beside its log."""

    id: str
    kind: str
    state: str
    office: str | None
    subject: str | None
    """Pseudonym of the citizen whose request it is, where they have a login."""
    person: str
    """Of the vault: under whose key statement and export lie."""
    created_at: datetime
    export: str | None = None
    """Artefact that an access request was answered with."""
    export_until: datetime | None = None

    @property
    def procedure(self) -> str:
        """By which an agent's consent covers it."""
        return PROCEDURE


class SubjectRequestRows:
    """Requests of one tenant."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def new_person(self, people: SubjectStore) -> str:
        """The id of a new person under whose key a request is kept.

        Raises:
            StorageError, BusyError: it could not be stored; ``storage.key_missing``.
        """
        return people.create_within(self._connection, self._tenant).id

    def add(self, row: SubjectRequestRow, statement: bytes, people: SubjectStore) -> None:
        """Record a new one, what was said in it sealed.

        Raises:
            SubjectError: ``subject.unknown``, ``subject.erased``.
            StorageError: ``storage.key_missing``.
        """
        sealer = people.sealer_within(self._connection, self._tenant, row.person)
        values = {name: getattr(row, name) for name in ("id", "created_at", *_MEMBERS)}
        self._connection.execute(
            insert(subject_requests).values(
                tenant_id=self._tenant,
                procedure=PROCEDURE,
                statement=sealer.seal(statement, _STATEMENT, row.id),
                **values,
            )
        )

    def get(self, request_id: str, *, lock: bool = False) -> SubjectRequestRow | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        query = select(subject_requests).where(*self._which(request_id))
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        return None if row is None else _row(row)

    def statement(self, request_id: str, people: SubjectStore) -> bytes | None:
        """What was said in it; ``None``: there is no such request, or it was emptied.

        Raises:
            SubjectError: ``subject.erased``.
            StorageError: ``storage.unsealable``, ``storage.key_missing``.
        """
        row = self._connection.execute(
            select(subject_requests).where(*self._which(request_id))
        ).one_or_none()
        if row is None or row.statement is None:
            return None
        sealer = people.sealer_within(self._connection, self._tenant, row.person)
        return sealer.open(bytes(row.statement), _STATEMENT, request_id)

    def restate(self, row: SubjectRequestRow, statement: bytes, people: SubjectStore) -> None:
        """Have this be what was said in a request.

        Raises:
            SubjectError: ``subject.unknown``, ``subject.erased``.
            StorageError: ``storage.key_missing``.
        """
        sealer = people.sealer_within(self._connection, self._tenant, row.person)
        self._update(row.id, statement=sealer.seal(statement, _STATEMENT, row.id))

    def index(self, request_id: str, *, state: str) -> None:
        """Bring the index in step with the log."""
        self._update(request_id, state=state)

    def set_export(self, request_id: str, artefact_id: str, until: datetime) -> None:
        """Say what an access request is answered with, and until when it may be fetched."""
        self._update(request_id, export=artefact_id, export_until=until)

    def exports_over(self, now: datetime, *, limit: int) -> tuple[SubjectRequestRow, ...]:
        """Requests whose export may be fetched no more and is still there, those that ended first, first."""
        ends = subject_requests.c.export_until
        query = (
            select(subject_requests)
            .where(subject_requests.c.tenant_id == self._tenant, ends <= now)
            .order_by(ends)
            .limit(limit)
        )
        return tuple(map(_row, self._connection.execute(query)))

    def forget_export(self, request_id: str) -> None:
        """Forget an export that was removed: nobody looks for it again."""
        self._update(request_id, export=None, export_until=None)

    def empty(self, request_id: str) -> None:
        """Forget what was said, and the export; the person's key is destroyed elsewhere."""
        self._update(request_id, statement=None, export=None, export_until=None)

    def page(self, page: PageOf) -> tuple[SubjectRequestRow, ...]:
        """The newest first."""
        rows = self._connection.execute(page_query(subject_requests, self._tenant, page))
        return tuple(map(_row, rows))

    def objects(self, subject: str) -> bool:
        """Whether a citizen objected to being decided on by machine, and that was granted."""
        table = subject_requests.c
        query = select(table.id).where(
            table.tenant_id == self._tenant,
            table.subject == subject,
            table.kind == "object",
            table.state == "fulfilled",
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _update(self, request_id: str, **values: Any) -> None:
        self._connection.execute(
            update(subject_requests).where(*self._which(request_id)).values(**values)
        )

    def _which(self, request_id: str) -> tuple[Any, Any]:
        table = subject_requests.c
        return table.tenant_id == self._tenant, table.id == request_id


def _row(row: Row[Any]) -> SubjectRequestRow:
    values = {name: getattr(row, name) for name in ("id", "created_at", *_MEMBERS)}
    return SubjectRequestRow(**values)
