import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.liveness import Presentation, clopper_pearson, error_rates
from ekyc.outcomes import Outcome

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED


def presentations(species, *outcomes):
    return [Presentation(species=species, outcome=outcome) for outcome in outcomes]


def test_rates_are_counted_by_species_and_the_worst_counts():
    rates = error_rates(
        [
            *presentations("print", FAILED, FAILED, FAILED, PASSED),
            *presentations("screen", FAILED, Outcome.INDETERMINATE),
            *presentations("mask", PASSED, PASSED, FAILED),
            *presentations(None, PASSED, FAILED, PASSED, Outcome.NOT_PERFORMED),
        ]
    )
    assert {s: (r.errors, r.total) for s, r in rates.apcer.items()} == {
        "mask": (2, 3),
        "print": (1, 4),
        "screen": (0, 2),
    }
    assert rates.apnrr["screen"].errors == 1
    assert rates.worst_apcer == rates.apcer["mask"]
    assert (rates.bpcer.errors, rates.bpcer.total) == (1, 4)
    assert rates.bpnrr.value == 0.25


def test_nothing_gives_no_rate():
    rates = error_rates([])
    assert rates.worst_apcer is None
    assert math.isnan(rates.bpcer.value)
    assert rates.bpcer.interval == (0.0, 1.0)


@pytest.mark.parametrize(
    ("errors", "total", "low", "high"),
    [  # beta quantiles, and the closed form 1 − 0.025^(1/n) where nothing erred
        (0, 20, 0.0, 0.16843),
        (0, 3, 0.0, 0.70760),
        (3, 3, 0.29240, 1.0),
        (1, 10, 0.00253, 0.44502),
        (5, 10, 0.18709, 0.81291),
        (50, 1000, 0.03733, 0.06539),
    ],
)
def test_known_intervals(errors, total, low, high):
    assert clopper_pearson(errors, total) == pytest.approx((low, high), abs=1e-5)


@given(st.integers(0, 60), st.integers(1, 60))
def test_interval_holds_the_rate_and_mirrors(errors, more):
    total = errors + more
    low, high = clopper_pearson(errors, total)
    assert 0 <= low <= errors / total <= high <= 1
    mirrored = clopper_pearson(total - errors, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_large_counts_do_not_overflow():
    low, high = clopper_pearson(20, 20_604)
    assert 0 < low < 20 / 20_604 < high < 0.01


@pytest.mark.parametrize(("errors", "total"), [(-1, 5), (6, 5)])
def test_impossible_counts(errors, total):
    with pytest.raises(InputError):
        clopper_pearson(errors, total)
