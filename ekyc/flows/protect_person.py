"""Keep somebody's data as they are: a restriction of processing, a legal hold; and let go of it.

1. Whom it is about is found as an erasure of the same person would find it: logins, the pseudonyms of a number, their
   sessions, dossiers and people of the vault. A number itself is not kept.
2. A restriction is in force with the granted request that it follows from, and on no session that is another's
   (:mod:`ekyc.flows.proven_sessions`); a hold is on those too, for a claim is evidence. A legal hold is found anew when it is confirmed,
   for time has passed since it was proposed.
3. Row, log, names and evidence are one transaction: what is done with a session comes wholly before, or is refused.
4. When it ends, what it was on is forgotten; the log stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ekyc.dossiers import SYSTEM, Actor
from ekyc.dossiers.protections import (
    HoldProposed,
    ProtectionAction,
    ProtectionEvent,
    ProtectionKind,
    ProtectionState,
    ProtectionView,
    RestrictionPlaced,
    apply_to_protection,
    begin_protection,
    replay_protection,
)
from ekyc.errors import InputError
from ekyc.flows.erase_person import PersonEraser
from ekyc.flows.logged_actions import line_of, protection_action, reference_to_actor
from ekyc.flows.proven_sessions import liveness_of, of_others
from ekyc.storage import Jurisdiction, PageOf
from ekyc.storage.dossiers.protection_rows import ProtectionRow
from ekyc.storage.evidence.events import ProtectionMoved
from ekyc.storage.sealed.protections import Effect, Name, NameKind

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ekyc.storage import DossierUnit, ServiceKey, Storage, Vault

_PAGE: Final = 200
_EFFECTS: Final = {
    ProtectionKind.RESTRICTION: Effect.RESTRICTION,
    ProtectionKind.LEGAL_HOLD: Effect.HOLD,
}


class ProtectionError(InputError):
    """A protection cannot be found or placed like this. Codes: ``protection.unknown``, ``protection.of_nobody``."""

    default_code = "protection.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Whom a protection is about. Its ``repr`` says nothing."""

    number: str | None = None
    """Of the identity document."""
    logins: Sequence[str] = ()
    """Pseudonyms."""
    sessions: Sequence[str] = ()
    dossiers: Sequence[str] = ()
    batches: Sequence[str] = ()

    def __repr__(self) -> str:
        return "Protected(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProtection:
    """A protection and where it stands."""

    row: ProtectionRow
    view: ProtectionView


class PersonProtector:
    """Places and lifts protections. Safe across threads and processes.

    Args:
        storage: the database.
        vault: people and sealed files.
        key: the service's.
    """

    def __init__(self, storage: Storage, vault: Vault, key: ServiceKey) -> None:
        self._storage = storage
        self._vault = vault
        self._eraser = PersonEraser(storage, vault, key)
        self._desk = storage.dossiers(key)

    def writing(self, tenant: str) -> AbstractContextManager[DossierUnit]:
        """A transaction of a tenant, for :meth:`place` and :meth:`move` outside the service."""
        return self._desk.writing(tenant)

    def names_of(self, tenant: str, whom: Protected) -> tuple[Name, ...]:
        """What somebody is known by, and all that is found by it (1).

        Raises:
            SubjectError: ``subject.reference_invalid``.
            StorageError, BusyError: the database failed.
        """
        names: set[Name] = {(NameKind.LOGIN, one) for one in whom.logins}
        names.update((NameKind.SESSION, one) for one in whom.sessions)
        names.update((NameKind.DOSSIER, one) for one in whom.dossiers)
        if whom.number is not None:
            holders, people = self._eraser.pseudonyms_of(whom.number)
            names.update((NameKind.HOLDER, one) for one in holders)
            names.update((NameKind.PERSON, one) for one in people)
            known = self._vault.subjects.find(tenant, whom.number)
            if known is not None:
                names.add((NameKind.SUBJECT, known.id))
        found = self._eraser.sessions_of(tenant, number=whom.number, logins=whom.logins)
        names.update((NameKind.SESSION, one) for one in found)
        lived = self._eraser.liveness_of(tenant, number=whom.number, logins=whom.logins)
        names.update((NameKind.LIVENESS, one) for one in lived)
        tried = self._eraser.tried_as(whom.number, whom.logins)
        names.update((NameKind.TRIED, one.hex()) for one in tried)
        names.update((NameKind.BATCH, one) for one in whom.batches)
        cases = self._storage.traces.cases_of(tenant, number=whom.number, batches=())
        names.update((NameKind.SUBJECT, one) for one in cases)
        return self._grown(tenant, names)

    def place(
        self,
        unit: DossierUnit,
        names: Sequence[Name],
        *,
        actor: Actor,
        office: str | None,
        event: HoldProposed | RestrictionPlaced,
    ) -> LoadedProtection:
        """Propose a hold, or put a restriction in force, in the caller's transaction (3).

        Raises:
            ProtectionError: ``protection.of_nobody``.
            TransitionError: ``decision.not_an_officer``.
        """
        if not names:
            raise ProtectionError("nothing is known of them", code="protection.of_nobody")
        action = ProtectionAction(sequence=1, at=unit.now, actor=actor, event=event)
        view = begin_protection(action)
        row = ProtectionRow(
            id=self._desk.new_id(),
            kind=view.kind.value,
            state=view.state.value,
            office=office,
            request=view.request,
            created_at=unit.now,
        )
        unit.protections.add(row, names, _effect(view))
        unit.logs.append(row.id, line_of(action))
        _tell(unit, row, view, actor, "placed" if view.protects else "proposed")
        return LoadedProtection(row=row, view=view)

    def move(
        self,
        unit: DossierUnit,
        loaded: LoadedProtection,
        actor: Actor,
        event: ProtectionEvent,
    ) -> LoadedProtection:
        """Append to a protection's log, in the caller's transaction, and bring its effect in step (2-4).

        Raises:
            TransitionError: the protection does not allow it; nothing was written.
        """
        row = loaded.row
        action = ProtectionAction(
            sequence=loaded.view.version + 1, at=unit.now, actor=actor, event=event
        )
        view = apply_to_protection(loaded.view, action)
        unit.logs.append(row.id, line_of(action))
        unit.protections.index(row.id, state=view.state.value)
        if view.state in {ProtectionState.LIFTED, ProtectionState.DECLINED}:
            unit.protections.uncover(row.id)
        elif not loaded.view.protects and view.protects:
            names = self._grown(unit.tenant, set(unit.protections.names(row.id)))
            unit.protections.cover(row.id, names, _effect(view))
        _tell(unit, row, view, actor, view.state.value)
        return LoadedProtection(row=row, view=view)

    def restrict(self, tenant: str, request_id: str, whom: Protected, *, office: str | None) -> int:
        """Put the restriction in force that a granted request asks for, once; the number of sessions under it.

        Raises:
            StorageError, BusyError: the database failed. Call again.
        """
        found = self.names_of(tenant, whom)
        event = RestrictionPlaced(request=request_id)
        with self._desk.writing(tenant) as unit:
            names = _without_others(unit, found, whom.logins)
            if unit.protections.of_request(request_id) is None and names:
                self.place(unit, names, actor=SYSTEM, office=office, event=event)
        return sum(kind is NameKind.SESSION for kind, _ in names)

    def _grown(self, tenant: str, names: set[Name]) -> tuple[Name, ...]:
        """These names, and the dossiers, sessions, liveness sessions and cases of batches that they lead to by now."""
        by_kind = {kind: [one for of, one in names if of is kind] for kind in NameKind}
        grown = set(names)
        found = self._storage.traces.sessions_of(
            tenant,
            holders=by_kind[NameKind.HOLDER],
            people=by_kind[NameKind.PERSON],
            liveness=(),
            logins=by_kind[NameKind.LOGIN],
        )
        grown.update((NameKind.SESSION, one) for one in found)
        for one in by_kind[NameKind.TRIED]:
            lived = self._storage.traces.liveness_of(tenant, bytes.fromhex(one))
            grown.update((NameKind.LIVENESS, name) for name in lived)
        cases = self._storage.traces.cases_of(tenant, number=None, batches=by_kind[NameKind.BATCH])
        grown.update((NameKind.SUBJECT, one) for one in cases)
        with self._desk.looking(tenant) as unit:
            for login in by_kind[NameKind.LOGIN]:
                grown.update((NameKind.DOSSIER, one) for one in _dossiers_of(unit, login))
            for dossier in by_kind[NameKind.DOSSIER]:
                held = unit.sessions.of_dossier(dossier)
                grown.update((NameKind.SESSION, one) for one in held)
            linked = liveness_of(unit, [one for kind, one in grown if kind is NameKind.SESSION])
            grown.update((NameKind.LIVENESS, one) for one in linked)
        return tuple(sorted(grown))


def load_protection(
    unit: DossierUnit, protection_id: str, *, within: Jurisdiction, lock: bool = False
) -> LoadedProtection:
    """A protection by its row and log, where ``within`` covers it.

    Raises:
        ProtectionError: ``protection.unknown``.
        TransitionError: ``dossier.log_damaged``.
    """
    row = unit.protections.get(protection_id, lock=lock)
    if row is None or (within.offices is not None and row.office not in within.offices):
        raise ProtectionError("no such protection")
    view = replay_protection(map(protection_action, unit.logs.of(protection_id)))
    return LoadedProtection(row=row, view=view)


def protections_of(unit: DossierUnit) -> Iterator[LoadedProtection]:
    """All of a tenant, the newest first.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    after = None
    while True:
        rows = unit.protections.page(PageOf(limit=_PAGE, after=after))
        for row in rows:
            yield load_protection(unit, row.id, within=Jurisdiction())
        if len(rows) < _PAGE:
            return
        after = (rows[-1].created_at, rows[-1].id)


def _effect(view: ProtectionView) -> Effect:
    return _EFFECTS[view.kind] if view.protects else Effect.NONE


def _tell(
    unit: DossierUnit, row: ProtectionRow, view: ProtectionView, actor: Actor, step: str
) -> None:
    unit.evidence.append(
        ProtectionMoved(
            protection=row.id,
            protects=view.kind.value,
            step=step,
            actor=reference_to_actor(actor),
            request=row.request,
        ),
        office=row.office,
    )


def _without_others(
    unit: DossierUnit, names: Sequence[Name], logins: Sequence[str]
) -> tuple[Name, ...]:
    """These names, but for sessions in which somebody else only claimed to be the person."""
    sessions = [one for kind, one in names if kind is NameKind.SESSION]
    pseudonyms = [one for kind, one in names if kind in {NameKind.HOLDER, NameKind.PERSON}]
    others = of_others(unit, sessions, names=pseudonyms, logins=logins)
    return tuple(one for one in names if one[0] is not NameKind.SESSION or one[1] not in others)


def _dossiers_of(unit: DossierUnit, login: str) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = PageOf(limit=_PAGE, after=after, within=Jurisdiction(subject=login))
        rows = unit.dossiers.page(page)
        found.extend(row.id for row in rows)
        if len(rows) < _PAGE:
            return found
        after = (rows[-1].created_at, rows[-1].id)
