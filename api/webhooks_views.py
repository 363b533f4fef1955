"""Endpoints and deliveries of webhooks, as they are answered and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ekyc.api.v1.views import time_as_json
from ekyc.flows.webhook_signatures import shown_key
from ekyc.storage import SignatureForm, WebhookError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ekyc.api.access import Principal
    from ekyc.storage import (
        Delivery,
        DeliveryAttempt,
        DossierUnit,
        SigningSecret,
        WebhookEndpoint,
    )


def visible_endpoint(unit: DossierUnit, caller: Principal, endpoint_id: str) -> WebhookEndpoint:
    """An endpoint that hears nothing beyond the caller's offices: who could turn another one to an address of theirs
    would hear the whole tenant.

    Raises:
        WebhookError: ``webhook.unknown``.
    """
    endpoint = unit.webhooks.endpoints.get(caller.tenant, endpoint_id)
    if not endpoint.is_within(caller.offices):
        raise WebhookError("no such endpoint")
    return endpoint


def visible_endpoints(unit: DossierUnit, caller: Principal) -> tuple[WebhookEndpoint, ...]:
    """All endpoints that :func:`visible_endpoint` would give, the oldest first."""
    found = unit.webhooks.endpoints.all_of(caller.tenant)
    return tuple(one for one in found if one.is_within(caller.offices))


def visible_delivery(
    unit: DossierUnit, caller: Principal, delivery_id: str
) -> tuple[Delivery, tuple[DeliveryAttempt, ...]]:
    """A delivery to an endpoint that the caller sees, and what came of each attempt.

    Raises:
        WebhookError: ``webhook.unknown``.
    """
    delivery, attempts = unit.webhooks.deliveries.get(caller.tenant, delivery_id)
    endpoint = unit.webhooks.endpoints.get(caller.tenant, delivery.endpoint_id)
    if not endpoint.is_within(caller.offices):
        raise WebhookError("no such delivery")
    return delivery, attempts


def shown_endpoint(
    unit: DossierUnit, caller: Principal, endpoint: WebhookEndpoint
) -> dict[str, Any]:
    """An endpoint with the public halves of its keys."""
    secrets = unit.webhooks.endpoints.secrets_of(caller.tenant, endpoint.id)
    return endpoint_as_json(endpoint, [one for one in secrets if one.form is SignatureForm.V1A])


def endpoint_as_json(endpoint: WebhookEndpoint, secrets: Sequence[SigningSecret]) -> dict[str, Any]:
    """An endpoint with these keys."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.kinds),
        "offices": None if endpoint.offices is None else sorted(endpoint.offices),
        "state": endpoint.state.value,
        "disabled_by": None if endpoint.disabled_by is None else endpoint.disabled_by.value,
        "created_at": time_as_json(endpoint.created_at),
        "failing_since": _time(endpoint.failing_since),
        "paused_until": _time(endpoint.paused_until),
        "keys": [
            {
                "form": one.form.value,
                "key": shown_key(one),
                "created_at": time_as_json(one.created_at),
                "expires_at": _time(one.expires_at),
            }
            for one in secrets
        ],
    }


def delivery_as_json(
    delivery: Delivery, attempts: Sequence[DeliveryAttempt] | None = None
) -> dict[str, Any]:
    """A delivery, with its attempts where they are asked for."""
    tried = None
    if attempts is not None:
        tried = [
            {
                "number": one.number,
                "at": time_as_json(one.at),
                "cause": one.cause,
                "status": one.status,
                "duration_ms": one.duration_ms,
            }
            for one in attempts
        ]
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "type": delivery.event_kind,
        "state": delivery.state.value,
        "attempts_made": delivery.attempts,
        "created_at": time_as_json(delivery.created_at),
        "due_at": _time(delivery.due_at),
        "finished_at": _time(delivery.finished_at),
        "replay_of": delivery.replay_of,
        "attempts": tried,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_as_json(at)
