"""What a verified session leads to: the result that its decision rests on, and what was issued for it.

- *session results*: beside the conclusion of each attempt, what is needed to issue later: the digest of the report and
  pseudonyms of the person. No name, no number; whoever is erased is taken out.
- *session credentials*: results that were issued for a decision, one for each, with tenant, office and procedure. What
  verifiers ask for stands in the register (:mod:`ekyc.storage.results.issued`), in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from ekyc.storage.dossiers.rows import page_query
from ekyc.storage.results.register import ResultStatus, drawn_subject
from ekyc.storage.sealed.protections import Name, NameKind, follow, require_unrestricted
from ekyc.storage.tables import Instant, issued_results, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from ekyc.ports import Random
    from ekyc.storage.dossiers.rows import PageOf

_MOST: Final = 200

session_results: Final = Table(
    "session_results",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("report_digest", String(64), nullable=False),
    Column("person", String(64), nullable=True),
    Column("holder", String(64), nullable=True),
    Column("signing_session", String(64), nullable=True),
    Column("procedure_version", String(64), nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_session_results_holder", "holder"),
    Index("ix_session_results_person", "person"),
)

session_credentials: Final = Table(
    "session_credentials",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("session_id", String(40), nullable=False),
    Column("decision", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("procedure", String(64), nullable=False),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("sample", Boolean, nullable=False),
    Column("code", Text, nullable=True),
    Column("document", String(40), nullable=True),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("tenant_id", "session_id", "decision", name="uq_session_credentials_decision"),
    Index("ix_session_credentials_created_at", "tenant_id", "created_at"),
)

credential_changes: Final = Table(
    "credential_changes",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("credential_id", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResult:
    """What one concluded attempt gives to issuing."""

    session_id: str
    attempt: int
    report_digest: str
    """SHA-256 (hex)."""
    person: str | None
    """Pseudonym of the person in results; ``None`` where no number was read, or the person was erased."""
    holder: str | None
    """Pseudonym of whoever may sign by this decision; with :attr:`signing_session`, or neither."""
    signing_session: str | None
    procedure_version: str | None
    """Of the profile that it was judged by; ``None``: from before versions were kept."""
    created_at: datetime

    def __repr__(self) -> str:
        return f"SessionResult({self.session_id}, {self.attempt})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCredential:
    """A result that was issued for a session's decision."""

    id: str
    session_id: str
    decision: int
    """Number of the decision."""
    attempt: int
    procedure: str
    office: str | None
    subject: str | None
    """Pseudonym of the login whose session it was, where it was a citizen's own."""
    sample: bool
    code: str | None
    """Text of the QR code; ``None`` once the person was erased."""
    document: str | None
    """Artefact of the signed page, once it was made."""
    created_at: datetime
    schema: str
    status: ResultStatus
    expires_at: datetime
    procedure_version: str | None
    """As of the :class:`SessionResult` that it rests on."""

    def __repr__(self) -> str:
        return f"SessionCredential({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialChange:
    """Why a result was taken back or put in force again, and by whom."""

    status: str
    reason: str
    actor: str
    at: datetime


class SessionResults:
    """Results of one tenant's sessions, and what was issued for them, inside one transaction."""

    def __init__(self, connection: Connection, tenant: str, *, now: datetime) -> None:
        self._connection = connection
        self._tenant = tenant
        self._now = now

    def put(
        self,
        session_id: str,
        attempt: int,
        *,
        report_digest: str,
        person: str | None,
        holder: str | None,
        signing_session: str | None,
        procedure_version: str,
    ) -> None:
        """Keep what an attempt gives to issuing.

        Raises:
            ProtectedError: ``subject.restricted``: the data of whom it was concluded on are, and by another restriction than
                the session's own, which keeps the result from use.
        """
        on: list[Name] = []
        if person is not None:
            on.append((NameKind.PERSON, person))
        if holder is not None:
            on.append((NameKind.HOLDER, holder))
        own = (NameKind.SESSION, session_id)
        require_unrestricted(self._connection, self._tenant, on, but_of=own)
        self._connection.execute(
            insert(session_results).values(
                tenant_id=self._tenant,
                session_id=session_id,
                attempt=attempt,
                report_digest=report_digest,
                person=person,
                holder=holder,
                signing_session=signing_session,
                procedure_version=procedure_version,
                created_at=self._now,
            )
        )

        follow(self._connection, self._tenant, own, *on)

    def get(self, session_id: str, attempt: int) -> SessionResult | None:
        """That of one attempt."""
        table = session_results.c
        query = select(session_results).where(
            table.tenant_id == self._tenant,
            table.session_id == session_id,
            table.attempt == attempt,
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _result(row)

    def of_session(self, session_id: str) -> tuple[SessionResult, ...]:
        """Those of all attempts of a session that name somebody."""
        table = session_results.c
        query = select(session_results).where(
            table.tenant_id == self._tenant,
            table.session_id == session_id,
            or_(table.person.is_not(None), table.holder.is_not(None)),
        )
        return tuple(map(_result, self._connection.execute(query)))

    def forget(self, session_id: str, random: Random) -> None:
        """Take whoever it was out of a session's results and of what was issued for them; their status stays."""
        table, issued = session_results.c, session_credentials.c
        self._connection.execute(
            update(session_results)
            .where(table.tenant_id == self._tenant, table.session_id == session_id)
            .values(person=None, holder=None, signing_session=None)
        )
        ours = and_(issued.tenant_id == self._tenant, issued.session_id == session_id)
        self._connection.execute(update(session_credentials).where(ours).values(code=None))
        self._connection.execute(
            update(issued_results)
            .where(issued_results.c.id.in_(select(issued.id).where(ours)))
            .values(subject=drawn_subject(random))
        )

    def add_credential(
        self,
        result_id: str,
        *,
        session_id: str,
        decision: int,
        attempt: int,
        procedure: str,
        office: str | None,
        subject: str | None,
        sample: bool,
        code: str,
    ) -> None:
        """Record that a result was issued for a decision; the database refuses a second one."""
        self._connection.execute(
            insert(session_credentials).values(
                tenant_id=self._tenant,
                id=result_id,
                session_id=session_id,
                decision=decision,
                attempt=attempt,
                procedure=procedure,
                office=office,
                subject=subject,
                sample=sample,
                code=code,
                created_at=self._now,
            )
        )

    def credential(self, credential_id: str) -> SessionCredential | None:
        """One by its id."""
        return self._one(session_credentials.c.id == credential_id)

    def credential_of(self, session_id: str, decision: int) -> SessionCredential | None:
        """That of a decision."""
        table = session_credentials.c
        return self._one(table.session_id == session_id, table.decision == decision)

    def credentials(
        self,
        page: PageOf,
        *,
        status: ResultStatus | None = None,
        person: str | None = None,
    ) -> tuple[SessionCredential, ...]:
        """The newest first.

        Args:
            page: which.
            status: that they must have.
            person: pseudonym of whom they must be about; such are in force now.
        """
        query = _with_standing(page_query(session_credentials, self._tenant, page))
        if status is not None:
            query = query.where(issued_results.c.status == int(status))
        if person is not None:
            query = query.where(
                issued_results.c.subject == person,
                issued_results.c.status == int(ResultStatus.VALID),
                issued_results.c.expires_at > self._now,
            )
        return tuple(_credential(row) for row in self._connection.execute(query))

    def keep_document(self, credential_id: str, artefact_id: str) -> bool:
        """Name the signed page of a result, the first time; ``False`` where another was first."""
        table = session_credentials.c
        changed = self._connection.execute(
            update(session_credentials)
            .where(
                table.tenant_id == self._tenant,
                table.id == credential_id,
                table.document.is_(None),
            )
            .values(document=artefact_id)
        )
        return changed.rowcount == 1

    def add_change(self, credential_id: str, *, status: str, reason: str, actor: str) -> None:
        """Append why a result was changed."""
        table = credential_changes.c
        last = select(func.max(table.number)).where(
            table.tenant_id == self._tenant, table.credential_id == credential_id
        )
        number = (self._connection.execute(last).scalar() or 0) + 1
        self._connection.execute(
            insert(credential_changes).values(
                tenant_id=self._tenant,
                credential_id=credential_id,
                number=number,
                status=status,
                reason=reason,
                actor=actor,
                at=self._now,
            )
        )

    def changes(self, credential_id: str) -> tuple[CredentialChange, ...]:
        """What became of a result, the oldest first; of very many the latest."""
        table = credential_changes.c
        query = (
            select(credential_changes)
            .where(table.tenant_id == self._tenant, table.credential_id == credential_id)
            .order_by(table.number.desc())
            .limit(_MOST)
        )
        return tuple(
            CredentialChange(**{name: getattr(row, name) for name in CredentialChange.__slots__})
            for row in reversed(self._connection.execute(query).all())
        )

    def _one(self, *which: Any) -> SessionCredential | None:
        own = select(session_credentials).where(
            session_credentials.c.tenant_id == self._tenant, *which
        )
        row = self._connection.execute(_with_standing(own)).one_or_none()
        return None if row is None else _credential(row)


def _with_standing(query: Select[Any]) -> Select[Any]:
    """A query for credentials, with what the register and the result that they rest on say of each."""
    own, register, result = session_credentials.c, issued_results.c, session_results.c
    of_it = and_(
        result.tenant_id == own.tenant_id,
        result.session_id == own.session_id,
        result.attempt == own.attempt,
    )
    return (
        query.join(issued_results, register.id == own.id)
        .outerjoin(session_results, of_it)
        .add_columns(
            register.schema, register.status, register.expires_at, result.procedure_version
        )
    )


def _result(row: Row[Any]) -> SessionResult:
    return SessionResult(**{name: getattr(row, name) for name in SessionResult.__slots__})


def _credential(row: Row[Any]) -> SessionCredential:
    named: dict[str, Any] = {name: getattr(row, name) for name in SessionCredential.__slots__}
    named["status"] = ResultStatus(row.status)
    return SessionCredential(**named)
