"""Lines of logs as the store keeps them, and the actions that they say."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, Final

from ekyc.dossiers import (
    Action,
    Actor,
    ActorKind,
    Concluded,
    Decided,
    FileAction,
    event_as_json,
    event_from_json,
)
from ekyc.dossiers.protections import ProtectionAction
from ekyc.dossiers.subject_requests import RequestAction
from ekyc.storage import LoggedAction
from ekyc.storage.evidence.events import Reference, SessionDecided, drawn

_LOGIN: Final = re.compile(r"[0-9a-f]{64}\Z")


def line_of(action: Action | FileAction | RequestAction | ProtectionAction) -> LoggedAction:
    """An action as it is kept."""
    kind, body = event_as_json(action.event)
    return LoggedAction(
        sequence=action.sequence, at=action.at, actor=asdict(action.actor), kind=kind, body=body
    )


def session_action(line: LoggedAction) -> Action:
    """A line of a session's log; one of another log is refused on replay.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    return Action(sequence=line.sequence, at=line.at, actor=_actor(line), event=_event(line))


def file_action(line: LoggedAction) -> FileAction:
    """Likewise of a dossier's."""
    return FileAction(sequence=line.sequence, at=line.at, actor=_actor(line), event=_event(line))


def request_action(line: LoggedAction) -> RequestAction:
    """Likewise of a data subject's request."""
    return RequestAction(sequence=line.sequence, at=line.at, actor=_actor(line), event=_event(line))


def protection_action(line: LoggedAction) -> ProtectionAction:
    """Likewise of a protection's."""
    return ProtectionAction(
        sequence=line.sequence, at=line.at, actor=_actor(line), event=_event(line)
    )


def reference_to_actor(actor: Actor) -> Reference | None:
    """Whoever acted, as the evidence log knows them; ``None``: the service itself.

    A person is known by their login, whatever they act as: who is erased as a citizen is erased as an officer too.
    """
    if actor.kind is ActorKind.SYSTEM:
        return None
    kind = "citizen" if _LOGIN.match(actor.id) else "client"
    return Reference(kind=kind, text=actor.id)


def decision_evidence(session_id: str, action: Action) -> SessionDecided | None:
    """What the evidence log says of an action that decides; ``None`` of any other."""
    event = action.event
    if not isinstance(event, Concluded | Decided):
        return None
    result = drawn("result", event.verification_id) if isinstance(event, Concluded) else None
    return SessionDecided(
        session=session_id,
        outcome=event.outcome.value,
        reasons=event.reasons,
        result=result,
        actor=reference_to_actor(action.actor),
    )


def _event(line: LoggedAction) -> Any:
    return event_from_json(line.kind, line.body)


def _actor(line: LoggedAction) -> Actor:
    return Actor(**{**line.actor, "kind": ActorKind(line.actor["kind"])})
