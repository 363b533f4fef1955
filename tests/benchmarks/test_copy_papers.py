"""The planted changes are what they claim to be, and the same seed draws the same paper."""

import numpy as np
import pytest

from ekyc.benchmarks.copy_devices import Mode, copied
from ekyc.benchmarks.copy_papers import Change, draw_sheet, invented_paper, plant
from ekyc.ocr.alignment import DifferenceClass, text_differences


def kinds(one, other):
    return [
        difference.kind
        for a, b in zip(one.rows, other.rows, strict=True)
        for difference in text_differences(f"{a.label} {a.value}", f"{b.label} {b.value}")
    ]


@pytest.mark.parametrize("seed", range(25))
def test_one_character_changes(seed):
    random = np.random.default_rng(seed)
    paper = invented_paper(random)
    for change, kind in (
        (Change.DIGIT, DifferenceClass.DIGIT),
        (Change.TONE, DifferenceClass.DIACRITIC),
    ):
        (altered,) = plant(paper, change, random)
        assert kinds(paper[0], altered) == [kind]
    (altered,) = plant(paper, Change.NAME, random)
    assert kinds(paper[0], altered)


def test_pages_are_swapped_dropped_and_exchanged():
    random = np.random.default_rng(1)
    paper = invented_paper(random, pages=3)
    assert plant(paper, Change.PAGES_SWAPPED, random) == (paper[1], paper[0], paper[2])
    assert len(plant(paper, Change.PAGE_MISSING, random)) == 2
    exchanged = plant(paper, Change.PAGE_EXCHANGED, random)
    assert sum(a != b for a, b in zip(paper, exchanged, strict=True)) == 1


def test_marks_vanish_without_moving_anything_else():
    random = np.random.default_rng(2)
    paper = invented_paper(random)
    page = draw_sheet(paper[0])
    for change in (Change.STAMP, Change.SIGNATURE):
        (altered,) = plant(paper, change, random)
        differs = (draw_sheet(altered) != page).any(axis=2)
        assert 500 < differs.sum() < 80_000


def test_a_seed_draws_the_same_copy():
    pages = [
        copied(
            draw_sheet(invented_paper(np.random.default_rng(4))[0]), mode, np.random.default_rng(5)
        )
        for mode in (Mode.PHOTO, Mode.PHOTO)
    ]
    assert (pages[0] == pages[1]).all()
