"""The planted changes are what they claim to be, and the same seed draws the same paper."""

from datetime import date

import numpy as np
import pytest

from ekyc.benchmarks.copy_changes import Change, plant
from ekyc.benchmarks.copy_devices import Mode, copied
from ekyc.benchmarks.copy_papers import draw_sheet, invented_paper
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
    (altered,) = plant(paper, Change.DIGIT_ALIKE, random)
    assert kinds(paper[0], altered) == [DifferenceClass.DIGIT]


def values(sheet):
    return [row.value for row in sheet.rows]


@pytest.mark.parametrize("seed", range(25))
def test_digits_exchanged_are_the_same_digits_in_another_order(seed):
    random = np.random.default_rng(seed)
    paper = invented_paper(random)
    (altered,) = plant(paper, Change.DIGITS_EXCHANGED, random)
    ((one, other),) = [
        (a, b) for a, b in zip(values(paper[0]), values(altered), strict=True) if a != b
    ]
    assert sorted(one) == sorted(other)


@pytest.mark.parametrize("seed", range(25))
def test_a_date_stays_a_date_of_the_same_month(seed):
    random = np.random.default_rng(seed)
    paper = invented_paper(random)
    (altered,) = plant(paper, Change.DATE, random)
    ((one, other),) = [
        (a, b) for a, b in zip(values(paper[0]), values(altered), strict=True) if a != b
    ]
    days = [date(*map(int, reversed(text.split("/")))) for text in (one, other)]
    assert (days[0].month, days[0].year) == (days[1].month, days[1].year)


def test_a_page_of_another_paper_looks_different():
    random = np.random.default_rng(1)
    paper = invented_paper(random, pages=2)
    changed = plant(paper, Change.PAGE_OF_ANOTHER, random)
    (foreign,) = [b for a, b in zip(paper, changed, strict=True) if a != b]
    assert foreign.look != paper[0].look


def test_pages_are_swapped_dropped_and_exchanged():
    random = np.random.default_rng(1)
    paper = invented_paper(random, pages=3)
    assert plant(paper, Change.PAGES_SWAPPED, random) == (paper[1], paper[0], paper[2])
    assert len(plant(paper, Change.PAGE_MISSING, random)) == 2
    exchanged = plant(paper, Change.PAGE_EXCHANGED, random)
    assert sum(a != b for a, b in zip(paper, exchanged, strict=True)) == 1


def test_marks_vanish_without_moving_anything_else():
    random = np.random.default_rng(2)
    paper = invented_paper(random, portrait=True)
    page = draw_sheet(paper[0])
    for change in (
        Change.STAMP,
        Change.SIGNATURE,
        Change.STAMP_EXCHANGED,
        Change.PORTRAIT_EXCHANGED,
        Change.LINE_INSERTED,
    ):
        (altered,) = plant(paper, change, random)
        differs = (draw_sheet(altered) != page).any(axis=2)
        assert 500 < differs.sum() < 80_000


@pytest.mark.parametrize("mode", list(Mode))
def test_every_device_gives_the_page_and_not_the_page_itself(mode):
    page = draw_sheet(invented_paper(np.random.default_rng(3))[0])
    copy = copied(page, mode, np.random.default_rng(3))
    assert copy.dtype == np.uint8
    assert copy.shape != page.shape or (copy != page).any()
    assert bool((copy == copy[:, :, :1]).all()) is (mode is Mode.GREY) or mode is Mode.PHOTOCOPY


def test_a_seed_draws_the_same_copy():
    pages = [
        copied(
            draw_sheet(invented_paper(np.random.default_rng(4))[0]), mode, np.random.default_rng(5)
        )
        for mode in (Mode.PHOTO, Mode.PHOTO)
    ]
    assert (pages[0] == pages[1]).all()
