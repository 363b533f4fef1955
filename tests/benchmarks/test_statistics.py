"""Resampled intervals of timings."""

import numpy as np
import pytest

from ekyc.benchmarks.statistics import bootstrap
from ekyc.errors import InputError


def test_a_bootstrap_interval_shrinks_with_more_samples_and_holds_the_median():
    generator = np.random.default_rng(3)
    few, many = (bootstrap(list(generator.normal(5, 1, n)), seed=1) for n in (20, 2000))
    for value, low, high in (few, many):
        assert low <= value <= high
    assert many[2] - many[1] < few[2] - few[1]
    assert many[1] <= 5.1
    assert many[2] >= 4.9


def test_a_bootstrap_repeats_with_its_seed():
    samples = list(np.random.default_rng(0).normal(size=50))
    assert bootstrap(samples, np.mean, seed=4) == bootstrap(samples, np.mean, seed=4)
    assert bootstrap(samples, np.mean, seed=4) != bootstrap(samples, np.mean, seed=5)


def test_no_samples_are_refused():
    with pytest.raises(InputError):
        bootstrap([], seed=1)
