"""What can be done with dossiers and sessions, inside one transaction. No HTTP here.

Whatever a caller may not see does not exist for it: another tenant's, another office's, another citizen's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.api.access import Principal, PrincipalKind, Role
from ekyc.api.v1.attempts import count_attempts
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
    replay_dossier,
    replay_session,
)
from ekyc.dossiers.sessions import begin, due_at
from ekyc.errors import InputError
from ekyc.flows.logged_actions import (
    decision_evidence,
    file_action,
    line_of,
    session_action,
)
from ekyc.storage import DossierRow, Jurisdiction, LoggedAction, SessionRow
from ekyc.values import Owner

if TYPE_CHECKING:
    from datetime import datetime

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
    return Actor(kind=kind, id=acting, role=name, office=caller.only_office)


def owner_of(tenant: str, row: SessionRow) -> Owner:
    """Whose a session is."""
    return Owner(tenant=tenant, office=row.office, subject=row.subject)


def office_for(caller: Principal, wanted: str | None) -> str | None:
    """The office of something new: the wanted one if it is the caller's, or its only one. Whether it is on record is asked
    in the transaction (:func:`new_office`).

    Raises:
        AccessError: ``access.not_found``: the office is not in its jurisdiction.
        InputError: ``request.invalid``: it has several, and would not see what belongs to none.
    """
    if wanted is not None:
        caller.require_office(wanted)
        return wanted
    only = caller.only_office
    several = caller.offices is not None and len(caller.offices) > 1
    if only is None and several and caller.own_subject is None:
        raise InputError("say which of your offices", code="request.invalid", subject="office")
    return only


def new_office(unit: DossierUnit, caller: Principal, wanted: str | None) -> str | None:
    """The office of something new, which is on record and stands.

    Raises:
        AccessError: ``access.not_found``: the office is not in the caller's jurisdiction.
        RegisterError: ``office.unknown``, ``office.ended``.
    """
    office = office_for(caller, wanted)
    if office is not None:
        unit.require_office(office)
    return office


def officer_decides(unit: DossierUnit, row: SessionRow) -> bool:
    """Whether the citizen of a session, or of its dossier, objected to being decided on by machine."""
    citizen = row.subject
    if citizen is None and row.dossier_id is not None:
        dossier = unit.dossiers.get(row.dossier_id)
        citizen = None if dossier is None else dossier.subject
    return citizen is not None and unit.requests.objects(citizen)


def load_session(
    unit: DossierUnit,
    within: Jurisdiction,
    session_id: str,
    *,
    lock: bool = False,
    despite_restriction: bool = False,
) -> LoadedSession:
    """A session; with ``lock``, for writing, and what time has brought about is written first.

    With ``despite_restriction`` it is locked though nothing may be done with it, to write down how a verification ended.

    Raises:
        UnknownFileError: ``session.unknown``.
        TransitionError: ``dossier.log_damaged``.
    """
    row = unit.sessions.get(session_id)
    if lock and row is not None and within.covers(row):  # nobody else hears what stops it
        row = unit.sessions.get(session_id, lock=True, despite_restriction=despite_restriction)
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
    actions = tuple(map(session_action, lines))
    return LoadedSession(row=row, view=replay_session(actions), actions=actions)


def view_as_of(view: SessionView, now: datetime) -> SessionView:
    """A session with what time has brought about by ``now`` and nobody has written down yet."""
    while (event := due_event(view, now)) is not None:
        action = Action(sequence=view.version + 1, at=now, actor=SYSTEM, event=event)
        view = apply(view, action)
    return view


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
    actions = tuple(map(file_action, lines))
    return LoadedDossier(row=row, view=replay_dossier(actions), actions=actions)


def sessions_of(unit: DossierUnit, view: DossierView) -> tuple[SessionView, ...]:
    """The sessions of a dossier, the oldest first."""
    logs = unit.logs.of_many(view.sessions)
    views = (replay_session(map(session_action, logs[name])) for name in view.sessions)
    return tuple(view_as_of(view, unit.now) for view in views)


def create_session(unit: DossierUnit, row: SessionRow, actor: Actor, event: Event) -> LoadedSession:
    """Record a new session with the first line of its log."""
    action = Action(sequence=1, at=unit.now, actor=actor, event=event)
    view = begin(action)
    unit.sessions.add(row, due_at=due_at(view))
    unit.logs.append(row.id, line_of(action))
    return LoadedSession(row=row, view=view, actions=(action,))


def create_dossier(
    unit: DossierUnit, row: DossierRow, actor: Actor, event: FileEvent
) -> LoadedDossier:
    """Record a new dossier with the first line of its log."""
    action = FileAction(sequence=1, at=unit.now, actor=actor, event=event)
    view = replay_dossier((action,))
    unit.dossiers.add(row)
    unit.logs.append(row.id, line_of(action))
    return LoadedDossier(row=row, view=view, actions=(action,))


def record(unit: DossierUnit, loaded: LoadedSession, actor: Actor, event: Event) -> LoadedSession:
    """Append to a session's log.

    Raises:
        TransitionError: the session does not allow it; nothing was written.
        PersonAttemptsError: ``session.person_attempts``: the citizen whose session it is tried too often.
    """
    action = Action(sequence=loaded.view.version + 1, at=unit.now, actor=actor, event=event)
    view = apply(loaded.view, action)
    count_attempts(unit, loaded.row, event)
    unit.logs.append(loaded.row.id, line_of(action))
    unit.sessions.index(loaded.row.id, state=view.state.value, due_at=due_at(view))
    if (decision := decision_evidence(loaded.row.id, action)) is not None:
        unit.evidence.append(decision, office=loaded.row.office)
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
    unit.logs.append(loaded.row.id, line_of(action))
    unit.dossiers.index(loaded.row.id, state=view.state.value, office=view.office)
    return LoadedDossier(row=loaded.row, view=view, actions=(*loaded.actions, action))
