"""Texture apart from light, and patches looked for around their place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.imaging import effects
from ekyc.imaging.face_effects import drag_points, smooth_skin
from ekyc.imaging.texture import depth_in_hull, find_patches, sample_gray, texture


def cloth(seed=1, side=96):
    """Random weave, about two pixels a thread."""
    noise = np.random.default_rng(seed).integers(60, 200, (side, side, 3), dtype=np.uint8)
    return effects.blur(noise, 1.0)


def every_pixel(side):
    ticks = np.arange(side, dtype=np.float64)
    return np.stack(np.meshgrid(ticks, ticks), axis=-1)


def gray(image):
    return sample_gray(image, every_pixel(image.shape[0]), 1.0)


CORNERS = np.array([(x, y) for x in (8, 36, 64) for y in (8, 36, 64)])


def test_light_contrast_and_a_shadow_leave_the_texture_alone():
    image = cloth()
    lit = effects.shade(effects.adjust(image, gain=0.7, offset=30), angle_deg=40, darkest=0.5)
    one, other = (texture(gray(picture), 0.8, 2.4) for picture in (image, lit))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.97


def test_a_plain_surface_has_no_texture():
    assert np.abs(texture(np.full((60, 60), 90, np.float32), 0.8, 2.4)).max() < 1e-3


@given(dx=st.integers(-4, 4), dy=st.integers(-4, 4))
def test_patches_are_found_where_they_went(dx, dy):
    image = gray(cloth())
    moved = np.roll(image, (dy, dx), axis=(0, 1))
    found = find_patches(image, moved, CORNERS, side=24, reach=4)
    assert found.correlation == pytest.approx(1.0, abs=1e-4)
    assert (found.shift == (dx, dy)).all()


def test_patches_of_another_cloth_are_not_found():
    found = find_patches(gray(cloth(1)), gray(cloth(2)), CORNERS, side=24, reach=4)
    assert found.correlation.max() < 0.6


def test_a_patch_at_the_rim_is_looked_for_within_the_picture_only():
    image = gray(cloth())
    found = find_patches(image, image, np.array([(0, 0), (72, 72)]), side=24, reach=6)
    assert (found.shift == 0).all()


def test_sampling_far_outside_repeats_the_border():
    image = np.full((20, 20, 3), 77, dtype=np.uint8)
    places = every_pixel(12) * 400 - 2000
    assert sample_gray(image, places, 400.0) == pytest.approx(77)


def test_shrinking_by_area_keeps_places():
    big = np.repeat(np.repeat(cloth(side=40), 4, axis=0), 4, axis=1)
    places = every_pixel(40) * 4 + 1.5  # the middles of blocks of four
    assert sample_gray(big, places, 4.0) == pytest.approx(gray(cloth(side=40)), abs=1.0)


def test_depth_in_a_hull_is_negative_outside():
    square = np.array([(0, 0), (10, 0), (10, 10), (0, 10), (5, 5)], dtype=np.float64)
    depth = depth_in_hull(square, np.array([(5.0, 5.0), (5.0, 1.0), (-3.0, 5.0)]))
    assert depth == pytest.approx([5, 1, -3])


def test_dragged_points_take_the_picture_along_and_the_rim_stays():
    image = np.full((120, 160, 3), 40, dtype=np.uint8)
    image[58:63, 78:83] = 220
    bent = drag_points(image, np.array([(80.0, 60.0)]), np.array([(90.0, 54.0)]))
    rows, columns = np.nonzero(bent[..., 0] > 150)
    assert (columns.mean(), rows.mean()) == pytest.approx((90, 54), abs=1.0)
    assert (bent[0] == 40).all()


def test_points_that_stay_leave_the_picture_as_it_is():
    image = cloth()
    points = np.array([(20.0, 30.0), (60.0, 70.0)])
    assert np.abs(drag_points(image, points, points).astype(int) - image).max() <= 1


def test_smoothing_takes_pores_and_leaves_edges():
    image = np.full((60, 60, 3), 100, dtype=np.uint8)
    image[:, 30:] = 200
    noisy = effects.add_noise(image, 5, np.random.default_rng(3))
    even = smooth_skin(noisy).astype(int)
    assert even[:, :25].std() < noisy[:, :25].std() / 2
    assert even[:, 32:].mean() - even[:, :28].mean() > 95
