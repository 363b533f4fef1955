"""Light evened out: ink dark, paper light, whatever the lamp did."""

import cv2
import numpy as np
import pytest

from ekyc.imaging.illumination import ink_of_page, normalise_line


def line(shade=(1.0, 1.0), paper=230, ink=40):
    picture = np.full((40, 400, 3), paper, np.uint8)
    cv2.putText(picture, "Nguyen Thi Mau", (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (ink,) * 3, 2)
    ramp = np.linspace(*shade, 400)[None, :, None]
    return (picture * ramp).astype(np.uint8)


def test_a_shaded_line_becomes_the_even_one():
    even, shaded = normalise_line(line()), normalise_line(line(shade=(0.4, 1.0)))
    assert even.shape == shaded.shape == (48, 480)
    assert np.abs(even.astype(int) - shaded).mean() < 6


def test_the_range_is_the_one_asked_for():
    out = normalise_line(line(), darkest=30, lightest=245)
    assert (out.min(), out.max()) == (30, 245)


@pytest.mark.parametrize("shape", [(1, 1, 3), (200, 3, 3), (5, 900, 3)])
def test_any_shape_and_flat_colour_is_survived(shape):
    out = normalise_line(np.full(shape, 7, np.uint8))
    assert out.dtype == np.uint8
    assert out.shape[0] >= 48


def test_ink_is_one_on_strokes_and_zero_on_paper():
    gray = cv2.cvtColor(line(shade=(0.5, 1.0)), cv2.COLOR_BGR2GRAY)
    ink = ink_of_page(gray, bridge_px=33)
    assert ink.min() >= 0.0
    assert ink.max() == 1.0
    assert np.median(ink) < 0.05
