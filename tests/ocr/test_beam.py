"""Prefix beam search against the sum over all paths, written out."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.ocr.beam import likely_labels


def spelt(path):
    merged = [label for label, _ in itertools.groupby(path)]
    return tuple(label for label in merged if label)


def all_paths(table):
    """Probability of every sequence of labels: each path's probability, added up."""
    steps, classes = table.shape
    total = {}
    for path in itertools.product(range(classes), repeat=steps):
        share = math.prod(table[i, label] for i, label in enumerate(path))
        total[spelt(path)] = total.get(spelt(path), 0.0) + share
    return total


tables = st.integers(1, 5).flatmap(
    lambda steps: st.lists(
        st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3), min_size=steps, max_size=steps
    )
)


@given(tables)
def test_a_beam_that_drops_nothing_gives_the_sum_over_all_paths(rows):
    table = np.array(rows)
    table /= table.sum(axis=1, keepdims=True)
    found = likely_labels(np.log(table).astype(np.float32), width=1000, least=-50.0)
    wanted = all_paths(table)
    assert {labels for labels, _ in found} == set(wanted)
    for labels, log_prob in found:
        assert math.exp(log_prob) == pytest.approx(wanted[labels], rel=1e-4, abs=1e-9)
    logs = [log_prob for _, log_prob in found]
    assert logs == sorted(logs, reverse=True)


def test_paths_together_may_beat_the_best_path():
    """Graves et al. 2006, figure 2: the best path says nothing, most paths say a."""
    table = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], dtype=np.float32))
    (first, log_prob), (second, _) = likely_labels(table, width=4, least=-9.0)[:2]
    assert (first, second) == ((1,), ())
    assert math.exp(log_prob) == pytest.approx(0.64, abs=1e-6)


def test_a_doubled_letter_needs_a_blank_between():
    sure = np.log(np.array([[0.01, 0.99]] * 3, dtype=np.float32))
    assert likely_labels(sure, width=4, least=-9.0)[0][0] == (1,)
    sure[1] = np.log([0.99, 0.01])
    assert likely_labels(sure, width=4, least=-9.0)[0][0] == (1, 1)


def test_the_beam_is_never_wider_than_asked_and_the_likeliest_class_always_counts():
    flat = np.log(np.full((30, 50), 0.02, dtype=np.float32))
    assert len(likely_labels(flat, width=3, least=-1.0)) <= 3
    assert likely_labels(flat[:0], width=3, least=-1.0) == (((), 0.0),)
