"""Error rates of a one-to-one comparison, named as in ISO/IEC 19795-1, with exact intervals.

A comparison is a match when its score reaches the threshold. FMR is the share of pairs of different people that
match, FNMR the share of pairs of one person that do not. Failures to enrol or to acquire are not in them: whoever
leaves those pairs out has to say how many they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.intervals import CONFIDENCE, clopper_pearson

Scores = NDArray[np.floating]
"""One-dimensional; higher is more alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRate:
    """A share of comparisons with its Clopper-Pearson interval.

    The interval counts comparisons as independent. Those that share a person are not, so the true one is wider.
    """

    errors: int
    comparisons: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.errors / self.comparisons


@dataclass(frozen=True, slots=True, kw_only=True)
class DetPoint:
    """One threshold of a DET curve."""

    threshold: float
    fmr: ErrorRate
    fnmr: ErrorRate


def false_match_rate(
    impostors: Scores, threshold: float, *, confidence: float = CONFIDENCE
) -> ErrorRate:
    """FMR at a threshold.

    Raises:
        InputError: ``face.scores_invalid``: no score, or one that is no finite number.
    """
    scores = _verified(impostors)
    return _rate(int(np.count_nonzero(scores >= threshold)), len(scores), confidence)


def false_non_match_rate(
    genuine: Scores, threshold: float, *, confidence: float = CONFIDENCE
) -> ErrorRate:
    """FNMR at a threshold.

    Raises:
        InputError: ``face.scores_invalid``.
    """
    scores = _verified(genuine)
    return _rate(int(np.count_nonzero(scores < threshold)), len(scores), confidence)


def threshold_at_fmr(impostors: Scores, fmr: float) -> float:
    """The lowest threshold at which at most this share of the given pairs matches.

    Raises:
        InputError: ``face.scores_invalid``, or ``face.option_invalid`` for a rate outside 0–1.
    """
    if not 0.0 <= fmr < 1.0:
        raise InputError("must lie in 0–1", code="face.option_invalid", subject="fmr")
    scores = np.sort(_verified(impostors))[::-1]
    allowed = math.floor(fmr * len(scores) + 1e-9)
    return float(np.nextafter(scores[allowed], np.inf))


def det_curve(genuine: Scores, impostors: Scores, fmrs: Sequence[float]) -> tuple[DetPoint, ...]:
    """Points of the DET curve at chosen FMRs (ISO/IEC 19795-1).

    Raises:
        InputError: as the functions above.
    """
    points = []
    for fmr in fmrs:
        threshold = threshold_at_fmr(impostors, fmr)
        points.append(
            DetPoint(
                threshold=threshold,
                fmr=false_match_rate(impostors, threshold),
                fnmr=false_non_match_rate(genuine, threshold),
            )
        )
    return tuple(points)


def _rate(errors: int, comparisons: int, confidence: float) -> ErrorRate:
    low, high = clopper_pearson(errors, comparisons, confidence)
    return ErrorRate(errors=errors, comparisons=comparisons, low=low, high=high)


def _verified(scores: Scores) -> Scores:
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise InputError("scores are a non-empty row of finite numbers", code="face.scores_invalid")
    return scores
