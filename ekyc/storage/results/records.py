"""Records of decisions: that one was made, on what and why. Digests, codes and a verdict; no personal data.

A decision that may activate a key is recorded together with its person (:mod:`ekyc.storage.persons`), or not at all. One that
an officer has to approve yet gets its person in the transaction of the approval.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, select

from ekyc.errors import InputError, LimitError
from ekyc.policy import Verdict
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import DecisionRecorded, Reference
from ekyc.storage.evidence.places import auditors_of
from ekyc.storage.persons import Person
from ekyc.storage.tables import persons, results
from ekyc.storage.webhooks.outbox import Outbox, VerificationDecided
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Sha256Hex

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
_PROFILE = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_MAX_REASONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """One decision as recorded."""

    id: str
    created_at: datetime
    case_digest: Sha256Hex
    """SHA-256 over what was submitted."""
    profile: str
    verdict: Verdict
    reasons: tuple[str, ...]
    report_digest: Sha256Hex
    """SHA-256 of the report as written."""


class ResultStore:
    """Appends and reads records of decisions. Records are never changed."""

    def __init__(
        self, engine: Engine, *, log: EvidenceLog, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._clock = clock
        self._random = random
        self._subject = subject

    def record(
        self,
        *,
        case_digest: Sha256Hex,
        profile: str,
        verdict: Verdict,
        reasons: tuple[str, ...],
        report_digest: Sha256Hex,
        person: Person | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
    ) -> StoredResult:
        """Append a record. The forms of all values are checked, so that nothing personal can slip in.

        Args:
            case_digest: SHA-256 over what was submitted.
            profile: that it was decided by.
            verdict: the decision.
            reasons: its codes.
            report_digest: SHA-256 of the report as written.
            person: whose decision it is, written in the same transaction; only for *accept*.
            owner: whose endpoints are told.

        Raises:
            InputError: a digest, profile id or reason code is not of its form; ``persons.not_accepted``.
            StorageError, BusyError: it could not be stored.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return self.record_within(
                connection,
                case_digest=case_digest,
                profile=profile,
                verdict=verdict,
                reasons=reasons,
                report_digest=report_digest,
                person=person,
                owner=owner,
            )

    def record_within(
        self,
        connection: Connection,
        *,
        case_digest: Sha256Hex,
        profile: str,
        verdict: Verdict,
        reasons: tuple[str, ...],
        report_digest: Sha256Hex,
        owner: Owner,
        person: Person | None = None,
    ) -> StoredResult:
        """As :meth:`record`, in the caller's transaction."""
        stored = self._made(case_digest, profile, verdict, reasons, report_digest)
        if person is not None and verdict is not Verdict.ACCEPT:
            raise InputError("only accept is bound to a person", code="persons.not_accepted")
        if person is not None:
            self._bind(connection, stored.id, person, stored.created_at)
        self._write(connection, stored, person, owner)
        return stored

    def bind_within(
        self, connection: Connection, case_digest: str, report_digest: str, person: Person
    ) -> None:
        """As :meth:`DecisionRecords.bind`, in the caller's transaction."""
        columns = results.c
        accepted = select(columns.id).where(
            columns.case_digest == case_digest,
            columns.report_digest == report_digest,
            columns.verdict == Verdict.ACCEPT.value,
            ~exists().where(persons.c.result_id == columns.id),
        )
        newest = accepted.order_by(columns.created_at.desc(), columns.id).limit(1)
        found = connection.execute(newest).scalar_one_or_none()
        if found is not None:
            self._bind(connection, found, person, self._clock.now())

    def _bind(self, connection: Connection, result_id: str, person: Person, now: datetime) -> None:
        whose = {"holder": person.holder, "session": person.session}
        connection.execute(insert(persons).values(result_id=result_id, **whose, bound_at=now))

    def _made(
        self,
        case_digest: Sha256Hex,
        profile: str,
        verdict: Verdict,
        reasons: tuple[str, ...],
        report_digest: Sha256Hex,
    ) -> StoredResult:
        for name, digest in (("case_digest", case_digest), ("report_digest", report_digest)):
            if not _DIGEST.match(digest):
                raise InputError("not a SHA-256 in lower-case hexadecimal", subject=name)
        if not _PROFILE.match(profile):
            raise InputError("not a profile id", subject="profile")
        if len(reasons) > _MAX_REASONS:
            raise LimitError(f"more than {_MAX_REASONS} reasons", subject="reasons")
        if not all(_CODE.match(code) for code in reasons):
            raise InputError("not a reason code", subject="reasons")
        return StoredResult(
            id=self._random.token_bytes(16).hex(),
            created_at=self._clock.now(),
            case_digest=case_digest,
            profile=profile,
            verdict=verdict,
            reasons=reasons,
            report_digest=report_digest,
        )

    def _write(
        self, connection: Connection, stored: StoredResult, person: Person | None, owner: Owner
    ) -> None:
        connection.execute(
            insert(results).values(
                id=stored.id,
                created_at=stored.created_at,
                case_digest=stored.case_digest,
                profile=stored.profile,
                verdict=stored.verdict.value,
                reasons=json.dumps(stored.reasons),
                report_digest=stored.report_digest,
            )
        )
        outbox = Outbox(connection, now=stored.created_at, random=self._random, tenant=owner.tenant)
        outbox.put(
            VerificationDecided(id=stored.id, profile=stored.profile, verdict=stored.verdict.value),
            office=owner.office,
        )
        self._log.append(
            connection, _event(stored, person), tenant=auditors_of(owner), office=owner.office
        )

    def get(self, result_id: str) -> StoredResult | None:
        """The record with this id, if there is one."""
        query = select(results).where(results.c.id == result_id)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _from_row(row)

    def recent(self, limit: int = 50) -> tuple[StoredResult, ...]:
        """The newest records, newest first; ``limit`` from 1 to 1000."""
        if not 1 <= limit <= 1000:
            raise LimitError("a page has 1 to 1000 records", subject="limit")
        query = select(results).order_by(results.c.created_at.desc(), results.c.id).limit(limit)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_from_row(row) for row in connection.execute(query))


class DecisionRecords:
    """Records of decisions, in the transaction of what they decide."""

    def __init__(self, connection: Connection, results: ResultStore) -> None:
        self._connection = connection
        self._results = results

    def add(
        self,
        *,
        case_digest: Sha256Hex,
        profile: str,
        verdict: Verdict,
        reasons: tuple[str, ...],
        report_digest: Sha256Hex,
        person: Person | None,
        owner: Owner,
    ) -> StoredResult:
        """As :meth:`ResultStore.record`."""
        return self._results.record_within(
            self._connection,
            case_digest=case_digest,
            profile=profile,
            verdict=verdict,
            reasons=reasons,
            report_digest=report_digest,
            person=person,
            owner=owner,
        )

    def bind(self, *, case_digest: str, report_digest: str, person: Person) -> None:
        """Say whose the latest accept with this report is, which was put on record while it was still to be approved. Where
        there is none, nobody may sign.
        """
        self._results.bind_within(self._connection, case_digest, report_digest, person)


def _event(stored: StoredResult, person: Person | None) -> DecisionRecorded:
    return DecisionRecorded(
        result=stored.id,
        case=stored.case_digest,
        report=stored.report_digest,
        profile=stored.profile,
        verdict=stored.verdict.value,
        reasons=stored.reasons,
        subject=None if person is None else Reference(kind="holder", text=person.holder),
    )


def _from_row(row: Row[tuple[object, ...]]) -> StoredResult:
    return StoredResult(
        id=row.id,
        created_at=row.created_at,
        case_digest=row.case_digest,
        profile=row.profile,
        verdict=Verdict(row.verdict),
        reasons=tuple(json.loads(row.reasons)),
        report_digest=row.report_digest,
    )
