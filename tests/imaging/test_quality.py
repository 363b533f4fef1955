import numpy as np
import pytest

from ekyc.imaging import measure_quality, read_image, resize, resize_long_side
from ekyc.values import BoxPx


def test_flat_grey_has_brightness_and_nothing_else():
    quality = measure_quality(np.full((100, 80, 3), 90, dtype=np.uint8))
    assert quality.brightness == 90
    assert quality.sharpness == quality.contrast == 0
    assert quality.dark_fraction == quality.bright_fraction == 0
    assert quality.long_side_px == 100


def test_contrast_of_half_black_half_white_is_the_largest():
    image = np.zeros((50, 50, 3), dtype=np.uint8)
    image[:, 25:] = 255
    quality = measure_quality(image)
    assert quality.contrast == 127.5
    assert quality.dark_fraction == quality.bright_fraction == 0.5


def test_box_is_what_is_measured():
    image = np.zeros((50, 50, 3), dtype=np.uint8)
    image[10:20, 10:20] = 200
    inside = measure_quality(image, BoxPx(left=10, top=10, right=20, bottom=20))
    assert inside.brightness == 200
    assert inside.long_side_px == 10


@pytest.mark.shared_data
def test_a_blurred_photograph_is_less_sharp_and_a_darkened_one_darker(shared_data):
    image = read_image(shared_data / "faces/london/001_03.jpg")
    sharp = measure_quality(image)
    blurred = measure_quality(resize(resize_long_side(image, 60), 480, 480))
    darker = measure_quality((image // 4).astype(np.uint8))
    assert blurred.sharpness < sharp.sharpness / 4
    assert darker.brightness < sharp.brightness / 3
    assert darker.contrast < sharp.contrast
