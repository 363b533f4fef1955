"""A request of a data subject, by replaying its log: what was asked, by when it must be answered, what was done. Pure.

::

    received ─► acknowledged ─► granted ─► fulfilled
        └────────────┴─► refused, canceled     granted ─► refused, where a protection stands in the way

Deadlines are in working days and follow from the log alone. An answer may be put off once, with notice. Whoever files a
request never decides it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from ekyc.dossiers.actions import Actor, ActorKind
from ekyc.dossiers.clocks import Alert, AlertKind, GivenAlert
from ekyc.dossiers.errors import TransitionError
from ekyc.dossiers.working_time import WorkingCalendar

SCHEMA: Final = "ekyc.subject-requests/1"
MAX_STEPS: Final = 50


class RequestKind(StrEnum):
    """Which right is claimed."""

    ACCESS = "access"
    CORRECT = "correct"
    DELETE = "delete"
    WITHDRAW = "withdraw"
    """Of consents."""
    RESTRICT = "restrict"
    OBJECT = "object"
    """To being decided on by machine."""


class RequestState(StrEnum):
    """How far a request is."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    GRANTED = "granted"
    FULFILLED = "fulfilled"
    REFUSED = "refused"
    CANCELED = "canceled"


class Identification(StrEnum):
    """How whoever decides knows that it is the person's own request."""

    LOGIN = "login"
    """Filed under a login; it then reaches what was filed under that login, and nothing else."""
    SESSION = "session"
    """By a verification session that was approved for good, on this very number."""
    COUNTER = "counter"
    """An officer saw person and document."""


_OPEN: Final = frozenset({RequestState.RECEIVED, RequestState.ACKNOWLEDGED})
AUTOMATIC: Final = frozenset(
    {
        RequestKind.ACCESS,
        RequestKind.DELETE,
        RequestKind.WITHDRAW,
        RequestKind.RESTRICT,
        RequestKind.OBJECT,
    }
)
"""What the service fulfils by itself once it is granted; a correction an officer does."""
REFUSALS: Final = frozenset(
    {
        "rights.identity",
        "rights.law_keeps",
        "rights.of_others",
        "rights.nothing_kept",
        "subject.held",
        "subject.restricted",
    }
)
"""Why a request may be refused."""
EXTENSIONS: Final = frozenset({"rights.complex"})
"""Why an answer may be put off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Somebody claims a right."""

    right: RequestKind
    sessions: tuple[str, ...] = ()
    """Verification sessions that it speaks of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The person was told that the request has arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """The person was told that it takes longer, and why."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """An officer found that it must be done."""

    identification: Identification
    session_id: str | None = None
    """Of the verification session that shows who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An officer found that it must not be done."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilled:
    """It was done."""

    counts: tuple[str, ...] = ()
    """What was found or changed, as ``name=number``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledOff:
    """Whoever filed it does not want it any more."""


RequestEvent = Filed | Acknowledged | Extended | Granted | Refused | Fulfilled | CalledOff


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAction:
    """One line of a request's log."""

    sequence: int
    at: datetime
    actor: Actor
    event: RequestEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request as its log tells it."""

    version: int
    state: RequestState
    filed: Filed
    filed_by: Actor
    filed_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None = None
    extended: bool = False
    granted: Granted | None = None
    reasons: tuple[str, ...] = ()
    """Of the refusal, or of the extension before it."""
    counts: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide or do something."""
        return self.state in _OPEN or self.state is RequestState.GRANTED


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Working days."""

    acknowledge_days: int
    warn_days: int
    answer_days: Mapping[RequestKind, int]
    extension_days: Mapping[RequestKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimes:
    """By when something must have happened."""

    acknowledge_by: datetime
    answer_by: datetime
    warn_at: datetime


@cache
def request_limits() -> RequestLimits:
    """The limits of ``ekyc/data/subject_requests.toml``.

    Raises:
        ValueError: the file is not of its form.
    """
    text = resources.files("ekyc.data").joinpath("subject_requests.toml").read_text("utf-8")
    document = tomllib.loads(text)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    return RequestLimits(
        acknowledge_days=document["acknowledge_days"],
        warn_days=document["warn_days"],
        answer_days=_by_kind(document["answer_days"]),
        extension_days=_by_kind(document["extension_days"]),
    )


def _by_kind(table: Mapping[str, Any]) -> Mapping[RequestKind, int]:
    days = {RequestKind(name): int(value) for name, value in table.items()}
    if set(days) != set(RequestKind) or min(days.values()) < 1:
        raise ValueError("every right has its days")
    return MappingProxyType(days)


def due_times(view: RequestView, limits: RequestLimits, calendar: WorkingCalendar) -> DueTimes:
    """By when a request must be acknowledged and answered."""
    days = limits.answer_days[view.filed.right]
    if view.extended:
        days += limits.extension_days[view.filed.right]
    end = calendar.end_of_working_days
    return DueTimes(
        acknowledge_by=end(view.filed_at, limits.acknowledge_days),
        answer_by=end(view.filed_at, days),
        warn_at=end(view.filed_at, max(1, days - limits.warn_days)),
    )


def request_alerts(
    view: RequestView, limits: RequestLimits, calendar: WorkingCalendar, now: datetime
) -> tuple[GivenAlert, ...]:
    """What is late about a request at ``now``, or will be soon; nothing once it is over."""
    if not view.is_open:
        return ()
    due = due_times(view, limits, calendar)
    found: list[GivenAlert] = []
    if view.state is RequestState.RECEIVED and now >= due.acknowledge_by:
        found.append(
            _alert("acknowledge", Alert.NOT_RECEIVED, AlertKind.BREACHED, due.acknowledge_by)
        )
    if now >= due.answer_by:
        found.append(_alert("answer", Alert.OVERDUE, AlertKind.BREACHED, due.answer_by))
    elif now >= due.warn_at:
        found.append(_alert("answer", Alert.DUE_SOON, AlertKind.WARNING, due.warn_at))
    return tuple(found)


def _alert(clock: str, alert: Alert, kind: AlertKind, origin: datetime) -> GivenAlert:
    return GivenAlert(clock=clock, alert=alert, kind=kind, origin=origin)


def replay_request(actions: Iterable[RequestAction]) -> RequestView:
    """Where a request stands after these actions.

    Raises:
        TransitionError: ``dossier.log_damaged``: empty, or a log that this software would not have written.
    """
    view: RequestView | None = None
    for action in actions:
        try:
            view = _begun(action) if view is None else apply_to_request(view, action)
        except TransitionError as exc:
            raise _damaged() from exc
    if view is None:
        raise _damaged()
    return view


def apply_to_request(view: RequestView, action: RequestAction) -> RequestView:
    """The request after one more action.

    Raises:
        TransitionError: ``rights.state``; ``rights.extended_already``;
            ``decision.not_an_officer``; ``decision.four_eyes``: whoever filed it decides it.
    """
    if action.sequence != view.version + 1 or action.sequence > MAX_STEPS:
        raise _damaged()
    after = _after(view, action)
    return replace(after, version=action.sequence, updated_at=action.at)


def _begun(action: RequestAction) -> RequestView:
    event = action.event
    if not isinstance(event, Filed) or action.sequence != 1:
        raise _damaged()
    return RequestView(
        version=1,
        state=RequestState.RECEIVED,
        filed=event,
        filed_by=action.actor,
        filed_at=action.at,
        updated_at=action.at,
    )


def _after(view: RequestView, action: RequestAction) -> RequestView:
    event = action.event
    match event:
        case Acknowledged():
            _require(view, RequestState.RECEIVED)
            _require_officer(action.actor)
            state = RequestState.ACKNOWLEDGED
            return replace(view, state=state, acknowledged_at=action.at)
        case Extended():
            return _extended(view, event, action.actor)
        case Granted() | Refused():
            return _decided(view, event, action.actor)
        case Fulfilled():
            _require(view, RequestState.GRANTED)
            return replace(view, state=RequestState.FULFILLED, counts=event.counts)
        case CalledOff():
            _require(view, *_OPEN)
            return replace(view, state=RequestState.CANCELED)
        case Filed():
            raise _damaged()


def _extended(view: RequestView, event: Extended, actor: Actor) -> RequestView:
    _require(view, *_OPEN)
    _require_officer(actor)
    if view.extended:
        raise TransitionError("an answer is put off once", code="rights.extended_already")
    return replace(view, extended=True, reasons=event.reasons)


def _decided(view: RequestView, event: Granted | Refused, actor: Actor) -> RequestView:
    granted = view.state is RequestState.GRANTED
    if isinstance(event, Refused) and granted and actor.kind is ActorKind.SYSTEM:
        # it found a protection on what was to be erased
        return replace(view, state=RequestState.REFUSED, reasons=event.reasons)
    _require(view, *_OPEN)
    _require_officer(actor)
    if actor.id == view.filed_by.id:
        raise TransitionError("whoever files does not decide", code="decision.four_eyes")
    if isinstance(event, Granted):
        return replace(view, state=RequestState.GRANTED, granted=event)
    return replace(view, state=RequestState.REFUSED, reasons=event.reasons)


def _require(view: RequestView, *states: RequestState) -> None:
    if view.state not in states:
        raise TransitionError(f"the request is {view.state}", code="rights.state")


def _require_officer(actor: Actor) -> None:
    if actor.kind is not ActorKind.OFFICER:
        raise TransitionError("only an officer does this", code="decision.not_an_officer")


def _damaged() -> TransitionError:
    return TransitionError("not a log that this software writes", code="dossier.log_damaged")
