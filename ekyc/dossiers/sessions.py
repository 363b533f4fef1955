"""Where a verification session stands, by replaying its log.

::

    created ─► requires_input ⇄ processing ─► needs_review ─► decided
       └──────────────┴── expired, canceled      └─ canceled
                                       decided, expired, canceled ─► redacted

A case may be submitted in *created* too: the portal that has everything needs no capture. An officer's decision
``resubmit`` leads from *needs_review* back to *requires_input*, with one attempt more if none is left.

Attempts are capped. One that failed through a fault of ours is given back, and even those end at
:data:`MAX_SUBMISSIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ekyc.dossiers.actions import (
    Action,
    Actor,
    ActorKind,
    Canceled,
    CaptureOpened,
    Concluded,
    Created,
    Decided,
    DecisionOutcome,
    Event,
    Expired,
    Interrupted,
    Linked,
    Redacted,
    Submitted,
)
from ekyc.dossiers.errors import TransitionError

MAX_ATTEMPTS: Final = 9
"""That a session may be made with."""
MAX_SUBMISSIONS: Final = 30
"""Of one session, whatever became of them."""
MAX_LINKS: Final = 20


class SessionState(StrEnum):
    """How far a session is."""

    CREATED = "created"
    REQUIRES_INPUT = "requires_input"
    PROCESSING = "processing"
    NEEDS_REVIEW = "needs_review"
    DECIDED = "decided"
    EXPIRED = "expired"
    CANCELED = "canceled"
    REDACTED = "redacted"


_OPEN: Final = frozenset({SessionState.CREATED, SessionState.REQUIRES_INPUT})
MOVED_BY_TIME: Final = _OPEN | {SessionState.PROCESSING}
"""States that :func:`due_at` has a time for."""
_ENDED: Final = frozenset({SessionState.DECIDED, SessionState.EXPIRED, SessionState.CANCELED})

_MOVES: Final[Mapping[type, tuple[frozenset[SessionState], SessionState]]] = MappingProxyType(
    {
        CaptureOpened: (_OPEN, SessionState.REQUIRES_INPUT),
        Canceled: (_OPEN | {SessionState.NEEDS_REVIEW}, SessionState.CANCELED),
        Expired: (_OPEN, SessionState.EXPIRED),
        Redacted: (_ENDED, SessionState.REDACTED),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision; the last one counts, and only if it is final."""

    number: int
    """From 1."""
    at: datetime
    actor: Actor
    automatic: bool
    outcome: DecisionOutcome
    reasons: tuple[str, ...]
    final: bool
    """Act on this decision only if so."""
    overrides: tuple[str, ...] = ()
    """Required checks that FAILED and are set aside by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session as its log tells it."""

    version: int
    """Number of actions; a later one is a higher one."""
    state: SessionState
    created_at: datetime
    updated_at: datetime
    created: Created
    expires_at: datetime
    attempts_allowed: int
    attempts_made: int = 0
    submissions: int = 0
    """Of any kind: those that were given back too."""
    deadline: datetime | None = None
    """While *processing*."""
    conclusion: Concluded | None = None
    """Of the last attempt that was concluded."""
    last_error: Interrupted | None = None
    """Of the last attempt, if it was interrupted."""
    decisions: tuple[Decision, ...] = ()
    links: tuple[Linked, ...] = ()

    @property
    def attempts_left(self) -> int:
        """Cases that may still be submitted."""
        return min(self.attempts_allowed - self.attempts_made, MAX_SUBMISSIONS - self.submissions)

    @property
    def decision(self) -> Decision | None:
        """The last decision."""
        return self.decisions[-1] if self.decisions else None

    @property
    def is_approved(self) -> bool:
        """Whether it was approved, and nobody has to look at it any more; of sample material too, which is never final."""
        last = self.decision
        approved = last is not None and last.outcome is DecisionOutcome.APPROVED
        return approved and self.state is SessionState.DECIDED

    @property
    def is_over(self) -> bool:
        """Whether nothing but redaction can follow."""
        return self.state in _ENDED or self.state is SessionState.REDACTED


def replay_session(actions: Iterable[Action]) -> SessionView:
    """Where a session stands after these actions.

    Raises:
        TransitionError: ``dossier.log_damaged``: empty, or a log that this software would not have written.
    """
    view: SessionView | None = None
    for action in actions:
        try:
            view = begin(action) if view is None else apply(view, action)
        except TransitionError as exc:
            raise _damaged() from exc
    if view is None:
        raise _damaged()
    return view


def begin(action: Action) -> SessionView:
    """A session after its first action.

    Raises:
        TransitionError: the action is not the first of a session.
    """
    event = action.event
    if not isinstance(event, Created) or action.sequence != 1:
        raise _damaged()
    return SessionView(
        version=1,
        state=SessionState.CREATED,
        created_at=action.at,
        updated_at=action.at,
        created=event,
        expires_at=event.expires_at,
        attempts_allowed=event.attempts_allowed,
    )


def apply(view: SessionView, action: Action) -> SessionView:
    """The session after one more action.

    Raises:
        TransitionError: the session does not allow it.
    """
    if action.sequence != view.version + 1:
        raise _damaged()
    after = _after(view, action)
    return replace(after, version=action.sequence, updated_at=action.at)


def due_at(view: SessionView) -> datetime | None:
    """When time alone will move the session, if it does."""
    if view.state in _OPEN:
        return view.expires_at
    return view.deadline if view.state is SessionState.PROCESSING else None


def due_event(view: SessionView, now: datetime) -> Event | None:
    """What time alone has brought about by ``now`` and the log does not tell yet; apply until ``None``."""
    if view.state in _OPEN and now >= view.expires_at:
        return Expired()
    if view.state is SessionState.PROCESSING and view.deadline is not None and now >= view.deadline:
        return Interrupted(attempt=view.submissions, code="session.interrupted", counted=False)
    return None


def _after(view: SessionView, action: Action) -> SessionView:
    event = action.event
    match event:
        case Linked():
            return _linked(view, event)
        case Submitted():
            return _submitted(view, event)
        case Concluded():
            return _concluded(view, event, action)
        case Interrupted():
            return _interrupted(view, event)
        case Decided():
            return _decided(view, event, action)
        case _:
            return _moved(view, event)


def _moved(view: SessionView, event: Event) -> SessionView:
    """The events that move the state and nothing else."""
    if type(event) not in _MOVES:
        raise _damaged()
    before, after = _MOVES[type(event)]
    _require(view, before)
    if isinstance(event, CaptureOpened):
        _require_attempts(view)
    return replace(view, state=after)


def _linked(view: SessionView, event: Linked) -> SessionView:
    _require(view, _OPEN)
    if event in view.links:
        return view
    if len(view.links) >= MAX_LINKS:
        raise TransitionError("no more links", code="session.links_spent")
    return replace(view, links=(*view.links, event))


def _submitted(view: SessionView, event: Submitted) -> SessionView:
    _require(view, _OPEN)
    _require_attempts(view)
    if event.attempt != view.submissions + 1:
        raise _ended()
    return replace(
        view,
        state=SessionState.PROCESSING,
        attempts_made=view.attempts_made + 1,
        submissions=view.submissions + 1,
        deadline=event.deadline,
        last_error=None,
    )


def _concluded(view: SessionView, event: Concluded, action: Action) -> SessionView:
    _require_running(view, event.attempt)
    states = {
        DecisionOutcome.APPROVED: SessionState.DECIDED,
        DecisionOutcome.RESUBMIT: SessionState.REQUIRES_INPUT,
    }
    approved = event.outcome is DecisionOutcome.APPROVED
    decision = Decision(
        number=len(view.decisions) + 1,
        at=action.at,
        actor=action.actor,
        automatic=True,
        outcome=event.outcome,
        reasons=event.reasons,
        final=approved and not event.sample,
    )
    return replace(
        view,
        state=states.get(event.outcome, SessionState.NEEDS_REVIEW),
        deadline=None,
        conclusion=event,
        decisions=(*view.decisions, decision),
    )


def _interrupted(view: SessionView, event: Interrupted) -> SessionView:
    _require_running(view, event.attempt)
    return replace(
        view,
        state=SessionState.REQUIRES_INPUT,
        attempts_made=view.attempts_made - (0 if event.counted else 1),
        deadline=None,
        last_error=event,
    )


def _decided(view: SessionView, event: Decided, action: Action) -> SessionView:
    _require(view, {SessionState.NEEDS_REVIEW})
    if action.actor.kind is not ActorKind.OFFICER:
        raise TransitionError("only an officer decides", code="decision.not_an_officer")
    if event.outcome is DecisionOutcome.NEEDS_REVIEW:
        raise TransitionError("a review ends in a decision", code="decision.outcome")
    conclusion = view.conclusion
    failed = conclusion.failed if conclusion is not None else ()
    overrides = failed if event.outcome is DecisionOutcome.APPROVED else ()
    first = _awaits_second(view)
    if overrides and first is not None and first.actor.id == action.actor.id:
        raise TransitionError(
            "a check that failed is set aside by two officers", code="decision.four_eyes"
        )
    settled = not overrides or first is not None
    sample = conclusion is not None and conclusion.sample
    ends = settled and event.outcome is not DecisionOutcome.RESUBMIT
    decision = Decision(
        number=len(view.decisions) + 1,
        at=action.at,
        actor=action.actor,
        automatic=False,
        outcome=event.outcome,
        reasons=event.reasons,
        final=ends and not sample,
        overrides=overrides,
    )
    decided = replace(view, decisions=(*view.decisions, decision))
    if event.outcome is DecisionOutcome.RESUBMIT:
        return _asked_again(decided)
    return replace(decided, state=SessionState.DECIDED) if ends else decided


def _awaits_second(view: SessionView) -> Decision | None:
    """The officer's approval that waits for a second pair of eyes, if the last decision is one."""
    last = view.decision
    return last if last is not None and not last.automatic and last.overrides else None


def _asked_again(view: SessionView) -> SessionView:
    if view.submissions >= MAX_SUBMISSIONS:
        raise TransitionError("no more attempts", code="session.attempts_spent")
    allowed = max(view.attempts_allowed, view.attempts_made + 1)
    return replace(view, state=SessionState.REQUIRES_INPUT, attempts_allowed=allowed)


def _require(view: SessionView, states: Iterable[SessionState]) -> None:
    if view.state not in states:
        raise TransitionError(f"the session is {view.state}", code="session.state")


def _require_running(view: SessionView, attempt: int) -> None:
    if view.state is not SessionState.PROCESSING or view.submissions != attempt:
        raise _ended()


def _require_attempts(view: SessionView) -> None:
    if view.attempts_left <= 0:
        raise TransitionError("no more attempts", code="session.attempts_spent")


def _ended() -> TransitionError:
    return TransitionError("that attempt is over", code="session.attempt_ended")


def _damaged() -> TransitionError:
    return TransitionError("not a log that this software writes", code="dossier.log_damaged")
