"""Policy: evidence and a procedure profile in, a decision with reasons out. Pure.

The rules, in order:

1. A profile lists the checks that it requires. Checks that it does not list are shown and change nothing.
2. Any required check FAILED → *reject*.
3. Otherwise any required check INDETERMINATE, NOT_PERFORMED or absent → *review*.
4. Otherwise every required check PASSED → *accept*.

Hence submitting less never helps: taking evidence away can turn *accept* into *review*, never the other way.
A check that appears twice counts with its worst outcome.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from ekyc.errors import InputError
from ekyc.outcomes import Check, Outcome, worst

_ABSENT = "policy.check_absent"


class Verdict(StrEnum):
    """What happens to the case."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class ResultLevel(StrEnum):
    """For how long a signed result must be provable (PAdES baseline levels, ETSI EN 319 142-1 §6)."""

    B_T = "B-T"
    """While revocation lists are at hand: it is used at once."""
    B_LT = "B-LT"
    """And by itself while the time-stamping authority's certificate lives."""
    B_LTA = "B-LTA"
    """For decades, renewed in time: it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureProfile:
    """Which checks a procedure requires (``ekyc/data/profiles/*.toml``)."""

    id: str
    title_vi: str
    title_en: str
    required: tuple[str, ...]
    """Check ids; *accept* needs every one of them PASSED."""
    allow_undisclosed: bool = True
    """Whether models whose training data are undisclosed may decide a check; otherwise NOT_PERFORMED."""
    liveness_live_at: float | None = None
    """Passive liveness: median score from which frames count as live; ``None`` takes the default."""
    demonstration: bool = False
    """Marks a profile whose acceptance means nothing outside a demonstration."""
    result_level: ResultLevel = ResultLevel.B_T
    """How the result of an accepted case is signed."""

    def __post_init__(self) -> None:
        if not self.required:
            raise InputError("a profile must require at least one check", subject=self.id)
        if len(set(self.required)) != len(self.required):
            raise InputError("a check is required twice", subject=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on a case, with the reasons that led to it."""

    verdict: Verdict
    profile_id: str
    reasons: tuple[str, ...]
    """Reason codes of the required checks that did not pass, most severe first."""
    blocking: tuple[str, ...]
    """Ids of the required checks that did not pass, in the profile's order."""


def decide(profile: ProcedureProfile, checks: Iterable[Check]) -> Decision:
    """Apply the rules of this module to a set of checks.

    Args:
        profile: the procedure's requirements.
        checks: everything that was found, in any order.

    Returns:
        The decision; equal inputs give equal decisions.
    """
    found: dict[str, list[Check]] = {}
    for check in checks:
        found.setdefault(check.id, []).append(check)

    severity = {Outcome.FAILED: 0, Outcome.INDETERMINATE: 1, Outcome.NOT_PERFORMED: 2}
    blocking: list[tuple[str, Outcome, tuple[str, ...]]] = []
    for check_id in profile.required:
        of_id = found.get(check_id, [])
        outcome = worst(check.outcome for check in of_id)
        if outcome is not Outcome.PASSED:
            codes = tuple(code for check in of_id for code in check.reasons) or (_ABSENT,)
            blocking.append((check_id, outcome, codes))

    ordered = sorted(blocking, key=lambda entry: severity[entry[1]])
    if not blocking:
        verdict = Verdict.ACCEPT
    elif any(outcome is Outcome.FAILED for _, outcome, _ in blocking):
        verdict = Verdict.REJECT
    else:
        verdict = Verdict.REVIEW
    return Decision(
        verdict=verdict,
        profile_id=profile.id,
        reasons=tuple(dict.fromkeys(code for _, _, codes in ordered for code in codes)),
        blocking=tuple(check_id for check_id, _, _ in blocking),
    )


@cache
def profile_ids() -> tuple[str, ...]:
    """Identifiers of the shipped profiles, sorted."""
    folder = resources.files("ekyc.data.profiles")
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_profile(profile_id: str) -> ProcedureProfile:
    """A shipped profile by id.

    Raises:
        InputError: no such profile (``profile.unknown``), or its file is not valid.
    """
    if profile_id not in profile_ids():
        known = ", ".join(profile_ids())
        raise InputError(
            f"unknown procedure profile; known are {known}",
            code="profile.unknown",
            subject=profile_id,
        )
    file = resources.files("ekyc.data.profiles") / f"{profile_id}.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    try:
        return ProcedureProfile(
            id=profile_id,
            required=tuple(table.pop("required")),
            result_level=ResultLevel(table.pop("result_level", ResultLevel.B_T)),
            **table,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise InputError(
            f"not a valid profile: {exc}", code="profile.invalid", subject=file.name
        ) from exc


def profile_as_text(profile: ProcedureProfile) -> str:
    """All that a profile says: JSON with sorted keys. :func:`profile_from_text` reads it again."""
    return json.dumps(asdict(profile), ensure_ascii=False, sort_keys=True)


def profile_version(profile: ProcedureProfile) -> str:
    """SHA-256 (hex) of :func:`profile_as_text`: another wherever the profile says anything else."""
    return hashlib.sha256(profile_as_text(profile).encode()).hexdigest()


def profile_from_text(text: str) -> ProcedureProfile:
    """A profile as it was written by :func:`profile_as_text`, by this version of the software or an older one.

    Raises:
        InputError: ``profile.invalid``: it is none, or says what this version does not know.
    """
    try:
        table = json.loads(text)
        return ProcedureProfile(
            required=tuple(table.pop("required")),
            result_level=ResultLevel(table.pop("result_level")),
            **table,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise InputError("not a profile as it was kept", code="profile.invalid") from exc
