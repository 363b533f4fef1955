"""Where a person is known beside the vault: by pseudonyms in other tables. Found here, and taken out here.

A pseudonym is keyed, so that a copy of the database says nothing; but whoever has the service's key can still ask
"is it this number?". So the pseudonym of somebody who was erased goes as well:

- *holder* (decisions, signing keys, second factors): the rows go, decisions stay without it.
- *result* (issued results): a drawn value takes its place; the status that verifiers ask for stays.

Holders and results go by one pseudonym at all tenants: what another tenant has by it stays, and signing keys, second
factors and the log's memory stay where another tenant knows the person.
- *login* (dossiers, sessions, consents and their logs): a drawn value takes its place everywhere at once, so that the
  log still tells one from another.

The evidence log forgets each in the same transaction. Twice is once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, exists, or_, select, update

from ekyc.errors import InputError
from ekyc.storage.access.tables import consents
from ekyc.storage.dossiers.session_results import session_credentials, session_results
from ekyc.storage.dossiers.subject_requests import subject_requests
from ekyc.storage.dossiers.tables import dossier_actions, dossiers, verification_sessions
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import FactorEnded, KeyDisabled, Reference
from ekyc.storage.liveness.attempts import of_tenant
from ekyc.storage.patience import unhurried
from ekyc.storage.results.register import drawn_subject
from ekyc.storage.signing.requests import signature_requests
from ekyc.storage.tables import (
    credentials,
    factors,
    issued_results,
    liveness_attempts,
    liveness_sessions,
    persons,
)
from ekyc.storage.work.batch_tables import batch_items

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine

    from ekyc.ports import Random
    from ekyc.storage.evidence.log import EvidenceLog

_NAME: Final = re.compile(r"[A-Za-z0-9-]{8,64}\Z")
_NUMBER: Final = re.compile(r"[0-9A-Z]{6,24}\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_ERASED: Final = "erased"
_LINKS: Final = ("Concluded", "Linked")


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
        people: Sequence[str],
        liveness: Sequence[str],
        logins: Sequence[str],
    ) -> tuple[str, ...]:
        """Verification sessions of a person: concluded by a decision on them, with a liveness session of theirs, or theirs
        by login.

        Args:
            tenant: of the sessions.
            holders: pseudonyms in decisions.
            people: pseudonyms in results.
            liveness: ids of liveness sessions.
            logins: pseudonyms of logins.
        """
        rows, lines = verification_sessions.c, dossier_actions.c
        decisions = select(persons.c.result_id).where(persons.c.holder.in_(holders))
        own = select(rows.id).where(rows.tenant_id == tenant, rows.subject.in_(logins))
        results = session_results.c
        decided = select(results.session_id).where(
            results.tenant_id == tenant,
            or_(results.holder.in_(holders), results.person.in_(people)),
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            found = set(connection.execute(own).scalars())
            found.update(connection.execute(decided).scalars())
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

    def liveness_of(self, tenant: str, pseudonym: bytes) -> tuple[str, ...]:
        """Ids of the liveness sessions that a subject made attempts with at a tenant."""
        attempts = liveness_attempts.c
        query = select(attempts.session_id).where(
            attempts.pseudonym == pseudonym, of_tenant(tenant)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(connection.execute(query).scalars())

    def tenants_of(self, *, holders: Sequence[str], people: Sequence[str]) -> tuple[str, ...]:
        """Tenants in whose sessions an attempt was concluded on somebody, by these pseudonyms."""
        results = session_results.c
        query = select(results.tenant_id).where(
            or_(results.holder.in_(holders), results.person.in_(people))
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(sorted(connection.execute(query.distinct()).scalars()))

    def cases_of(
        self, tenant: str, *, number: str | None, batches: Sequence[str]
    ) -> tuple[str, ...]:
        """People of the vault under whom cases of batches are kept: of these batches, and of items that name the number."""
        items = batch_items.c
        which: list[ColumnElement[bool]] = [items.batch_id.in_(batches)]
        if number is not None and _NUMBER.match(number):
            which.append(items.reference.like(f"%{number}%"))
        query = select(items.subject_id).where(
            items.tenant_id == tenant, items.erased_at.is_(None), or_(*which)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(sorted(connection.execute(query).scalars()))

    def unlink_liveness(self, tenant: str, pseudonym: bytes, sessions: Collection[str]) -> int:
        """Forget that these liveness sessions were attempts of a subject; the number of attempts. They stay."""
        attempts = liveness_attempts.c
        with storage_errors(self._subject), self._engine.begin() as connection:
            return connection.execute(
                delete(liveness_attempts).where(
                    attempts.pseudonym == pseudonym,
                    attempts.session_id.in_(sessions),
                    of_tenant(tenant),
                )
            ).rowcount

    def unlink_holder(self, tenant: str, holder: str, *, known_to: Collection[str] = ()) -> int:
        """Take a holder out of a tenant's decisions, and out of signing keys and second factors; the number of rows.

        Signing keys are switched off and forgotten: nothing can be signed with them any more.

        Args:
            tenant: whose; decisions that no tenant's session rests on go too.
            holder: pseudonym.
            known_to: other tenants that know the person: then keys, and factors that rest on none of these decisions, stay.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            decisions = _decisions_of(connection, tenant, holder)
            gone = connection.execute(
                delete(persons).where(persons.c.result_id.in_(decisions))
            ).rowcount
            enrolled = factors.c.holder == holder
            if known_to:
                enrolled = and_(enrolled, factors.c.decision.in_(decisions))
            gone += self._end_factors(connection, enrolled)
            connection.execute(
                update(session_results)
                .where(session_results.c.tenant_id == tenant, session_results.c.holder == holder)
                .values(holder=None, signing_session=None)
            )
            if not known_to:
                gone += self._end_keys(connection, holder)
            self._forget_unless_named(
                connection,
                Reference(kind="holder", text=holder),
                persons.c.holder == holder,
                session_results.c.holder == holder,
            )
        return gone

    def _end_factors(self, connection: Connection, which: ColumnElement[bool]) -> int:
        """Forget second factors; how many. Of those that stood the log hears that they ended."""
        rows = connection.execute(
            delete(factors)
            .where(which)
            .returning(factors.c.id, factors.c.confirmed_at, factors.c.ended_at)
        ).all()
        for row in rows:
            if row.confirmed_at is not None and row.ended_at is None:
                self._log.append(connection, FactorEnded(factor=row.id))
        return len(rows)

    def _end_keys(self, connection: Connection, holder: str) -> int:
        """Switch somebody's signing keys off and forget them; how many."""
        own = select(credentials.c.id, credentials.c.disabled_at)
        for row in connection.execute(own.where(credentials.c.holder == holder)).all():
            known = Reference(kind="key", text=row.id)
            if row.disabled_at is None:
                self._log.append(connection, KeyDisabled(key=known))
            self._log.forget_known_within(connection, known)
        return connection.execute(
            delete(credentials).where(credentials.c.holder == holder)
        ).rowcount

    def unlink_results(self, tenant: str, subject: str) -> int:
        """Put a drawn value in the place of a pseudonym of a tenant's issued results; the number of results.

        Results that were issued for no session are no tenant's.
        """
        column, issued = issued_results.c.subject, session_credentials.c
        elsewhere = select(issued.id).where(issued.tenant_id != tenant)
        ours = and_(column == subject, issued_results.c.id.not_in(elsewhere))
        with storage_errors(self._subject), self._engine.begin() as connection:
            for table, condition, emptied in (
                (
                    session_credentials,
                    issued.id.in_(select(issued_results.c.id).where(column == subject)),
                    "code",
                ),
                (session_results, session_results.c.person == subject, "person"),
            ):  # a code states its pseudonym
                connection.execute(
                    update(table)
                    .where(table.c.tenant_id == tenant, condition)
                    .values({emptied: None})
                )
            changed = connection.execute(
                update(issued_results).where(ours).values(subject=drawn_subject(self._random))
            ).rowcount
            self._forget_unless_named(
                connection,
                Reference(kind="result", text=subject),
                column == subject,
                session_results.c.person == subject,
            )
        return changed

    def _forget_unless_named(
        self, connection: Connection, one: Reference, *which: ColumnElement[bool]
    ) -> None:
        """Have the evidence log forget a pseudonym, unless another tenant's rows have it still."""
        if not any(connection.execute(select(exists().where(rows))).scalar() for rows in which):
            self._log.forget_known_within(connection, one)

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
                (liveness_sessions, ("subject",)),
                (session_credentials, ("subject",)),
                (signature_requests, ("subject",)),
                (subject_requests, ("subject",)),
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
        """Take a number out of the portal's references of dossiers and of items of batches, where it does not belong; how
        many.
        """
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
            dropped += connection.execute(
                update(batch_items)
                .where(
                    batch_items.c.tenant_id == tenant, batch_items.c.reference.like(f"%{number}%")
                )
                .values(reference=_ERASED)
            ).rowcount
        return dropped

    def overwrite(self) -> bool:
        """Overwrite what the database keeps of deleted rows; False where a reader of SQLite's log was in the way."""
        return overwrite_deleted(self._engine, _TABLES, subject=self._subject)


def _decisions_of(connection: Connection, tenant: str, holder: str) -> tuple[str, ...]:
    """Decisions on a holder, but for those that another tenant's sessions rest on."""
    lines = dossier_actions.c
    own = select(persons.c.result_id).where(persons.c.holder == holder)
    return tuple(
        name
        for name in connection.execute(own).scalars()
        if not _NAME.match(name)
        or connection.execute(
            select(lines.file_id)
            .where(
                lines.tenant_id != tenant,
                lines.kind == "Concluded",
                lines.body.like(f'%"{name}"%'),
            )
            .limit(1)
        ).first()
        is None
    )


def overwrite_deleted(engine: Engine, tables: Iterable[str], *, subject: str) -> bool:
    """Empty SQLite's log, or vacuum tables of PostgreSQL; False where a reader of SQLite's log was in the way."""
    with storage_errors(subject), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            raw = connection.connection.driver_connection
            assert raw is not None, "a connection that was just opened"
            busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return busy == 0
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        with unhurried(alone):
            for name in tables:
                alone.exec_driver_sql(f"VACUUM {name}")
    return True


_TABLES: Final = (
    *(one.name for one in (persons, credentials, factors, issued_results)),
    *(one.name for one in (dossiers, verification_sessions, dossier_actions, consents)),
    *(
        one.name
        for one in (session_results, session_credentials, signature_requests, subject_requests)
    ),
    "session_checks",
    "batch_items",
    "person_attempts",
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
