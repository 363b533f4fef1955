"""Whose entries of the evidence log are: what auditors of a tenant or office may read, and what of it speaks of whom.

The log is one chain for all tenants. An entry that is not theirs is shown to auditors as a leaf hash and nothing else, by
which they still compute every root (``docs/audit.md``). An entry stays with the office that had the matter when it was
written, whoever has the matter today: auditors of an office see what was done there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select

from ekyc.errors import LimitError
from ekyc.storage.access.tables import tenants
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.merkle import HASH_BYTES
from ekyc.storage.evidence.tables import evidence_entries, evidence_places
from ekyc.values import NOBODY_IN_PARTICULAR, Owner

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable, Insert

    from ekyc.storage.evidence.forms import Event
    from ekyc.storage.evidence.log import EvidenceLog

MOST_ENTRIES: Final = 200
"""Of one page."""
_FILES: Final = ("file", "session", "request", "protection")
"""Facts that name the file which an entry speaks of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """An entry as somebody may see it."""

    number: int
    leaf: bytes
    event: bytes | None
    """Canonical JSON, as it was hashed; ``None``: it is not theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesOf:
    """Which entries."""

    tenant: str
    after: int = -1
    """Number of the last one that the caller has."""
    offices: frozenset[str] | None = None
    """Entries of these offices alone may be read; ``None``: all of the tenant."""
    limit: int = 50
    kind: str | None = None
    """Entries of this kind only; then nothing but what may be read."""
    actor: str | None = None
    """Pseudonym of whoever acted."""
    file: str | None = None
    """Id of the session or request that they speak of."""
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ENTRIES:
            raise LimitError(f"a page has 1 to {MOST_ENTRIES} entries", subject="limit")

    @property
    def is_filtered(self) -> bool:
        """Whether only some of those that may be read are wanted."""
        wanted = (self.kind, self.actor, self.file, self.since, self.until)
        return any(one is not None for one in wanted)


def place_row(number: int, tenant: str, office: str | None, event: bytes) -> Insert:
    """The row that says whose an entry is."""
    content = json.loads(event)
    facts: dict[str, str] = content["facts"]
    file = next((facts[name] for name in _FILES if name in facts), None)
    return insert(evidence_places).values(
        number=number,
        tenant_id=tenant,
        office=office,
        kind=content["kind"],
        file=file,
        actor=facts.get("actor"),
        at=datetime.fromisoformat(content["at"]),
    )


def auditors_of(owner: Owner) -> str | None:
    """The tenant whose auditors may read what was done for ``owner``; ``None``: it was ordered for nobody in particular, as
    on the command line, and is the operator's alone.
    """
    return None if owner is NOBODY_IN_PARTICULAR else owner.tenant


class TenantEvidence:
    """Writes entries of one tenant within a transaction; last, since others wait for its end."""

    def __init__(self, connection: Connection, tenant: str, log: EvidenceLog) -> None:
        self._connection = connection
        self._tenant = tenant
        self._log = log

    def append(self, event: Event, *, office: str | None) -> int:
        """Write an entry; its number, if the transaction commits.

        Args:
            event: what happened.
            office: that had the matter; ``None``: the whole tenant's.

        Raises:
            InputError: ``audit.event_form``.
        """
        return self._log.append(self._connection, event, tenant=self._tenant, office=office)


class EvidenceReader:
    """Entries of the log as auditors of one tenant, or of some of its offices, see them. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, subject: str) -> None:
        self._reading = reading(engine)
        self._subject = subject

    def page(self, wanted: EntriesOf) -> tuple[ShownEntry, ...]:
        """Entries in the order of the log."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            alone = wanted.offices is None and self._is_alone(connection, wanted.tenant)
            rows = connection.execute(_query(wanted)).all()
        return tuple(_shown(row, wanted, alone=alone) for row in rows)

    def may_read(self, tenant: str, number: int, *, offices: frozenset[str] | None) -> bool:
        """Whether an entry is one that auditors of a tenant, or of these offices of it, may read."""
        places = evidence_places.c
        query = select(places.tenant_id, places.office).where(places.number == number)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return offices is None and self._is_alone(connection, tenant)
            return _is_own(row, tenant, offices)

    @staticmethod
    def _is_alone(connection: Connection, tenant: str) -> bool:
        """Whether there never was another tenant: then what belongs to none is this one's."""
        others = (
            select(func.count()).select_from(table).where(column != tenant)
            for table, column in (
                (tenants, tenants.c.id),
                (evidence_places, evidence_places.c.tenant_id),
            )
        )
        return not any(connection.execute(query).scalar_one() for query in others)


def _query(wanted: EntriesOf) -> Executable:
    entries, places = evidence_entries.c, evidence_places.c
    query = (
        select(entries.number, entries.nodes, entries.event, places.tenant_id, places.office)
        .select_from(evidence_entries.outerjoin(evidence_places, places.number == entries.number))
        .where(entries.number > wanted.after)
    )
    for name in ("kind", "actor", "file"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(places[name] == value)
    if wanted.since is not None:
        query = query.where(places.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(places.at < wanted.until)
    if wanted.is_filtered:
        query = query.where(places.tenant_id == wanted.tenant)
        if wanted.offices is not None:
            query = query.where(places.office.in_(sorted(wanted.offices)))
    return query.order_by(entries.number).limit(wanted.limit)


def _is_own(row: Any, tenant: str, offices: frozenset[str] | None) -> bool:
    return row.tenant_id == tenant and (offices is None or row.office in offices)


def _shown(row: Any, wanted: EntriesOf, *, alone: bool) -> ShownEntry:
    own = _is_own(row, wanted.tenant, wanted.offices) or (row.tenant_id is None and alone)
    return ShownEntry(
        number=row.number,
        leaf=bytes(row.nodes)[:HASH_BYTES],
        event=row.event.encode() if own else None,
    )
