"""Intervals of timings by resampling; those of rates stand in :mod:`ekyc.intervals`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.intervals import CONFIDENCE

_RESAMPLES = 2000


def bootstrap(
    samples: Sequence[float],
    statistic: Callable[..., NDArray[np.float64]] = np.median,
    *,
    seed: int,
    confidence: float = CONFIDENCE,
) -> tuple[float, float, float]:
    """A statistic of the samples and its percentile-bootstrap interval: value, low, high.

    ``statistic`` takes an array and ``axis``, as numpy's do.
    """
    if not samples:
        raise InputError("no samples", code="bench.no_samples")
    values = np.asarray(samples, dtype=np.float64)
    generator = np.random.default_rng(seed)
    drawn = values[generator.integers(0, len(values), (_RESAMPLES, len(values)))]
    tail = 100.0 * (1.0 - confidence) / 2.0
    low, high = np.percentile(statistic(drawn, axis=1), [tail, 100.0 - tail])
    return float(statistic(values, axis=0)), float(low), float(high)
