"""The record of deliveries: listed, looked at, and repeated."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, exists, insert, or_, select

from ekyc.errors import LimitError
from ekyc.storage.errors import storage_errors
from ekyc.storage.webhooks.endpoints import new_delivery
from ekyc.storage.webhooks.outbox_tables import (
    outbox_events,
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
)
from ekyc.storage.webhooks.units import Units
from ekyc.storage.webhooks.values import (
    DeliveriesOf,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    EndpointState,
    WebhookError,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from ekyc.ports import Clock, Random

MOST_AT_ONCE = 200


class DeliveryRecord:
    """Deliveries as operators see them. Safe across threads and processes."""

    def __init__(self, units: Units, *, clock: Clock, random: Random, subject: str) -> None:
        self._engine, self._reading = units.writing, units.reading
        self._clock = clock
        self._random = random
        self._subject = subject

    def page(self, tenant: str, wanted: DeliveriesOf) -> tuple[Delivery, ...]:
        """The newest first."""
        if not 1 <= wanted.limit <= MOST_AT_ONCE:
            raise LimitError(f"a page has 1 to {MOST_AT_ONCE} deliveries", subject="limit")
        table = webhook_deliveries.c
        query = _deliveries(tenant)
        if wanted.endpoint_id is not None:
            query = query.where(table.endpoint_id == wanted.endpoint_id)
        if wanted.among is not None:
            query = query.where(table.endpoint_id.in_(wanted.among))
        if wanted.state is not None:
            query = query.where(table.state == wanted.state.value)
        if wanted.after is not None:
            at, last = wanted.after
            earlier = or_(table.created_at < at, and_(table.created_at == at, table.id < last))
            query = query.where(earlier)
        query = query.order_by(table.created_at.desc(), table.id.desc()).limit(wanted.limit)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_delivery(row) for row in connection.execute(query))

    def get(self, tenant: str, delivery_id: str) -> tuple[Delivery, tuple[DeliveryAttempt, ...]]:
        """One by its id, and what came of each attempt.

        Raises:
            WebhookError: ``webhook.unknown``.
        """
        attempts = (
            select(webhook_attempts)
            .where(webhook_attempts.c.delivery_id == delivery_id)
            .order_by(webhook_attempts.c.number)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            delivery = _get(connection, tenant, delivery_id)
            return delivery, tuple(
                DeliveryAttempt(
                    number=row.number,
                    at=row.at,
                    cause=row.cause,
                    status=row.status,
                    duration_ms=row.duration_ms,
                )
                for row in connection.execute(attempts)
            )

    def replay(self, tenant: str, delivery_id: str) -> str:
        """Send an event once more to the same endpoint, under the same id; gives the id of the new delivery.

        Raises:
            WebhookError: ``webhook.unknown``; ``webhook.disabled``: the endpoint is sent nothing.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            old = _get(connection, tenant, delivery_id)
            _require_enabled(connection, old.endpoint_id)
            row = new_delivery(
                self._random,
                tenant,
                old.endpoint_id,
                old.event_id,
                self._clock.now(),
                replay_of=old.id,
            )
            connection.execute(insert(webhook_deliveries).values(**row))
            return str(row["id"])

    def replay_missed(self, tenant: str, endpoint_id: str, *, since: datetime) -> int:
        """Send an endpoint again what failed or was stopped since a time and was not delivered or repeated later.

        Returns:
            How many were set off, at most 200; ask again until it is 0.

        Raises:
            WebhookError: ``webhook.unknown``, ``webhook.disabled``.
        """
        table = webhook_deliveries.c
        lost = [DeliveryState.FAILED.value, DeliveryState.STOPPED.value]
        later = webhook_deliveries.alias("later")
        taken_up = exists(select(later.c.id).where(later.c.replay_of == table.id))
        query = (
            select(table.id, table.event_id)
            .where(
                table.tenant_id == tenant,
                table.endpoint_id == endpoint_id,
                table.state.in_(lost),
                table.created_at >= since,
                ~taken_up,
            )
            .order_by(table.created_at)
            .limit(MOST_AT_ONCE)
            .with_for_update()
        )
        with storage_errors(self._subject), self._engine.begin() as connection:
            _require_known(connection, tenant, endpoint_id)
            _require_enabled(connection, endpoint_id)
            now = self._clock.now()
            rows = [
                new_delivery(self._random, tenant, endpoint_id, row.event_id, now, replay_of=row.id)
                for row in connection.execute(query).all()
            ]
            if rows:
                connection.execute(insert(webhook_deliveries), rows)
        return len(rows)


def _deliveries(tenant: str) -> Select[Any]:
    table = webhook_deliveries.c
    return (
        select(webhook_deliveries, outbox_events.c.kind)
        .join(outbox_events, outbox_events.c.id == table.event_id)
        .where(table.tenant_id == tenant)
    )


def _get(connection: Connection, tenant: str, delivery_id: str) -> Delivery:
    query = _deliveries(tenant).where(webhook_deliveries.c.id == delivery_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise WebhookError("no such delivery")
    return _delivery(row)


def _require_known(connection: Connection, tenant: str, endpoint_id: str) -> None:
    table = webhook_endpoints.c
    query = select(table.id).where(table.tenant_id == tenant, table.id == endpoint_id)
    if connection.execute(query).first() is None:
        raise WebhookError("no such endpoint")


def _require_enabled(connection: Connection, endpoint_id: str) -> None:
    table = webhook_endpoints.c
    query = select(table.state).where(table.id == endpoint_id)
    if connection.execute(query).scalar_one_or_none() != EndpointState.ENABLED.value:
        raise WebhookError("the endpoint is disabled", code="webhook.disabled")


def _delivery(row: Row[Any]) -> Delivery:
    waits = row.state == DeliveryState.WAITING.value
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        event_kind=row.kind,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at if waits else None,
        finished_at=row.finished_at,
        replay_of=row.replay_of,
    )
