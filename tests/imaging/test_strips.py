"""Two pictures of one line: what a device does to all of it is no difference, and what somebody does to a part of it is."""

import cv2
import numpy as np
import pytest

from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas, TextStyle
from ekyc.imaging.strips import compare_strips

SIZE = (80, 700)
ALIKE, ALTERED = 0.25, 0.3


def line(label="Họ và tên:", value="BÙI THỊ DŨNG"):
    """Grey thin print beside black bold print, with the halo of a strip."""
    canvas = Canvas(SIZE[1], SIZE[0], (236, 244, 248))
    thin = TextStyle(size_px=34, colour=(92, 92, 92))
    canvas.text(20, 52, label, thin)
    canvas.text(230, 52, value, TextStyle(size_px=36, weight="bold", colour=(24, 24, 24)))
    return effects.blur(canvas.picture(), 0.9)


def photocopied(picture, contrast):
    random = np.random.default_rng(3)
    hard = effects.photocopy(effects.blur(picture, 0.8), random, contrast=contrast, speckles=0)
    return effects.blur(hard, 0.5)


@pytest.mark.parametrize("contrast", [1.3, 1.9, 2.6])
def test_thin_and_bold_print_come_out_of_a_photocopier_equally_black(contrast):
    assert compare_strips(line(), photocopied(line(), contrast)).peak < ALIKE


@pytest.mark.parametrize("contrast", [1.3, 1.9, 2.6])
@pytest.mark.parametrize(
    "altered",
    [line(label="Họ va tên:"), line(value="BÙI THI DŨNG"), line(value="BÚI THỊ DŨNG")],
    ids=["tone-erased-in-thin-print", "tone-erased-in-bold-print", "another-tone"],
)
def test_an_alteration_is_not_explained_by_a_photocopier(altered, contrast):
    assert compare_strips(line(), photocopied(altered, contrast)).peak > ALTERED


@pytest.mark.parametrize("tone", [0.6, 0.8])
def test_paler_ink_all_along_is_no_difference(tone):
    paler = cv2.addWeighted(line(), tone, np.full_like(line(), 240), 1 - tone, 0)
    assert compare_strips(line(), paler).peak < ALIKE
