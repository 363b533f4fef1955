"""Pages looked at straight: every point keeps its place on the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.imaging.flattening import as_it_is, levelled, looked_at_straight
from ekyc.values import PointPx, QuadPx


def quad(*corners):
    a, b, c, d = (PointPx(float(x), float(y)) for x, y in corners)
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)


def corners_of(found):
    return np.array([(p.x, p.y) for p in found.corners])


def marked(width, height):
    """A picture whose pixels tell their place: red by column, green by row."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, :, 2] = np.linspace(0, 255, width)[None]
    picture[:, :, 1] = np.linspace(0, 255, height)[:, None]
    return picture


WHOLE = ((0, 0), (1, 0), (1, 1), (0, 1))


def ends_of(flat):
    height, width = flat.image.shape[:2]
    return quad(*((x * width, y * height) for x, y in WHOLE))


def test_the_corners_of_a_straightened_page_are_those_on_the_picture():
    outline = quad((120, 80), (520, 110), (500, 700), (90, 660))
    flat = looked_at_straight(marked(640, 800), outline, 2**-0.5)
    assert flat.image.shape[0] == 1280
    assert flat.image.shape[1] / flat.image.shape[0] == pytest.approx(2**-0.5, abs=0.001)
    assert corners_of(flat.on_picture(ends_of(flat))) == pytest.approx(
        corners_of(outline), abs=0.01
    )


@given(
    degrees=st.floats(-180, 180),
    quarters=st.integers(0, 5),
    at=st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
)
def test_what_is_seen_at_a_place_stands_at_its_place_on_the_picture(degrees, quarters, at):
    picture = marked(200, 160)
    flat = levelled(picture, degrees).turned(quarters)
    height, width = flat.image.shape[:2]
    x, y = at[0] * width, at[1] * height
    there = flat.on_picture(quad(*[(x, y)] * 4)).top_left
    seen = flat.image[int(y), int(x)].astype(int)
    truth = picture[int(there.y), int(there.x)].astype(int)
    assert np.abs(seen - truth).max() <= 4


@pytest.mark.parametrize("quarters", range(4))
def test_turning_keeps_places(quarters):
    picture = marked(90, 60)
    flat = as_it_is(picture).turned(quarters)
    assert flat.image.shape[:2] == ((60, 90) if quarters % 2 == 0 else (90, 60))
    there = flat.on_picture(ends_of(flat))
    whole = np.array(WHOLE) * (90, 60)
    assert corners_of(there) == pytest.approx(np.roll(whole, quarters, 0))


def test_levelling_shows_the_whole_picture():
    flat = levelled(marked(300, 200), 30)
    back = corners_of(flat.on_picture(ends_of(flat)))
    assert back.min(axis=0) == pytest.approx(
        [-back.max(axis=0)[0] + 300, -back.max(axis=0)[1] + 200]
    )
    assert flat.image.shape[1] >= 300
    assert flat.image.shape[0] >= 200


def test_a_slant_is_taken_back():
    """A line that falls to the right by ten degrees becomes level."""
    flat = levelled(marked(300, 300), 10)
    height, width = flat.image.shape[:2]
    middle = flat.on_picture(
        quad((0, height / 2), (width, height / 2), (width, height / 2), (0, height / 2))
    )
    right = middle.top_right.y - middle.top_left.y
    along = middle.top_right.x - middle.top_left.x
    assert np.degrees(np.arctan2(right, along)) == pytest.approx(10)
