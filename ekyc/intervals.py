"""Exact and score intervals of a rate. Plain Python, so that a figure can be followed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

from ekyc.errors import InputError

CONFIDENCE = 0.95


def clopper_pearson(
    successes: int, trials: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Exact interval of a rate: never too narrow, whatever the true rate (Clopper and Pearson 1934)."""
    _check_counts(successes, trials)
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if successes == 0 else _beta_quantile(tail, successes, trials - successes + 1)
    high = (
        1.0
        if successes == trials
        else _beta_quantile(1.0 - tail, successes + 1, trials - successes)
    )
    return low, high


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Score interval of a rate (Wilson 1927): on average of the stated coverage, narrower than the exact one."""
    _check_counts(successes, trials)
    z = _normal_quantile(0.5 + confidence / 2.0)
    rate, spread = successes / trials, z * z / trials
    centre = (rate + spread / 2.0) / (1.0 + spread)
    half = z * math.sqrt(rate * (1.0 - rate) / trials + spread / (4.0 * trials)) / (1.0 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _check_counts(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials or trials == 0:
        raise InputError(f"{successes} of {trials} is no rate", code="rate.invalid_counts")


def _normal_quantile(probability: float) -> float:
    return _bisect(lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0)), probability, -40.0, 40.0)


def _beta_quantile(probability: float, a: float, b: float) -> float:
    return _bisect(lambda x: beta_regularised(a, b, x), probability, 0.0, 1.0)


def _bisect(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in {low, high}:
            break
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def beta_regularised(a: float, b: float, x: float) -> float:
    """Distribution function of Beta(a, b) at ``x``, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        # The fraction converges quickly only on this side.
        return 1.0 - beta_regularised(b, a, 1.0 - x)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return math.exp(log_front) / (a * _beta_fraction(a, b, x))


def _beta_fraction(a: float, b: float, x: float) -> float:
    """``1 + d1/(1 + d2/(1 + …))``, evaluated from the front (Lentz) until it stands still."""
    tiny = 1e-300
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / (1.0 + term * d or tiny)
        c = 1.0 + term / c or tiny
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value
