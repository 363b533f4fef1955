"""From a verdict of the policy to what the portal hears. Pure.

1. *accept* approves, unless nothing may be decided by machine: then an officer looks at it.
2. Otherwise, where every reason is one that the person can mend and attempts are left, they are asked again.
3. Otherwise an officer decides. A machine never rejects for good: *reject* is what it proposes.
"""

from __future__ import annotations

from collections.abc import Iterable

from ekyc.dossiers.actions import DecisionOutcome
from ekyc.outcomes import reason_registry
from ekyc.policy import Verdict


def conclude(
    verdict: Verdict, reasons: Iterable[str], *, attempts_left: int, review_only: bool
) -> DecisionOutcome:
    """Apply the rules of this module.

    Args:
        verdict: of the policy.
        reasons: its codes; one that is not in the registry counts as one that cannot be mended.
        attempts_left: after this one.
        review_only: nothing may be decided by machine.
    """
    if verdict is Verdict.ACCEPT:  # (1)
        return DecisionOutcome.NEEDS_REVIEW if review_only else DecisionOutcome.APPROVED
    codes = tuple(reasons)
    known = reason_registry()
    mendable = bool(codes) and all(code in known and known[code].retryable for code in codes)
    if mendable and attempts_left > 0:  # (2)
        return DecisionOutcome.RESUBMIT
    if verdict is Verdict.REJECT:  # (3)
        return DecisionOutcome.REJECTED
    return DecisionOutcome.NEEDS_REVIEW
