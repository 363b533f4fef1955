"""A printed frame is told from the sheet that it is printed on by what lies between the two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.imaging.printed_frames import gaps_around, only_paper_between, surrounding

TABLE, PAPER, INK = (90.0, 128.0, 128.0), (235.0, 128.0, 132.0), (120.0, 128.0, 128.0)
SHEET = np.array([(100, 60), (380, 60), (380, 456), (100, 456)], dtype=np.float64)


def inset(quad, by):
    return quad + by * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])


def lab(sheet=SHEET, frames=(), paper=PAPER, table=TABLE):
    """A sheet on a table; each frame a line of two pixels, so far from its edges."""
    picture = np.empty((520, 480, 3), np.float32)
    picture[:] = table
    (left, top), (right, bottom) = sheet[0].astype(int), sheet[2].astype(int)
    picture[top:bottom, left:right] = paper
    for by in frames:
        picture[top + by : bottom - by, left + by : right - by] = INK
        picture[top + by + 2 : bottom - by - 2, left + by + 2 : right - by - 2] = paper
    return picture


@pytest.mark.parametrize("frames", [(8,), (14, 10), (20, 16)])
def test_a_frame_has_paper_around_it(frames):
    frame = inset(SHEET, max(frames))
    assert surrounding(SHEET[None], frame).tolist() == [True]
    assert only_paper_between(lab(frames=frames), SHEET, frame)


def test_a_sheet_with_table_around_it_is_no_frame():
    wider = inset(SHEET, -12)
    assert surrounding(wider[None], SHEET).tolist() == [True]
    assert not only_paper_between(lab(), wider, SHEET)


def test_a_sheet_on_a_pale_table_is_no_frame():
    assert not only_paper_between(lab(table=(229, 128, 130)), inset(SHEET, -12), SHEET)


def test_the_outer_one_of_two_frames_is_no_sheet():
    assert not only_paper_between(lab(frames=(10, 20)), inset(SHEET, 10), inset(SHEET, 20))


def test_sides_of_a_sheet_and_of_its_frame_mixed_are_around_no_table():
    mixed = SHEET + np.array([(15, 15), (0, 15), (0, 0), (15, 0)])
    assert only_paper_between(lab(frames=(15,)), SHEET, mixed)
    beyond = SHEET + np.array([(0, -15), (0, -15), (0, 0), (0, 0)])
    assert not only_paper_between(lab(frames=(15,)), beyond, SHEET)


@pytest.mark.parametrize(
    "quad", [inset(SHEET, 60), inset(SHEET, -6), inset(SHEET, 1), SHEET + np.array([14, 0])]
)
def test_what_is_no_frame_by_its_place(quad):
    assert surrounding(SHEET[None], quad).tolist() == [False]


def test_a_side_along_the_shadow_is_the_same_side():
    frame = inset(SHEET, 10) + np.array([(0, -14), (0, -14), (0, 0), (0, 0)])
    assert surrounding(SHEET[None], frame).tolist() == [True]


@given(
    by=st.floats(-40, 40),
    turn=st.floats(0, 2 * np.pi),
    first=st.integers(0, 3),
)
def test_gaps_are_the_distance_of_parallel_sides_however_both_are_turned(by, turn, first):
    rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    outer, inner = SHEET @ rotation.T, np.roll(inset(SHEET, by), first, axis=0) @ rotation.T
    assert np.allclose(gaps_around(outer[None], inner), by)
