"""Rows of print tell a document looked at straight from everything else with four sides."""

import numpy as np
import pytest

from ekyc.imaging import effects
from ekyc.imaging.geometry import turn_quarters
from ekyc.imaging.printed_rows import find_printed_rows
from ekyc.samples import SampleCitizen, render_card_back, render_card_front

ASPECT = 85.60 / 53.98
CITIZEN = SampleCitizen.default()
FRONT = render_card_front(CITIZEN, np.full((416, 312, 3), 150, np.uint8))
BACK = render_card_back(CITIZEN)


def box(left, top, right, bottom):
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


WHOLE = box(0, 0, 1200, 757)


@pytest.mark.parametrize("card", [FRONT, BACK])
@pytest.mark.parametrize("quarters", [0, 2])
def test_a_card_has_many_level_rows_that_fill_it(card, quarters):
    rows = find_printed_rows(turn_quarters(card, quarters), WHOLE, ASPECT)
    assert rows.count >= 12
    assert (rows.width > 0.6, rows.height > 0.8) == (True, True)
    assert rows.slant < 0.004
    assert rows.fan < 0.006


@pytest.mark.parametrize("gain", [0.3, 0.6])
def test_print_in_a_shadow_counts(gain):
    dark = FRONT.copy()
    dark[:, 500:] = (dark[:, 500:] * gain).astype(np.uint8)
    assert find_printed_rows(dark, WHOLE, ASPECT).count >= 12


def test_what_lies_askew_is_seen():
    turned = effects.move(FRONT, turn_deg=2)
    assert find_printed_rows(turned, WHOLE, ASPECT).slant > 0.02


@pytest.mark.parametrize(
    "quad", [box(40, 222, 352, 638), box(940, 30, 1170, 200)], ids=["portrait", "code"]
)
def test_a_part_of_a_card_is_no_card(quad):
    rows = find_printed_rows(FRONT, quad, ASPECT)
    assert rows.count < 8 or rows.slant > 0.012 or rows.fan > 0.012


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_and_an_even_picture_have_no_rows(seed):
    noise = np.random.default_rng(seed).integers(0, 255, (757, 1200, 3)).astype(np.uint8)
    assert find_printed_rows(noise, WHOLE, ASPECT).count == 0
    even = np.full((757, 1200, 3), 200, np.uint8)
    nothing = find_printed_rows(even, WHOLE, ASPECT)
    assert (nothing.count, nothing.slant, nothing.width) == (0, 1.0, 0.0)


def test_tiles_have_no_rows():
    tiles = np.full((757, 1200, 3), 190, np.uint8)
    tiles[::60] = tiles[:, ::80] = 40
    assert find_printed_rows(tiles, WHOLE, ASPECT).count == 0
