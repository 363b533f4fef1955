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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select

from ekyc.storage.capture_tokens import CaptureTokens
from ekyc.storage.dossier_rows import DossierRows, SessionRows
from ekyc.storage.dossier_tables import dossier_actions, session_checks
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.idempotency import KeptAnswers
from ekyc.storage.outbox import Outbox
from ekyc.storage.session_artefacts import SessionArtefacts
from ekyc.storage.webhooks_stores import WebhookDesk

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey

_MOST_ACTIONS: Final = 1000
"""Of one log: far above what its rules let happen."""


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
        """Erase those of a session."""
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
        self.sessions = SessionRows(connection, tenant, outbox)
        self.logs = ActionLogs(connection, tenant)
        self.findings = Findings(connection, tenant)
        self.artefacts = SessionArtefacts(connection, tenant)
        self.tokens = CaptureTokens(connection, tenant, now=self.now)
        self.keys = KeptAnswers(
            connection, tenant, key=tools.key, random=tools.random, now=self.now
        )
        self.webhooks = WebhookDesk(
            connection, key=tools.key, clock=tools.clock, random=tools.random
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    key: ServiceKey
    clock: Clock
    random: Random


class DossierDesk:
    """Dossiers and sessions of this installation. Safe across threads and processes."""

    def __init__(
        self, engine: Engine, *, key: ServiceKey, clock: Clock, random: Random, subject: str
    ) -> None:
        self.key = key
        self.clock = clock
        self.random = random
        self._engine = engine
        self._reading = reading(engine)
        self._tools = _Tools(key=key, clock=clock, random=random)
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
        """Tenant and session of a capture token: the one query that no tenant is known for yet."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return CaptureTokens.place_of(connection, digest)

    def new_id(self) -> str:
        """32 hexadecimal digits that nobody guesses."""
        return self.random.token_bytes(16).hex()
