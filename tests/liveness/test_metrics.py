import math

from ekyc.liveness import Presentation, error_rates
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
