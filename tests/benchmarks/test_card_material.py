"""Covers hide the field they lie over and nothing else; every case of the suite can be drawn again alone."""

import numpy as np
import pytest

from ekyc.benchmarks.card_material import (
    COVERS,
    MANDATORY_BOXES,
    covered,
    drawn_portrait,
    invented_citizen,
    sample_card,
)
from ekyc.benchmarks.ocr_cards import covered_cases, pair_of

NAME = MANDATORY_BOXES["cccd-2021"]["full_name"]


@pytest.fixture(scope="module")
def front():
    random = np.random.default_rng(1)
    return sample_card(invented_citizen(random), "cccd-2021", drawn_portrait(random)).front


def fine_detail(part):
    """How much neighbouring pixels differ: print has much of it."""
    gray = part.astype(float).mean(axis=2)
    return np.abs(np.diff(gray, axis=1)).mean()


@pytest.mark.parametrize("cover", COVERS)
def test_a_cover_hides_its_field_and_leaves_the_rest(front, cover):
    hidden = covered(front, NAME, cover, np.random.default_rng(2))
    inner = np.s_[int(NAME.top) + 4 : int(NAME.bottom) - 4, int(NAME.left) + 4 : 700]
    assert fine_detail(hidden[inner]) < 0.4 * fine_detail(front[inner])
    far = np.s_[: int(NAME.top) - 160]
    assert np.array_equal(hidden[far], front[far])
    assert hidden.shape == front.shape


def test_every_field_meets_every_cover():
    cases = covered_cases(1)
    fields = sum(map(len, MANDATORY_BOXES.values()))
    assert len(cases) == len(set(cases)) == fields * len(COVERS)
    assert len(covered_cases(0)) == fields


def test_a_case_can_be_drawn_again_alone():
    first, again, other = pair_of(3, 5), pair_of(3, 5), pair_of(3, 6)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
