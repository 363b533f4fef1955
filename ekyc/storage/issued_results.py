"""Results that were issued, and whether they still stand.

A result is made inside the transaction that records it and takes its place in a status list, and leaves it only after
the commit: none exists that cannot be taken back. Its place is drawn at random among the free ones, so that neither the
order nor the number of issues shows in it; a list that is three quarters full is closed and another opened.

Pseudonyms, digests, places and times; no field of a result is kept here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from ekyc.errors import InputError
from ekyc.storage.engine import reading
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.evidence_events import Reference, ResultIssued, ResultStatusChanged
from ekyc.storage.outbox import (
    CredentialIssued,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuperseded,
    CredentialSuspended,
    Outbox,
    OutboxEvent,
)
from ekyc.storage.tables import issued_results, status_lists

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence_log import EvidenceLog

DEFAULT_SIZE: Final = 1 << 20
ID_BYTES: Final = 16
BITS: Final = 2
"""Of each place: valid, revoked, suspended, superseded."""
_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_-]{14,64}\Z")
_SERIES: Final = re.compile(r"https://[a-z0-9.-]{1,100}(/[A-Za-z0-9._~/-]{0,60})?\Z")
_DRAWS: Final = 64
"""At three quarters full, one in a hundred million issues would need more."""


class ResultStatus(IntEnum):
    """What became of a result. Numbers as in a status list."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    SUPERSEDED = 3


_FOLLOWS: Final = {
    ResultStatus.VALID: frozenset(
        {ResultStatus.REVOKED, ResultStatus.SUSPENDED, ResultStatus.SUPERSEDED}
    ),
    ResultStatus.SUSPENDED: frozenset(
        {ResultStatus.VALID, ResultStatus.REVOKED, ResultStatus.SUPERSEDED}
    ),
    ResultStatus.REVOKED: frozenset[ResultStatus](),
    ResultStatus.SUPERSEDED: frozenset({ResultStatus.REVOKED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the status of a result is told."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedResult:
    """What is known of one result."""

    id: str
    """32 hexadecimal digits."""
    schema: str
    subject: str
    place: Place
    issued_at: datetime
    expires_at: datetime
    status: ResultStatus
    changed_at: datetime | None
    successor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """All that a status list is made of."""

    uri: str
    size: int
    bits: int
    at: datetime
    """When it was read."""
    statuses: tuple[tuple[int, int], ...]
    """Place and status of each that is not valid."""


class IssuedResultStore:
    """The register of issued results. Safe across threads and processes. ``size``: places of lists opened from now on."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        clock: Clock,
        random: Random,
        subject: str,
        size: int = DEFAULT_SIZE,
    ) -> None:
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._clock = clock
        self._random = random
        self._subject = subject
        self._size = size

    def issue(
        self,
        make: Callable[[bytes, Place, datetime], str],
        *,
        series: str,
        schema: str,
        subject: str,
        life: timedelta,
        replaces: str | None = None,
    ) -> str:
        """Draw an id and a place, have the result made, and record all three before it leaves.

        Args:
            make: signs the result of this id, place and time of issue, and returns it. Nothing is recorded if it
                raises.
            series: address below which status lists are numbered, such as ``https://ketqua.example.gov.vn/tt``.
            schema: which kind of result.
            subject: pseudonym of the person, base64url.
            life: how long it is good for.
            replaces: id of a result that it takes the place of; that one is superseded in the same transaction.

        Raises:
            InputError: a name is not of its form, or ``issued_result.unknown``, ``issued_result.final``: the one to replace.
            StorageError, BusyError: it could not be recorded; then it was not issued.
        """
        for form, value, name in (
            (_SERIES, series, "series"),
            (_NAME, schema, "schema"),
            (_SUBJECT, subject, "subject"),
        ):
            if not form.match(value):
                raise InputError("not of the form that the register keeps", subject=name)
        drawn = self._random.token_bytes(ID_BYTES)
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            place = self._take_place(connection, series, now)
            made = make(drawn, place, now)
            digest = hashlib.sha256(made.encode()).hexdigest()
            connection.execute(
                insert(issued_results).values(
                    id=drawn.hex(),
                    schema=schema,
                    subject=subject,
                    list=place.uri,
                    place=place.index,
                    digest=digest,
                    issued_at=now,
                    expires_at=now + life,
                    status=int(ResultStatus.VALID),
                )
            )
            issued = ResultIssued(
                credential=drawn.hex(),
                schema=schema,
                digest=digest,
                subject=Reference(kind="result", text=subject),
            )
            outbox = Outbox(connection, now=now, random=self._random)
            outbox.put(CredentialIssued(id=drawn.hex(), schema=schema))
            self._log.append(connection, issued)
            if replaces is not None:
                self._change(connection, replaces, ResultStatus.SUPERSEDED, drawn.hex())
        return made

    def get(self, result_id: str) -> IssuedResult | None:
        """What is known of a result; ``None``: it was not issued here."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return _get(connection, result_id)

    def set_status(self, result_id: str, status: ResultStatus) -> IssuedResult:
        """Revoke, suspend or reinstate a result. What it is already, it stays.

        Raises:
            InputError: ``issued_result.unknown``; ``issued_result.final``: revoked or superseded results do not come back.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return self._change(connection, result_id, status, None)

    def lists(self, series: str) -> tuple[str, ...]:
        """Addresses of the status lists of a series, oldest first."""
        query = (
            select(status_lists.c.uri)
            .where(status_lists.c.series == series)
            .order_by(status_lists.c.opened_at, status_lists.c.uri)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(connection.execute(query).scalars())

    def list_state(self, uri: str) -> ListState:
        """What a status list is made of, now.

        Raises:
            InputError: ``issued_result.list_unknown``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            head = connection.execute(
                select(status_lists).where(status_lists.c.uri == uri)
            ).one_or_none()
            if head is None:
                raise InputError("there is no such status list", code="issued_result.list_unknown")
            rows = connection.execute(
                select(issued_results.c.place, issued_results.c.status)
                .where(issued_results.c.list == uri, issued_results.c.status != 0)
                .order_by(issued_results.c.place)
            )
            # Read inside the transaction: a list that claims a later time than its content would outrank a truer one.
            return ListState(
                uri=uri,
                size=head.size,
                bits=head.bits,
                at=self._clock.now(),
                statuses=tuple((row.place, row.status) for row in rows),
            )

    def _take_place(self, connection: Connection, series: str, now: datetime) -> Place:
        """A free place of the open list, which this takes the lock of."""
        uri, size = self._open_list(connection, series, now)
        for _ in range(_DRAWS):
            index = self._below(size)
            used = select(issued_results.c.id).where(
                issued_results.c.list == uri, issued_results.c.place == index
            )
            if connection.execute(used).first() is None:
                return Place(uri=uri, index=index)
        raise StorageError(
            "no free place was drawn: the source of randomness repeats itself",
            code="storage.serial_repeated",
            subject=self._subject,
        )

    def _open_list(self, connection: Connection, series: str, now: datetime) -> tuple[str, int]:
        mine = status_lists.c.series == series
        taken = connection.execute(
            update(status_lists)
            .where(mine, status_lists.c.taken * 4 < status_lists.c.size * 3)
            .values(taken=status_lists.c.taken + 1)
            .returning(status_lists.c.uri, status_lists.c.size)
        ).first()
        if taken is not None:
            return taken.uri, taken.size
        count = len(connection.execute(select(status_lists.c.uri).where(mine)).all())
        uri = f"{series}/{count + 1}"
        connection.execute(
            insert(status_lists).values(
                uri=uri, series=series, bits=BITS, size=self._size, taken=1, opened_at=now
            )
        )
        return uri, self._size

    def _below(self, size: int) -> int:
        """A whole number below ``size``, each as likely as any other."""
        width = (size - 1).bit_length()
        while True:
            drawn = int.from_bytes(self._random.token_bytes(4)) & (1 << width) - 1
            if drawn < size:
                return drawn

    def _change(
        self, connection: Connection, result_id: str, status: ResultStatus, successor: str | None
    ) -> IssuedResult:
        known = _get(connection, result_id)
        if known is None:
            raise InputError("no such result was issued here", code="issued_result.unknown")
        if known.status is status and successor is None:
            return known
        if status not in _FOLLOWS[known.status]:
            raise InputError(
                "a result that was revoked or superseded does not come back",
                code="issued_result.final",
            )
        changed = connection.execute(
            update(issued_results)
            .where(issued_results.c.id == result_id, issued_results.c.status == int(known.status))
            .values(status=int(status), changed_at=self._clock.now(), successor=successor)
        )
        now = _get(connection, result_id)
        if changed.rowcount != 1 or now is None:
            raise InputError("changed by another at the same time", code="issued_result.final")
        told = ResultStatusChanged(
            credential=result_id, status=status.name.lower(), successor=successor
        )
        outbox = Outbox(connection, now=now.changed_at or self._clock.now(), random=self._random)
        outbox.put(_event(now))
        self._log.append(connection, told)
        return now


def _event(result: IssuedResult) -> OutboxEvent:
    """What others are told of a change."""
    match result.status:
        case ResultStatus.VALID:
            return CredentialReinstated(id=result.id)
        case ResultStatus.REVOKED:
            return CredentialRevoked(id=result.id)
        case ResultStatus.SUSPENDED:
            return CredentialSuspended(id=result.id)
        case ResultStatus.SUPERSEDED:
            return CredentialSuperseded(id=result.id, successor=result.successor or "")


def _get(connection: Connection, result_id: str) -> IssuedResult | None:
    if not _ID.match(result_id):
        return None
    row: Any = connection.execute(
        select(issued_results).where(issued_results.c.id == result_id)
    ).one_or_none()
    if row is None:
        return None
    return IssuedResult(
        id=row.id,
        schema=row.schema,
        subject=row.subject,
        place=Place(uri=row.list, index=row.place),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        status=ResultStatus(row.status),
        changed_at=row.changed_at,
        successor=row.successor,
    )
