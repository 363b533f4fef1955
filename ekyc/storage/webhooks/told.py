"""Which endpoints are told of an event: those of its tenant that ask for its kind and, if they are bound to offices, have it
with one of these or beneath them by the time of asking. Offices come, and go elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from ekyc.storage.access.register import beneath, has_ended
from ekyc.storage.webhooks.outbox import EndpointTested
from ekyc.storage.webhooks.outbox_tables import webhook_deliveries, webhook_endpoints
from ekyc.storage.webhooks.values import DeliveryState, EndpointState

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An endpoint, and of what it is told."""

    id: str
    kinds: frozenset[str]
    """Event types; empty is all."""
    offices: frozenset[str] | None
    """With all beneath them; ``None`` is the whole tenant."""
    since: datetime

    def hears(self, event: Row[Any]) -> bool:
        """Whether it is told of an event of its tenant."""
        return (
            self.since <= event.at
            and (not self.kinds or event.kind in self.kinds)
            and (self.offices is None or event.office in self.offices)
        )


def endpoints_of(connection: Connection, tenants: set[str]) -> dict[str, list[Told]]:
    """Tenant → its enabled endpoints."""
    table = webhook_endpoints.c
    query = select(webhook_endpoints).where(
        table.tenant_id.in_(tenants), table.state == EndpointState.ENABLED.value
    )
    told: dict[str, list[Told]] = {}
    for row in connection.execute(query).all():
        one = Told(
            id=row.id,
            kinds=frozenset(json.loads(row.kinds)),
            offices=_offices_of(connection, row),
            since=row.created_at,
        )
        told.setdefault(row.tenant_id, []).append(one)
    return told


def keep_theirs(
    connection: Connection, endpoint: Row[Any], deliveries: Sequence[Any], now: datetime
) -> list[Any]:
    """Deliveries, with ``kind`` and ``office`` of their events, that the endpoint may still be sent; the others are stopped:
    all of them where the tenant was ended.
    """
    offices = _offices_of(connection, endpoint)
    if has_ended(connection, endpoint.tenant_id):
        theirs = []
    elif offices is None:
        return [*deliveries]
    else:
        theirs = [
            row for row in deliveries if row.office in offices or row.kind == EndpointTested.kind
        ]
    lost = [row.id for row in deliveries if row not in theirs]
    if lost:
        connection.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id.in_(lost))
            .values(state=DeliveryState.STOPPED.value, finished_at=now)
        )
    return theirs


def _offices_of(connection: Connection, endpoint: Row[Any]) -> frozenset[str] | None:
    if endpoint.offices is None:
        return None
    return beneath(connection, endpoint.tenant_id, json.loads(endpoint.offices))
