"""The direction of text, and pictures that are nothing but a sheet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.imaging.orientation import fills_the_picture, text_direction
from ekyc.values import PointPx, QuadPx


def line(centre, length, height, degrees, first=0):
    """A line of text; ``first`` says which of its corners comes first."""
    angle = np.deg2rad(degrees)
    along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    down = np.array([-np.sin(angle), np.cos(angle)]) * height / 2
    ring = [-along - down, along - down, along + down, -along + down]
    corners = [PointPx(*(np.array(centre) + corner).tolist()) for corner in np.roll(ring, first, 0)]
    a, b, c, d = corners
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)


def off(one, other):
    return abs((one - other + 90) % 180 - 90)


@given(degrees=st.floats(-180, 180), first=st.integers(0, 3), stray=st.floats(-90, 90))
def test_most_text_decides_whatever_corner_comes_first(degrees, first, stray):
    lines = [line((300, 60 * i), 400, 24, degrees + (-1) ** i, first) for i in range(8)]
    found = text_direction([*lines, line((20, 20), 300, 30, stray)])
    assert found is not None
    assert off(found.slant_deg, degrees) < 1.5
    assert -90 < found.slant_deg <= 90
    assert found.spread_deg < 4


def test_a_fan_of_lines_is_told_from_parallel_ones():
    straight = text_direction([line((300, 60 * i), 400, 24, 2) for i in range(9)])
    fanned = text_direction([line((300, 60 * i), 400, 24, i - 4) for i in range(9)])
    assert straight is not None
    assert fanned is not None
    assert straight.spread_deg < 0.1
    assert fanned.spread_deg > 1.5


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [line((0, 0), 30, 24, 0)],
        [line((0, 0), 400, 24, 0), line((0, 0), 400, 24, 60), line((0, 0), 400, 24, 120)],
    ],
    ids=["nothing", "a-letter", "every-way"],
)
def test_no_direction_without_lines_that_agree(lines):
    assert text_direction(lines) is None


def sheet(ground, width=600, height=840):
    page = np.full((height, width, 3), 246, np.uint8)
    page[100:-100:40, 80:-80] = 30
    picture = np.empty((height + 120, width + 120, 3), np.uint8)
    picture[:] = ground
    picture[60:-60, 60:-60] = page
    return picture


def test_a_sheet_alone_is_told_from_one_on_a_desk():
    assert fills_the_picture(sheet((246, 246, 246)))
    assert fills_the_picture(sheet((225, 228, 230)))
    assert not fills_the_picture(sheet((60, 90, 130)))
    one_side = sheet((246, 246, 246))
    one_side[:, :40] = (60, 90, 130)
    assert not fills_the_picture(one_side)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 7)])
def test_dark_specks_are_no_sheet(shape):
    assert not fills_the_picture(np.full((*shape, 3), 60, np.uint8))
