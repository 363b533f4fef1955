"""Do what a data subject asked for, once it was granted. Each step may be done twice and is once.

1. *access*: what is kept about the person is put into a ZIP, sealed under the request's own key, to be fetched for a day.
2. *delete*: the person is erased from every room (:mod:`ekyc.flows.erase_person`), and with them what the request says.
3. *withdraw*: consents by which agents act for the citizen end.
4. *object*: from now on an officer decides on what this citizen files (:meth:`SubjectRequestRows.objects`).
5. *restrict*: nothing of theirs is processed any more until that is lifted (:mod:`ekyc.flows.protect_person`).
6. *correct* is done by an officer, who says so.

What a restriction or a legal hold protects is not erased: the request is then answered with that reason, *refused*.

What is found is what the identification reaches: a login what was filed under it; a session or the counter also the number
that was given, and the sessions that were named. A process that dies leaves the request *granted*; the next sweep goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ekyc.dossiers import SYSTEM, Actor
from ekyc.dossiers.subject_requests import (
    AUTOMATIC,
    Fulfilled,
    Identification,
    Refused,
    RequestAction,
    RequestEvent,
    RequestKind,
    RequestState,
    RequestView,
    apply_to_request,
    replay_request,
)
from ekyc.errors import EkycError
from ekyc.flows.erase_person import PersonEraser
from ekyc.flows.logged_actions import line_of, reference_to_actor, request_action
from ekyc.flows.person_export import MAX_EXPORT_BYTES, PersonScope, export_pieces
from ekyc.flows.protect_person import PersonProtector, Protected
from ekyc.flows.request_statement import Statement, requests_of
from ekyc.storage import Jurisdiction, SubjectError
from ekyc.storage.evidence.events import RequestMoved
from ekyc.storage.sealed.errors import ProtectedError
from ekyc.storage.webhooks.outbox import RequestMoved as RequestTold

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, ServiceKey, Storage, Vault
    from ekyc.storage.dossiers.subject_requests import SubjectRequestRow

EXPORT_LIFE: Final = timedelta(hours=24)
_EXPORT: Final = "export"
_TRANSIENT: Final = "transient"
_EXPORTS_AT_ONCE: Final = 500
"""Of one tenant, that one look removes; the next goes on."""
_LOG: Final = logging.getLogger("ekyc.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRequest:
    """A request and where it stands."""

    row: SubjectRequestRow
    view: RequestView


def load_request(
    unit: DossierUnit, request_id: str, *, within: Jurisdiction, lock: bool = False
) -> LoadedRequest | None:
    """A request by its row and log, where ``within`` covers it.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    row = unit.requests.get(request_id, lock=lock)
    if row is None or not within.covers(row):
        return None
    view = replay_request(map(request_action, unit.logs.of(request_id)))
    return LoadedRequest(row=row, view=view)


def record_request(
    unit: DossierUnit, loaded: LoadedRequest, actor: Actor, event: RequestEvent
) -> LoadedRequest:
    """Append to a request's log, tell others, and say so in the evidence log.

    Raises:
        TransitionError: the request does not allow it; nothing was written.
    """
    row = loaded.row
    action = RequestAction(sequence=loaded.view.version + 1, at=unit.now, actor=actor, event=event)
    view = apply_to_request(loaded.view, action)
    unit.logs.append(row.id, line_of(action))
    unit.requests.index(row.id, state=view.state.value)
    if view.state is not loaded.view.state:
        unit.outbox.put(RequestTold(id=row.id, state=view.state.value), office=row.office)
    step = type(event).__name__.lower()
    moved = RequestMoved(request=row.id, step=step, actor=reference_to_actor(actor))
    unit.evidence.append(moved, office=row.office)
    return LoadedRequest(row=row, view=view)


class RequestAnswerer:
    """Fulfils granted requests. Safe across threads and processes.

    Args:
        storage: the database.
        vault: people and sealed files.
        key: the service's.
    """

    def __init__(self, storage: Storage, vault: Vault, key: ServiceKey) -> None:
        self._storage = storage
        self._vault = vault
        self._key = key
        self._desk = storage.dossiers(key)
        self._eraser = PersonEraser(storage, vault, key)
        self._protector = PersonProtector(storage, vault, key)

    def is_on(self, unit: DossierUnit, session_id: str, attempt: int, number: str) -> bool:
        """Whether an attempt of a verification session was concluded on the holder of this number."""
        result = unit.results.get(session_id, attempt)
        return result is not None and self._eraser.is_on(result, number)

    def names_others(self, unit: DossierUnit, loaded: LoadedRequest) -> bool:
        """Whether a request names sessions of another login, or of nobody's that were concluded on another number.

        Raises:
            SubjectError: ``subject.erased``.
        """
        number = self.statement_within(unit, loaded.row.id).number
        for name in loaded.view.filed.sessions:
            session = unit.sessions.get(name)
            if session is None:
                continue
            if session.subject is not None and session.subject != loaded.row.subject:
                return True
            found = () if session.subject is not None else unit.results.of_session(name)
            for result in found:
                if number is None or not self._eraser.is_on(result, number):
                    return True
        return False

    def answer(self, tenant: str, request_id: str) -> bool:
        """Do what a granted request asks for, where the service does it by itself; whether it is done now.

        Raises:
            StorageError, BusyError: the database or the blobs failed. Call again.
        """
        with self._desk.looking(tenant) as unit:
            loaded = load_request(unit, request_id, within=Jurisdiction())
        if loaded is None or loaded.view.filed.right not in AUTOMATIC:
            return False
        if loaded.view.state is not RequestState.GRANTED:
            return loaded.view.state is RequestState.FULFILLED
        event: RequestEvent
        try:
            event = Fulfilled(counts=self._done(tenant, loaded))
        except ProtectedError as error:
            event = Refused(reasons=(error.code,))
        with self._desk.writing(tenant) as unit:
            now = load_request(unit, request_id, within=Jurisdiction(), lock=True)
            if now is not None and now.view.state is RequestState.GRANTED:
                record_request(unit, now, SYSTEM, event)
        return True

    def sweep(self) -> int:
        """Go on with what was granted and is not done, and remove exports whose time is over; how many were done.

        Raises:
            StorageError, BusyError: the database failed. Call again.
        """
        done = 0
        for tenant in self._desk.tenants():
            for row in tuple(requests_of(self._desk, tenant, RequestState.GRANTED.value)):
                try:
                    done += self.answer(tenant, row.id)
                except EkycError as error:  # the others go on
                    _LOG.error("a request was not answered: %s", error.code)
            self._remove_exports(tenant)
        return done

    def _done(self, tenant: str, loaded: LoadedRequest) -> tuple[str, ...]:
        row = loaded.row
        match loaded.view.filed.right:
            case RequestKind.ACCESS:
                return self._exported(tenant, loaded)
            case RequestKind.DELETE:
                return self._erased(tenant, loaded)
            case RequestKind.WITHDRAW:
                return self._withdrawn(tenant, row.subject)
            case RequestKind.RESTRICT:
                return self._restricted(tenant, loaded)
            case _:
                return ()

    def _scope(self, tenant: str, loaded: LoadedRequest) -> PersonScope:
        """What the identification reaches.

        Raises:
            SubjectError: ``subject.erased``: what was said in the request is gone.
        """
        row, granted = loaded.row, loaded.view.granted
        logins = () if row.subject is None else (row.subject,)
        number = None
        if granted is not None and granted.identification is not Identification.LOGIN:
            number = self.statement(tenant, row.id).number
        found = self._eraser.sessions_of(tenant, number=number, logins=logins)
        sessions = tuple(sorted({*found, *loaded.view.filed.sessions}))
        holders, people = ((), ()) if number is None else self._eraser.pseudonyms_of(number)
        return PersonScope(
            tenant=tenant,
            sessions=sessions,
            logins=logins,
            number=number,
            names=(*holders, *people),
        )

    def statement(self, tenant: str, request_id: str) -> Statement:
        """What was said in a request.

        Raises:
            SubjectError: ``subject.erased``.
            StorageError, BusyError: the database failed.
        """
        with self._desk.looking(tenant) as unit:
            return self.statement_within(unit, request_id)

    def statement_within(self, unit: DossierUnit, request_id: str) -> Statement:
        """:meth:`statement` inside the caller's transaction."""
        data = unit.requests.statement(request_id, self._vault.subjects)
        if data is None:
            raise SubjectError("the request was emptied", code="subject.erased")
        return Statement.decoded(data)

    def _exported(self, tenant: str, loaded: LoadedRequest) -> tuple[str, ...]:  # (1)
        row, now = loaded.row, self._desk.clock.now()
        if row.export is not None or self._vault.subjects.get(tenant, row.person).erased_at:
            return ()  # made before, or nothing of the person is left
        scope = self._scope(tenant, loaded)
        made = self._vault.artefacts.put(
            tenant,
            row.person,
            _EXPORT,
            export_pieces(self._storage, self._vault, self._key, scope, at=now),
            retention=_TRANSIENT,
            max_bytes=MAX_EXPORT_BYTES,
        )
        with self._desk.writing(tenant) as unit:
            unit.requests.set_export(row.id, made.id, unit.now + EXPORT_LIFE)
        return (f"sessions={len(scope.sessions)}", f"bytes={made.size}")

    def _erased(self, tenant: str, loaded: LoadedRequest) -> tuple[str, ...]:  # (2)
        row, counts = loaded.row, tuple[str, ...]()
        try:
            scope = self._scope(tenant, loaded)
        except SubjectError as error:
            if error.code != "subject.erased":
                raise
            scope = (
                None  # a process that died was this far: what the request says is the last to go
            )
        if scope is not None:
            gone = self._eraser.erase_request(
                tenant,
                number=scope.number,
                logins=scope.logins,
                sessions=scope.sessions,
                request=row.id,
            )
            counts = (f"sessions={gone.sessions}", f"blobs={gone.blobs}")
        with self._desk.writing(tenant) as unit:
            unit.requests.empty(row.id)
        self._vault.erase_subject(tenant, row.person)
        return counts

    def _withdrawn(self, tenant: str, citizen: str | None) -> tuple[str, ...]:  # (3)
        if citizen is None:
            return ("consents=0",)
        consents = self._storage.access(self._key).consents
        standing = [one for one in consents.of(tenant, citizen) if one.withdrawn_at is None]
        for one in standing:
            consents.withdraw(tenant, one.id, by=citizen)
        return (f"consents={len(standing)}",)

    def _restricted(self, tenant: str, loaded: LoadedRequest) -> tuple[str, ...]:  # (5)
        scope = self._scope(tenant, loaded)
        whom = Protected(number=scope.number, logins=scope.logins, sessions=scope.sessions)
        row = loaded.row
        return (f"sessions={self._protector.restrict(tenant, row.id, whom, office=row.office)}",)

    def _remove_exports(self, tenant: str) -> None:
        now = self._desk.clock.now()
        with self._desk.looking(tenant) as unit:
            over = unit.requests.exports_over(now, limit=_EXPORTS_AT_ONCE)
        for row in over:
            if row.export is not None:
                self._vault.artefacts.remove(tenant, row.export)
            with self._desk.writing(tenant) as unit:
                unit.requests.forget_export(row.id)
