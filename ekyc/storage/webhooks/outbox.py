"""The outbox: what other systems are told of, written in the transaction of the change itself, so that they never part.

::

    with engine.begin() as connection:
        connection.execute(update(…))
        Outbox(connection, now=now, random=random).put(CredentialRevoked(id=…))

A closed set of events, each with a closed set of fields of bounded forms. There is no field for a name, a number of a
person, a text or an address: identifiers that were drawn here, states and codes. Whoever is told asks for the rest, and
is asked who it is. The body is a payload of Standard Webhooks 1.0.0: ``type``, ``timestamp`` of the event, ``data``; it
is written once and sent as it is however often it is sent.

Nothing is sent here. Workers spread events over the endpoints of their tenant and send them
(:class:`~ekyc.storage.webhooks.queue.DeliveryQueue`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, get_type_hints

from sqlalchemy import insert

from ekyc.errors import InputError
from ekyc.storage.evidence.forms import CODE, ID, VERDICT, Form, time_text
from ekyc.storage.webhooks.outbox_tables import outbox_events
from ekyc.values import DEFAULT_TENANT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.ports import Random

EVENT_PREFIX: Final = "evt_"

STATE: Final = Form("state", re.compile(r"[a-z][a-z_]{0,15}\Z"))
CAUSE: Final = Form("cause", re.compile(r"(?:gone|failing)\Z"))


class OutboxEvent:
    """One of the kinds below."""

    __slots__ = ()
    kind: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationDecided(OutboxEvent):
    """A case was decided by its profile; ``id`` is that of the result."""

    kind: ClassVar[str] = "verification.decided"
    id: Annotated[str, ID]
    profile: Annotated[str, CODE]
    verdict: Annotated[str, VERDICT]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMoved(OutboxEvent):
    """A verification session came to another state."""

    kind: ClassVar[str] = "session.state_changed"
    id: Annotated[str, ID]
    state: Annotated[str, STATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureMoved(OutboxEvent):
    """A request for a signature came to another state."""

    kind: ClassVar[str] = "signature_request.state_changed"
    id: Annotated[str, ID]
    state: Annotated[str, STATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierWarned(OutboxEvent):
    """Something about a dossier will be late soon, or goes wrong; ``alert`` says what."""

    kind: ClassVar[str] = "dossier.sla_warning"
    id: Annotated[str, ID]
    alert: Annotated[str, CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierBreached(OutboxEvent):
    """Something about a dossier is late."""

    kind: ClassVar[str] = "dossier.sla_breached"
    id: Annotated[str, ID]
    alert: Annotated[str, CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMoved(OutboxEvent):
    """A request of a data subject came to another state."""

    kind: ClassVar[str] = "data_subject_request.state_changed"
    id: Annotated[str, ID]
    state: Annotated[str, STATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWarned(OutboxEvent):
    """A request of a data subject must be answered soon."""

    kind: ClassVar[str] = "data_subject_request.sla_warning"
    id: Annotated[str, ID]
    alert: Annotated[str, CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBreached(OutboxEvent):
    """A request of a data subject was not acknowledged or answered in time."""

    kind: ClassVar[str] = "data_subject_request.sla_breached"
    id: Annotated[str, ID]
    alert: Annotated[str, CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMoved(OutboxEvent):
    """A batch was handed in, is done, or was called off."""

    kind: ClassVar[str] = "batch.state_changed"
    id: Annotated[str, ID]
    state: Annotated[str, STATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessDecided(OutboxEvent):
    """A session of the active challenge has a result, to be fetched and used once."""

    kind: ClassVar[str] = "liveness.decided"
    id: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialIssued(OutboxEvent):
    """A result for a QR code or wallet was issued."""

    kind: ClassVar[str] = "credential.issued"
    id: Annotated[str, ID]
    schema: Annotated[str, CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRevoked(OutboxEvent):
    """A result no longer stands, for good."""

    kind: ClassVar[str] = "credential.revoked"
    id: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSuspended(OutboxEvent):
    """A result does not stand for now."""

    kind: ClassVar[str] = "credential.suspended"
    id: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReinstated(OutboxEvent):
    """A result stands again."""

    kind: ClassVar[str] = "credential.reinstated"
    id: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSuperseded(OutboxEvent):
    """A result was replaced by another."""

    kind: ClassVar[str] = "credential.superseded"
    id: Annotated[str, ID]
    successor: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDisabled(OutboxEvent):
    """An endpoint gets nothing any more: it answered 410, or failed for days."""

    kind: ClassVar[str] = "webhook_endpoint.disabled"
    id: Annotated[str, ID]
    cause: Annotated[str, CAUSE]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTested(OutboxEvent):
    """Somebody wanted to see whether an endpoint answers; it alone is sent this."""

    kind: ClassVar[str] = "webhook_endpoint.tested"
    id: Annotated[str, ID]


_KINDS: Final[tuple[type[OutboxEvent], ...]] = (
    VerificationDecided,
    LivenessDecided,
    SessionMoved,
    BatchMoved,
    DossierWarned,
    DossierBreached,
    RequestMoved,
    RequestWarned,
    RequestBreached,
    SignatureMoved,
    CredentialIssued,
    CredentialRevoked,
    CredentialSuspended,
    CredentialReinstated,
    CredentialSuperseded,
    EndpointDisabled,
    EndpointTested,
)


def _forms(kind: type[OutboxEvent]) -> Mapping[str, Form]:
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # every kind is a dataclass
    return MappingProxyType({name: hints[name].__metadata__[0] for name in names})


_FORMS: Final[Mapping[type[OutboxEvent], Mapping[str, Form]]] = {
    kind: _forms(kind) for kind in _KINDS
}
EVENT_KINDS: Final[Mapping[str, Mapping[str, Form]]] = MappingProxyType(
    {kind.kind: forms for kind, forms in _FORMS.items()}
)
"""Kind → field → its form."""


def payload_of(event: OutboxEvent, at: datetime) -> str:
    """The body that is sent, as JSON in ASCII.

    Raises:
        InputError: ``webhook.event_form``: a field is not of its form; nothing of it is told.
    """
    data: dict[str, str] = {}
    for name, form in _FORMS[type(event)].items():
        value = getattr(event, name)
        if not form.admits(value):
            raise InputError(
                f"not a {form.name}: events hold nothing else",
                code="webhook.event_form",
                subject=f"{event.kind}/{name}",
            )
        data[name] = value
    content = {"type": event.kind, "timestamp": time_text(at), "data": data}
    return json.dumps(content, separators=(",", ":"))


class Outbox:
    """Writes events within the caller's transaction.

    Args:
        connection: of the transaction that changes what the events tell of.
        now: time of the change.
        random: draws their ids.
        tenant: whose endpoints are told.
    """

    def __init__(
        self, connection: Connection, *, now: datetime, random: Random, tenant: str = DEFAULT_TENANT
    ) -> None:
        self._connection = connection
        self._now = now
        self._random = random
        self._tenant = tenant

    def put(self, event: OutboxEvent, *, office: str | None = None) -> str:
        """Write an event; gives its id, which all that are told of it get to see, every time alike.

        Args:
            event: what happened.
            office: whose it is; endpoints that are bound to offices are told of theirs alone.

        Raises:
            InputError: ``webhook.event_form``: a field is not of the form that events may have.
        """
        event_id = EVENT_PREFIX + self._random.token_bytes(16).hex()
        self._connection.execute(
            insert(outbox_events).values(
                id=event_id,
                tenant_id=self._tenant,
                office=office,
                kind=event.kind,
                body=payload_of(event, self._now),
                at=self._now,
            )
        )
        return event_id
