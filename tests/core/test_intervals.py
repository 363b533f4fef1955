from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.intervals import beta_regularised, clopper_pearson, wilson


def tail_from(k, n, p):
    """P(X >= k) for a binomial, summed exactly."""
    p = Fraction(p)
    return float(sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1)))


counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_the_exact_interval_ends_where_either_tail_is_two_and_a_half_percent(pair):
    successes, trials = pair
    low, high = clopper_pearson(successes, trials)
    if successes:
        assert tail_from(successes, trials, low) == pytest.approx(0.025, rel=1e-6)
    else:
        assert low == 0.0
    if successes < trials:
        assert 1 - tail_from(successes + 1, trials, high) == pytest.approx(0.025, rel=1e-6)
    else:
        assert high == 1.0


@given(counts)
def test_both_intervals_hold_the_rate_and_stay_between_zero_and_one(pair):
    for low, high in (clopper_pearson(*pair), wilson(*pair)):
        assert 0.0 <= low <= pair[0] / pair[1] + 1e-12
        assert pair[0] / pair[1] - 1e-12 <= high <= 1.0


@given(counts)
def test_both_intervals_mirror(pair):
    successes, trials = pair
    for interval in (clopper_pearson, wilson):
        low, high = interval(successes, trials)
        mirrored = interval(trials - successes, trials)
        assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "exact", "score"),
    [
        # Textbook values to four places.
        (0, 10, (0.0, 0.3085), (0.0, 0.2775)),
        (5, 10, (0.1871, 0.8129), (0.2366, 0.7634)),
        (1, 100, (0.0003, 0.0545), (0.0018, 0.0545)),
    ],
)
def test_known_intervals(successes, trials, exact, score):
    assert clopper_pearson(successes, trials) == pytest.approx(exact, abs=6e-5)
    assert wilson(successes, trials) == pytest.approx(score, abs=6e-5)


def test_the_exact_interval_of_nothing_in_three_million_is_three_in_three_million():
    _low, high = clopper_pearson(0, 3_000_000)
    assert high == pytest.approx(1 - 0.025 ** (1 / 3_000_000), rel=1e-6)


@pytest.mark.parametrize("pair", [(1, 0), (-1, 5), (6, 5)])
def test_counts_that_are_no_rate_are_refused(pair):
    for interval in (clopper_pearson, wilson):
        with pytest.raises(InputError):
            interval(*pair)


@given(x=st.floats(0.001, 0.999))
def test_beta_of_one_and_one_is_the_uniform_distribution(x):
    assert beta_regularised(1, 1, x) == pytest.approx(x)


def test_large_counts_do_not_overflow():
    low, high = clopper_pearson(20, 20_604)
    assert 0 < low < 20 / 20_604 < high < 0.01


@pytest.mark.parametrize(("errors", "total"), [(-1, 5), (6, 5)])
def test_impossible_counts(errors, total):
    with pytest.raises(InputError):
        clopper_pearson(errors, total)
