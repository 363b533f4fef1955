"""Deliveries for workers: spread, claimed under a lease, and concluded. Any number of processes at one database.

An event is spread over the endpoints of its tenant in one transaction, so that each has one delivery of it. An endpoint
that is bound to offices is told what lies with them or beneath them by then, which is looked up again before each
sending. A claim is
a lease: whoever dies with one loses it when its time is over, and another worker sends again. So each event is sent at
least once under one id, and each delivery comes to one end. Counted are attempts whose outcome is known; workers that die
use none of the schedule up.

Leases stand in wall-clock time: a clock that is set back makes them end at once rather than later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.webhooks.endpoints import (
    disable_within,
    endpoint_sealer,
    new_delivery,
    opened,
    secrets_within,
)
from ekyc.storage.webhooks.outbox import EndpointDisabled, Outbox
from ekyc.storage.webhooks.outbox_tables import (
    outbox_events,
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
)
from ekyc.storage.webhooks.told import endpoints_of, keep_theirs
from ekyc.storage.webhooks.values import (
    DeliveryAttempt,
    DeliveryClaim,
    DeliveryFailure,
    DeliveryState,
    DisabledBy,
    EndpointState,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey

DEFAULT_DISABLE_AFTER: Final = timedelta(days=5)
DEFAULT_RETENTION: Final = timedelta(days=30)
_SPREAD_AT_ONCE: Final = 100
_PURGE_AT_ONCE: Final = 500
_WAITING: Final = webhook_deliveries.c.state == DeliveryState.WAITING.value
_ENABLED: Final = webhook_endpoints.c.state == EndpointState.ENABLED.value


class DeliveryQueue:
    """What workers take their work from. Safe across threads and processes.

    Args:
        engine: of the database.
        key: that addresses and keys are sealed under.
        disable_after: how long nothing may succeed before an endpoint is disabled.
        retention: how long the record of a delivery and its event are kept once it is over.
        clock: source of time.
        random: source of ids.
        subject: name of the database for messages.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        key: ServiceKey,
        disable_after: timedelta,
        retention: timedelta,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._sealer = endpoint_sealer(key, random)
        self._disable_after = disable_after
        self._retention = retention
        self._clock = clock
        self._random = random
        self._subject = subject

    def has_work(self, lease: timedelta) -> bool:
        """Whether anything is to be spread or sent. Reads only: workers that wait keep no writer waiting."""
        now = self._clock.now()
        free = exists(
            select(webhook_deliveries.c.id)
            .join(webhook_endpoints, webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id)
            .where(_WAITING, _ENABLED, _not_paused(now), _due(now), _free(now, lease))
        )
        fresh = exists(select(outbox_events.c.id).where(outbox_events.c.spread_at.is_(None)))
        with storage_errors(self._subject), self._reading.begin() as connection:
            return bool(connection.execute(select(or_(fresh, free))).scalar_one())

    def count_waiting(self) -> int:
        """How many deliveries were neither taken nor given up."""
        query = select(func.count()).select_from(webhook_deliveries).where(_WAITING)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def spread(self) -> int:
        """Make deliveries of the oldest events that have none yet; how many events there were.

        An endpoint is told of what happened since it was made, while it was enabled; one that is bound to offices, of what
        is theirs.
        """
        query = (
            select(outbox_events)
            .where(outbox_events.c.spread_at.is_(None))
            .order_by(outbox_events.c.at)
            .limit(_SPREAD_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            events = connection.execute(query).all()
            if not events:
                return 0
            told = endpoints_of(connection, {event.tenant_id for event in events})
            rows = [
                new_delivery(self._random, event.tenant_id, endpoint.id, event.id, now)
                for event in events
                for endpoint in told.get(event.tenant_id, ())
                if endpoint.hears(event)
            ]
            if rows:
                connection.execute(insert(webhook_deliveries), rows)
            ids = [event.id for event in events]
            connection.execute(
                update(outbox_events).where(outbox_events.c.id.in_(ids)).values(spread_at=now)
            )
        return len(events)

    def claim(self, most: int, *, per_endpoint: int, lease: timedelta) -> tuple[DeliveryClaim, ...]:
        """Take up to ``most`` deliveries that are due, of one endpoint no more than ``per_endpoint`` at a time.

        Endpoints come in random order, so that none waits behind a slow one for long.
        """
        claims: list[DeliveryClaim] = []
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            for endpoint_id in self._shuffled(_endpoints_with_work(connection, now, lease)):
                room = min(
                    most - len(claims), per_endpoint - _in_flight(connection, endpoint_id, now)
                )
                if room > 0:
                    claims += self._claim_of(connection, endpoint_id, room, now, lease)
        return tuple(claims)

    def succeeded(self, claim: DeliveryClaim, attempt: DeliveryAttempt) -> bool:
        """Conclude a delivery: it arrived. False where that was known already.

        It stands even if the lease was lost: the receiver has it.
        """
        table = webhook_deliveries.c
        open_still = table.state.in_([DeliveryState.WAITING.value, DeliveryState.STOPPED.value])
        with storage_errors(self._subject), self._engine.begin() as connection:
            number = connection.execute(
                update(webhook_deliveries)
                .where(table.id == claim.delivery_id, open_still)
                .values(
                    state=DeliveryState.DELIVERED.value,
                    finished_at=self._clock.now(),
                    attempts=table.attempts + 1,
                    lease=None,
                    leased_until=None,
                )
                .returning(table.attempts)
            ).scalar_one_or_none()
            if number is None:
                return False
            _record(connection, claim, number, attempt)
            connection.execute(
                update(webhook_endpoints)
                .where(
                    webhook_endpoints.c.id == claim.endpoint.id,
                    or_(
                        webhook_endpoints.c.failing_since.is_not(None),
                        webhook_endpoints.c.paused_until.is_not(None),
                    ),
                )
                .values(failing_since=None, paused_until=None)
            )
        return True

    def failed(
        self, claim: DeliveryClaim, attempt: DeliveryAttempt, failure: DeliveryFailure
    ) -> DisabledBy | None:
        """Keep that an attempt failed, and what follows. Nothing, where the lease was lost.

        Returns:
            Why the endpoint was disabled by this, if it was; an event in the same transaction tells of it.
        """
        table = webhook_deliveries.c
        over = failure.retry_at is None
        values: dict[str, Any] = {
            "attempts": table.attempts + 1,
            "lease": None,
            "leased_until": None,
        }
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            if over:
                values |= {"state": DeliveryState.FAILED.value, "finished_at": now}
            else:
                values["due_at"] = failure.retry_at
            number = connection.execute(
                update(webhook_deliveries)
                .where(table.id == claim.delivery_id, table.lease == claim.lease, _WAITING)
                .values(**values)
                .returning(table.attempts)
            ).scalar_one_or_none()
            if number is None:
                return None
            _record(connection, claim, number, attempt)
            return self._blame(connection, claim, failure, now)

    def release(self, claim: DeliveryClaim) -> None:
        """Give back a delivery that was not sent."""
        table = webhook_deliveries.c
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(
                update(webhook_deliveries)
                .where(table.id == claim.delivery_id, table.lease == claim.lease)
                .values(lease=None, leased_until=None)
            )

    def purge(self) -> int:
        """Delete one batch of what is over for longer than the retention; the number of deliveries and events."""
        before = self._clock.now() - self._retention
        table = webhook_deliveries.c
        with storage_errors(self._subject), self._engine.begin() as connection:
            old = select(table.id).where(table.finished_at < before).limit(_PURGE_AT_ONCE)
            ids = connection.execute(old).scalars().all()
            connection.execute(
                delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(ids))
            )
            connection.execute(delete(webhook_deliveries).where(table.id.in_(ids)))
            told = exists(select(table.id).where(table.event_id == outbox_events.c.id))
            done = (
                select(outbox_events.c.id)
                .where(outbox_events.c.spread_at < before, ~told)
                .limit(_PURGE_AT_ONCE)
            )
            events = connection.execute(delete(outbox_events).where(outbox_events.c.id.in_(done)))
            return len(ids) + events.rowcount

    def _blame(
        self, connection: Connection, claim: DeliveryClaim, failure: DeliveryFailure, now: datetime
    ) -> DisabledBy | None:
        """What a failure means for the endpoint."""
        mine = webhook_endpoints.c.id == claim.endpoint.id
        row = connection.execute(select(webhook_endpoints).where(mine).with_for_update()).first()
        if row is None or row.state != EndpointState.ENABLED.value:
            return None
        since = row.failing_since or now
        connection.execute(
            update(webhook_endpoints)
            .where(mine)
            .values(failing_since=since, paused_until=failure.pause_until or row.paused_until)
        )
        cause = DisabledBy.GONE if failure.gone else DisabledBy.FAILING
        if not failure.gone and now - since < self._disable_after:
            return None
        disable_within(connection, claim.endpoint.id, cause, now)
        outbox = Outbox(connection, now=now, random=self._random, tenant=claim.endpoint.tenant)
        outbox.put(EndpointDisabled(id=claim.endpoint.id, cause=cause.value))
        return cause

    def _claim_of(
        self, connection: Connection, endpoint_id: str, most: int, now: datetime, lease: timedelta
    ) -> list[DeliveryClaim]:
        table, event = webhook_deliveries.c, outbox_events.c
        query = (
            select(table.id, table.event_id, table.attempts, event.body, event.kind, event.office)
            .join(outbox_events, outbox_events.c.id == table.event_id)
            .where(_WAITING, table.endpoint_id == endpoint_id, _due(now), _free(now, lease))
            .order_by(table.due_at)
            .limit(most)
            .with_for_update(of=webhook_deliveries, skip_locked=True)
        )
        found = connection.execute(query).all()
        if not found:
            return []
        held = connection.execute(
            select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)
        ).one()
        rows = keep_theirs(connection, held, found, now)
        if not rows:
            return []
        secrets = secrets_within(connection, endpoint_id, self._sealer, now)
        name = self._random.token_bytes(16).hex()
        connection.execute(
            update(webhook_deliveries)
            .where(table.id.in_([row.id for row in rows]))
            .values(lease=name, leased_until=now + lease)
        )
        endpoint = opened(held, self._sealer)
        return [
            DeliveryClaim(
                delivery_id=row.id,
                lease=name,
                number=row.attempts + 1,
                event_id=row.event_id,
                body=row.body.encode(),
                endpoint=endpoint,
                secrets=secrets,
            )
            for row in rows
        ]

    def _shuffled(self, ids: Sequence[str]) -> list[str]:
        return sorted(ids, key=lambda _: self._random.token_bytes(8))


def _endpoints_with_work(connection: Connection, now: datetime, lease: timedelta) -> Sequence[str]:
    table = webhook_deliveries.c
    work = exists(
        select(table.id).where(
            _WAITING, table.endpoint_id == webhook_endpoints.c.id, _due(now), _free(now, lease)
        )
    )
    query = select(webhook_endpoints.c.id).where(_ENABLED, _not_paused(now), work)
    return tuple(row.id for row in connection.execute(query))


def _in_flight(connection: Connection, endpoint_id: str, now: datetime) -> int:
    table = webhook_deliveries.c
    query = select(table.id).where(
        _WAITING, table.endpoint_id == endpoint_id, table.leased_until > now
    )
    return len(connection.execute(query).all())


def _record(
    connection: Connection, claim: DeliveryClaim, number: int, attempt: DeliveryAttempt
) -> None:
    connection.execute(
        insert(webhook_attempts).values(
            delivery_id=claim.delivery_id,
            number=number,
            at=attempt.at,
            cause=attempt.cause,
            status=attempt.status,
            duration_ms=attempt.duration_ms,
        )
    )


def _not_paused(now: datetime) -> ColumnElement[bool]:
    paused = webhook_endpoints.c.paused_until
    return or_(paused.is_(None), paused <= now)


def _due(now: datetime) -> ColumnElement[bool]:
    return webhook_deliveries.c.due_at <= now


def _free(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    until = webhook_deliveries.c.leased_until
    return or_(until.is_(None), until <= now, and_(until.is_not(None), until > now + lease))
