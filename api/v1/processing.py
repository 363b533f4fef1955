"""From a submitted case to a conclusion.

1. The upload lies in a private folder. Its ``case.toml`` must name the procedure of the session: whoever submits does
   not choose by what it is judged.
2. One transaction claims the request's key, uses up the capture token and writes *submitted*; only then work begins.
3. Where the service keeps what is submitted, every file is sealed and kept now. The verification runs on a bounded set of workers (:class:`~ekyc.api.admission.Admission`).
4. One transaction writes the checks, the conclusion and the answer that the key is kept with.
5. What goes wrong by our fault gives the attempt back; what is wrong with the case counts.

A process that dies in between leaves *processing*; after its deadline, the next look at the session gives the attempt
back. A result that comes later than that is dropped.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from ekyc.api.v1.cases import LoadedSession, UnknownFileError, load_session, record
from ekyc.api.v1.keeping import keep
from ekyc.api.v1.once import Answer
from ekyc.api.v1.procedures import procedure_version, require_procedure
from ekyc.api.v1.views import check_as_resource
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
from ekyc.errors import EkycError, InputError, place_of
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.storage import Jurisdiction

if TYPE_CHECKING:
    from ekyc.api.admission import Admission
    from ekyc.api.ports import CaseVerifier
    from ekyc.api.uploads import Submission
    from ekyc.api.v1.front import ResourceFront
    from ekyc.storage import DossierUnit

_LOG = logging.getLogger("ekyc.api")
_EVERYTHING = Jurisdiction()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submitted case on its way."""

    tenant: str
    session_id: str
    number: int
    submission: Submission
    key_digest: bytes
    """Of the request's idempotency key."""
    answer: Callable[[LoadedSession, int], Answer]
    """How the session is told to whoever submitted, with a status."""


def content_of(submission: Submission) -> bytes:
    """What was submitted, as one digest: equal files give equal bytes, however the body was cut into parts."""
    total = hashlib.sha256()
    folder = submission.folder
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{digest}\n".encode())
    total.update(f"{submission.challenge_id}\n{submission.live!r}".encode())
    if submission.live is not None:  # its token is hidden in its repr
        total.update(submission.live.result_token.reveal().encode())
    return total.digest()


def require_same_procedure(submission: Submission, view: SessionView) -> None:
    """Return if the case was made for the session's procedure, as it still stands (1).

    Raises:
        InputError: ``session.other_procedure``; ``session.procedure_changed``.
    """
    created = view.created
    if procedure_version(created.procedure) != created.procedure_version:
        raise InputError(
            "the procedure has changed since; make a new session", code="session.procedure_changed"
        )
    try:
        named = tomllib.loads((submission.folder / "case.toml").read_text("utf-8")).get("profile")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError("not TOML", code="case.invalid", subject="case.toml") from exc
    if named != created.procedure:
        raise InputError(
            "case.toml names another profile than the session's procedure",
            code="session.other_procedure",
            subject="case.toml",
        )


async def carry_on(
    front: ResourceFront, admission: Admission, verifier: CaseVerifier, attempt: Attempt
) -> None:
    """Verify, write down what came of it, and remove the upload (3-5). Raises nothing: nobody would hear it."""
    submission = attempt.submission
    work = partial(
        verifier.verify_folder,
        submission.folder,
        challenge_id=submission.challenge_id,
        live=submission.live,
    )
    try:
        write: Callable[[DossierUnit], None]
        try:
            if front.vault is not None:
                kept = partial(
                    keep,
                    front.desk,
                    front.vault,
                    tenant=attempt.tenant,
                    session_id=attempt.session_id,
                    attempt=attempt.number,
                    folder=submission.folder,
                )
                await anyio.to_thread.run_sync(kept)
            result = await admission.run(work)
            write = partial(_conclude, attempt=attempt, result=result)
        except EkycError as error:
            write = partial(_interrupt, attempt=attempt, code=error.code, counted=_is_theirs(error))
        except Exception as error:  # noqa: BLE001 - a room's fault; logged without its text
            _log(attempt, error)
            write = partial(_interrupt, attempt=attempt, code="internal", counted=False)
        if not await _written(front, attempt, write):
            await _written(
                front, attempt, partial(_interrupt, attempt=attempt, code="internal", counted=False)
            )
    finally:
        shutil.rmtree(submission.folder.parent, ignore_errors=True)
        front.notices.tell(attempt.tenant, attempt.session_id)


async def _written(
    front: ResourceFront, attempt: Attempt, write: Callable[[DossierUnit], None]
) -> bool:
    """Whether nothing is left to be written: it is, or the session was given up meanwhile."""
    try:
        await front.writing(attempt.tenant, write)
    except (TransitionError, UnknownFileError) as error:
        _log(attempt, error)
    except Exception as error:  # noqa: BLE001 - e.g. the database is away: the deadline gives the attempt back
        _log(attempt, error)
        return False
    return True


def _conclude(unit: DossierUnit, *, attempt: Attempt, result: Mapping[str, Any]) -> None:
    loaded = load_session(unit, _EVERYTHING, attempt.session_id, lock=True)
    created = loaded.view.created
    decision = result["decision"]
    if decision["profile"] != created.procedure:
        raise InputError("judged by another profile", code="session.other_procedure")
    required = require_procedure(created.procedure).required
    verdict = Verdict(decision["verdict"])
    event = Concluded(
        attempt=attempt.number,
        verdict=verdict,
        outcome=conclude(
            verdict,
            result["reasons"],
            attempts_left=loaded.view.attempts_left,
            review_only=created.review_only,
        ),
        reasons=tuple(result["reasons"]),
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
        check_as_resource(
            check, required=check["id"] in required, evidence_sha256=result["case_digest"]
        )
        for check in result["checks"]
    ]
    _finish(unit, attempt, loaded, event)
    unit.findings.put(attempt.session_id, attempt.number, checks)


def _interrupt(unit: DossierUnit, *, attempt: Attempt, code: str, counted: bool) -> None:
    loaded = load_session(unit, _EVERYTHING, attempt.session_id, lock=True)
    _finish(unit, attempt, loaded, Interrupted(attempt=attempt.number, code=code, counted=counted))


def _finish(unit: DossierUnit, attempt: Attempt, loaded: LoadedSession, event: Event) -> None:
    after = record(unit, loaded, SYSTEM, event)
    if after.view.state is not SessionState.REQUIRES_INPUT:
        unit.tokens.end(attempt.session_id)
    unit.keys.keep(attempt.key_digest, attempt.answer(after, 200).encoded())


def _is_theirs(error: EkycError) -> bool:
    return isinstance(error, InputError)


def _log(attempt: Attempt, error: Exception) -> None:
    code = error.code if isinstance(error, EkycError) else type(error).__qualname__
    _LOG.error("attempt %d of a session ended: %s at %s", attempt.number, code, place_of(error))
