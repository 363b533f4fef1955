"""What can be done with dossiers and sessions, inside one transaction. No HTTP here.

Whatever a caller may not see does not exist for it: another tenant's, another office's, another citizen's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ekyc.api.access import Principal, PrincipalKind, Role
from ekyc.dossiers import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    DossierView,
    Event,
    FileAction,
    FileEvent,
    SessionView,
    apply,
    apply_to_dossier,
    due_event,
    event_as_json,
    event_from_json,
    replay_dossier,
    replay_session,
)
from ekyc.dossiers.sessions import begin
from ekyc.errors import InputError
from ekyc.storage import DossierRow, Jurisdiction, LoggedAction, SessionRow

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

_OFFICIALS = (Role.SUPERVISOR, Role.OFFICER, Role.RECEPTIONIST)


class UnknownFileError(InputError):
    """There is no such thing, or not for this caller.

    Codes: ``session.unknown``, ``dossier.unknown``.
    """

    default_code = "session.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSession:
    """A session and where it stands."""

    row: SessionRow
    view: SessionView
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDossier:
    """A dossier and where it stands."""

    row: DossierRow
    view: DossierView
    actions: tuple[FileAction, ...]


def jurisdiction_of(caller: Principal) -> Jurisdiction:
    """Which rows of its tenant a caller may see."""
    return Jurisdiction(
        offices=caller.offices, subject=caller.own_subject, procedures=caller.procedures
    )


def actor_of(caller: Principal) -> Actor:
    """The caller as the log names it, with its highest role and its office, if it has one."""
    office = next(iter(caller.offices)) if caller.offices and len(caller.offices) == 1 else None
    role = next((role for role in _OFFICIALS if role in caller.roles), None)
    match caller.kind:
        case PrincipalKind.KEY | PrincipalKind.CLIENT:
            kind, name = ActorKind.CLIENT, None
        case PrincipalKind.DELEGATED:
            kind, name = ActorKind.AGENT, Role.AGENT.value
        case PrincipalKind.DEVELOPMENT:
            kind, name = ActorKind.OFFICER, "development"
        case PrincipalKind.PERSON if role is not None:
            kind, name = ActorKind.OFFICER, role.value
        case PrincipalKind.PERSON:
            kind, name = ActorKind.CITIZEN, Role.CITIZEN.value
    acting = caller.subject if caller.act is None else caller.act.subject
    return Actor(kind=kind, id=acting, role=name, office=office)


def office_for(caller: Principal, wanted: str | None) -> str | None:
    """The office of something new: the wanted one if it is the caller's, or its only one.

    Raises:
        AccessError: ``access.not_found``: the office is not in its jurisdiction.
    """
    if wanted is not None:
        caller.require_office(wanted)
        return wanted
    offices = caller.offices
    return next(iter(offices)) if offices is not None and len(offices) == 1 else None


def load_session(
    unit: DossierUnit, within: Jurisdiction, session_id: str, *, lock: bool = False
) -> LoadedSession:
    """A session; with ``lock``, for writing, and what time has brought about is written first.

    Raises:
        UnknownFileError: ``session.unknown``.
        TransitionError: ``dossier.log_damaged``.
    """
    row = unit.sessions.get(session_id, lock=lock)
    if row is None or not within.covers(row):
        raise UnknownFileError("no such session")
    loaded = loaded_session(row, unit.logs.of(session_id))
    while lock and (due := due_event(loaded.view, unit.now)) is not None:
        loaded = record(unit, loaded, SYSTEM, due)
    return loaded


def loaded_session(row: SessionRow, lines: tuple[LoggedAction, ...]) -> LoadedSession:
    """A session by its row and log.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    actions = tuple(_action(line) for line in lines)
    return LoadedSession(row=row, view=replay_session(actions), actions=actions)


def load_dossier(
    unit: DossierUnit, within: Jurisdiction, dossier_id: str, *, lock: bool = False
) -> LoadedDossier:
    """A dossier.

    Raises:
        UnknownFileError: ``dossier.unknown``.
        TransitionError: ``dossier.log_damaged``.
    """
    row = unit.dossiers.get(dossier_id, lock=lock)
    if row is None or not within.covers(row):
        raise UnknownFileError("no such dossier", code="dossier.unknown")
    return loaded_dossier(row, unit.logs.of(dossier_id))


def loaded_dossier(row: DossierRow, lines: tuple[LoggedAction, ...]) -> LoadedDossier:
    """A dossier by its row and log.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    actions = tuple(_file_action(line) for line in lines)
    return LoadedDossier(row=row, view=replay_dossier(actions), actions=actions)


def sessions_of(unit: DossierUnit, view: DossierView) -> tuple[SessionView, ...]:
    """The sessions of a dossier, the oldest first."""
    logs = unit.logs.of_many(view.sessions)
    return tuple(replay_session(map(_action, logs[name])) for name in view.sessions)


def create_session(unit: DossierUnit, row: SessionRow, actor: Actor, event: Event) -> LoadedSession:
    """Record a new session with the first line of its log."""
    action = Action(sequence=1, at=unit.now, actor=actor, event=event)
    view = begin(action)
    unit.sessions.add(row)
    unit.logs.append(row.id, _line(action))
    return LoadedSession(row=row, view=view, actions=(action,))


def create_dossier(
    unit: DossierUnit, row: DossierRow, actor: Actor, event: FileEvent
) -> LoadedDossier:
    """Record a new dossier with the first line of its log."""
    action = FileAction(sequence=1, at=unit.now, actor=actor, event=event)
    view = replay_dossier((action,))
    unit.dossiers.add(row)
    unit.logs.append(row.id, _line(action))
    return LoadedDossier(row=row, view=view, actions=(action,))


def record(unit: DossierUnit, loaded: LoadedSession, actor: Actor, event: Event) -> LoadedSession:
    """Append to a session's log.

    Raises:
        TransitionError: the session does not allow it; nothing was written.
    """
    action = Action(sequence=loaded.view.version + 1, at=unit.now, actor=actor, event=event)
    view = apply(loaded.view, action)
    unit.logs.append(loaded.row.id, _line(action))
    unit.sessions.index(loaded.row.id, state=view.state.value)
    return LoadedSession(row=loaded.row, view=view, actions=(*loaded.actions, action))


def record_in_dossier(
    unit: DossierUnit, loaded: LoadedDossier, actor: Actor, event: FileEvent
) -> LoadedDossier:
    """Append to a dossier's log.

    Raises:
        TransitionError: the dossier does not allow it; nothing was written.
    """
    action = FileAction(sequence=loaded.view.version + 1, at=unit.now, actor=actor, event=event)
    view = apply_to_dossier(loaded.view, action)
    unit.logs.append(loaded.row.id, _line(action))
    unit.dossiers.index(loaded.row.id, state=view.state.value, office=view.office)
    return LoadedDossier(row=loaded.row, view=view, actions=(*loaded.actions, action))


def _line(action: Action | FileAction) -> LoggedAction:
    kind, body = event_as_json(action.event)
    return LoggedAction(
        sequence=action.sequence, at=action.at, actor=asdict(action.actor), kind=kind, body=body
    )


def _action(line: LoggedAction) -> Action:
    event: Any = event_from_json(
        line.kind, line.body
    )  # a dossier's in a session's log is refused on replay
    return Action(sequence=line.sequence, at=line.at, actor=_actor(line), event=event)


def _file_action(line: LoggedAction) -> FileAction:
    event: Any = event_from_json(line.kind, line.body)  # likewise
    return FileAction(sequence=line.sequence, at=line.at, actor=_actor(line), event=event)


def _actor(line: LoggedAction) -> Actor:
    return Actor(**{**line.actor, "kind": ActorKind(line.actor["kind"])})
