"""Regions out of hand-made probability maps, and crops out of pages."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.imaging.text_regions import (
    RegionRules,
    cut_line,
    grow_quad,
    order_corners,
    quad_size,
    regions_from_map,
    split_columns,
)
from ekyc.values import PointPx, QuadPx

NO_GROWTH = RegionRules(unclip_ratio=0.0)


def blank_map(height=200, width=320):
    return np.zeros((height, width), dtype=np.float32)


def turned_bar(angle, length=160, thickness=20, value=0.9):
    canvas = blank_map()
    box = cv2.boxPoints(((160, 100), (length, thickness), angle))
    cv2.fillConvexPoly(canvas, np.rint(box).astype(np.int32), value)
    return canvas


def test_a_bar_becomes_its_rectangle():
    canvas = blank_map()
    canvas[50:70, 40:200] = 0.9
    (region,) = regions_from_map(canvas, rules=NO_GROWTH)
    a, b, c, d = ((p.x, p.y) for p in region.quad.corners)
    assert np.allclose([a, b, c, d], [(40, 50), (200, 50), (200, 70), (40, 70)], atol=0.6)
    assert region.score == pytest.approx(0.9, abs=1e-3)


def test_growth_is_area_times_ratio_over_perimeter():
    canvas = blank_map()
    canvas[50:70, 40:200] = 0.9
    (region,) = regions_from_map(canvas, rules=RegionRules(unclip_ratio=1.5))
    grow = 160 * 20 * 1.5 / (2 * (160 + 20))
    assert quad_size(region.quad) == pytest.approx((160 + 2 * grow, 20 + 2 * grow), abs=1)


def test_scale_brings_regions_to_the_source():
    canvas = blank_map()
    canvas[50:70, 40:200] = 0.9
    (region,) = regions_from_map(canvas, scale_x=2.0, scale_y=3.0, rules=NO_GROWTH)
    assert region.quad.top_left.x == pytest.approx(80, abs=1.5)
    assert region.quad.bottom_right.y == pytest.approx(210, abs=2)


@pytest.mark.parametrize("angle", [-30, -9, 0, 7, 30])
def test_a_slanted_line_starts_at_its_left(angle):
    (region,) = regions_from_map(turned_bar(angle), rules=NO_GROWTH)
    quad = region.quad
    assert quad.top_left.x < quad.top_right.x
    assert quad.top_left.y < quad.bottom_left.y
    width, height = quad_size(quad)
    assert width > 6 * height


@pytest.mark.parametrize(
    "canvas",
    [blank_map(), turned_bar(0, value=0.1), turned_bar(0, thickness=1), turned_bar(0, value=0.3)],
)
def test_nothing_faint_thin_or_unsure_is_a_region(canvas):
    assert regions_from_map(canvas) == ()


@pytest.mark.parametrize(
    "bad", [np.full((4, 4), np.nan, np.float32), np.zeros((1, 4, 4), np.float32)]
)
def test_a_bad_map_is_a_typed_error(bad):
    with pytest.raises(InputError) as caught:
        regions_from_map(bad)
    assert caught.value.code == "image.bad_map"


def test_noise_is_bounded():
    noise = np.random.default_rng(3).random((600, 600), dtype=np.float32)
    found = regions_from_map(noise, rules=RegionRules(max_regions=50, region_threshold=0.0))
    assert len(found) <= 50


@given(st.permutations(range(4)), st.floats(-40, 40))
def test_corners_come_clockwise_from_the_top_left(order, angle):
    box = cv2.boxPoints(((100, 100), (80, 20), 0))
    turn = cv2.getRotationMatrix2D((100, 100), -angle, 1)
    corners = cv2.transform(box[None], turn)[0].astype(np.float64)
    quad = order_corners(corners[list(order)])
    a, b, c, d = (np.array((p.x, p.y)) for p in quad.corners)
    cross = [np.cross((*(q - p), 0), (*(r - q), 0))[2] for p, q, r in ((a, b, c), (b, c, d))]
    assert min(cross) > 0
    assert np.isclose(np.linalg.norm(b - a), 80, atol=0.1)


def square(left, top, right, bottom):
    return QuadPx(
        top_left=PointPx(left, top),
        top_right=PointPx(right, top),
        bottom_right=PointPx(right, bottom),
        bottom_left=PointPx(left, bottom),
    )


@given(st.floats(-3, 20), st.floats(-3, 20))
def test_growing_adds_to_both_sides(along, across):
    width, height = quad_size(grow_quad(square(10, 20, 110, 50), along=along, across=across))
    assert width == pytest.approx(100 + 2 * along)
    assert height == pytest.approx(30 + 2 * across)


def test_a_crop_holds_the_line_and_its_margin():
    page = np.full((100, 200, 3), 255, np.uint8)
    page[40:60, 50:150] = 0
    tight = cut_line(page, square(50, 40, 150, 60))
    assert tight.shape == (20, 100, 3)
    assert tight.max() == 0
    wide = cut_line(page, square(50, 40, 150, 60), margin=(0.5, 0.25))
    assert wide.shape == (30, 120, 3)
    assert wide[0].min() == 255


def test_high_lines_are_shrunk_and_specks_have_a_pixel():
    page = np.zeros((500, 500, 3), np.uint8)
    assert cut_line(page, square(0, 0, 400, 300)).shape[0] == 96
    assert min(cut_line(page, square(5, 5, 5, 5)).shape[:2]) == 1


@given(st.integers(1, 400), st.integers(1, 6))
def test_parts_cover_a_line_in_order(width, aspect):
    line = np.full((10, width), 255, np.uint8)
    parts = split_columns(line, aspect)
    assert parts[0][0] == 0
    assert parts[-1][1] == width
    assert all(end == start for (_, end), (start, _) in pairwise(parts))
    assert all(0 < right - left <= max(2, 10 * aspect) for left, right in parts)


def test_lines_are_cut_between_words():
    line = np.zeros((10, 200), np.uint8)
    line[:, 90:100] = 255
    ((_, cut), _) = split_columns(line, 12.0)
    assert 90 <= cut <= 100
