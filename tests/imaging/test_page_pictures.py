"""Portraits on pages: the same one however it is copied, and another one."""

import cv2
import numpy as np
import pytest

from ekyc.benchmarks.copy_papers import draw_sheet, invented_paper
from ekyc.imaging import effects
from ekyc.imaging.page_pictures import differing_pictures


def paper(seed, **changes):
    random = np.random.default_rng(seed)
    (sheet,) = invented_paper(random, portrait=True)
    from dataclasses import replace

    return draw_sheet(replace(sheet, **changes))


def lighter_and_grey(page):
    gray = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    return np.repeat(effects.adjust(page, gain=1.3)[..., :1] // 2 + gray[..., None] // 2, 3, axis=2)


COPIES = {
    "itself": lambda page: page,
    "darker": lambda page: effects.adjust(page, gain=0.7),
    "grey": lighter_and_grey,
    "softer": lambda page: effects.blur(page, 1.5),
    "shaded": lambda page: effects.shade(page, angle_deg=30, darkest=0.7),
    "photocopied": lambda page: effects.photocopy(
        page, np.random.default_rng(1), contrast=2.6, speckles=80
    ),
    "moved": lambda page: np.roll(page, (2, -2), axis=(0, 1)),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_the_same_portrait_is_the_same(copy):
    page = paper(5)
    assert differing_pictures(page, copy(page)) == ()


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("other", [11, 12, 13])
def test_another_portrait_is_found(copy, other):
    (found,) = differing_pictures(paper(5), copy(paper(5, portrait=other)))
    assert not found.cut_off
    assert 40 < found.box.left < 90
    assert 200 < found.box.bottom < 300


def test_a_portrait_painted_over_is_found():
    page = paper(5)
    bare = page.copy()
    bare[55:265, 60:220] = page[400, 620]
    (found,) = differing_pictures(page, bare)
    assert found.unlike > 0.5


def test_a_portrait_that_is_cut_off_says_so():
    page = paper(5)
    shown = np.ones((354, 250), dtype=bool)
    shown[:30] = False
    (found,) = differing_pictures(page, page, shown=shown)
    assert found.cut_off


def test_print_stamps_and_signatures_are_no_pictures():
    page = paper(5, portrait=None)
    assert differing_pictures(page, 255 - page) == ()


def test_tinted_paper_around_something_white_is_no_picture():
    page = np.full((800, 1000, 3), (215, 215, 205), np.uint8)
    page[250:550, 400:600] = 250
    assert differing_pictures(page, 255 - page) == ()
