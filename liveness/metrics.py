"""Error rates of presentation-attack detection, ISO/IEC 30107-3:2023 §13. Pure: counts in, rates out.

An ACER, the mean of both kinds of error, is deliberately absent: the standard dropped it, and it hides the species
that gets through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ekyc.errors import InputError
from ekyc.outcomes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One presentation to the camera and what the system said."""

    species: str | None
    """Kind of attack instrument (``"print"``, ``"screen"`` …), or None for a bona fide presentation."""
    outcome: Outcome
    """Of ``liveness.passive``. INDETERMINATE and NOT_PERFORMED are non-responses, counted apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A proportion with its exact two-sided 95 % interval (Clopper and Pearson 1934)."""

    errors: int
    total: int

    @property
    def value(self) -> float:
        """0 to 1; NaN of nothing."""
        return self.errors / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest rate that the counts do not contradict at 95 %."""
        return clopper_pearson(self.errors, self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class PadErrorRates:
    """Rates over presentations, not frames."""

    apcer: dict[str, Rate]
    """Per species: share of attack presentations classified as bona fide."""
    apnrr: dict[str, Rate]
    """Per species: share of attack presentations without a response."""
    bpcer: Rate
    """Share of bona fide presentations classified as attacks."""
    bpnrr: Rate
    """Share of bona fide presentations without a response."""

    @property
    def worst_apcer(self) -> Rate | None:
        """APCER of the system: that of the species that gets through most often; None without attacks."""
        return max(self.apcer.values(), key=lambda rate: rate.value, default=None)


def error_rates(presentations: Iterable[Presentation]) -> PadErrorRates:
    """Count errors and non-responses by species (ISO/IEC 30107-3 §13.2, §13.3)."""
    by_species: dict[str | None, list[Outcome]] = {}
    for presentation in presentations:
        by_species.setdefault(presentation.species, []).append(presentation.outcome)
    bona_fide = by_species.pop(None, [])
    attacks = {species: found for species, found in by_species.items() if species is not None}
    return PadErrorRates(
        apcer={s: _share(found, Outcome.PASSED) for s, found in sorted(attacks.items())},
        apnrr={s: _silent(found) for s, found in sorted(attacks.items())},
        bpcer=_share(bona_fide, Outcome.FAILED),
        bpnrr=_silent(bona_fide),
    )


def clopper_pearson(errors: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a binomial proportion.

    Args:
        errors: 0 to ``total``.
        total: number of independent trials; 0 gives (0, 1).
        confidence: two-sided, between 0 and 1.

    Raises:
        InputError: ``metrics.invalid_counts``.
    """
    if not 0 <= errors <= total or not 0 < confidence < 1:
        raise InputError("0 ≤ errors ≤ total and 0 < confidence < 1", code="metrics.invalid_counts")
    tail = (1 - confidence) / 2
    low = 0.0 if errors == 0 else _solve(lambda p: 1 - _cdf(errors - 1, total, p), tail)
    high = 1.0 if errors == total else _solve(lambda p: 1 - _cdf(errors, total, p), 1 - tail)
    return low, high


def _share(outcomes: list[Outcome], counted: Outcome) -> Rate:
    return Rate(errors=outcomes.count(counted), total=len(outcomes))


def _silent(outcomes: list[Outcome]) -> Rate:
    answered = outcomes.count(Outcome.PASSED) + outcomes.count(Outcome.FAILED)
    return Rate(errors=len(outcomes) - answered, total=len(outcomes))


def _cdf(most: int, total: int, p: float) -> float:
    """P(X ≤ most) of a binomial variable, summed in logarithms so that large totals do not overflow."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return 1.0 if most >= total else 0.0
    log_p, log_q = math.log(p), math.log1p(-p)
    terms = (
        math.exp(
            math.lgamma(total + 1)
            - math.lgamma(k + 1)
            - math.lgamma(total - k + 1)
            + k * log_p
            + (total - k) * log_q
        )
        for k in range(most + 1)
    )
    return min(1.0, math.fsum(terms))


def _solve(rising: Callable[[float], float], target: float) -> float:
    """Where a rising function of [0, 1] reaches a target, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if rising(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2
