import math

import pytest

from ekyc.errors import InputError
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


def test_an_average_comes_with_its_parts_and_never_from_a_handful():
    few = error_rates(
        [*presentations("print", *[FAILED] * 9), *presentations(None, *[PASSED] * 20)]
    )
    with pytest.raises(InputError) as caught:
        few.acer()
    assert caught.value.code == "liveness.rate_incomplete"
    with pytest.raises(InputError):
        error_rates(presentations(None, *[PASSED] * 20)).acer()
    enough = error_rates(
        [
            *presentations("print", *[FAILED] * 10),
            *presentations("mask", *[PASSED] * 5, *[FAILED] * 4, Outcome.INDETERMINATE),
            *presentations(None, *[PASSED] * 20),
        ]
    )
    average = enough.acer()
    assert average.value == pytest.approx(0.25)
    assert average.worst_apcer == enough.apcer["mask"]
    assert average.bpcer.interval[1] > 0.1
    assert enough.worst_apnrr == enough.apnrr["mask"]
