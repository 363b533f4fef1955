"""Where a person is known beside the vault: by pseudonyms in other tables. Found here, and taken out here.

A pseudonym is keyed, so that a copy of the database says nothing; but whoever has the service's key can still ask
"is it this number?". So the pseudonym of somebody who was erased goes as well:

- *holder* (decisions, signing keys, second factors): the rows go, decisions stay without it.
- *result* (issued results): a drawn value takes its place; the status that verifiers ask for stays.
- *login* (dossiers, sessions, consents and their logs): a drawn value takes its place everywhere at once, so that the
  log still tells one from another.

The evidence log forgets each in the same transaction. Twice is once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, or_, select, update

from ekyc.errors import InputError
from ekyc.storage.access_tables import consents
from ekyc.storage.dossier_tables import dossier_actions, dossiers, verification_sessions
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence_events import KeyDisabled, Reference
from ekyc.storage.tables import credentials, factors, issued_results, liveness_attempts, persons

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Random
    from ekyc.storage.evidence_log import EvidenceLog

_NAME: Final = re.compile(r"[A-Za-z0-9-]{8,64}\Z")
_NUMBER: Final = re.compile(r"[0-9A-Z]{6,24}\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_SUBJECT_BYTES: Final = 10
_LINKS: Final = ("concluded", "linked")


class TraceStore:
    """Pseudonyms of people in the tables of this database. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, log: EvidenceLog, random: Random, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._log = log
        self._random = random
        self._subject = subject

    def sessions_of(
        self,
        tenant: str,
        *,
        holders: Sequence[str],
        liveness: Sequence[str],
        logins: Sequence[str],
    ) -> tuple[str, ...]:
        """Verification sessions of a person: concluded by a decision on them, with a liveness session of theirs, or theirs
        by login.

        Args:
            tenant: of the sessions.
            holders: pseudonyms in decisions.
            liveness: ids of liveness sessions.
            logins: pseudonyms of logins.
        """
        rows, lines = verification_sessions.c, dossier_actions.c
        decisions = select(persons.c.result_id).where(persons.c.holder.in_(holders))
        own = select(rows.id).where(rows.tenant_id == tenant, rows.subject.in_(logins))
        with storage_errors(self._subject), self._reading.begin() as connection:
            found = set(connection.execute(own).scalars())
            for name in (*connection.execute(decisions).scalars(), *liveness):
                if not _NAME.match(name):  # nothing that LIKE would take for a pattern
                    continue
                linked = select(lines.file_id).where(
                    lines.tenant_id == tenant,
                    lines.kind.in_(_LINKS),
                    lines.body.like(f'%"{name}"%'),
                )
                found.update(connection.execute(linked).scalars())
        return tuple(sorted(found))

    def liveness_of(self, pseudonym: bytes) -> tuple[str, ...]:
        """Ids of the liveness sessions that a subject made attempts with."""
        attempts = liveness_attempts.c
        query = select(attempts.session_id).where(attempts.pseudonym == pseudonym)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(connection.execute(query).scalars())

    def unlink_holder(self, holder: str) -> int:
        """Take a holder out of decisions, signing keys and second factors; the number of rows.

        Signing keys are switched off and forgotten: nothing can be signed with them any more.
        """
        own = select(credentials.c.id, credentials.c.disabled_at)
        own = own.where(credentials.c.holder == holder)
        with storage_errors(self._subject), self._engine.begin() as connection:
            for row in connection.execute(own).all():
                known = Reference(kind="key", text=row.id)
                if row.disabled_at is None:
                    self._log.append(connection, KeyDisabled(key=known))
                self._log.forget_known_within(connection, known)
            gone = sum(
                connection.execute(delete(table).where(table.c.holder == holder)).rowcount
                for table in (credentials, factors, persons)
            )
            self._log.forget_known_within(connection, Reference(kind="holder", text=holder))
        return gone

    def unlink_results(self, subject: str) -> int:
        """Put a drawn value in the place of a pseudonym of issued results; the number of results."""
        column = issued_results.c.subject
        drawn = base64.urlsafe_b64encode(self._random.token_bytes(_SUBJECT_BYTES))
        with storage_errors(self._subject), self._engine.begin() as connection:
            changed = connection.execute(
                update(issued_results)
                .where(column == subject)
                .values(subject=drawn.rstrip(b"=").decode())
            ).rowcount
            self._log.forget_known_within(connection, Reference(kind="result", text=subject))
        return changed

    def unlink_login(self, tenant: str, login: str) -> None:
        """Put one drawn value in the place of a pseudonym of a login, wherever the tenant has it.

        Raises:
            InputError: not 64 hexadecimal digits.
        """
        if not _DIGEST.match(login):
            raise InputError("not a pseudonym of a login", subject="login")
        drawn = self._random.token_bytes(32).hex()
        with storage_errors(self._subject), self._engine.begin() as connection:
            for table, columns in (
                (dossiers, ("subject",)),
                (verification_sessions, ("subject",)),
                (consents, ("subject", "actor", "withdrawn_by")),
            ):
                for name in columns:
                    connection.execute(
                        update(table)
                        .where(table.c.tenant_id == tenant, table.c[name] == login)
                        .values({name: drawn})
                    )
            self._rename_in_logs(connection, tenant, login, drawn)
            self._log.forget_known_within(connection, Reference(kind="citizen", text=login))

    @staticmethod
    def _rename_in_logs(connection: Connection, tenant: str, login: str, drawn: str) -> None:
        lines = dossier_actions.c
        named = select(lines.file_id, lines.sequence, lines.actor, lines.body).where(
            lines.tenant_id == tenant,
            or_(lines.actor.like(f'%"{login}"%'), lines.body.like(f'%"{login}"%')),
        )
        for row in connection.execute(named).all():
            connection.execute(
                update(dossier_actions)
                .where(
                    lines.tenant_id == tenant,
                    lines.file_id == row.file_id,
                    lines.sequence == row.sequence,
                )
                .values(actor=row.actor.replace(login, drawn), body=row.body.replace(login, drawn))
            )

    def drop_reference(self, tenant: str, number: str) -> int:
        """Take a number out of the portal's references of dossiers, where it does not belong; the number of lines."""
        if not _NUMBER.match(number):
            return 0
        lines, dropped = dossier_actions.c, 0
        named = select(lines.file_id, lines.sequence, lines.body).where(
            lines.tenant_id == tenant, lines.body.like(f"%{number}%")
        )
        with storage_errors(self._subject), self._engine.begin() as connection:
            for row in connection.execute(named).all():
                body = json.loads(row.body)
                if number not in str(body.get("reference")):
                    continue
                connection.execute(
                    update(dossier_actions)
                    .where(
                        lines.tenant_id == tenant,
                        lines.file_id == row.file_id,
                        lines.sequence == row.sequence,
                    )
                    .values(body=json.dumps({**body, "reference": None}, ensure_ascii=False))
                )
                dropped += 1
        return dropped

    def overwrite(self) -> bool:
        """Overwrite what the database keeps of deleted rows; False where a reader of SQLite's log was in the way."""
        return overwrite_deleted(self._engine, _TABLES, subject=self._subject)


def overwrite_deleted(engine: Engine, tables: Iterable[str], *, subject: str) -> bool:
    """Empty SQLite's log, or vacuum tables of PostgreSQL; False where a reader of SQLite's log was in the way."""
    with storage_errors(subject), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            raw = connection.connection.driver_connection
            assert raw is not None, "a connection that was just opened"
            busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return busy == 0
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        for name in tables:
            alone.exec_driver_sql(f"VACUUM {name}")
    return True


_TABLES: Final = (
    *(one.name for one in (persons, credentials, factors, issued_results)),
    *(one.name for one in (dossiers, verification_sessions, dossier_actions, consents)),
    "session_checks",
    "idempotency_keys",
    "access_sessions",
    "grants",
    "evidence_subjects",
    "liveness_sessions",
    "liveness_chunks",
    "liveness_attempts",
    "liveness_frames",
    "liveness_frame_marks",
)
