"""Erase a person from every room: what is kept about them, and every pseudonym that still says "it was they".

1. Verification sessions of theirs are found: through decisions on them, liveness sessions and logins.
2. Of these the sealed files, findings, tokens, kept answers and pseudonyms go; their logs say *redacted*. While one is
   being verified nothing is erased: what came of it would be written down afterwards. What they said in requests of data
   subjects goes too, and exports.
   Of sessions that are another's, in which the number was only claimed, the pseudonym goes and nothing else
   (:mod:`ekyc.flows.proven_sessions`); so it is with liveness sessions that are linked to them, and with requests that
   another login filed.
3. Signing keys are switched off and forgotten, as are second factors, grants and logins; results get a drawn pseudonym.
4. The decisions lose their person and liveness sessions go: by them the sessions of (1) are found.
5. The person of the vault goes, and with it the number, by which all of this is found.

What a restriction or a legal hold is on stays whole: it is asked for before anything else, and again at each step that
removes something (:mod:`ekyc.storage.sealed.protections`).

Nothing of another tenant goes. One tenant's erasure ends signing keys and second factors, which belong to no tenant, unless
another has approved the same person for good.

So whatever cuts it off, another call with the same number finds what is left. Twice is once. The evidence log says each
erasure and stays as it is. Decisions, certificates' serial numbers and the status of results stay, and are of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ekyc.dossiers import (
    SYSTEM,
    Action,
    Canceled,
    Event,
    Redacted,
    SessionState,
    SessionView,
    TransitionError,
    apply,
    due_event,
    replay_session,
)
from ekyc.errors import BusyError
from ekyc.flows.logged_actions import line_of, session_action
from ekyc.flows.proven_sessions import liveness_of, of_others, proven_attempts
from ekyc.flows.request_statement import forget_requests
from ekyc.flows.signers import SignerPseudonyms
from ekyc.signing.credentials.issuer import result_subject
from ekyc.signing.credentials.schemas import schemas
from ekyc.storage.sealed.protections import Name, NameKind

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, Erasure, ServiceKey, Storage, Vault
    from ekyc.storage.dossiers.session_results import SessionResult

ISSUERS: Final = ("VNM",)
"""Whose documents' numbers are looked for, unless others are named: as in machine-readable zones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedPerson:
    """What an erasure did."""

    vault: Erasure | None
    """Of the person of the vault; ``None`` where it has none by this number, or no more."""
    sessions: int
    """Verification sessions that were redacted."""
    blobs: int
    """Sealed files that were removed."""
    liveness_sessions: int
    log_emptied: bool
    """Whether the log of the database was emptied. A reader may hold SQLite's; the next call tries again."""


class PersonEraser:
    """Erases people of one tenant; what lies in no tenant's room, such as signing keys, goes with the last that knows them.

    Args:
        storage: the database.
        vault: people and sealed files.
        key: the service's.
        issuers: of documents, for pseudonyms that name the issuer.
    """

    def __init__(
        self, storage: Storage, vault: Vault, key: ServiceKey, *, issuers: Sequence[str] = ISSUERS
    ) -> None:
        self._storage = storage
        self._vault = vault
        self._key = key
        self._issuers = tuple(issuers)

    def erase_id(self, tenant: str, subject_id: str, *, logins: Sequence[str] = ()) -> ErasedPerson:
        """Erase a person of the vault by id, and all that is found by their number, if it is still known.

        Raises:
            SubjectError: ``subject.unknown``.
            ProtectedError: ``subject.restricted``, ``subject.held``: nothing was erased.
            StorageError, BusyError: the database or the blobs failed, or ``busy.verification``. Call again.
        """
        number = None
        if self._vault.subjects.get(tenant, subject_id).erased_at is None:
            number = self._vault.subjects.reference(tenant, subject_id)
        return self._erase(tenant, number, subject_id, logins)

    def erase_number(self, tenant: str, number: str, *, logins: Sequence[str] = ()) -> ErasedPerson:
        """Erase a person by the number of the identity document.

        Args:
            tenant: who keeps it.
            number: 6 to 24 digits and capital letters.
            logins: pseudonyms of accounts of the same person (:func:`ekyc.storage.service_key.login_pseudonym`), which no
                number leads to.

        Raises:
            SubjectError: ``subject.reference_invalid``.
            ProtectedError: ``subject.restricted``, ``subject.held``: nothing was erased.
            StorageError, BusyError: the database or the blobs failed, or ``busy.verification``. Call again.
        """
        known = self._vault.subjects.find(tenant, number)
        return self._erase(tenant, number, None if known is None else known.id, logins)

    def erase_request(
        self,
        tenant: str,
        *,
        number: str | None,
        logins: Sequence[str],
        sessions: Sequence[str],
        request: str,
    ) -> ErasedPerson:
        """Erase what a data subject asked to have erased.

        Args:
            tenant: who keeps it.
            number: as of :meth:`erase_number`, where it is known and shown to be theirs.
            logins: likewise.
            sessions: verification sessions of theirs that neither leads to.
            request: id of the one in which they asked; its statement is left, and says what to erase until that is done.

        Raises:
            SubjectError: ``subject.reference_invalid``.
            ProtectedError: ``subject.restricted``, ``subject.held``: nothing was erased.
            StorageError, BusyError: the database or the blobs failed, or ``busy.verification``. Call again.
        """
        known = None if number is None else self._vault.subjects.find(tenant, number)
        gone = None if known is None else known.id
        return self._erase(tenant, number, gone, logins, sessions, request=request)

    def sessions_of(
        self, tenant: str, *, number: str | None, logins: Sequence[str]
    ) -> tuple[str, ...]:
        """Verification sessions that an erasure would find.

        Raises:
            StorageError, BusyError: the database failed.
        """
        traces = self._storage.traces
        return traces.sessions_of(
            tenant,
            holders=self._holders(number),
            people=self._people(number),
            liveness=self.liveness_of(tenant, number=number, logins=logins),
            logins=logins,
        )

    def pseudonyms_of(self, number: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the holder of a number is known by in decisions, and in results."""
        return self._holders(number), self._people(number)

    def is_on(self, result: SessionResult, number: str) -> bool:
        """Whether what an attempt was concluded with names the holder of this number."""
        return result.holder in self._holders(number) or result.person in self._people(number)

    def tried_as(self, number: str | None, logins: Sequence[str]) -> tuple[bytes, ...]:
        """Pseudonyms that somebody's attempts at liveness are counted by."""
        names = [("login", one) for one in logins]
        names += [] if number is None else [("subject", number)]
        return tuple(self._key.pseudonym(kind, reference) for kind, reference in names)

    def liveness_of(
        self, tenant: str, *, number: str | None, logins: Sequence[str]
    ) -> tuple[str, ...]:
        """Liveness sessions of somebody.

        Raises:
            StorageError, BusyError: the database failed.
        """
        found = self.tried_as(number, logins)
        return tuple(
            one for name in found for one in self._storage.traces.liveness_of(tenant, name)
        )

    def _erase(
        self,
        tenant: str,
        number: str | None,
        subject_id: str | None,
        logins: Sequence[str],
        named: Sequence[str] = (),
        *,
        request: str | None = None,
    ) -> ErasedPerson:
        traces = self._storage.traces
        liveness = self._storage.liveness(self._key)
        holders = self._holders(number)
        people = self._people(number)
        found = self.sessions_of(tenant, number=number, logins=logins)  # (1)
        others = self._of_others(tenant, found, (*holders, *people), logins).difference(named)
        sessions = sorted({*found, *named} - others)
        self._require_unprotected(
            tenant,
            claimed=[(NameKind.SESSION, one) for one in others],
            names=[
                *((NameKind.SESSION, one) for one in sessions),
                *((NameKind.LOGIN, one) for one in logins),
                *((NameKind.HOLDER, one) for one in holders),
                *((NameKind.PERSON, one) for one in people),
                *((NameKind.SUBJECT, one) for one in (subject_id,) if one is not None),
            ],
        )
        self._let_go_of_linked(tenant, number, others)
        lived = self.liveness_of(tenant, number=number, logins=logins)
        known_to = self._known_to(tenant, holders, people)
        blobs = self._redact(tenant, sessions, [*filter(None, (number,)), *holders, *logins])  # (2)
        desk = self._storage.dossiers(self._key)
        forget_requests(desk, self._vault, tenant, number=number, logins=logins, but=request)
        signing = () if known_to else holders
        self._storage.grants(self._key).end_naming((*signing, *logins))  # (3)
        self._storage.access(self._key).sessions.end_naming(tenant, logins)
        for person in people:
            traces.unlink_results(tenant, person)
        for login in logins:
            traces.unlink_login(tenant, login)
            liveness.forget_reference("login", login, tenant=tenant)
        for holder in holders:  # (4)
            traces.unlink_holder(tenant, holder, known_to=known_to)
        self._storage.frames(self._key).forget(lived)
        if number is not None:
            traces.drop_reference(tenant, number)
            liveness.forget_reference("subject", number, tenant=tenant)
        gone = None if subject_id is None else self._vault.erase_subject(tenant, subject_id)  # (5)
        return ErasedPerson(
            vault=gone,
            sessions=len(sessions),
            blobs=blobs + (0 if gone is None else gone.blobs),
            liveness_sessions=len(lived),
            log_emptied=traces.overwrite(),
        )

    def _of_others(
        self, tenant: str, found: Sequence[str], names: Sequence[str], logins: Sequence[str]
    ) -> frozenset[str]:
        with self._storage.dossiers(self._key).looking(tenant) as unit:
            return of_others(unit, found, names=names, logins=logins)

    def _let_go_of_linked(self, tenant: str, number: str | None, others: Iterable[str]) -> None:
        """Take a number out of liveness sessions that are part of another's session."""
        if number is None:
            return
        with self._storage.dossiers(self._key).looking(tenant) as unit:
            linked = liveness_of(unit, others)
        name = self._key.pseudonym("subject", number)
        self._storage.traces.unlink_liveness(tenant, name, linked)

    def _known_to(
        self, tenant: str, holders: Sequence[str], people: Sequence[str]
    ) -> tuple[str, ...]:
        """Other tenants that approved the person for good."""
        traces, desk = self._storage.traces, self._storage.dossiers(self._key)
        known: list[str] = []
        for other in traces.tenants_of(holders=holders, people=people):
            if other == tenant:
                continue
            found = traces.sessions_of(
                other, holders=holders, people=people, liveness=(), logins=()
            )
            with desk.looking(other) as unit:
                if proven_attempts(unit, found, names=(*holders, *people), logins=()):
                    known.append(other)
        return tuple(known)

    def _require_unprotected(
        self, tenant: str, *, names: Iterable[Name], claimed: Iterable[Name]
    ) -> None:
        """Return if nothing of what is to be erased must stay.

        Another's session keeps its claim while a hold is on it; what they restrict is their own data.

        Raises:
            ProtectedError: ``subject.restricted``, ``subject.held``.
        """
        with self._storage.dossiers(self._key).looking(tenant) as unit:
            unit.protections.require_none(names)
            unit.protections.require_unheld(claimed)

    def _people(self, number: str | None) -> tuple[str, ...]:
        """What somebody is known by in results of each kind."""
        if number is None:
            return ()
        return tuple(result_subject(self._key, schema, number) for schema in schemas().values())

    def _holders(self, number: str | None) -> tuple[str, ...]:
        if number is None:
            return ()
        signers = SignerPseudonyms(self._key)
        return tuple(one for issuer in self._issuers for one in signers.holders_of(issuer, number))

    def _redact(self, tenant: str, sessions: Sequence[str], names: Sequence[str]) -> int:
        """Erase what sessions keep, and answers that name them or the person; the number of blobs."""
        desk = self._storage.dossiers(self._key)
        with desk.writing(tenant) as unit:
            kept = {one.subject_id for name in sessions for one in unit.artefacts.of(name)}
            for name in sessions:
                unit.findings.forget(name)
                unit.results.forget(name, desk.random)
                unit.signatures.forget(name)
                unit.tokens.end(name)
                unit.attempts.lift(name)
                _end(unit, name)
            unit.keys.forget_naming((*sessions, *names))
        return sum(self._vault.erase_subject(tenant, one).blobs for one in sorted(kept))


def _end(unit: DossierUnit, session_id: str) -> None:
    """Say in the log that a session was redacted; one that was still open is canceled before."""
    row = unit.sessions.get(session_id, lock=True)
    if row is None:
        return
    view = replay_session(map(session_action, unit.logs.of(session_id)))
    while (due := due_event(view, unit.now)) is not None:
        view = _record(unit, session_id, view, due)
    if view.state is SessionState.PROCESSING:
        raise BusyError("a case of theirs is being verified", code="busy.verification")
    for event in (Canceled(), Redacted()):
        with suppress(TransitionError):  # it is over, or was redacted before
            view = _record(unit, session_id, view, event)


def _record(unit: DossierUnit, session_id: str, view: SessionView, event: Event) -> SessionView:
    action = Action(sequence=view.version + 1, at=unit.now, actor=SYSTEM, event=event)
    view = apply(view, action)
    unit.logs.append(session_id, line_of(action))
    unit.sessions.index(session_id, state=view.state.value)
    return view
