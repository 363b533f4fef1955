"""Error rates of presentation-attack detection, ISO/IEC 30107-3:2023 §13. Pure: counts in, rates out.

An ACER, the mean of both kinds of error, is never given alone: the standard dropped it, and it hides the species that
gets through. Who must compare with older papers finds it beside its parts (:meth:`PadErrorRates.acer`), or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ekyc.errors import InputError
from ekyc.intervals import clopper_pearson
from ekyc.outcomes import Outcome

FEWEST_FOR_AN_AVERAGE: Final = 10


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
        """Lowest and highest rate that the counts do not contradict at 95 %; (0, 1) of nothing."""
        return clopper_pearson(self.errors, self.total) if self.total else (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageError:
    """An ACER that cannot leave its parts behind."""

    worst_apcer: Rate
    bpcer: Rate

    @property
    def value(self) -> float:
        """0 to 1."""
        return (self.worst_apcer.value + self.bpcer.value) / 2


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
    def worst_apnrr(self) -> Rate | None:
        """Non-responses of the species that draws most of them; None without attacks."""
        return max(self.apnrr.values(), key=lambda rate: rate.value, default=None)

    def acer(self) -> AverageError:
        """Half the sum of the worst APCER and the BPCER, together with both and their intervals.

        Raises:
            InputError: ``liveness.rate_incomplete``: a species or the bona fide side has fewer than ten
                presentations; an average of such rates says nothing.
        """
        worst = self.worst_apcer
        counts = [self.bpcer.total, *(rate.total for rate in self.apcer.values())]
        if worst is None or min(counts) < FEWEST_FOR_AN_AVERAGE:
            raise InputError(
                f"an average needs {FEWEST_FOR_AN_AVERAGE} presentations of each kind",
                code="liveness.rate_incomplete",
            )
        return AverageError(worst_apcer=worst, bpcer=self.bpcer)

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


def _share(outcomes: list[Outcome], counted: Outcome) -> Rate:
    return Rate(errors=outcomes.count(counted), total=len(outcomes))


def _silent(outcomes: list[Outcome]) -> Rate:
    answered = outcomes.count(Outcome.PASSED) + outcomes.count(Outcome.FAILED)
    return Rate(errors=len(outcomes) - answered, total=len(outcomes))
