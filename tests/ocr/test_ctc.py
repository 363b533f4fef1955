"""Greedy decoding of hand-made tensors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import ModelError
from ekyc.ocr.ctc import (
    BLANK,
    best_path,
    chars_of,
    decode_greedy,
    path_doubts,
    restrict,
    text_of,
    tidy_spaces,
)

VOCABULARY = ("<blank>", "a", "ắ", " ", "1")


def tensor(path, probability=0.9):
    """Log-probabilities whose best path is ``path``."""
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    table = np.full((len(path), len(VOCABULARY)), rest, dtype=np.float32)
    table[np.arange(len(path)), path] = probability
    return np.log(table)


def text(path):
    return text_of(decode_greedy(tensor(path), VOCABULARY))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([0, 0, 0], ""),
        ([1, 1, 1], "a"),
        ([1, 0, 1], "aa"),
        ([1, 2, 2, 0, 2, 4], "aắắ1"),
        ([0, 1, 0, 0, 4, 4, 0], "a1"),
    ],
)
def test_runs_merge_and_blanks_separate(path, expected):
    assert text(path) == expected


def test_no_time_steps_read_nothing():
    assert decode_greedy(np.zeros((0, 5), dtype=np.float32), VOCABULARY) == ()


def test_confidence_is_the_peak_of_the_run():
    table = tensor([1, 1, 0])
    table[1] = np.log([0.01, 0.97, 0.01, 0.005, 0.005])
    (char,) = decode_greedy(table, VOCABULARY)
    assert char.confidence == pytest.approx(0.97, abs=1e-5)
    assert (char.left, char.right) == (0.0, pytest.approx(2 / 3))


def test_a_table_takes_the_place_of_the_peaks():
    path = best_path(tensor([1, 1, 0, 3, 4]))
    chars = chars_of(path, VOCABULARY, lambda peaks: peaks / 2)
    assert [char.char for char in chars] == ["a", " ", "1"]
    assert [char.confidence for char in chars] == pytest.approx([0.45] * 3)


def test_a_foreign_number_of_classes_is_an_error():
    with pytest.raises(ModelError, match="vocabulary"):
        decode_greedy(np.zeros((3, 4), dtype=np.float32), VOCABULARY)


def test_nan_is_an_error_and_never_text():
    table = tensor([1, 0])
    table[0, 0] = np.nan
    with pytest.raises(ModelError) as caught:
        decode_greedy(table, VOCABULARY)
    assert caught.value.code == "model.bad_output"


@given(st.lists(st.integers(0, 4), max_size=30))
def test_any_path_gives_its_collapsed_text(path):
    expected = "".join(
        VOCABULARY[label]
        for i, label in enumerate(path)
        if label != BLANK and (i == 0 or path[i - 1] != label)
    )
    chars = decode_greedy(tensor(path), VOCABULARY)
    assert text_of(chars) == expected
    assert all(0 <= char.left < char.right <= 1 for char in chars)
    assert [c.left for c in chars] == sorted(c.left for c in chars)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_tidied_text_has_single_inner_spaces(path):
    tidy = text_of(tidy_spaces(decode_greedy(tensor(path), VOCABULARY)))
    assert tidy == " ".join(tidy.split())


def evidence(line):
    return path_doubts(line, best_path(line)).evidence


def probabilities(*rows):
    return np.log(np.array(rows, dtype=np.float32))


def test_wavering_between_neighbours_and_the_blank_counts_nothing():
    sure = probabilities([0.0001, 0.9996, 0.0001, 0.0001, 0.0001])
    border = probabilities([0.3996, 0.3, 0.3, 0.0002, 0.0002])
    other = probabilities([0.0001, 0.0001, 0.9996, 0.0001, 0.0001])
    line = np.concatenate([sure, border, other])
    assert evidence(line) == pytest.approx(1.0, abs=3e-3)


def test_another_character_a_missing_one_and_a_doubtful_one_all_count():
    other = probabilities([0.0001, 0.7, 0.2997, 0.0001, 0.0001])
    missing = probabilities([0.6, 0.0001, 0.3997, 0.0001, 0.0001])
    doubtful = probabilities([0.4, 0.5997, 0.0001, 0.0001, 0.0001])
    assert evidence(other) == pytest.approx(0.7 * 0.7, abs=1e-2)
    assert evidence(missing) == pytest.approx(0.6, abs=1e-2)
    assert evidence(doubtful) == pytest.approx(0.6, abs=1e-2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_evidence_is_a_share(seed, steps):
    logits = np.random.default_rng(seed).normal(0, 3, (steps, 5))
    line = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    assert 0.0 <= evidence(line) <= 1.0


def test_a_restricted_line_sums_to_one_over_what_may_stand():
    line = tensor([1, 4, 3])
    kept = np.exp(restrict(line, VOCABULARY, frozenset("1")))
    assert kept.sum(axis=1) == pytest.approx([1.0, 1.0, 1.0], abs=1e-6)
    assert kept[:, 1:3].max() == 0.0
    assert text_of(decode_greedy(restrict(line, VOCABULARY, frozenset("1")), VOCABULARY)) == "1 "
