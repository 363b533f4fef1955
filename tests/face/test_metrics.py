"""Error rates by hand, against a slow definition, and with intervals that hold."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.face.metrics import det_curve, false_match_rate, false_non_match_rate, threshold_at_fmr
from ekyc.intervals import clopper_pearson

scores = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=200).map(
    lambda values: np.array(values, dtype=np.float32)
)


def test_rates_by_hand():
    impostors = np.array([0.1, 0.2, 0.3, 0.4])
    rate = false_match_rate(impostors, 0.3)
    assert (rate.errors, rate.comparisons, rate.value) == (2, 4, 0.5)
    assert (rate.low, rate.high) == clopper_pearson(2, 4)
    genuine = np.array([0.3, 0.5])
    assert false_non_match_rate(genuine, 0.3).errors == 0  # reaching it is enough
    assert false_non_match_rate(genuine, 0.31).errors == 1


@given(scores, st.floats(0, 0.999))
def test_the_threshold_keeps_its_rate_and_is_the_lowest_that_does(impostors, fmr):
    threshold = threshold_at_fmr(impostors, fmr)
    assert np.mean(impostors >= threshold) <= fmr + 1e-9
    lower = [score for score in impostors if score < threshold]
    if lower:
        assert np.mean(impostors >= max(lower)) > fmr


@given(scores, scores)
def test_a_det_curve_never_rises(genuine, impostors):
    points = det_curve(genuine, impostors, (0.0, 0.01, 0.1, 0.5))
    assert [p.threshold for p in points] == sorted((p.threshold for p in points), reverse=True)
    assert all(a.fnmr.errors >= b.fnmr.errors for a, b in pairwise(points))


@pytest.mark.parametrize("bad", [[], [np.nan], [[0.1]], [np.inf]])
def test_scores_that_are_none_are_refused(bad):
    with pytest.raises(InputError) as caught:
        false_match_rate(np.array(bad, dtype=float), 0.5)
    assert caught.value.code == "face.scores_invalid"


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_lies_between_nothing_and_all(rate):
    with pytest.raises(InputError) as caught:
        threshold_at_fmr(np.array([0.1]), rate)
    assert caught.value.code == "face.option_invalid"
