"""Who is told of events, in a group of a client.

::

    endpoint = ekyc.webhooks.create("https://portal.example.vn/ekyc", events=("session.state_changed",))
    keep(endpoint.keys["v1a"])
    for failed in ekyc.webhooks.deliveries(endpoint_id=endpoint.id, state="failed"):
        ekyc.webhooks.replay(failed.id)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.client.calls import Operation, delete, get, items_of, page_of, patch, post
from ekyc.client.oversight import all_of, all_of_async
from ekyc.client.tools import Do, DoAsync
from ekyc.client.values import Page

_ENDPOINTS: Final = "/v1/webhook-endpoints"
_DELIVERIES: Final = "/v1/webhook-deliveries"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """Who is told of events; the secret is told once, when it is made."""

    id: str
    url: str
    keys: Mapping[str, str] = field(repr=False)
    """``v1`` (``whsec_…``) and ``v1a`` (``whpk_…``), the newest of each, as far as they were told."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> WebhookEndpoint:
        """From its JSON."""
        ending_first = sorted(body["keys"], key=lambda one: one["expires_at"] is None)
        keys = {one["form"]: one["key"] for one in ending_first}
        return cls(id=body["id"], url=body["url"], keys=keys, raw=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message to one endpoint, and how it went."""

    id: str
    endpoint_id: str
    event_id: str
    """``webhook-id`` of the message."""
    type: str
    state: str
    """``waiting``, ``delivered``, ``failed`` or ``stopped``."""
    attempts_made: int
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Delivery:
        """From its JSON."""
        names = ("id", "endpoint_id", "event_id", "type", "state", "attempts_made")
        return cls(**{name: body[name] for name in names}, raw=body)


class Webhooks:
    """Who is told of events, and how that went."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def create(
        self, url: str, *, events: tuple[str, ...] = (), idempotency_key: str | None = None
    ) -> WebhookEndpoint:
        """An endpoint; its secret is told this once. All events where none is named."""
        body = {"url": url, "events": list(events)}
        return self._do(post(_ENDPOINTS, WebhookEndpoint.of, key=idempotency_key, body=body))

    def all(self) -> tuple[WebhookEndpoint, ...]:
        """All endpoints that are visible."""
        return self._do(get(_ENDPOINTS, items_of(WebhookEndpoint.of)))

    def get(self, endpoint_id: str) -> WebhookEndpoint:
        """One endpoint."""
        return self._do(get(f"{_ENDPOINTS}/{endpoint_id}", WebhookEndpoint.of))

    def edit(self, endpoint_id: str, **changes: Any) -> WebhookEndpoint:
        """Change ``url``, ``events`` or ``state`` (``enabled``, ``disabled``)."""
        return self._do(patch(f"{_ENDPOINTS}/{endpoint_id}", WebhookEndpoint.of, changes))

    def remove(self, endpoint_id: str) -> None:
        """Tell it nothing any more."""
        return self._do(delete(f"{_ENDPOINTS}/{endpoint_id}"))

    def rotate_keys(
        self, endpoint_id: str, *, overlap_s: int | None = None, idempotency_key: str | None = None
    ) -> WebhookEndpoint:
        """New keys, told this once; messages are signed with both for ``overlap_s``."""
        return self._do(_rotation(endpoint_id, overlap_s, idempotency_key))

    def test(self, endpoint_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Send it ``webhook_endpoint.tested``."""
        path = f"{_ENDPOINTS}/{endpoint_id}/tests"
        return self._do(post(path, Delivery.of, key=idempotency_key))

    def deliveries(self, **filters: str) -> Iterator[Delivery]:
        """All deliveries, the newest first; filters are ``endpoint_id``, ``state``."""
        return all_of(self._do, lambda cursor: _deliveries(cursor, filters))

    def delivery(self, delivery_id: str) -> Delivery:
        """One delivery, with its attempts."""
        return self._do(get(f"{_DELIVERIES}/{delivery_id}", Delivery.of))

    def replay(self, delivery_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Send the same message again, under the same id."""
        path = f"{_DELIVERIES}/{delivery_id}/replays"
        return self._do(post(path, Delivery.of, key=idempotency_key))


class AsyncWebhooks:
    """As :class:`Webhooks`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def create(
        self, url: str, *, events: tuple[str, ...] = (), idempotency_key: str | None = None
    ) -> WebhookEndpoint:
        """As :meth:`Webhooks.create`."""
        body = {"url": url, "events": list(events)}
        return await self._do(post(_ENDPOINTS, WebhookEndpoint.of, key=idempotency_key, body=body))

    async def all(self) -> tuple[WebhookEndpoint, ...]:
        """As :meth:`Webhooks.all`."""
        return await self._do(get(_ENDPOINTS, items_of(WebhookEndpoint.of)))

    async def get(self, endpoint_id: str) -> WebhookEndpoint:
        """As :meth:`Webhooks.get`."""
        return await self._do(get(f"{_ENDPOINTS}/{endpoint_id}", WebhookEndpoint.of))

    async def edit(self, endpoint_id: str, **changes: Any) -> WebhookEndpoint:
        """As :meth:`Webhooks.edit`."""
        return await self._do(patch(f"{_ENDPOINTS}/{endpoint_id}", WebhookEndpoint.of, changes))

    async def remove(self, endpoint_id: str) -> None:
        """As :meth:`Webhooks.remove`."""
        return await self._do(delete(f"{_ENDPOINTS}/{endpoint_id}"))

    async def rotate_keys(
        self, endpoint_id: str, *, overlap_s: int | None = None, idempotency_key: str | None = None
    ) -> WebhookEndpoint:
        """As :meth:`Webhooks.rotate_keys`."""
        return await self._do(_rotation(endpoint_id, overlap_s, idempotency_key))

    async def test(self, endpoint_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """As :meth:`Webhooks.test`."""
        path = f"{_ENDPOINTS}/{endpoint_id}/tests"
        return await self._do(post(path, Delivery.of, key=idempotency_key))

    def deliveries(self, **filters: str) -> AsyncIterator[Delivery]:
        """As :meth:`Webhooks.deliveries`."""
        return all_of_async(self._do, lambda cursor: _deliveries(cursor, filters))

    async def delivery(self, delivery_id: str) -> Delivery:
        """As :meth:`Webhooks.delivery`."""
        return await self._do(get(f"{_DELIVERIES}/{delivery_id}", Delivery.of))

    async def replay(self, delivery_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """As :meth:`Webhooks.replay`."""
        path = f"{_DELIVERIES}/{delivery_id}/replays"
        return await self._do(post(path, Delivery.of, key=idempotency_key))


def _rotation(
    endpoint_id: str, overlap_s: int | None, key: str | None
) -> Operation[WebhookEndpoint]:
    body = {} if overlap_s is None else {"overlap_s": overlap_s}
    return post(f"{_ENDPOINTS}/{endpoint_id}/keys", WebhookEndpoint.of, key=key, body=body)


def _deliveries(cursor: str | None, filters: Mapping[str, str]) -> Operation[Page[Delivery]]:
    return get(_DELIVERIES, page_of(Delivery.of), limit=200, cursor=cursor, **filters)
