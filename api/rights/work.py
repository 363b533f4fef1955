"""What can be done with requests of data subjects, inside one transaction."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import anyio.to_thread

from ekyc.api.access import AccessError, Principal, PrincipalKind
from ekyc.api.v1 import views
from ekyc.api.v1.cases import actor_of, jurisdiction_of, load_session, new_office
from ekyc.api.v1.front import ResourceFront, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.wire import etag_of
from ekyc.dossiers import DecisionOutcome, WorkingCalendar
from ekyc.dossiers.subject_requests import (
    AUTOMATIC,
    Filed,
    Identification,
    RequestAction,
    RequestEvent,
    RequestKind,
    RequestState,
    due_times,
    replay_request,
    request_alerts,
    request_limits,
)
from ekyc.errors import EkycError, InputError
from ekyc.flows.answer_request import (
    LoadedRequest,
    RequestAnswerer,
    load_request,
    record_request,
)
from ekyc.flows.logged_actions import line_of, reference_to_actor
from ekyc.flows.request_statement import Statement
from ekyc.storage.dossiers.subject_requests import PROCEDURE, SubjectRequestRow
from ekyc.storage.evidence.events import MediaViewed, Reference, RequestFiled

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.api.rights.schemas import RequestGrant, RequestNew
    from ekyc.storage import DossierUnit, Storage, Vault


class RequestError(InputError):
    """A request cannot be filed, seen or answered like this.

    Codes: ``rights.unknown``, ``rights.not_offered``, ``rights.identity``,
    ``rights.too_late``, ``rights.automatic``, ``rights.no_export``,
    ``rights.login_needed``,
    ``rights.not_own``, ``rights.login_old``.
    """

    default_code: ClassVar[str] = "rights.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the operations work with."""

    front: ResourceFront
    vault: Vault
    answerer: RequestAnswerer
    log: ClassVar[logging.Logger] = logging.getLogger("ekyc.serve")

    def load(
        self, unit: DossierUnit, caller: Principal, request_id: str, *, lock: bool = False
    ) -> LoadedRequest:
        """A request that the caller may see.

        Raises:
            RequestError: ``rights.unknown``.
        """
        loaded = load_request(unit, request_id, within=jurisdiction_of(caller), lock=lock)
        if loaded is None:
            raise RequestError("no such request")
        return loaded

    def answer(self, unit: DossierUnit, loaded: LoadedRequest, status: int = 200) -> Answer:
        """A request as it is answered."""
        headers = {"ETag": etag_of(loaded.view.version)}
        if status == 201:
            headers["Location"] = f"/v1/data-subject-requests/{loaded.row.id}"
        body = request_as_json(loaded, self.front.calendar, unit.now)
        return Answer(status=status, body=body, headers=headers)

    async def carry_out(self, tenant: str, request_id: str) -> None:
        """Do what was granted; what fails is gone on with by the sweep."""
        try:
            await anyio.to_thread.run_sync(self.answerer.answer, tenant, request_id)
        except EkycError as error:
            self.log.warning("a request waits to be answered: %s", error.code)

    @staticmethod
    def require_by_hand(loaded: LoadedRequest) -> None:
        """Return if an officer does what was granted, and not the service.

        Raises:
            RequestError: ``rights.automatic``.
        """
        if loaded.view.filed.right in AUTOMATIC:
            raise RequestError("the service carries this out by itself", code="rights.automatic")

    @staticmethod
    def require_export(unit: DossierUnit, loaded: LoadedRequest) -> str:
        """The artefact that may be fetched.

        Raises:
            RequestError: ``rights.no_export``.
        """
        row = loaded.row
        standing = row.export_until is not None and unit.now < row.export_until
        if row.export is None or not standing:
            raise RequestError("nothing to fetch", code="rights.no_export")
        return row.export


def rights_of(request: Request) -> Rights:
    """The rights over this application's storage.

    Raises:
        RequestError: ``rights.not_offered``: nothing is kept, so nothing can be answered.
    """
    front = front_of(request)
    if front.vault is None:
        raise RequestError("this service keeps nothing", code="rights.not_offered")
    storage: Storage = request.app.state.service.storage
    answerer = RequestAnswerer(storage, front.vault, front.desk.key)
    return Rights(front=front, vault=front.vault, answerer=answerer)


def filed(rights: Rights, unit: DossierUnit, caller: Principal, wanted: RequestNew) -> Answer:
    """File a request.

    Raises:
        AccessError: ``access.denied``: a citizen, or who acts for one, files for somebody else; ``access.consent``.
        UnknownFileError: ``session.unknown``.
        RequestError: ``rights.login_needed``: an objection is honoured by login.
    """
    caller.require_procedure(PROCEDURE)
    if caller.own_subject is not None and wanted.citizen not in {None, caller.own_subject}:
        raise AccessError("a citizen files for themselves", code="access.denied")
    subject = caller.own_subject or wanted.citizen
    if wanted.kind is RequestKind.OBJECT and subject is None:
        raise RequestError("an objection needs a login", code="rights.login_needed")
    within = jurisdiction_of(caller)
    for session_id in wanted.sessions:
        load_session(unit, within, session_id)
    row = SubjectRequestRow(
        id=rights.front.desk.new_id(),
        kind=wanted.kind.value,
        state=RequestState.RECEIVED.value,
        office=new_office(unit, caller, wanted.office),
        subject=subject,
        person=unit.requests.new_person(rights.vault.subjects),
        created_at=unit.now,
    )
    actor = actor_of(caller)
    event = Filed(right=wanted.kind, sessions=tuple(wanted.sessions))
    action = RequestAction(sequence=1, at=unit.now, actor=actor, event=event)
    statement = Statement(text=wanted.text, number=wanted.number)
    unit.requests.add(row, statement.encoded(), rights.vault.subjects)
    unit.logs.append(row.id, line_of(action))
    known = Reference(kind="citizen", text=row.subject) if row.subject else None
    unit.evidence.append(
        RequestFiled(
            request=row.id,
            right=wanted.kind.value,
            actor=_reference(caller),
            subject=known or Reference(kind="subject", text=row.person),
        ),
        office=row.office,
    )
    loaded = LoadedRequest(row=row, view=replay_request((action,)))
    return rights.answer(unit, loaded, 201)


def moved(
    rights: Rights,
    unit: DossierUnit,
    caller: Principal,
    loaded: LoadedRequest,
    event: RequestEvent,
) -> Answer:
    """Append to a request's log.

    Raises:
        TransitionError: the request does not allow it.
    """
    return rights.answer(unit, record_request(unit, loaded, actor_of(caller), event))


def seen(
    unit: DossierUnit,
    caller: Principal,
    loaded: LoadedRequest,
    what: str,
    artefact: str | None = None,
) -> None:
    """Say in the evidence log that the caller is given something of a request to see."""
    viewed = MediaViewed(
        file=loaded.row.id,
        what=what,
        actor=_reference(caller),
        subject=Reference(kind="subject", text=loaded.row.person),
        artefact=artefact,
    )
    unit.evidence.append(viewed, office=loaded.row.office)


def require_granting(
    rights: Rights,
    unit: DossierUnit,
    caller: Principal,
    loaded: LoadedRequest,
    wanted: RequestGrant,
) -> None:
    """Return if the request may be granted on this identification.

    1. Nobody grants a request about themselves.
    2. A login reaches what it filed itself: the request was filed under it, and no number is used.
    3. A session counts if it was approved for good, on the number that was given, a day before the request was filed or
       later, and is of the request's login: of none where the request is of none.
    4. At the counter an officer answers for it.
    5. Sessions that are somebody else's are not reached by naming them.

    Raises:
        AccessError: ``decision.own_case``.
        RequestError: ``rights.identity``.
    """
    if caller.subject == loaded.row.subject:
        raise AccessError("nobody decides on themselves", code="decision.own_case")
    match wanted.identification:
        case Identification.LOGIN:
            shown = _filed_by_login(loaded)
        case Identification.SESSION:
            shown = _shown_by_session(rights, unit, caller, loaded, wanted.session_id)
        case Identification.COUNTER:
            shown = True
    shown = shown and not rights.answerer.names_others(unit, loaded)
    if not shown or (wanted.session_id is None) == (
        wanted.identification is Identification.SESSION
    ):
        raise RequestError("it is not shown whose request this is", code="rights.identity")


def require_own(caller: Principal, loaded: LoadedRequest) -> None:
    """Return if the caller filed the request, or is the citizen whose it is: an office that would rather not answer refuses
    it, with a reason and by another than who filed it.

    Raises:
        AccessError: ``access.denied``.
    """
    if actor_of(caller).id not in {loaded.view.filed_by.id, loaded.row.subject}:
        raise AccessError("it is not theirs to call off", code="access.denied")


def require_fetching(
    rights: Rights, unit: DossierUnit, caller: Principal, loaded: LoadedRequest
) -> None:
    """Return if the caller is the very person, who filed the request, by a login that began lately.

    Raises:
        RequestError: ``rights.not_own``, ``rights.login_old``.
    """
    citizen = caller.own_subject
    themselves = caller.kind is PrincipalKind.PERSON and citizen is not None
    if not themselves or citizen != loaded.row.subject or not _filed_by_login(loaded):
        raise RequestError("the person's own login is needed", code="rights.not_own")
    begun = caller.logged_in_at
    if begun is None or unit.now - begun > rights.front.limits.identified:
        raise RequestError("the login is too old for this", code="rights.login_old")


def export_purpose(tenant: str, request_id: str, citizen: str) -> str:
    """What a token is good for: one export, for one person."""
    whose = hashlib.sha256(f"{tenant}\0{request_id}\0{citizen}".encode()).hexdigest()
    return f"export-{whose[:56]}"


def _filed_by_login(loaded: LoadedRequest) -> bool:
    subject = loaded.row.subject
    return subject is not None and loaded.view.filed_by.id == subject


def _shown_by_session(
    rights: Rights,
    unit: DossierUnit,
    caller: Principal,
    loaded: LoadedRequest,
    session_id: str | None,
) -> bool:
    number = rights.answerer.statement_within(unit, loaded.row.id).number
    if session_id is None or number is None:
        return False
    session = load_session(unit, jurisdiction_of(caller), session_id)
    decision, conclusion = session.view.decision, session.view.conclusion
    if decision is None or conclusion is None or session.row.subject != loaded.row.subject:
        return False
    approved = decision.final and decision.outcome is DecisionOutcome.APPROVED
    result = unit.results.get(session_id, conclusion.attempt)
    since = loaded.row.created_at - rights.front.limits.identified
    recent = result is not None and result.created_at >= since
    return (
        approved and recent and rights.answerer.is_on(unit, session_id, conclusion.attempt, number)
    )


def require_time_left(rights: Rights, unit: DossierUnit, loaded: LoadedRequest) -> None:
    """Return if the time for an answer is not over.

    Raises:
        RequestError: ``rights.too_late``.
    """
    due = due_times(loaded.view, request_limits(), rights.front.calendar)
    if unit.now >= due.answer_by:
        raise RequestError("the time is over", code="rights.too_late")


def require_reasons(codes: Iterable[str], known: frozenset[str]) -> None:
    """Return if all are among those that are known for this.

    Raises:
        InputError: ``reason.unknown``.
    """
    if not known.issuperset(codes):
        raise InputError("not a reason for this", code="reason.unknown", subject="reasons")


def request_as_json(
    loaded: LoadedRequest, calendar: WorkingCalendar, now: datetime
) -> dict[str, Any]:
    """A request, without what was said in it."""
    row, view = loaded.row, loaded.view
    due = due_times(view, request_limits(), calendar)
    granted, time = view.granted, views.time_as_json
    standing = row.export_until if row.export is not None else None
    return {
        "id": row.id,
        "version": view.version,
        "kind": RequestKind(row.kind).value,
        "state": view.state.value,
        "office": row.office,
        "citizen": row.subject,
        "sessions": list(view.filed.sessions),
        "filed_by": views.actor_as_json(view.filed_by),
        "filed_at": time(view.filed_at),
        "updated_at": time(view.updated_at),
        "acknowledge_by": time(due.acknowledge_by),
        "acknowledged_at": None if view.acknowledged_at is None else time(view.acknowledged_at),
        "answer_by": time(due.answer_by),
        "extended": view.extended,
        "identification": None if granted is None else granted.identification.value,
        "reasons": [views.reason_as_json(code) for code in view.reasons],
        "done": dict(map(_count, view.counts)),
        "export_until": None if standing is None else time(standing),
        "alerts": [
            one.alert.value for one in request_alerts(view, request_limits(), calendar, now)
        ],
    }


def _count(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    return name, int(value)


_NOBODY: Final = Reference(kind="client", text="ekyc")


def _reference(caller: Principal) -> Reference:
    return reference_to_actor(actor_of(caller)) or _NOBODY
