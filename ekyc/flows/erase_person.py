"""Erase a person from every room: what is kept about them, and every pseudonym that still says "it was they".

1. Verification sessions of theirs are found: through decisions on them, liveness sessions and logins.
2. Of these the sealed files, findings, tokens and kept answers go; their logs say *redacted*.
3. Signing keys are switched off and forgotten, as are second factors, grants and logins; results get a drawn pseudonym.
4. The decisions lose their person and liveness sessions go: by them the sessions of (1) are found.
5. The person of the vault goes, and with it the number, by which all of this is found.

So whatever cuts it off, another call with the same number finds what is left. Twice is once. The evidence log says each
erasure and stays as it is. Decisions, certificates' serial numbers and the status of results stay, and are of nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from ekyc.dossiers import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    Canceled,
    Redacted,
    TransitionError,
    apply,
    event_as_json,
    event_from_json,
    replay_session,
)
from ekyc.flows.signers import SignerPseudonyms
from ekyc.signing.credentials.issuer import result_subject
from ekyc.signing.credentials.schemas import schemas
from ekyc.storage import LoggedAction

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, Erasure, ServiceKey, Storage, Vault

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
    """Erases people of one tenant; what lies in no tenant's room (decisions, keys, results) goes too.

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
            StorageError, BusyError: the database or the blobs failed. Call again.
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
            StorageError, BusyError: the database or the blobs failed. Call again.
        """
        known = self._vault.subjects.find(tenant, number)
        return self._erase(tenant, number, None if known is None else known.id, logins)

    def _erase(
        self, tenant: str, number: str | None, subject_id: str | None, logins: Sequence[str]
    ) -> ErasedPerson:
        traces = self._storage.traces
        liveness = self._storage.liveness(self._key)
        holders = self._holders(number)
        lived = () if number is None else traces.liveness_of(self._key.pseudonym("subject", number))
        sessions = traces.sessions_of(tenant, holders=holders, liveness=lived, logins=logins)  # (1)
        blobs = self._redact(tenant, sessions, [*filter(None, (number,)), *holders, *logins])  # (2)
        self._storage.grants(self._key).end_naming((*holders, *logins))  # (3)
        self._storage.access(self._key).sessions.end_naming(tenant, logins)
        if number is not None:
            for schema in schemas().values():
                traces.unlink_results(result_subject(self._key, schema, number))
        for login in logins:
            traces.unlink_login(tenant, login)
        for holder in holders:  # (4)
            traces.unlink_holder(holder)
        self._storage.frames(self._key).forget(lived)
        if number is not None:
            traces.drop_reference(tenant, number)
            liveness.forget_reference("subject", number)
        gone = None if subject_id is None else self._vault.erase_subject(tenant, subject_id)  # (5)
        return ErasedPerson(
            vault=gone,
            sessions=len(sessions),
            blobs=blobs + (0 if gone is None else gone.blobs),
            liveness_sessions=len(lived),
            log_emptied=traces.overwrite(),
        )

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
                unit.tokens.end(name)
                _end(unit, name)
            unit.keys.forget_naming((*sessions, *names))
        return sum(self._vault.erase_subject(tenant, one).blobs for one in sorted(kept))


def _end(unit: DossierUnit, session_id: str) -> None:
    """Say in the log that a session was redacted; one that was still open is canceled before."""
    row = unit.sessions.get(session_id, lock=True)
    if row is None:
        return
    view = replay_session(map(_action, unit.logs.of(session_id)))
    for event in (Canceled(), Redacted()):
        action = Action(sequence=view.version + 1, at=unit.now, actor=SYSTEM, event=event)
        try:
            view = apply(view, action)
        except TransitionError:  # it is over, or was redacted before, or is at work
            continue
        kind, body = event_as_json(event)
        unit.logs.append(
            session_id,
            LoggedAction(
                sequence=action.sequence, at=unit.now, actor=asdict(SYSTEM), kind=kind, body=body
            ),
        )
        unit.sessions.index(session_id, state=view.state.value)


def _action(line: LoggedAction) -> Action:
    event: Any = event_from_json(line.kind, line.body)  # a dossier's is refused on replay
    actor = Actor(**{**line.actor, "kind": ActorKind(line.actor["kind"])})
    return Action(sequence=line.sequence, at=line.at, actor=actor, event=event)
