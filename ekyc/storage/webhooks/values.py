"""Values of webhooks: endpoints, their keys, deliveries, attempts; and what can be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from ekyc.errors import InputError


class WebhookError(InputError):
    """That endpoint or delivery is not there, or is not in a state for that.

    Codes: ``webhook.unknown``, ``webhook.disabled``, ``webhook.too_many``, ``webhook.kinds``, ``webhook.overlap``.
    """

    default_code: ClassVar[str] = "webhook.unknown"


class SignatureForm(StrEnum):
    """Signature identifiers of Standard Webhooks 1.0.0."""

    V1 = "v1"
    """HMAC-SHA-256 under a secret that the receiver holds too."""
    V1A = "v1a"
    """Ed25519; the receiver holds the public key only."""


class EndpointState(StrEnum):
    """Whether an endpoint is sent anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledBy(StrEnum):
    """Why an endpoint is disabled."""

    OPERATOR = "operator"
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """Nothing succeeded for days."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """To be sent, for the first time or again."""
    DELIVERED = "delivered"
    """Answered 2xx."""
    FAILED = "failed"
    """Given up after the last attempt of the schedule."""
    STOPPED = "stopped"
    """Its endpoint was disabled before it could be delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSecret:
    """A key that deliveries are signed with."""

    form: SignatureForm
    body: bytes = field(repr=False)
    """32 bytes: the HMAC key, or the seed of the Ed25519 key (RFC 8032)."""
    created_at: datetime
    expires_at: datetime | None = None
    """Until when it signs along with its successor; ``None``: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """Who is told, and of what."""

    id: str
    tenant: str
    url: str = field(repr=False)
    kinds: tuple[str, ...]
    """Event types; empty is all."""
    state: EndpointState
    disabled_by: DisabledBy | None
    created_at: datetime
    changed_at: datetime
    failing_since: datetime | None
    """Of the first failure since the last success."""
    paused_until: datetime | None
    """It asked to be left alone until then."""
    offices: frozenset[str] | None = None
    """Whose events alone it is told, with all beneath them by the time it is told; ``None`` is the whole tenant's, and what
    belongs to no office.
    """

    def is_within(self, offices: frozenset[str] | None) -> bool:
        """Whether it hears nothing that somebody in charge of ``offices`` may not."""
        return offices is None or (self.offices is not None and self.offices <= offices)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryClaim:
    """A delivery that this worker has for the time of its lease, and all that it takes to send it."""

    delivery_id: str
    lease: str
    number: int
    """Of this attempt, from 1; those whose outcome nobody knows are not counted."""
    event_id: str
    body: bytes = field(repr=False)
    endpoint: WebhookEndpoint
    secrets: tuple[SigningSecret, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """What came of one attempt. Nothing of an answer is kept but its status."""

    number: int
    at: datetime
    cause: str
    """``delivered``, or what was wrong: ``status``, ``redirect``, or the last word of the error's code."""
    status: int | None
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailure:
    """What follows from an attempt that failed."""

    retry_at: datetime | None
    """``None``: given up."""
    pause_until: datetime | None = None
    """Until when nothing is sent to the endpoint at all."""
    gone: bool = False
    """Whether the endpoint wants nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: str
    endpoint_id: str
    event_id: str
    event_kind: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    """When it is sent next, while it waits."""
    finished_at: datetime | None
    replay_of: str | None
    """The delivery that was to be repeated by this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesOf:
    """Which deliveries are asked for, the newest first."""

    endpoint_id: str | None = None
    among: tuple[str, ...] | None = None
    """Endpoints whose deliveries may be seen; ``None`` is all of the tenant."""
    state: DeliveryState | None = None
    after: tuple[datetime, str] | None = None
    """Time and id of the last one of the page before."""
    limit: int = 50
    """From 1 to 200."""
