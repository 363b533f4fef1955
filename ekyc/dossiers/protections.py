"""What keeps somebody's data as they are, by replaying its log. Pure.

::

    restriction   in_force ─► lifted
    legal hold    proposed ─► in_force ─► lift_proposed ─► lifted
                      └─► declined   └──◄── declined

A restriction follows from a data subject's request, which two people had in hand. A legal hold is an authority's order: one
officer proposes it, or its end, and another confirms. Only what is *in force* or about to be lifted protects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from ekyc.dossiers.actions import Actor, ActorKind
from ekyc.dossiers.errors import TransitionError

MAX_STEPS: Final = 200
ORDER_PATTERN: Final = r"^[0-9A-Za-zĐđ][0-9A-Za-zĐđ/._-]{0,63}$"
"""Number of an order, such as ``12/2026/QĐ-CQĐT``."""
LIFTS: Final = frozenset({"rights.person_lifts", "rights.dispute_over", "rights.order_over"})
"""Why a protection ends."""


class ProtectionKind(StrEnum):
    """What a protection is."""

    RESTRICTION = "restriction"
    """Nothing is processed, and nothing is removed."""
    LEGAL_HOLD = "legal-hold"
    """Nothing is removed."""


class ProtectionState(StrEnum):
    """How far a protection is."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    LIFT_PROPOSED = "lift_proposed"
    """It protects still."""
    LIFTED = "lifted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionPlaced:
    """A granted request of a data subject restricts processing from here on."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldProposed:
    """An officer has an authority's order before them."""

    order: str
    """Its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionConfirmed:
    """Another officer confirms what was proposed: the hold, or its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionDeclined:
    """Another officer does not, or the same one thinks better of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftAsked:
    """An officer finds that it must end: a restriction does, a hold waits for another officer."""

    reasons: tuple[str, ...]


ProtectionEvent = (
    RestrictionPlaced | HoldProposed | ProtectionConfirmed | ProtectionDeclined | LiftAsked
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionAction:
    """One line of a protection's log."""

    sequence: int
    at: datetime
    actor: Actor
    event: ProtectionEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionView:
    """A protection as its log tells it."""

    version: int
    kind: ProtectionKind
    state: ProtectionState
    order: str | None
    request: str | None
    begun_by: Actor
    begun_at: datetime
    updated_at: datetime
    confirmed_by: Actor | None = None
    """Of a hold, in force."""
    lift_by: Actor | None = None
    """Who asked that it end."""
    reasons: tuple[str, ...] = ()
    """Why it ends."""
    lifted_by: Actor | None = None
    lifted_at: datetime | None = None

    @property
    def protects(self) -> bool:
        """Whether it has an effect."""
        return self.state in {ProtectionState.IN_FORCE, ProtectionState.LIFT_PROPOSED}


def replay_protection(actions: Iterable[ProtectionAction]) -> ProtectionView:
    """Where a protection stands after these actions.

    Raises:
        TransitionError: ``dossier.log_damaged``: empty, or a log that this software would not have written.
    """
    view: ProtectionView | None = None
    for action in actions:
        try:
            view = _begun(action) if view is None else apply_to_protection(view, action)
        except TransitionError as exc:
            raise _damaged() from exc
    if view is None:
        raise _damaged()
    return view


def apply_to_protection(view: ProtectionView, action: ProtectionAction) -> ProtectionView:
    """The protection after one more action.

    Raises:
        TransitionError: ``protection.state``; ``decision.not_an_officer``; ``decision.four_eyes``.
    """
    if action.sequence != view.version + 1 or action.sequence > MAX_STEPS:
        raise _damaged()
    if action.actor.kind is not ActorKind.OFFICER:
        raise TransitionError("only an officer does this", code="decision.not_an_officer")
    after = _after(view, action)
    return replace(after, version=action.sequence, updated_at=action.at)


def begin_protection(action: ProtectionAction) -> ProtectionView:
    """A protection after the first line of its log.

    Raises:
        TransitionError: ``decision.not_an_officer``; ``dossier.log_damaged``: no first line.
    """
    if isinstance(action.event, HoldProposed) and action.actor.kind is not ActorKind.OFFICER:
        raise TransitionError("only an officer does this", code="decision.not_an_officer")
    return _begun(action)


def _begun(action: ProtectionAction) -> ProtectionView:
    event = action.event
    held = isinstance(event, HoldProposed)
    if action.sequence != 1 or not isinstance(event, HoldProposed | RestrictionPlaced):
        raise _damaged()
    return ProtectionView(
        version=1,
        kind=ProtectionKind.LEGAL_HOLD if held else ProtectionKind.RESTRICTION,
        state=ProtectionState.PROPOSED if held else ProtectionState.IN_FORCE,
        order=event.order if isinstance(event, HoldProposed) else None,
        request=event.request if isinstance(event, RestrictionPlaced) else None,
        begun_by=action.actor,
        begun_at=action.at,
        updated_at=action.at,
    )


def _after(view: ProtectionView, action: ProtectionAction) -> ProtectionView:
    event, actor = action.event, action.actor
    match event:
        case ProtectionConfirmed():
            return _confirmed(view, action)
        case ProtectionDeclined():
            _require(view, ProtectionState.PROPOSED, ProtectionState.LIFT_PROPOSED)
            if view.state is ProtectionState.PROPOSED:
                return replace(view, state=ProtectionState.DECLINED)
            return replace(view, state=ProtectionState.IN_FORCE, lift_by=None, reasons=())
        case LiftAsked():
            _require(view, ProtectionState.IN_FORCE)
            asked = replace(view, lift_by=actor, reasons=event.reasons)
            if view.kind is ProtectionKind.LEGAL_HOLD:
                return replace(asked, state=ProtectionState.LIFT_PROPOSED)
            return _lifted(asked, action)
        case RestrictionPlaced() | HoldProposed():
            raise _damaged()


def _confirmed(view: ProtectionView, action: ProtectionAction) -> ProtectionView:
    _require(view, ProtectionState.PROPOSED, ProtectionState.LIFT_PROPOSED)
    proposed = view.state is ProtectionState.PROPOSED
    proposer = view.begun_by if proposed else view.lift_by
    # An id that people type is one person's, whatever its case.
    if proposer is not None and _typed(proposer.id) == _typed(action.actor.id):
        raise TransitionError("whoever proposes does not confirm", code="decision.four_eyes")
    if proposed:
        return replace(view, state=ProtectionState.IN_FORCE, confirmed_by=action.actor)
    return _lifted(view, action)


def _typed(actor_id: str) -> str:
    return actor_id.strip().casefold()


def _lifted(view: ProtectionView, action: ProtectionAction) -> ProtectionView:
    return replace(view, state=ProtectionState.LIFTED, lifted_by=action.actor, lifted_at=action.at)


def _require(view: ProtectionView, *states: ProtectionState) -> None:
    if view.state not in states:
        raise TransitionError(f"the protection is {view.state}", code="protection.state")


def _damaged() -> TransitionError:
    return TransitionError("not a log that this software writes", code="dossier.log_damaged")
