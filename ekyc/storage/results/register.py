"""The register of issued results inside a transaction: places, statuses, and who is told.

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

from ekyc import base64url
from ekyc.errors import InputError
from ekyc.storage.drawn_ids import is_drawn_id
from ekyc.storage.errors import StorageError
from ekyc.storage.evidence.events import Reference, ResultIssued, ResultStatusChanged
from ekyc.storage.evidence.places import auditors_of
from ekyc.storage.tables import issued_results, status_lists
from ekyc.storage.webhooks.outbox import (
    CredentialIssued,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuperseded,
    CredentialSuspended,
    Outbox,
    OutboxEvent,
)
from ekyc.values import NOBODY_IN_PARTICULAR, Owner

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog

DEFAULT_SIZE: Final = 1 << 20
ID_BYTES: Final = 16
BITS: Final = 2
"""Of each place: valid, revoked, suspended, superseded."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_-]{14,64}\Z")
_SERIES: Final = re.compile(r"https://[a-z0-9.-]{1,100}(/[A-Za-z0-9._~/-]{0,60})?\Z")
_SUBJECT_BYTES: Final = 10
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
    owner: Owner
    """Who is told of changes."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterTools:
    """What the register works with, whoever's transaction it is."""

    log: EvidenceLog
    clock: Clock
    random: Random
    subject: str
    """Names the database in errors."""
    size: int = DEFAULT_SIZE
    """Places of lists opened from now on."""


class IssuedResults:
    """The register of issued results inside the caller's transaction.

    Args:
        connection: of the transaction.
        tools: what it works with.
        owner: whose results are issued, and who is told.
    """

    def __init__(self, connection: Connection, tools: RegisterTools, owner: Owner) -> None:
        self._connection = connection
        self._tools = tools
        self._owner = owner

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
        """As :meth:`~ekyc.storage.IssuedResultStore.issue`."""
        for form, value, name in (
            (_SERIES, series, "series"),
            (_NAME, schema, "schema"),
            (_SUBJECT, subject, "subject"),
        ):
            if not form.match(value):
                raise InputError("not of the form that the register keeps", subject=name)
        drawn = self._tools.random.token_bytes(ID_BYTES)
        now = self._tools.clock.now()
        place = self._take_place(series, now)
        made = make(drawn, place, now)
        digest = hashlib.sha256(made.encode()).hexdigest()
        self._connection.execute(
            insert(issued_results).values(
                id=drawn.hex(),
                tenant_id=self._owner.tenant,
                office=self._owner.office,
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
        self._tell(now, self._owner, CredentialIssued(id=drawn.hex(), schema=schema))
        self._tools.log.append(
            self._connection, issued, tenant=auditors_of(self._owner), office=self._owner.office
        )
        if replaces is not None:
            self.change(replaces, ResultStatus.SUPERSEDED, drawn.hex())
        return made

    def change(
        self, result_id: str, status: ResultStatus, successor: str | None = None
    ) -> IssuedResult:
        """As :meth:`~ekyc.storage.IssuedResultStore.set_status`; whoever's result it is is told."""
        known = find_issued(self._connection, result_id)
        if known is None:
            raise InputError("no such result was issued here", code="issued_result.unknown")
        if known.status is status and successor is None:
            return known
        if status not in _FOLLOWS[known.status]:
            raise InputError(
                "a result that was revoked or superseded does not come back",
                code="issued_result.final",
            )
        at = self._tools.clock.now()
        changed = self._connection.execute(
            update(issued_results)
            .where(issued_results.c.id == result_id, issued_results.c.status == int(known.status))
            .values(status=int(status), changed_at=at, successor=successor)
        )
        now = find_issued(self._connection, result_id)
        if changed.rowcount != 1 or now is None:
            raise InputError("changed by another at the same time", code="issued_result.final")
        told = ResultStatusChanged(
            credential=result_id, status=status.name.lower(), successor=successor
        )
        self._tell(at, known.owner, _event(now))
        auditors = auditors_of(self._owner)
        if auditors is None and known.owner != NOBODY_IN_PARTICULAR:
            auditors = known.owner.tenant  # the operator changes what is a tenant's
        self._tools.log.append(self._connection, told, tenant=auditors, office=known.owner.office)
        return now

    def _tell(self, at: datetime, owner: Owner, event: OutboxEvent) -> None:
        outbox = Outbox(self._connection, now=at, random=self._tools.random, tenant=owner.tenant)
        outbox.put(event, office=owner.office)

    def _take_place(self, series: str, now: datetime) -> Place:
        """A free place of the open list, which this takes the lock of."""
        uri, size = self._open_list(series, now)
        for _ in range(_DRAWS):
            index = self._below(size)
            used = select(issued_results.c.id).where(
                issued_results.c.list == uri, issued_results.c.place == index
            )
            if self._connection.execute(used).first() is None:
                return Place(uri=uri, index=index)
        raise StorageError(
            "no free place was drawn: the source of randomness repeats itself",
            code="storage.serial_repeated",
            subject=self._tools.subject,
        )

    def _open_list(self, series: str, now: datetime) -> tuple[str, int]:
        mine = status_lists.c.series == series
        taken = self._connection.execute(
            update(status_lists)
            .where(mine, status_lists.c.taken * 4 < status_lists.c.size * 3)
            .values(taken=status_lists.c.taken + 1)
            .returning(status_lists.c.uri, status_lists.c.size)
        ).first()
        if taken is not None:
            return taken.uri, taken.size
        count = len(self._connection.execute(select(status_lists.c.uri).where(mine)).all())
        uri, size = f"{series}/{count + 1}", self._tools.size
        self._connection.execute(
            insert(status_lists).values(
                uri=uri, series=series, bits=BITS, size=size, taken=1, opened_at=now
            )
        )
        return uri, size

    def _below(self, size: int) -> int:
        """A whole number below ``size``, each as likely as any other."""
        width = (size - 1).bit_length()
        while True:
            drawn = int.from_bytes(self._tools.random.token_bytes(4)) & (1 << width) - 1
            if drawn < size:
                return drawn


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


def drawn_subject(random: Random) -> str:
    """What takes the place of the pseudonym of somebody who was erased."""
    return base64url.encode(random.token_bytes(_SUBJECT_BYTES))


def find_issued(connection: Connection, result_id: str) -> IssuedResult | None:
    """What is known of a result; ``None``: it was not issued here."""
    if not is_drawn_id(result_id):
        return None
    row: Any = connection.execute(
        select(issued_results).where(issued_results.c.id == result_id)
    ).one_or_none()
    if row is None:
        return None
    return IssuedResult(
        id=row.id,
        owner=Owner(tenant=row.tenant_id, office=row.office),
        schema=row.schema,
        subject=row.subject,
        place=Place(uri=row.list, index=row.place),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        status=ResultStatus(row.status),
        changed_at=row.changed_at,
        successor=row.successor,
    )
