"""A dossier: the administrative file that verification sessions belong to, by replaying its own log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from ekyc.dossiers.actions import Actor, DecisionOutcome
from ekyc.dossiers.errors import TransitionError
from ekyc.dossiers.sessions import SessionState, SessionView

MAX_SESSIONS: Final = 50


class DossierState(StrEnum):
    """Whether work may still be done."""

    OPEN = "open"
    CLOSED = "closed"


class DossierFlag(StrEnum):
    """What an officer's queue asks for; computed from the sessions, never stored."""

    INCOMPLETE = "incomplete"
    """No session has a final decision."""
    PROCESSING = "processing"
    NEEDS_REVIEW = "needs_review"
    APPROVED = "approved"
    """The last session that has a final decision was approved."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The dossier was opened."""

    procedure: str
    procedure_version: str
    reference: str | None = None
    """The portal's own reference."""
    office: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Reference and office as they are from now on."""

    reference: str | None
    office: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAdded:
    """A verification session was made for the dossier."""

    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """No more work is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """Work goes on."""


FileEvent = Opened | Edited | SessionAdded | Closed | Reopened


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAction:
    """One line of a dossier's log."""

    sequence: int
    at: datetime
    actor: Actor
    event: FileEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierView:
    """A dossier as its log tells it."""

    version: int
    state: DossierState
    created_at: datetime
    updated_at: datetime
    opened: Opened
    reference: str | None
    office: str | None
    sessions: tuple[str, ...] = ()


def replay_dossier(actions: Iterable[FileAction]) -> DossierView:
    """Where a dossier stands after these actions.

    Raises:
        TransitionError: ``dossier.log_damaged``: empty, or a log that this software would not have written.
    """
    view: DossierView | None = None
    for action in actions:
        try:
            view = _begun(action) if view is None else apply_to_dossier(view, action)
        except TransitionError as exc:
            raise _damaged() from exc
    if view is None:
        raise _damaged()
    return view


def apply_to_dossier(view: DossierView, action: FileAction) -> DossierView:
    """The dossier after one more action.

    Raises:
        TransitionError: the dossier does not allow it.
    """
    if action.sequence != view.version + 1:
        raise _damaged()
    return replace(_after(view, action.event), version=action.sequence, updated_at=action.at)


def dossier_flags(sessions: Iterable[SessionView]) -> frozenset[DossierFlag]:
    """The flags of a dossier with these sessions, the oldest first."""
    flags: set[DossierFlag] = set()
    final: DecisionOutcome | None = None
    for session in sessions:
        if session.state is SessionState.PROCESSING:
            flags.add(DossierFlag.PROCESSING)
        if session.state is SessionState.NEEDS_REVIEW:
            flags.add(DossierFlag.NEEDS_REVIEW)
        decision = session.decision
        if decision is not None and decision.final:
            final = decision.outcome
    match final:
        case DecisionOutcome.APPROVED:
            flags.add(DossierFlag.APPROVED)
        case DecisionOutcome.REJECTED:
            flags.add(DossierFlag.REJECTED)
        case _:
            flags.add(DossierFlag.INCOMPLETE)
    return frozenset(flags)


def _begun(action: FileAction) -> DossierView:
    event = action.event
    if not isinstance(event, Opened) or action.sequence != 1:
        raise _damaged()
    return DossierView(
        version=1,
        state=DossierState.OPEN,
        created_at=action.at,
        updated_at=action.at,
        opened=event,
        reference=event.reference,
        office=event.office,
    )


def _after(view: DossierView, event: FileEvent) -> DossierView:
    match event:
        case Edited():
            _require(view, DossierState.OPEN)
            return replace(view, reference=event.reference, office=event.office)
        case SessionAdded():
            _require(view, DossierState.OPEN)
            if len(view.sessions) >= MAX_SESSIONS:
                raise TransitionError("no more sessions", code="dossier.sessions_spent")
            return replace(view, sessions=(*view.sessions, event.session_id))
        case Closed():
            _require(view, DossierState.OPEN)
            return replace(view, state=DossierState.CLOSED)
        case Reopened():
            _require(view, DossierState.CLOSED)
            return replace(view, state=DossierState.OPEN)
        case Opened():
            raise _damaged()


def _require(view: DossierView, state: DossierState) -> None:
    if view.state is not state:
        raise TransitionError(f"the dossier is {view.state}", code="dossier.state")


def _damaged() -> TransitionError:
    return TransitionError("not a log that this software writes", code="dossier.log_damaged")
