import numpy as np
import pytest

from ekyc.imaging import effects
from ekyc.values import BoxPx, PointPx


@pytest.fixture
def picture():
    return np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def random():
    return np.random.default_rng(11)


EFFECTS = {
    "blur": lambda p: effects.blur(p, 1.2),
    "add_noise": lambda p: effects.add_noise(p, 4, random()),
    "coarse_noise": lambda p: effects.add_noise(p, 4, random(), grain_px=4),
    "adjust": lambda p: effects.adjust(p, gain=1.2, offset=-9),
    "tint": lambda p: effects.tint(p, red=0.5, blue=2),
    "shade": lambda p: effects.shade(p, angle_deg=30, darkest=0.5),
    "glare": lambda p: effects.glare(p, PointPx(40, 30), 12, 90),
    "move": lambda p: effects.move(p, shift_px=(3, -2), scale=1.1, turn_deg=5),
    "jpeg": lambda p: effects.jpeg_round_trip(p, 60),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_effects_are_pure_repeatable_and_do_something(name, picture):
    before = picture.copy()
    one, other = EFFECTS[name](picture), EFFECTS[name](picture)
    assert one.dtype == np.uint8
    assert one.shape == picture.shape
    assert np.array_equal(one, other)
    assert np.array_equal(picture, before)
    assert not np.array_equal(one, picture)


def test_noise_has_the_stated_strength():
    gray = np.full((200, 200, 3), 128, dtype=np.uint8)
    noisy = effects.add_noise(gray, 5, random()).astype(np.float64)
    assert noisy.std() == pytest.approx(5, rel=0.03)
    assert noisy.mean() == pytest.approx(128, abs=0.2)


def test_light_falls_off_in_the_stated_direction():
    white = np.full((60, 80, 3), 200, dtype=np.uint8)
    lit = effects.shade(white, angle_deg=0, darkest=0.5)
    assert lit[30, 0, 0] == 200
    assert lit[30, -1, 0] == pytest.approx(100, abs=1)
    assert (np.diff(lit[30, :, 0].astype(int)) <= 0).all()


def test_tint_is_per_channel():
    gray = np.full((2, 2, 3), 100, dtype=np.uint8)
    assert effects.tint(gray, red=0.5, green=1, blue=2)[0, 0].tolist() == [200, 100, 50]


def test_moving_shifts_right_and_down_and_turns_counter_clockwise():
    dot = np.zeros((101, 101, 3), dtype=np.uint8)
    dot[50, 80] = 255
    shifted = effects.move(dot, shift_px=(4, 6), paper=(0, 0, 0))
    assert np.argwhere(shifted[:, :, 0] > 128).tolist() == [[56, 84]]
    turned = effects.move(dot, turn_deg=90, paper=(0, 0, 0))
    assert np.argwhere(turned[:, :, 0] > 128).tolist() == [[20, 50]]


def test_moving_without_paper_shows_no_border():
    white = np.full((60, 60, 3), 255, dtype=np.uint8)
    assert effects.move(white, shift_px=(20, 20), turn_deg=20).min() == 255
    assert effects.move(white, shift_px=(20, 20), paper=(0, 0, 0)).min() == 0


def test_a_card_laid_flat_keeps_its_pixels_and_leaves_the_table_alone(picture):
    table = np.full((200, 260, 3), 60, dtype=np.uint8)
    quad = effects.quad_of(BoxPx(left=50, top=40, right=170, bottom=130))
    laid = effects.lay_on(picture, quad, table)
    assert np.abs(laid[42:128, 52:168].astype(int) - picture[2:-2, 2:-2]).max() <= 2
    outside = laid.copy()
    outside[38:132, 48:172] = 60
    assert (outside == 60).all()


def test_corners_shake_within_bounds():
    quad = effects.quad_of(BoxPx(left=10, top=20, right=110, bottom=70))
    moved = effects.shaken(quad, 3, random())
    for before, after in zip(quad.corners, moved.corners, strict=True):
        assert abs(before.x - after.x) <= 3
        assert abs(before.y - after.y) <= 3
    assert moved != quad


def test_a_panel_shows_each_pixel_as_three_stripes():
    red = np.zeros((2, 2, 3), dtype=np.uint8)
    red[:, :, 2] = 255
    shown = effects.show_on_pixels(red)
    assert shown.shape == (6, 6, 3)
    assert shown[0, 0].tolist() == [0, 0, 255]
    assert shown[0, 1, 2] < 128
    assert shown[2, 0, 2] < 128
