"""Endpoints, the queue of workers and the record of deliveries, over one database and one key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ekyc.storage.webhooks.deliveries import DeliveryRecord
from ekyc.storage.webhooks.endpoints import EndpointStore
from ekyc.storage.webhooks.queue import DEFAULT_DISABLE_AFTER, DEFAULT_RETENTION, DeliveryQueue
from ekyc.storage.webhooks.units import Units

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey


class WebhookStores:
    """Everything of webhooks that is stored."""

    def __init__(
        self,
        engine: Engine,
        *,
        key: ServiceKey,
        clock: Clock,
        random: Random,
        subject: str,
        disable_after: timedelta = DEFAULT_DISABLE_AFTER,
        retention: timedelta = DEFAULT_RETENTION,
    ) -> None:
        units = Units.of(engine)
        self.endpoints = EndpointStore(units, key=key, clock=clock, random=random, subject=subject)
        self.deliveries = DeliveryRecord(units, clock=clock, random=random, subject=subject)
        self.queue = DeliveryQueue(
            engine,
            key=key,
            disable_after=disable_after,
            retention=retention,
            clock=clock,
            random=random,
            subject=subject,
        )


class WebhookDesk:
    """Endpoints and the record of deliveries within the caller's transaction."""

    def __init__(
        self, connection: Connection, *, key: ServiceKey, clock: Clock, random: Random
    ) -> None:
        units, subject = Units.within(connection), "database"
        self.endpoints = EndpointStore(units, key=key, clock=clock, random=random, subject=subject)
        self.deliveries = DeliveryRecord(units, clock=clock, random=random, subject=subject)
