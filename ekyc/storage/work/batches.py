"""The batches of all tenants, as whoever works on them sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, func, or_, select, update

from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.sealed.protections import NameKind, is_protected
from ekyc.storage.webhooks.outbox import Outbox
from ekyc.storage.work.batch_rows import (
    BatchCase,
    BatchRow,
    BatchRows,
    BatchState,
    ItemRow,
    ItemState,
    batch_of,
    item_of,
)
from ekyc.storage.work.batch_tables import batch_cases, batch_items, batches
from ekyc.values import Owner

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.policy import Verdict
    from ekyc.ports import Clock, Random
    from ekyc.storage.results.records import ResultStore
    from ekyc.values import Sha256Hex


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlace:
    """Where an item is found."""

    tenant: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """The record of a decision on an item."""

    case_digest: Sha256Hex
    profile: str
    verdict: Verdict
    reasons: tuple[str, ...]
    report_digest: Sha256Hex


class BatchStore:
    """The batches of all tenants, for whoever works on them. Safe across threads and processes."""

    def __init__(
        self, engine: Engine, *, results: ResultStore, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._results = results
        self._clock = clock
        self._random = random
        self._subject = subject

    def to_be_started(self, limit: int, *, again_after: timedelta) -> tuple[ItemPlace, ...]:
        """Items that wait and that no engine was told of, or that one should have done long ago; the oldest first.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        table = batch_items.c
        now = self._clock.now()
        late = or_(table.queued_at <= now - again_after, table.queued_at > now + again_after)
        query = (
            select(table.tenant_id, table.id)
            .where(table.state == ItemState.WAITING.value, or_(table.queued_at.is_(None), late))
            .order_by(table.created_at, table.batch_id, table.number)
            .limit(limit)
        )
        return self._places(query)

    def counts(self) -> dict[ItemState, int]:
        """How many items there are in each state, of all tenants.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        table = batch_items.c
        query = select(table.state, func.count()).group_by(table.state)
        with storage_errors(self._subject), self._reading.begin() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in ItemState}

    def oldest_waits(self) -> timedelta:
        """For how long the oldest item that waits has waited; nought where none does.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        table = batch_items.c
        query = select(table.created_at).where(table.state == ItemState.WAITING.value)
        with storage_errors(self._subject), self._reading.begin() as connection:
            oldest = connection.execute(query.order_by(table.created_at).limit(1)).scalar()
        nought = timedelta()
        return nought if oldest is None else max(nought, self._clock.now() - oldest)

    def any_waits(self) -> tuple[ItemPlace, ...]:
        """One item that waits, whether an engine was told of it or not, if there is any."""
        table = batch_items.c
        query = select(table.tenant_id, table.id).where(table.state == ItemState.WAITING.value)
        return self._places(query.limit(1))

    def to_be_erased(self, limit: int) -> tuple[ItemPlace, ...]:
        """Items that are over and whose case is still kept, by no restriction or hold."""
        table = batch_items.c
        over = and_(table.erased_at.is_(None), table.state != ItemState.WAITING.value, _UNKEPT)
        return self._places(select(table.tenant_id, table.id).where(over).limit(limit))

    def started(self, place: ItemPlace) -> None:
        """Write down that an engine was told of an item.

        Raises:
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(
                update(batch_items).where(*_at(place)).values(queued_at=self._clock.now())
            )

    def begin(self, place: ItemPlace) -> ItemRow | None:
        """An item that waits, counted as tried once more; ``None`` if it is over.

        Raises:
            StorageError, BusyError: the database failed.
        """
        table = batch_items.c
        with storage_errors(self._subject), self._engine.begin() as connection:
            tried = connection.execute(
                update(batch_items)
                .where(*_at(place), table.state == ItemState.WAITING.value)
                .values(attempts=table.attempts + 1)
            )
            if not tried.rowcount:
                return None
            return item_of(connection.execute(select(batch_items).where(*_at(place))).one())

    def conclude(
        self, place: ItemPlace, *, body: Mapping[str, Any], record: ItemRecord | None
    ) -> bool:
        """Write down what came of an item, once; whether it was this call that did.

        Args:
            place: of the item.
            body: what came of it; its ``verification_id`` is set to that of the record.
            record: of the decision; ``None`` where there is none, and the item *failed*.

        Raises:
            StorageError, BusyError: the database failed; then nothing was written.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            batch = self._locked_batch(connection, place)
            if batch is None:
                return False
            table = batch_items.c
            now = self._clock.now()
            state = ItemState.FAILED if record is None else ItemState.DONE
            moved = connection.execute(
                update(batch_items)
                .where(*_at(place), table.state == ItemState.WAITING.value)
                .values(state=state.value, finished_at=now)
            )
            if not moved.rowcount:
                return False
            told = dict(body)
            if record is not None:
                owner = Owner(tenant=place.tenant, office=batch.office)
                stored = self._results.record_within(
                    connection,
                    case_digest=record.case_digest,
                    profile=record.profile,
                    verdict=record.verdict,
                    reasons=record.reasons,
                    report_digest=record.report_digest,
                    owner=owner,
                )
                told["verification_id"] = stored.id
            connection.execute(
                update(batch_items)
                .where(*_at(place))
                .values(body=json.dumps(told, ensure_ascii=False))
            )
            left = select(func.count()).where(
                table.tenant_id == place.tenant,
                table.batch_id == batch.id,
                table.state == ItemState.WAITING.value,
            )
            if not connection.execute(left).scalar_one():
                outbox = Outbox(connection, now=now, random=self._random, tenant=place.tenant)
                rows = BatchRows(connection, place.tenant, outbox=outbox, now=now)
                rows.close(batch, BatchState.DONE)
            return True

    def kept_under(self, place: ItemPlace) -> str | None:
        """Under whose key the case of an item that is over still lies; ``None`` if it was erased, waits, or is under a
        restriction or hold.
        """
        table = batch_items.c
        query = select(table.subject_id).where(
            *_at(place),
            table.erased_at.is_(None),
            table.state != ItemState.WAITING.value,
            _UNKEPT,
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return connection.execute(query).scalar_one_or_none()

    def erased(self, place: ItemPlace) -> None:
        """Write down that the case of an item is gone."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(
                update(batch_items).where(*_at(place)).values(erased_at=self._clock.now())
            )

    def unused_cases(self, before: datetime, limit: int) -> tuple[tuple[str, BatchCase], ...]:
        """Tenant and case of uploads that no batch wanted, the oldest first."""
        table = batch_cases.c
        query = select(batch_cases).where(table.created_at < before).order_by(table.created_at)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(
                (
                    row.tenant_id,
                    BatchCase(**{name: getattr(row, name) for name in BatchCase.__slots__}),
                )
                for row in connection.execute(query.limit(limit))
            )

    def strike_case(self, tenant: str, case_id: str) -> bool:
        """Take a case that no batch wanted off the list; whether it was still there."""
        table = batch_cases.c
        with storage_errors(self._subject), self._engine.begin() as connection:
            struck = connection.execute(
                delete(batch_cases).where(table.tenant_id == tenant, table.id == case_id)
            )
            return bool(struck.rowcount)

    def _locked_batch(self, connection: Connection, place: ItemPlace) -> BatchRow | None:
        """The batch of an item, held: of two that conclude its last items, the second sees the first."""
        of_item = select(batch_items.c.batch_id).where(*_at(place)).scalar_subquery()
        query = select(batches).where(batches.c.tenant_id == place.tenant, batches.c.id == of_item)
        row = connection.execute(query.with_for_update()).one_or_none()
        return None if row is None else batch_of(row)

    def _places(self, query: Any) -> tuple[ItemPlace, ...]:
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(
                ItemPlace(tenant=row.tenant_id, item_id=row.id) for row in connection.execute(query)
            )


_UNKEPT: Final = ~is_protected(batch_items.c.tenant_id, NameKind.SUBJECT, batch_items.c.subject_id)
"""Under no restriction or hold: when that ends, the case goes."""


def _at(place: ItemPlace) -> tuple[Any, Any]:
    return batch_items.c.tenant_id == place.tenant, batch_items.c.id == place.item_id
