"""Dossiers and verification sessions: rows, logs, findings, tokens and kept answers, in one transaction at a time.

::

    desk = storage.dossiers(key)
    with desk.writing("tenant") as unit:        # all of it happens, or nothing
        unit.keys.claim(...)
        unit.sessions.add(row)
        unit.logs.append(row.id, action)

A unit sees one tenant only: another tenant's id is one that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, or_, select, update

from ekyc.storage.access.consents import ConsentStore
from ekyc.storage.access.register import has_ended, standing_office
from ekyc.storage.dossiers.capture_tokens import CaptureTokens
from ekyc.storage.dossiers.clock_heads import ClockHeads
from ekyc.storage.dossiers.clock_notices import ClockNotices
from ekyc.storage.dossiers.comparisons import SessionComparisons
from ekyc.storage.dossiers.idempotency import KeptAnswers
from ekyc.storage.dossiers.person_attempts import PersonAttempts
from ekyc.storage.dossiers.protection_rows import Protections
from ekyc.storage.dossiers.rows import DossierRows, SessionRows
from ekyc.storage.dossiers.session_results import SessionResults, session_credentials
from ekyc.storage.dossiers.subject_requests import SubjectRequestRows, subject_requests
from ekyc.storage.dossiers.submissions import SubmissionLeases, SubmissionRuns
from ekyc.storage.dossiers.tables import (
    dossier_actions,
    dossiers,
    session_checks,
    verification_sessions,
)
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.places import TenantEvidence
from ekyc.storage.results.procedures import ProcedureVersions
from ekyc.storage.results.records import DecisionRecords, ResultStore
from ekyc.storage.results.register import IssuedResults, RegisterTools
from ekyc.storage.sealed.protections import NameKind, is_restricted, require_unprotected
from ekyc.storage.sealed.session_artefacts import SessionArtefacts
from ekyc.storage.signing.requests import SignatureRequests, signature_requests
from ekyc.storage.tables import issued_results
from ekyc.storage.webhooks.outbox import Outbox
from ekyc.storage.webhooks.stores import WebhookDesk
from ekyc.storage.webhooks.units import Units
from ekyc.storage.work.batch_rows import BatchRows
from ekyc.values import Owner

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.service_key import ServiceKey

_MOST_ACTIONS: Final = 1000
"""Of one log: far above what its rules let happen."""
_SIGNATURES: Final = "requests for signatures"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAction:
    """One line of a log, as text: what the rooms above made of it and will read again."""

    sequence: int
    at: datetime
    actor: Mapping[str, Any]
    kind: str
    body: Mapping[str, Any]


class ActionLogs:
    """Logs of one tenant. Lines are appended and never changed."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def append(self, file_id: str, action: LoggedAction) -> None:
        """Add a line; its sequence must be the next, or the database refuses it."""
        self._connection.execute(
            insert(dossier_actions).values(
                tenant_id=self._tenant,
                file_id=file_id,
                sequence=action.sequence,
                at=action.at,
                actor=json.dumps(action.actor, ensure_ascii=False),
                kind=action.kind,
                body=json.dumps(action.body, ensure_ascii=False),
            )
        )

    def of(self, file_id: str) -> tuple[LoggedAction, ...]:
        """The log of a dossier or session, in order; empty if there is none."""
        return self.of_many((file_id,)).get(file_id, ())

    def of_many(self, file_ids: tuple[str, ...]) -> dict[str, tuple[LoggedAction, ...]]:
        """The logs of several, by id."""
        table = dossier_actions.c
        query = (
            select(dossier_actions)
            .where(table.tenant_id == self._tenant, table.file_id.in_(file_ids))
            .order_by(table.file_id, table.sequence)
            .limit(_MOST_ACTIONS * max(1, len(file_ids)))
        )
        logs: dict[str, list[LoggedAction]] = {}
        for row in self._connection.execute(query):
            logs.setdefault(row.file_id, []).append(
                LoggedAction(
                    sequence=row.sequence,
                    at=row.at,
                    actor=json.loads(row.actor),
                    kind=row.kind,
                    body=json.loads(row.body),
                )
            )
        return {file_id: tuple(lines) for file_id, lines in logs.items()}


class Findings:
    """What the checks of each attempt found: JSON without personal data."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def put(self, session_id: str, attempt: int, checks: list[dict[str, Any]]) -> None:
        """Keep the checks of one attempt."""
        self._connection.execute(
            insert(session_checks).values(
                tenant_id=self._tenant,
                session_id=session_id,
                attempt=attempt,
                body=json.dumps(checks, ensure_ascii=False),
            )
        )

    def get(self, session_id: str, attempt: int) -> list[dict[str, Any]] | None:
        """The checks of one attempt, if it was concluded and not redacted."""
        table = session_checks.c
        query = select(table.body).where(
            table.tenant_id == self._tenant,
            table.session_id == session_id,
            table.attempt == attempt,
        )
        body = self._connection.execute(query).scalar_one_or_none()
        checks: list[dict[str, Any]] | None = None if body is None else json.loads(body)
        return checks

    def forget(self, session_id: str) -> None:
        """Erase those of a session, and those of its comparisons.

        Raises:
            ProtectedError: ``subject.restricted``, ``subject.held``: nothing of the session is erased now.
        """
        session = (NameKind.SESSION, session_id)
        require_unprotected(self._connection, self._tenant, [session])
        SessionComparisons(self._connection, self._tenant).forget(session_id)
        table = session_checks.c
        self._connection.execute(
            delete(session_checks).where(
                table.tenant_id == self._tenant, table.session_id == session_id
            )
        )


class DossierUnit:
    """What can be done in one transaction for one tenant."""

    def __init__(self, connection: Connection, tenant: str, tools: _Tools) -> None:
        self.tenant = tenant
        self.now = tools.clock.now()  # after the wait for the database, not before
        self.dossiers = DossierRows(connection, tenant)
        outbox = Outbox(connection, now=self.now, random=tools.random, tenant=tenant)
        self.outbox = outbox
        self.notices = ClockNotices(connection, tenant, outbox=outbox, now=self.now)
        self.requests = SubjectRequestRows(connection, tenant)
        self.protections = Protections(connection, tenant)
        self.evidence = TenantEvidence(connection, tenant, tools.register.log)
        self.sessions = SessionRows(connection, tenant, outbox)
        self.logs = ActionLogs(connection, tenant)
        self.heads = ClockHeads(connection, tenant)
        self.findings = Findings(connection, tenant)
        self.batches = BatchRows(connection, tenant, outbox=outbox, now=self.now)
        self.artefacts = SessionArtefacts(connection, tenant)
        self.comparisons = SessionComparisons(connection, tenant)
        self.results = SessionResults(connection, tenant, now=self.now)
        self.procedures = ProcedureVersions(connection, now=self.now)
        self.signatures = SignatureRequests(
            connection,
            tenant,
            sealer=tools.key.sealer(_SIGNATURES, tools.random),
            now=self.now,
            outbox=outbox,
        )
        self.attempts = PersonAttempts(connection, tenant, key=tools.key, now=self.now)
        self.tokens = CaptureTokens(connection, tenant, now=self.now)
        self.runs = SubmissionRuns(connection, tenant, now=self.now)
        self.keys = KeptAnswers(
            connection, tenant, key=tools.key, random=tools.random, now=self.now
        )
        self.webhooks = WebhookDesk(
            connection, key=tools.key, clock=tools.clock, random=tools.random
        )
        self.consents = ConsentStore(
            Units.within(connection),
            log=tools.register.log,
            clock=tools.clock,
            random=tools.random,
            subject=tools.register.subject,
        )
        self._connection = connection
        self._tools = tools

    @property
    def decisions(self) -> DecisionRecords:
        """Where decisions are put on record."""
        return DecisionRecords(self._connection, self._tools.results)

    @property
    def has_ended(self) -> bool:
        """Whether the tenant was ended: nothing that was given out for it counts any more."""
        return has_ended(self._connection, self.tenant)

    def require_office(self, office: str) -> None:
        """Return if an office of the tenant may be given something.

        Raises:
            RegisterError: ``office.unknown``, ``office.ended``.
        """
        standing_office(self._connection, self.tenant, office)

    def move_sessions(self, dossier_id: str, *, before: str | None, after: str | None) -> None:
        """Have the sessions of a dossier that lay with its office ``before`` follow it to ``after``, with all that they
        led to: whoever loses the dossier sees nothing of it any more.
        """
        table = verification_sessions.c
        with_it = table.office.is_(None) if before is None else table.office == before
        ids = (
            self._connection.execute(
                select(table.id).where(
                    table.tenant_id == self.tenant, table.dossier_id == dossier_id, with_it
                )
            )
            .scalars()
            .all()
        )
        for of, key in (
            (verification_sessions, "id"),
            (session_credentials, "session_id"),
            (signature_requests, "session_id"),
        ):
            self._connection.execute(
                update(of)
                .where(of.c.tenant_id == self.tenant, of.c[key].in_(ids))
                .values(office=after)
            )
        issued = select(session_credentials.c.id).where(
            session_credentials.c.tenant_id == self.tenant,
            session_credentials.c.session_id.in_(ids),
        )
        self._connection.execute(
            update(issued_results).where(issued_results.c.id.in_(issued)).values(office=after)
        )

    def register_of(self, office: str | None) -> IssuedResults:
        """The register of issued results, for an office of the tenant or for none."""
        owner = Owner(tenant=self.tenant, office=office)
        return IssuedResults(self._connection, self._tools.register, owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    key: ServiceKey
    clock: Clock
    random: Random
    register: RegisterTools
    results: ResultStore


class DossierDesk:
    """Dossiers and sessions of this installation. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        key: ServiceKey,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self.key = key
        self.clock = clock
        self.random = random
        self._engine = engine
        self._reading = reading(engine)
        register = RegisterTools(log=log, clock=clock, random=random, subject=subject)
        results = ResultStore(engine, log=log, clock=clock, random=random, subject=subject)
        self._tools = _Tools(
            key=key, clock=clock, random=random, register=register, results=results
        )
        self.leases = SubmissionLeases(engine, clock=clock, subject=subject)
        self._subject = subject

    @contextmanager
    def writing(self, tenant: str) -> Iterator[DossierUnit]:
        """A transaction that may write: committed at the end of the block, undone by any exception.

        Raises:
            StorageError, BusyError: it could not be stored.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            yield DossierUnit(connection, tenant, self._tools)

    @contextmanager
    def looking(self, tenant: str) -> Iterator[DossierUnit]:
        """A transaction that only reads and waits for no writer.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            yield DossierUnit(connection, tenant, self._tools)

    def tenant_of_token(self, digest: bytes) -> tuple[str, str] | None:
        """Tenant and session of a capture token: the one query that no tenant is known for yet. None of one that has ended."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return _standing(connection, CaptureTokens.place_of(connection, digest))

    def due_sessions(self, states: Iterable[str], limit: int) -> tuple[tuple[str, str], ...]:
        """Tenant and id of sessions in one of these states that time has moved by now, or that have no index yet.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        table = verification_sessions.c
        due = or_(table.due_at.is_(None), table.due_at <= self.clock.now())
        still = is_restricted(verification_sessions.c.tenant_id, NameKind.SESSION, table.id)
        query = (
            select(table.tenant_id, table.id)
            .where(table.state.in_(tuple(states)), due, ~still)
            .order_by(table.due_at, table.tenant_id, table.id)
            .limit(limit)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple((row.tenant_id, row.id) for row in connection.execute(query))

    def tenants(self) -> tuple[str, ...]:
        """The tenants that have dossiers or requests of data subjects.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        found: set[str] = set()
        with storage_errors(self._subject), self._reading.begin() as connection:
            for table in (dossiers, subject_requests):
                found.update(connection.execute(select(table.c.tenant_id).distinct()).scalars())
        return tuple(sorted(found))

    def tenant_of_signature(self, token_digest: bytes) -> tuple[str, str] | None:
        """Tenant and id of the request for a signature that a token is for, likewise."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return _standing(connection, SignatureRequests.place_of(connection, token_digest))

    def new_id(self) -> str:
        """32 hexadecimal digits that nobody guesses."""
        return self.random.token_bytes(16).hex()


def _standing(connection: Connection, place: tuple[str, str] | None) -> tuple[str, str] | None:
    """What a token is for, unless the tenant was ended since."""
    return None if place is None or has_ended(connection, place[0]) else place
