"""How a submitted case is accepted: sealed first, and then in one transaction with all that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.api.v1.cases import LoadedSession, load_session, owner_of, record, view_as_of
from ekyc.api.v1.keeping import SealedCase, discard, seal_case
from ekyc.api.v1.processing import Attempt, answer_about, require_same_procedure
from ekyc.dossiers import SYSTEM, Action, Actor, Submitted, apply
from ekyc.dossiers.attempts import PersonAttemptsError
from ekyc.errors import InputError
from ekyc.storage import Answered, Jurisdiction, SubmissionRun

if TYPE_CHECKING:
    from ekyc.api.uploads import Submission
    from ekyc.api.v1.front import ResourceFront
    from ekyc.api.v1.once import Answer, Claim
    from ekyc.storage import DossierUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Who submits, and how it is answered."""

    tenant: str
    client: str
    within: Jurisdiction
    actor: Actor
    token: bytes | None
    """Digest of a capture token."""
    answered: Answered

    def answer(self, loaded: LoadedSession, status: int) -> Answer:
        """How the session is told."""
        return answer_about(self.answered, loaded, status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A case that was received, about to be accepted."""

    front: ResourceFront
    session_id: str
    submitter: Submitter
    submission: Submission
    profile: str
    """That ``case.toml`` names."""
    content: bytes
    claim: Claim

    def accept(self) -> tuple[Answer, Attempt | None]:
        """Seal the case, and accept it in one transaction; the answer alone where the request was carried out before.

        Raises:
            TransitionError, InputError, StorageError, BusyError: it is not accepted, and nothing is kept.
        """
        front, tenant = self.front, self.submitter.tenant
        with front.desk.looking(tenant) as unit:
            kept = self.claim.kept(unit)
            if kept is not None:
                return kept, None
            self._require_open(unit)
            before = unit.artefacts.of(self.session_id) if front.vault is not None else ()
        run_id = front.desk.new_id()
        sealed = self._sealed(run_id, before[0].subject_id if before else None)
        begun: list[Attempt] = []
        try:
            with front.desk.writing(tenant) as unit:
                answer, replayed = self.claim.carry_out(
                    unit, lambda unit: self._begin(unit, run_id, sealed, begun)
                )
        except (
            InputError,
            PersonAttemptsError,
        ):  # refused; of any other error nobody knows whether the commit stands
            self._discard(sealed)
            raise
        if replayed:
            self._discard(sealed)
            return answer, None
        return answer, begun[-1]

    def _require_open(self, unit: DossierUnit) -> None:
        """Return if the session awaits a case, so that nothing is sealed in vain."""
        view = load_session(unit, self.submitter.within, self.session_id).view
        event = Submitted(attempt=view.submissions + 1, deadline=unit.now)
        now = view_as_of(view, unit.now)
        apply(now, Action(sequence=now.version + 1, at=unit.now, actor=SYSTEM, event=event))

    def _sealed(self, run_id: str, subject_id: str | None) -> SealedCase | None:
        if self.front.vault is None:
            return None
        return seal_case(
            self.front.vault,
            self.submission,
            tenant=self.submitter.tenant,
            subject_id=subject_id,
            run_id=run_id,
            content=self.content,
        )

    def _discard(self, sealed: SealedCase | None) -> None:
        if sealed is not None and self.front.vault is not None:
            discard(self.front.vault, sealed.files)

    def _begin(
        self, unit: DossierUnit, run_id: str, sealed: SealedCase | None, begun: list[Attempt]
    ) -> Answer:
        submitter, limits = self.submitter, self.front.limits
        loaded = load_session(unit, submitter.within, self.session_id, lock=True)
        require_same_procedure(self.profile, loaded.view)
        if submitter.token is not None:
            unit.tokens.use(submitter.token, session_id=self.session_id)
        number = loaded.view.submissions + 1
        event = Submitted(attempt=number, deadline=unit.now + limits.processing)
        loaded = record(unit, loaded, submitter.actor, event)
        run = SubmissionRun(
            tenant=submitter.tenant,
            id=run_id,
            session_id=self.session_id,
            attempt=number,
            answered=submitter.answered,
            key_digest=self.claim.digest,
            received_at=unit.now,
            subject_id=None if sealed is None else sealed.subject_id,
            manifest=None if sealed is None else sealed.manifest,
        )
        unit.runs.add(run, lease=limits.lease)
        if sealed is not None:
            unit.artefacts.add(self.session_id, number, sealed.files, unit.now)
        owner = owner_of(submitter.tenant, loaded.row)
        begun.append(Attempt(owner=owner, run=run, submission=self.submission))
        return submitter.answer(loaded, 202)
