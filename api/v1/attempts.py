"""Attempts of people, counted over all their sessions (:mod:`ekyc.dossiers.attempts`).

1. A citizen's own session counts by their login, when a case is submitted; one too many is refused.
2. Whoever's chip it was is known when a case is concluded: what was not accepted counts by the number that a signed chip
   states. After one too many, nothing is decided by machine. A stranger with somebody's chip can force a review, no more.
3. An attempt that was accepted, or failed by our fault, counts no longer; an officer who asks for another begins the count
   anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ekyc.dossiers import Concluded, Decided, DecisionOutcome, Event, Interrupted, Submitted
from ekyc.dossiers.attempts import PersonAttemptsError, attempt_limit
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, SessionRow

_SIGNED: Final = frozenset({"chip.signature", "chip.hashes"})


def count_attempts(unit: DossierUnit, row: SessionRow, event: Event) -> None:
    """Bring the ledger in step with what happens to a session (1), (3).

    Raises:
        PersonAttemptsError: ``session.person_attempts``.
    """
    match event:
        case Submitted(attempt=attempt) if row.subject is not None:
            person = ("login", row.subject)
            wait = _wait(unit, row.procedure, person)
            if wait > timedelta(0):
                raise PersonAttemptsError(wait.total_seconds())
            unit.attempts.count(row.procedure, person, session_id=row.id, attempt=attempt)
        case Concluded(attempt=attempt, verdict=Verdict.ACCEPT):
            unit.attempts.give_back(row.id, attempt)
        case Interrupted(attempt=attempt, counted=False):
            unit.attempts.give_back(row.id, attempt)
        case Decided(outcome=DecisionOutcome.RESUBMIT):
            unit.attempts.lift(row.id)
        case _:
            pass


def tried_too_often(
    unit: DossierUnit, row: SessionRow, attempt: int, result: Mapping[str, Any]
) -> bool:
    """Whether a person tried too often before; what is not accepted is written down (2).

    Args:
        unit: of the conclusion.
        row: the session.
        attempt: that is concluded.
        result: of the verification, with the pseudonym of the chip's number where there is one.
    """
    found = {one["id"] for one in result["checks"] if one["outcome"] == Outcome.PASSED.value}
    if result.get("person") is None or not found >= _SIGNED:
        return False
    person = ("chip", str(result["person"]))
    too_often = _wait(unit, row.procedure, person) > timedelta(0)
    if result["decision"]["verdict"] != Verdict.ACCEPT.value:
        unit.attempts.count(row.procedure, person, session_id=row.id, attempt=attempt)
    return too_often


def _wait(unit: DossierUnit, procedure: str, person: tuple[str, str]) -> timedelta:
    return attempt_limit(procedure).wait(unit.attempts.times(procedure, person), unit.now)
