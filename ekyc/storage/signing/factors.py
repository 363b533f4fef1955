"""Second factors of people: authenticators and generators of one-time codes, each enrolled on the strength of one decision.

Secrets lie sealed. An attempt is judged inside the transaction that counts it, on a row that nobody else holds, so that
a code is good once and wrong codes are counted, whoever asks at the same moment.

Five wrong codes in a row lock a factor for a quarter of an hour; a hundred, for good (NIST SP 800-63B §5.2.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import and_, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from ekyc.errors import InputError, TrustError
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import FactorEnded, FactorEnrolled, Reference, drawn
from ekyc.storage.tables import factors

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.service_key import ServiceKey

FAILURES_UNTIL_LOCK: Final = 5
FAILURES_UNTIL_END: Final = 100
LOCK: Final = timedelta(minutes=15)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_MAX_BODY: Final = 4096
_OFFERED: Final = factors.c.confirmed_at.is_(None)
_LOCK: Final = int.from_bytes(b"fact")
"""First half of the PostgreSQL advisory locks under which a person's factors are confirmed."""


class FactorKind(StrEnum):
    """What a person has."""

    WEBAUTHN = "webauthn"
    """An authenticator. Its counter is that of its signatures."""
    TOTP = "totp"
    """A generator of one-time codes. Its counter is the last time step used."""


class FactorError(TrustError):
    """A second factor that does not authorise.

    Codes: ``factor.wrong_code``, ``factor.replayed``, ``factor.locked``, ``factor.blocked``, ``factor.unknown``,
    ``factor.assertion``, ``factor.standing``.
    """

    default_code: ClassVar[str] = "factor.wrong_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFactor:
    """A factor as recorded."""

    id: str
    holder: str
    """SHA-256 (hex) pseudonym."""
    kind: FactorKind
    decision: str
    """Record of the decision on which it was enrolled."""
    body: bytes = field(repr=False)
    """What it is checked by: a public key, or a secret."""
    counter: int
    confirmed_at: datetime | None
    """``None`` while the person has not yet shown that they have it."""


Judge = Callable[[StoredFactor], int | None]
"""The factor's new counter if the answer is right, else ``None``. May raise :class:`FactorError`; then it counts as wrong."""


class FactorStore:
    """The second factors of this installation. Safe across threads and processes."""

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
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._sealer = key.sealer("factors", random)
        self._clock = clock
        self._random = random
        self._subject = subject

    def enrol(
        self,
        *,
        holder: str,
        kind: FactorKind,
        decision: str,
        body: bytes,
        counter: int,
        beside: frozenset[str],
        offered: bool = False,
    ) -> StoredFactor:
        """Record a factor. One decision enrols one factor.

        It is recorded only beside those that stood when it was agreed to: of two that are recorded at once for somebody who
        has none, one stands, and nothing is offered that was agreed to before another stood. All that were offered to this
        person and not confirmed end with one that is confirmed.

        Args:
            holder: SHA-256 (hex) pseudonym of the person.
            kind: what it is.
            decision: on whose strength.
            body: what it is checked by, at most 4 KiB.
            counter: where it stands.
            beside: what the person had when it was agreed to.
            offered: the person has not yet shown that they have it.

        Raises:
            InputError: ``factor.decision_used``, or a value is not of its form.
            FactorError: ``factor.standing``: others stand than they should.
            StorageError, BusyError: it could not be stored.
        """
        if not _DIGEST.match(holder) or not _NAME.match(decision) or len(body) > _MAX_BODY:
            raise InputError("not of the form that is kept", subject="factor")
        factor_id = self._random.token_bytes(16).hex()
        now = self._clock.now()
        row = {
            "id": factor_id,
            "holder": holder,
            "kind": kind.value,
            "decision": decision,
            "body": self._sealer.seal(body, _place(factor_id)),
            "counter": counter,
            "failures": 0,
            "created_at": now,
            "confirmed_at": None if offered else now,
        }
        made = StoredFactor(
            id=factor_id,
            holder=holder,
            kind=kind,
            decision=decision,
            body=body,
            counter=counter,
            confirmed_at=None if offered else now,
        )
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    _one_at_a_time(connection, holder)
                    _require_beside(connection, holder, beside)
                    if not offered:
                        self._end(connection, (factors.c.holder == holder) & _OFFERED, now)
                    connection.execute(insert(factors).values(**row))
                    if not offered:
                        self._log.append(connection, _enrolled(made))
            except IntegrityError as exc:
                raise InputError(
                    "the decision has enrolled a factor already", code="factor.decision_used"
                ) from exc
        return made

    def of_holder(self, holder: str) -> tuple[StoredFactor, ...]:
        """A person's confirmed factors that have not ended, the oldest first."""
        query = select(factors).where(
            factors.c.holder == holder,
            factors.c.confirmed_at.is_not(None),
            factors.c.ended_at.is_(None),
        )
        query = query.order_by(factors.c.created_at, factors.c.id)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(self._opened(row) for row in connection.execute(query))

    def find(self, factor_id: str) -> StoredFactor | None:
        """A factor that has not ended."""
        query = select(factors).where(factors.c.id == factor_id, factors.c.ended_at.is_(None))
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else self._opened(row)

    def attempt(self, factor_id: str, judge: Judge, *, confirms: bool = False) -> None:
        """Judge an answer and count it. What is counted is on disk before this returns or raises.

        Args:
            factor_id: which factor is tried.
            judge: what the answer is worth.
            confirms: whether a right answer confirms a factor that is not confirmed yet; without, such a one is
                unknown. With it all others of this person and kind end, and all that were offered to them: of two
                that are confirmed at once one stands.

        Raises:
            FactorError: ``factor.unknown``, ``.locked``, ``.blocked``, or the judge's word.
            StorageError, BusyError: the database failed; the answer is not to be taken as right.
        """
        refusal: FactorError | None = None
        with storage_errors(self._subject), self._engine.begin() as connection:
            if confirms:
                _one_at_a_time(connection, _holder_of(connection, factor_id))
            factor, failures, locked_until = self._held(connection, factor_id)
            now = self._clock.now()
            if (factor.confirmed_at is None) is not confirms:
                raise FactorError("no such factor", code="factor.unknown")
            if failures >= FAILURES_UNTIL_END:
                raise FactorError("too many wrong answers, for good", code="factor.blocked")
            if locked_until is not None and now < locked_until:
                raise FactorError("too many wrong answers; try later", code="factor.locked")
            counter: int | None = None
            try:
                counter = judge(factor)
            except FactorError as error:
                refusal = error
            if counter is None:
                refusal = refusal or FactorError("the code is wrong")
                _count_failure(connection, factor_id, failures + 1, now)
            else:
                values: dict[str, Any] = {"failures": 0, "locked_until": None, "counter": counter}
                if confirms:
                    values["confirmed_at"] = now
                connection.execute(
                    update(factors).where(factors.c.id == factor_id).values(**values)
                )
                if confirms:
                    self._end(connection, _replaced_by(factor), now)
                    self._log.append(connection, _enrolled(factor))
        if refusal is not None:
            raise refusal

    def has_enrolled(self, decision: str) -> bool:
        """Whether a factor was offered on the strength of a decision, whatever has become of it."""
        query = select(factors.c.id).where(factors.c.decision == decision)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return connection.execute(query).first() is not None

    def advance(self, factor_id: str, counter: int) -> None:
        """Move a counter forward; never back."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(
                update(factors)
                .where(factors.c.id == factor_id, factors.c.counter < counter)
                .values(counter=counter)
            )

    def end(self, factor_id: str) -> None:
        """Take a factor out of use, for good, and erase what it was checked by. Twice is once."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            self._end(connection, factors.c.id == factor_id, self._clock.now())

    def end_of(self, holder: str) -> int:
        """Take all that a person has out of use, as :meth:`end` does, and all that was offered to them; how many stood.

        Raises:
            InputError: not of the form of a pseudonym.
            StorageError, BusyError: the database failed; then none has ended.
        """
        if not _DIGEST.match(holder):
            raise InputError("64 hexadecimal digits in lower case", subject="holder")
        with storage_errors(self._subject), self._engine.begin() as connection:
            _one_at_a_time(connection, holder)
            return self._end(connection, factors.c.holder == holder, self._clock.now())

    def _end(self, connection: Connection, which: ColumnElement[bool], now: datetime) -> int:
        """End what stands or was offered; how many stood, and the log hears of those."""
        ended = connection.execute(
            update(factors)
            .where(which, factors.c.ended_at.is_(None))
            .values(ended_at=now, body=b"")
            .returning(factors.c.id, factors.c.confirmed_at)
        )
        stood = sorted(row.id for row in ended if row.confirmed_at is not None)
        for factor_id in stood:
            self._log.append(connection, FactorEnded(factor=factor_id))
        return len(stood)

    def _held(
        self, connection: Connection, factor_id: str
    ) -> tuple[StoredFactor, int, datetime | None]:
        """A factor that stands, its failures and its lock; its row is locked until the transaction ends."""
        query = select(factors).where(factors.c.id == factor_id, factors.c.ended_at.is_(None))
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise FactorError("no such factor", code="factor.unknown")
        return self._opened(row), row.failures, row.locked_until

    def _opened(self, row: Any) -> StoredFactor:
        return StoredFactor(
            id=row.id,
            holder=row.holder,
            kind=FactorKind(row.kind),
            decision=row.decision,
            body=self._sealer.open(row.body, _place(row.id)),
            counter=row.counter,
            confirmed_at=row.confirmed_at,
        )


def _one_at_a_time(connection: Connection, holder: str) -> None:
    """Factors of one person are confirmed one after the other; SQLite's transactions are anyway."""
    if connection.dialect.name == "postgresql":
        own = int.from_bytes(bytes.fromhex(holder)[:4], signed=True)
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:what, :whose)"), {"what": _LOCK, "whose": own}
        )


def _holder_of(connection: Connection, factor_id: str) -> str:
    holder = connection.execute(
        select(factors.c.holder).where(factors.c.id == factor_id)
    ).scalar_one_or_none()
    if holder is None:
        raise FactorError("no such factor", code="factor.unknown")
    return str(holder)


def _require_beside(connection: Connection, holder: str, beside: frozenset[str]) -> None:
    standing = select(factors.c.id).where(
        factors.c.holder == holder,
        factors.c.confirmed_at.is_not(None),
        factors.c.ended_at.is_(None),
    )
    if set(connection.execute(standing).scalars()) != beside:
        raise FactorError("others stand than when it was agreed to", code="factor.standing")


def _replaced_by(factor: StoredFactor) -> ColumnElement[bool]:
    """Whatever ends when this one is confirmed: others of its kind, and all that were offered."""
    return and_(
        factors.c.holder == factor.holder,
        factors.c.id != factor.id,
        or_(factors.c.kind == factor.kind.value, _OFFERED),
    )


def _enrolled(factor: StoredFactor) -> FactorEnrolled:
    return FactorEnrolled(
        factor=factor.id,
        method=factor.kind.value,
        decision=drawn("evidence", factor.decision),
        subject=Reference(kind="holder", text=factor.holder),
    )


def _count_failure(connection: Connection, factor_id: str, failures: int, now: datetime) -> None:
    locks = failures % FAILURES_UNTIL_LOCK == 0
    connection.execute(
        update(factors)
        .where(factors.c.id == factor_id)
        .values(failures=failures, locked_until=now + LOCK if locks else None)
    )


def _place(factor_id: str) -> str:
    return f"factors/{factor_id}/body"
