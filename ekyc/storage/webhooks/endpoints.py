"""Endpoints of webhooks: who is told of events, of which, and by which keys they know that it was us.

Addresses and keys lie sealed under the service's key: an address may carry a token of its receiver.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, or_, select, update

from ekyc.storage.errors import storage_errors
from ekyc.storage.webhooks.outbox import EVENT_KINDS, EndpointTested, Outbox
from ekyc.storage.webhooks.outbox_tables import (
    outbox_events,
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
    webhook_secrets,
)
from ekyc.storage.webhooks.units import Units
from ekyc.storage.webhooks.values import (
    DeliveryState,
    DisabledBy,
    EndpointState,
    SignatureForm,
    SigningSecret,
    WebhookEndpoint,
    WebhookError,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import Sealer, ServiceKey

MOST_ENDPOINTS: Final = 50
"""Of one tenant."""
MOST_OVERLAP: Final = timedelta(days=30)
SECRET_BYTES: Final = 32
_FORMS: Final = tuple(SignatureForm)
_LABEL: Final = "webhook endpoints"


class EndpointStore:
    """Endpoints of this installation. Safe across threads and processes."""

    def __init__(
        self, units: Units, *, key: ServiceKey, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine, self._reading = units.writing, units.reading
        self._sealer = key.sealer(_LABEL, random)
        self._clock = clock
        self._random = random
        self._subject = subject

    def create(
        self,
        tenant: str,
        *,
        url: str,
        kinds: Sequence[str] = (),
        offices: frozenset[str] | None = None,
    ) -> tuple[WebhookEndpoint, tuple[SigningSecret, ...]]:
        """Make an endpoint with a key of each form. The keys leave this room here and at a rotation only.

        Args:
            tenant: whose events it is told.
            url: where to; whoever calls has checked it (:class:`ekyc.flows.guarded_link.GuardedLink`).
            kinds: event types; none is all.
            offices: whose events alone, with those beneath them; ``None`` is the whole tenant.

        Raises:
            WebhookError: ``webhook.kinds``: no such event type; ``webhook.too_many``.
            StorageError, BusyError: it could not be stored.
        """
        known = _require_kinds(kinds)
        endpoint_id = self._random.token_bytes(16).hex()
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            mine = webhook_endpoints.c.tenant_id == tenant
            count = connection.execute(select(func.count()).where(mine)).scalar_one()
            if count >= MOST_ENDPOINTS:
                raise WebhookError(
                    f"a tenant has at most {MOST_ENDPOINTS} endpoints", code="webhook.too_many"
                )
            connection.execute(
                insert(webhook_endpoints).values(
                    id=endpoint_id,
                    tenant_id=tenant,
                    url=self._sealer.seal(url.encode(), _url_place(tenant, endpoint_id)),
                    kinds=json.dumps(known),
                    offices=None if offices is None else json.dumps(sorted(offices)),
                    state=EndpointState.ENABLED.value,
                    created_at=now,
                    changed_at=now,
                )
            )
            secrets = tuple(self._new_secret(connection, endpoint_id, form, now) for form in _FORMS)
            return self._held(connection, tenant, endpoint_id), secrets

    def get(self, tenant: str, endpoint_id: str) -> WebhookEndpoint:
        """One by its id.

        Raises:
            WebhookError: ``webhook.unknown``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            return self._held(connection, tenant, endpoint_id)

    def all_of(self, tenant: str) -> tuple[WebhookEndpoint, ...]:
        """All of a tenant, the oldest first."""
        query = (
            select(webhook_endpoints)
            .where(webhook_endpoints.c.tenant_id == tenant)
            .order_by(webhook_endpoints.c.created_at, webhook_endpoints.c.id)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(opened(row, self._sealer) for row in connection.execute(query))

    def secrets_of(self, tenant: str, endpoint_id: str) -> tuple[SigningSecret, ...]:
        """The keys that sign now, the newest first; of asymmetric ones the public half may be shown at any time."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            self._held(connection, tenant, endpoint_id)
            return secrets_within(connection, endpoint_id, self._sealer, self._clock.now())

    def rotate(
        self, tenant: str, endpoint_id: str, *, overlap: timedelta
    ) -> tuple[SigningSecret, ...]:
        """Give an endpoint new keys; the old ones sign beside them for ``overlap``, 0 to 30 days.

        A second rotation within the overlap lets the oldest keys end as they would have.

        Raises:
            WebhookError: ``webhook.unknown``, ``webhook.overlap``.
        """
        if not timedelta(0) <= overlap <= MOST_OVERLAP:
            raise WebhookError(
                f"keys overlap for 0 to {MOST_OVERLAP.days} days", code="webhook.overlap"
            )
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            self._held(connection, tenant, endpoint_id, lock=True)
            mine = webhook_secrets.c.endpoint_id == endpoint_id
            ends, until = webhook_secrets.c.expires_at, now + overlap
            connection.execute(delete(webhook_secrets).where(mine, ends <= now))
            connection.execute(
                update(webhook_secrets)
                .where(mine, or_(ends.is_(None), ends > until))
                .values(expires_at=until)
            )
            return tuple(self._new_secret(connection, endpoint_id, form, now) for form in _FORMS)

    def change(
        self,
        tenant: str,
        endpoint_id: str,
        *,
        url: str | None = None,
        kinds: Sequence[str] | None = None,
    ) -> WebhookEndpoint:
        """Change where to, or of what; what waits goes to the new address.

        Raises:
            WebhookError: ``webhook.unknown``, ``webhook.kinds``.
        """
        values: dict[str, Any] = {"changed_at": self._clock.now()}
        if url is not None:
            values["url"] = self._sealer.seal(url.encode(), _url_place(tenant, endpoint_id))
        if kinds is not None:
            values["kinds"] = json.dumps(_require_kinds(kinds))
        with storage_errors(self._subject), self._engine.begin() as connection:
            self._held(connection, tenant, endpoint_id, lock=True)
            _set(connection, endpoint_id, values)
            return self._held(connection, tenant, endpoint_id)

    def disable(self, tenant: str, endpoint_id: str) -> WebhookEndpoint:
        """Send an endpoint nothing any more; what waits for it is stopped and can be replayed. Twice is once."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            self._held(connection, tenant, endpoint_id, lock=True)
            disable_within(connection, endpoint_id, DisabledBy.OPERATOR, self._clock.now())
            return self._held(connection, tenant, endpoint_id)

    def enable(self, tenant: str, endpoint_id: str) -> WebhookEndpoint:
        """Send an endpoint again what happens from now on."""
        values = {
            "state": EndpointState.ENABLED.value,
            "cause": None,
            "failing_since": None,
            "paused_until": None,
            "changed_at": self._clock.now(),
        }
        with storage_errors(self._subject), self._engine.begin() as connection:
            self._held(connection, tenant, endpoint_id, lock=True)
            _set(connection, endpoint_id, values)
            return self._held(connection, tenant, endpoint_id)

    def delete(self, tenant: str, endpoint_id: str) -> None:
        """Erase an endpoint, its keys and the record of its deliveries."""
        mine = webhook_deliveries.c.endpoint_id == endpoint_id
        of_it = webhook_attempts.c.delivery_id.in_(select(webhook_deliveries.c.id).where(mine))
        with storage_errors(self._subject), self._engine.begin() as connection:
            self._held(connection, tenant, endpoint_id, lock=True)
            connection.execute(delete(webhook_attempts).where(of_it))
            connection.execute(delete(webhook_deliveries).where(mine))
            connection.execute(
                delete(webhook_secrets).where(webhook_secrets.c.endpoint_id == endpoint_id)
            )
            connection.execute(
                delete(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)
            )

    def send_test(self, tenant: str, endpoint_id: str) -> str:
        """Let an endpoint be sent an event that means nothing; gives the id of the delivery.

        Raises:
            WebhookError: ``webhook.unknown``, ``webhook.disabled``.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            endpoint = self._held(connection, tenant, endpoint_id)
            if endpoint.state is not EndpointState.ENABLED:
                raise WebhookError("the endpoint is disabled", code="webhook.disabled")
            outbox = Outbox(connection, now=now, random=self._random, tenant=tenant)
            event_id = outbox.put(EndpointTested(id=endpoint_id))
            connection.execute(
                update(outbox_events).where(outbox_events.c.id == event_id).values(spread_at=now)
            )
            row = new_delivery(self._random, tenant, endpoint_id, event_id, now)
            connection.execute(insert(webhook_deliveries).values(**row))
            return str(row["id"])

    def _new_secret(
        self, connection: Connection, endpoint_id: str, form: SignatureForm, now: datetime
    ) -> SigningSecret:
        secret_id, body = self._random.token_bytes(16).hex(), self._random.token_bytes(SECRET_BYTES)
        connection.execute(
            insert(webhook_secrets).values(
                id=secret_id,
                endpoint_id=endpoint_id,
                form=form.value,
                body=self._sealer.seal(body, _secret_place(endpoint_id, secret_id)),
                created_at=now,
            )
        )
        return SigningSecret(form=form, body=body, created_at=now)

    def _held(
        self, connection: Connection, tenant: str, endpoint_id: str, *, lock: bool = False
    ) -> WebhookEndpoint:
        query = select(webhook_endpoints).where(
            webhook_endpoints.c.tenant_id == tenant, webhook_endpoints.c.id == endpoint_id
        )
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise WebhookError("no such endpoint")
        return opened(row, self._sealer)


def endpoint_sealer(key: ServiceKey, random: Random) -> Sealer:
    """What addresses and keys are sealed under."""
    return key.sealer(_LABEL, random)


def opened(row: Row[Any], sealer: Sealer) -> WebhookEndpoint:
    """An endpoint from its row."""
    return WebhookEndpoint(
        id=row.id,
        tenant=row.tenant_id,
        url=sealer.open(bytes(row.url), _url_place(row.tenant_id, row.id)).decode(),
        kinds=tuple(json.loads(row.kinds)),
        state=EndpointState(row.state),
        disabled_by=None if row.cause is None else DisabledBy(row.cause),
        created_at=row.created_at,
        changed_at=row.changed_at,
        failing_since=row.failing_since,
        paused_until=row.paused_until,
        offices=None if row.offices is None else frozenset(json.loads(row.offices)),
    )


def secrets_within(
    connection: Connection, endpoint_id: str, sealer: Sealer, now: datetime
) -> tuple[SigningSecret, ...]:
    """The keys of an endpoint that sign at ``now``, the newest first."""
    table = webhook_secrets.c
    query = (
        select(webhook_secrets)
        .where(
            table.endpoint_id == endpoint_id,
            or_(table.expires_at.is_(None), table.expires_at > now),
        )
        .order_by(table.expires_at.is_not(None), table.created_at.desc(), table.form)
    )
    return tuple(
        SigningSecret(
            form=SignatureForm(row.form),
            body=sealer.open(bytes(row.body), _secret_place(endpoint_id, row.id)),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        for row in connection.execute(query)
    )


def disable_within(
    connection: Connection, endpoint_id: str, cause: DisabledBy, now: datetime
) -> bool:
    """Disable an endpoint within the caller's transaction; False where it was disabled already."""
    changed = connection.execute(
        update(webhook_endpoints)
        .where(
            webhook_endpoints.c.id == endpoint_id,
            webhook_endpoints.c.state == EndpointState.ENABLED.value,
        )
        .values(state=EndpointState.DISABLED.value, cause=cause.value, changed_at=now)
    )
    if changed.rowcount != 1:
        return False
    connection.execute(
        update(webhook_deliveries)
        .where(
            webhook_deliveries.c.endpoint_id == endpoint_id,
            webhook_deliveries.c.state == DeliveryState.WAITING.value,
        )
        .values(state=DeliveryState.STOPPED.value, finished_at=now)
    )
    return True


def new_delivery(
    random: Random,
    tenant: str,
    endpoint_id: str,
    event_id: str,
    now: datetime,
    *,
    replay_of: str | None = None,
) -> dict[str, object]:
    """The row of a delivery that is due at once."""
    return {
        "id": random.token_bytes(16).hex(),
        "tenant_id": tenant,
        "endpoint_id": endpoint_id,
        "event_id": event_id,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "created_at": now,
        "due_at": now,
        "replay_of": replay_of,
    }


def _require_kinds(kinds: Sequence[str]) -> list[str]:
    if not set(kinds) <= set(EVENT_KINDS):
        raise WebhookError("there is no such event type", code="webhook.kinds")
    return sorted(set(kinds))


def _set(connection: Connection, endpoint_id: str, values: dict[str, Any]) -> None:
    connection.execute(
        update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(**values)
    )


def _url_place(tenant: str, endpoint_id: str) -> str:
    return f"webhook_endpoints/{tenant}/{endpoint_id}/url"


def _secret_place(endpoint_id: str, secret_id: str) -> str:
    return f"webhook_secrets/{endpoint_id}/{secret_id}/body"
