"""What a cosine is held against, as data with provenance: ``ekyc/data/face_match.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from ekyc.errors import InputError

_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchThresholds:
    """Cosines of SFace between which no machine should decide.

    The defaults come from LFW (Huang et al. 2007; 29.6 million impostor pairs): at 0.479 one impostor pair in 100,000
    is let through, at 0.363, the threshold published with the model by OpenCV Zoo, one in 1,000. LFW holds few
    Vietnamese faces; pairs within one population score higher. Calibrate on your own pairs before relying on the
    rates (:mod:`ekyc.face.calibrate`).
    """

    accept_at: float = 0.479
    """PASSED from this cosine on."""
    reject_below: float = 0.363
    """FAILED below this cosine; between the two INDETERMINATE."""

    def __post_init__(self) -> None:
        if not -1.0 <= self.reject_below <= self.accept_at <= 1.0:
            raise InputError(
                "thresholds must keep -1 ≤ reject_below ≤ accept_at ≤ 1",
                code="face.thresholds_invalid",
            )


DEFAULT_MATCH = MatchThresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredThreshold:
    """One row of the table: a threshold and where it was measured."""

    model: str
    alignment: str
    """``mesh`` or ``detector_points``."""
    flip: bool
    """Whether the mirrored face's vector was added."""
    fmr: float
    cosine: float
    true_match_rate: float
    """Share of pairs of one person that reach the cosine, on the same pictures."""
    impostor_pairs: int
    genuine_pairs: int
    provenance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgePolicy:
    """What counts from a portrait's age on."""

    from_years: float
    thresholds: MatchThresholds
    provenance: str


def measured_thresholds() -> tuple[MeasuredThreshold, ...]:
    """All measured rows."""
    return tuple(MeasuredThreshold(**row) for row in _table()["threshold"])


def age_policies() -> tuple[AgePolicy, ...]:
    """From the youngest portrait to the oldest; the first begins at 0 years."""
    return tuple(
        AgePolicy(
            from_years=row["from_years"],
            thresholds=MatchThresholds(
                accept_at=row["accept_at"], reject_below=row["reject_below"]
            ),
            provenance=row["provenance"],
        )
        for row in _table()["portrait_age"]
    )


def thresholds_for_portrait(issued: date | None, today: date) -> MatchThresholds:
    """What a comparison with a portrait issued on this day is held against.

    A day that is unknown or lies ahead counts as a portrait of today: the stricter bound of refusal.
    """
    if issued is None:
        return DEFAULT_MATCH
    years = (today - issued).days / _DAYS_PER_YEAR
    found = DEFAULT_MATCH
    for policy in age_policies():
        if years >= policy.from_years:
            found = policy.thresholds
    return found


@cache
def _table() -> dict[str, Any]:
    file = resources.files("ekyc.data") / "face_match.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
