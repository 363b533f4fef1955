"""Batches: what was handed in, how far each item is, and what came of it.

An item moves once: from *waiting* to *done*, *failed* or *canceled*, in the transaction that writes its result, its record
and what others are told. Whoever works on an item that has moved meanwhile has worked for nothing, and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, update

from ekyc.errors import InputError
from ekyc.storage.dossiers.rows import PageOf, page_query
from ekyc.storage.sealed.tables import artefacts
from ekyc.storage.webhooks.outbox import BatchMoved, Outbox
from ekyc.storage.work.batch_tables import batch_cases, batch_items, batches

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


class BatchState(StrEnum):
    """How far a batch is."""

    RUNNING = "running"
    DONE = "done"
    CANCELED = "canceled"


class ItemState(StrEnum):
    """How far an item is."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCase:
    """A case that was uploaded for a batch, sealed."""

    id: str
    office: str | None
    artefact_id: str
    subject_id: str
    """Under whose key it lies; this case's alone."""
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch."""

    id: str
    state: BatchState
    office: str | None
    actor: Mapping[str, Any]
    """Who handed it in, as a log names them."""
    items: int
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One item of a batch."""

    id: str
    batch_id: str
    number: int
    """From 1."""
    reference: str
    """Of the caller's making."""
    artefact_id: str
    subject_id: str
    state: ItemState
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    body: Mapping[str, Any] | None
    """What came of it: JSON without personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCases:
    """What lies open of a tenant's uploaded cases."""

    cases: int
    size: int
    """Bytes, as sealed."""


class BatchRows:
    """Batches of one tenant, in its transaction."""

    def __init__(
        self, connection: Connection, tenant: str, *, outbox: Outbox, now: datetime
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._outbox = outbox
        self._now = now

    def add_case(self, case: BatchCase) -> None:
        """Record a case that waits for its batch."""
        values = {name: getattr(case, name) for name in BatchCase.__slots__}
        self._connection.execute(insert(batch_cases).values(tenant_id=self._tenant, **values))

    def open_cases(self) -> OpenCases:
        """Cases that wait for a batch, or wait in one."""
        cases, items = batch_cases.c, batch_items.c
        total = func.coalesce(func.sum(cases.size), 0)
        free = select(func.count(), total).where(cases.tenant_id == self._tenant)
        total = func.coalesce(func.sum(artefacts.c.size), 0)
        waiting = (
            select(func.count(), total)
            .select_from(batch_items.outerjoin(artefacts, artefacts.c.id == items.artefact_id))
            .where(items.state == ItemState.WAITING.value, items.tenant_id == self._tenant)
        )
        found = [self._connection.execute(query).one() for query in (free, waiting)]
        return OpenCases(cases=sum(row[0] for row in found), size=int(sum(row[1] for row in found)))

    def take_case(self, case_id: str) -> BatchCase | None:
        """A case that is in no batch yet, which nobody else can take then."""
        table = batch_cases.c
        ours = and_(table.tenant_id == self._tenant, table.id == case_id)
        row = self._connection.execute(
            select(batch_cases).where(ours).with_for_update()
        ).one_or_none()
        if row is None:
            return None
        self._connection.execute(delete(batch_cases).where(ours))
        return BatchCase(**{name: getattr(row, name) for name in BatchCase.__slots__})

    def add(self, batch: BatchRow, items: tuple[tuple[str, str, BatchCase], ...]) -> None:
        """Record a batch and its items: id, reference and case of each, in their order."""
        values = {name: getattr(batch, name) for name in BatchRow.__slots__}
        values |= {"state": batch.state.value, "actor": json.dumps(batch.actor)}
        self._connection.execute(insert(batches).values(tenant_id=self._tenant, **values))
        rows = [
            {
                "tenant_id": self._tenant,
                "id": item_id,
                "batch_id": batch.id,
                "number": number,
                "reference": reference,
                "artefact_id": case.artefact_id,
                "subject_id": case.subject_id,
                "state": ItemState.WAITING.value,
                "attempts": 0,
                "created_at": self._now,
            }
            for number, (item_id, reference, case) in enumerate(items, 1)
        ]
        self._connection.execute(insert(batch_items), rows)
        self._outbox.put(BatchMoved(id=batch.id, state=batch.state.value), office=batch.office)

    def get(self, batch_id: str, *, lock: bool = False) -> BatchRow | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        query = select(batches).where(batches.c.tenant_id == self._tenant, batches.c.id == batch_id)
        query = query.with_for_update() if lock else query
        row = self._connection.execute(query).one_or_none()
        return None if row is None else batch_of(row)

    def page(self, page: PageOf) -> tuple[BatchRow, ...]:
        """The newest first."""
        rows = self._connection.execute(page_query(batches, self._tenant, page))
        return tuple(map(batch_of, rows))

    def counts(self, batch_id: str) -> dict[ItemState, int]:
        """Items by state."""
        table = batch_items.c
        query = (
            select(table.state, func.count())
            .where(table.tenant_id == self._tenant, table.batch_id == batch_id)
            .group_by(table.state)
        )
        return {ItemState(state): count for state, count in self._connection.execute(query)}

    def items(self, batch_id: str, *, after: int, limit: int) -> tuple[ItemRow, ...]:
        """Items behind a number, in their order."""
        table = batch_items.c
        query = (
            select(batch_items)
            .where(
                table.tenant_id == self._tenant, table.batch_id == batch_id, table.number > after
            )
            .order_by(table.number)
            .limit(limit)
        )
        return tuple(map(item_of, self._connection.execute(query)))

    def cancel(self, batch: BatchRow) -> BatchRow:
        """Call off what waits; what is done stays.

        Raises:
            InputError: ``batch.over``.
        """
        if batch.state is not BatchState.RUNNING:
            raise InputError("the batch is over", code="batch.over")
        table = batch_items.c
        self._connection.execute(
            update(batch_items)
            .where(
                table.tenant_id == self._tenant,
                table.batch_id == batch.id,
                table.state == ItemState.WAITING.value,
            )
            .values(state=ItemState.CANCELED.value, finished_at=self._now)
        )
        self.close(batch, BatchState.CANCELED)
        canceled = self.get(batch.id)
        assert canceled is not None
        return canceled

    def close(self, batch: BatchRow, state: BatchState) -> None:
        """End a batch, and tell others."""
        table = batches.c
        self._connection.execute(
            update(batches)
            .where(table.tenant_id == self._tenant, table.id == batch.id)
            .values(state=state.value, finished_at=self._now)
        )
        self._outbox.put(BatchMoved(id=batch.id, state=state.value), office=batch.office)


def batch_of(row: Row[Any]) -> BatchRow:
    values = {name: getattr(row, name) for name in BatchRow.__slots__}
    return BatchRow(**(values | {"state": BatchState(row.state), "actor": json.loads(row.actor)}))


def item_of(row: Row[Any]) -> ItemRow:
    values = {name: getattr(row, name) for name in ItemRow.__slots__}
    body = None if row.body is None else json.loads(row.body)
    return ItemRow(**(values | {"state": ItemState(row.state), "body": body}))
