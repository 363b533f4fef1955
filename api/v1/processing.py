"""From a submitted case to a conclusion.

1. The upload lies in a private folder. Its ``case.toml`` must name the procedure of the session: whoever submits does
   not choose by what it is judged.
2. Where the service keeps what is submitted, every file is sealed and on disk now (:mod:`ekyc.api.v1.keeping`).
3. One transaction claims the request's key, uses up the capture token, writes *submitted* and records that this process
   works on the case; only then it is accepted.
4. The verification runs on a bounded set of workers (:class:`~ekyc.api.admission.Admission`). That it is begun is counted.
   Under a restriction of processing it is not begun; one that comes later leaves (5) to be written, and nothing more.
5. One transaction writes the checks, the conclusion, the record of the decision and the answer that the key is kept with.
6. What goes wrong by our fault gives the attempt back; what is wrong with the case counts.

Whoever dies in between is followed by another process once its lease has ended (:mod:`ekyc.api.v1.carrying`), which does (4)
and (5) with the case that was sealed, if it judges by the same version of the procedure. Of several that believe a case to be theirs, one gets through (5). A result that
comes too late is dropped.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from ekyc.api.v1 import views
from ekyc.api.v1.attempts import tried_too_often
from ekyc.api.v1.cases import (
    LoadedSession,
    UnknownFileError,
    load_session,
    officer_decides,
    owner_of,
    record,
)
from ekyc.api.v1.keeping import unseal_case
from ekyc.api.v1.once import Answer
from ekyc.api.v1.procedures import procedure_version, require_procedure
from ekyc.api.v1.session_routes import answer_of
from ekyc.dossiers import (
    SYSTEM,
    Concluded,
    Event,
    Interrupted,
    SessionState,
    SessionView,
    TransitionError,
    conclude,
)
from ekyc.dossiers.attempts import REASON as TOO_OFTEN
from ekyc.errors import BusyError, EkycError, InputError, place_of
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.storage import (
    Answered,
    Jurisdiction,
    Person,
    RunLostError,
    Spent,
    StorageAwayError,
    SubmissionRun,
)
from ekyc.storage.sealed.errors import ProtectedError
from ekyc.values import Sha256Hex

if TYPE_CHECKING:
    from ekyc.api.admission import Admission
    from ekyc.api.ports import CaseVerifier
    from ekyc.api.scratch import Scratch
    from ekyc.api.uploads import Submission
    from ekyc.api.v1.front import ResourceFront
    from ekyc.storage import DossierDesk, DossierUnit
    from ekyc.values import Owner

_LOG = logging.getLogger("ekyc.api")
_EVERYTHING = Jurisdiction()
_INTERNAL: Final = "internal"
_CHANGED: Final = "session.procedure_changed"
MOST_TRIES: Final = 3
"""After which a case is given up that ends the process which verifies it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What cases are verified with."""

    admission: Admission
    verifier: CaseVerifier
    scratch: Scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submitted case on its way."""

    owner: Owner
    """Of the session."""
    run: SubmissionRun
    submission: Submission

    @property
    def spent(self) -> Spent:
        """What is held for it."""
        live = self.submission.live
        return Spent(
            challenge_id=self.submission.challenge_id,
            liveness_id=None if live is None else live.session_id,
        )


def answer_about(answered: Answered, loaded: LoadedSession, status: int) -> Answer:
    """How a session is told to whoever submitted: all of it to the portal, little to a telephone."""
    if answered is Answered.PORTAL:
        return answer_of(loaded, status)
    return Answer(status=status, body=views.capture_as_json(loaded.row.id, loaded.view))


def require_same_procedure(profile: str, view: SessionView) -> None:
    """Return if the case was made for the session's procedure, as it still stands (1).

    Raises:
        InputError: ``session.other_procedure``; ``session.procedure_changed``.
    """
    if _has_changed(view):
        raise InputError("the procedure has changed since; make a new session", code=_CHANGED)
    if profile != view.created.procedure:
        raise InputError(
            "case.toml names another profile than the session's procedure",
            code="session.other_procedure",
            subject="case.toml",
        )


def _has_changed(view: SessionView) -> bool:
    """Whether this process judges by another version of the procedure than the session was opened for."""
    return procedure_version(view.created.procedure) != view.created.procedure_version


async def carry_on(front: ResourceFront, workshop: Workshop, attempt: Attempt) -> None:
    """Verify, write down what came of it, and remove the upload (4-6). Raises nothing: nobody would hear it."""
    run = attempt.run
    try:
        with front.holding(run), workshop.admission.place():
            await _carry(front, workshop, attempt)
    finally:
        shutil.rmtree(attempt.submission.folder.parent, ignore_errors=True)
        front.notices.tell(run.tenant, run.session_id)


async def take_up(front: ResourceFront, workshop: Workshop, run: SubmissionRun) -> None:
    """Carry a case on that another process left, or give its attempt back where that cannot be. Raises nothing."""
    try:
        with front.holding(run), workshop.admission.place():
            loaded = await front.writing(run.tenant, partial(_awaited, run=run))
            if loaded is not None:
                await _take_up(front, workshop, run, loaded)
    except Exception as error:  # noqa: BLE001 - e.g. the database is away: the lease ends, and it is taken up anew
        _log(run, error)
    finally:
        front.notices.tell(run.tenant, run.session_id)


async def _take_up(
    front: ResourceFront, workshop: Workshop, run: SubmissionRun, loaded: LoadedSession
) -> None:
    async def give_back(code: str) -> None:
        interrupt = partial(_interrupt, run=run, spent=None, code=code, counted=False)
        await front.writing(run.tenant, interrupt)

    if front.vault is None or run.manifest is None:
        return await give_back("session.interrupted")
    if run.tries >= MOST_TRIES:
        return await give_back("session.given_up")
    if _has_changed(
        loaded.view
    ):  # this process is of another release than the one that accepted it
        return await give_back(_CHANGED)
    with workshop.scratch.folder() as place:
        try:
            submission = await anyio.to_thread.run_sync(unseal_case, front.vault, run, place)
        except (BusyError, StorageAwayError):
            raise
        except EkycError as error:  # it was erased or removed meanwhile, or is damaged
            _log(run, error)
            return await give_back(error.code)
        _LOG.warning("a submission is taken up, begun %d times before", run.tries)
        owner = owner_of(run.tenant, loaded.row)
        attempt = Attempt(owner=owner, run=run, submission=submission)
        return await _carry(front, workshop, attempt)


async def _carry(front: ResourceFront, workshop: Workshop, attempt: Attempt) -> None:
    write = await _ended(front, workshop, attempt)
    if write is not None:
        await _write(front, attempt, write)


def _locked(unit: DossierUnit, run: SubmissionRun) -> LoadedSession:
    """The session, for how its case ended: a restriction that came meanwhile keeps it from use, and not from the record."""
    return load_session(unit, _EVERYTHING, run.session_id, lock=True, despite_restriction=True)


def _awaited(unit: DossierUnit, *, run: SubmissionRun) -> LoadedSession | None:
    """The session that a case is of; ``None``, and the case is struck off, where nobody waits for it any more."""
    try:
        loaded = _locked(unit, run)
    except UnknownFileError:
        loaded = None
    if loaded is not None and _runs(loaded.view, run):
        return loaded
    unit.runs.finish(run, None)
    return None


def _runs(view: SessionView, run: SubmissionRun) -> bool:
    return view.state is SessionState.PROCESSING and view.submissions == run.attempt


async def _ended(
    front: ResourceFront, workshop: Workshop, attempt: Attempt
) -> Callable[[DossierUnit], None] | None:
    """How it ended, to be written down; ``None`` where another process carries on."""
    interrupt = partial(_interrupt, run=attempt.run, spent=attempt.spent)
    try:
        work = partial(_verified, front.desk, workshop.verifier, attempt)
        result = await workshop.admission.carry(work)
        return partial(_conclude, attempt=attempt, result=result)
    except EkycError as error:
        if isinstance(error, RunLostError) or _will_be_taken_up(attempt.run, error):
            _log(attempt.run, error)
            return None
        return partial(interrupt, code=error.code, counted=_is_theirs(error))
    except Exception as error:  # noqa: BLE001 - a room's fault; logged without its text
        _log(attempt.run, error)
        return partial(interrupt, code=_INTERNAL, counted=False)


def _verified(desk: DossierDesk, verifier: CaseVerifier, attempt: Attempt) -> Mapping[str, Any]:
    run, submission = attempt.run, attempt.submission
    with desk.writing(run.tenant) as unit:
        unit.sessions.get(run.session_id, lock=True)
        unit.runs.begin(run)
    return verifier.verify_folder(
        submission.folder,
        challenge_id=submission.challenge_id,
        live=submission.live,
        owner=attempt.owner,
        receipt=run.receipt,
    )


def _will_be_taken_up(run: SubmissionRun, error: EkycError) -> bool:
    """Whether what went wrong passes, and the case can be verified again when its lease has ended."""
    return run.manifest is not None and isinstance(error, BusyError | StorageAwayError)


async def _write(
    front: ResourceFront, attempt: Attempt, write: Callable[[DossierUnit], None]
) -> None:
    """Write down how it ended; or that it did, where that cannot be written. What fails then is taken up again."""
    run = attempt.run
    code = _INTERNAL

    def given_back(unit: DossierUnit) -> None:
        _interrupt(unit, run=run, spent=attempt.spent, code=code, counted=False)

    for attempted in (write, given_back):
        try:
            await front.writing(run.tenant, attempted)
        except (TransitionError, UnknownFileError, RunLostError) as error:
            _log(run, error)
        except EkycError as error:
            _log(run, error)
            if isinstance(error, ProtectedError):
                code = error.code
            if not _will_be_taken_up(run, error):
                continue
        except Exception as error:  # noqa: BLE001 - a defect; logged without its text
            _log(run, error)
            continue
        return


def _conclude(unit: DossierUnit, *, attempt: Attempt, result: Mapping[str, Any]) -> None:
    run = attempt.run
    loaded = _locked(unit, run)
    created = loaded.view.created
    decision = result["decision"]
    if decision["profile"] != created.procedure:
        raise InputError("judged by another profile", code="session.other_procedure")
    required = require_procedure(created.procedure).required
    verdict = Verdict(decision["verdict"])
    too_often = tried_too_often(unit, loaded.row, run.attempt, result)
    by_officer = created.review_only or too_often or officer_decides(unit, loaded.row)
    event = Concluded(
        attempt=run.attempt,
        verdict=verdict,
        outcome=conclude(
            verdict,
            result["reasons"],
            attempts_left=loaded.view.attempts_left,
            review_only=by_officer,
        ),
        reasons=(*result["reasons"], *([TOO_OFTEN] if too_often else [])),
        failed=tuple(
            dict.fromkeys(
                check["id"]
                for check in result["checks"]
                if check["id"] in required and check["outcome"] == Outcome.FAILED.value
            )
        ),
        sample=bool(result["sample"]),
        verification_id=result["verification_id"],
        case_digest=result["case_digest"],
    )
    checks = [
        views.check_as_resource(
            check,
            required=check["id"] in required,
            evidence_sha256=result["case_digest"],
            models=result.get("models", {}),
        )
        for check in result["checks"]
    ]
    after = _finish(unit, run, attempt.spent, loaded, event)
    unit.findings.put(run.session_id, run.attempt, checks)
    if "report_sha256" in result:  # what can be issued and signed later rests on it
        _put_on_record(unit, attempt, verdict, result, after.view)


def _put_on_record(
    unit: DossierUnit,
    attempt: Attempt,
    verdict: Verdict,
    result: Mapping[str, Any],
    after: SessionView,
) -> None:
    """Where an officer has to decide yet, nobody signs or enrols by what a machine found (:mod:`ekyc.api.v1.decision_routes`)."""
    signer = result.get("signer", {})
    accepted = verdict is Verdict.ACCEPT and after.is_approved
    signs = accepted and signer.get("holder") is not None
    unit.decisions.add(
        case_digest=Sha256Hex(result["case_digest"]),
        profile=result["decision"]["profile"],
        verdict=verdict,
        reasons=tuple(result["reasons"]),
        report_digest=Sha256Hex(result["report_sha256"]),
        person=Person(holder=signer["holder"], session=signer["session"]) if signs else None,
        owner=attempt.owner,
    )
    unit.results.put(
        attempt.run.session_id,
        attempt.run.attempt,
        report_digest=result["report_sha256"],
        person=result.get("person"),
        holder=signer.get("holder"),
        signing_session=signer.get("session"),
        procedure_version=unit.procedures.keep(require_procedure(result["decision"]["profile"])),
    )


def _interrupt(
    unit: DossierUnit, *, run: SubmissionRun, spent: Spent | None, code: str, counted: bool
) -> None:
    loaded = _locked(unit, run)
    event = Interrupted(attempt=run.attempt, code=code, counted=counted)
    _finish(unit, run, spent, loaded, event)


def _finish(
    unit: DossierUnit, run: SubmissionRun, spent: Spent | None, loaded: LoadedSession, event: Event
) -> LoadedSession:
    unit.runs.finish(run, spent)
    after = record(unit, loaded, SYSTEM, event)
    if after.view.state is not SessionState.REQUIRES_INPUT:
        unit.tokens.end(run.session_id)
    unit.keys.keep(run.key_digest, answer_about(run.answered, after, 200).encoded())
    return after


def _is_theirs(error: EkycError) -> bool:
    return isinstance(error, InputError) and not isinstance(error, ProtectedError)


def _log(run: SubmissionRun, error: Exception) -> None:
    code = error.code if isinstance(error, EkycError) else type(error).__qualname__
    _LOG.error("attempt %d of a session ended: %s at %s", run.attempt, code, place_of(error))
