"""The grid cue on made-up signals: what it must see, and honest pictures' habits that it must not."""

import numpy as np
import pytest

from ekyc.face import FaceDetector
from ekyc.imaging import read_image, resize
from ekyc.liveness import DEFAULT_PAD, measure_screen_lines
from ekyc.liveness.screen_lines import _OUTER, TILE_PX, _periodic
from ekyc.values import BoxPx

AT = DEFAULT_PAD.screen_lines_at
WHOLE = BoxPx(left=0, top=0, right=240, bottom=240)


def skin(seed=0, side=240):
    """Smooth light with a camera's noise."""
    random = np.random.default_rng(seed)
    broad = random.normal(120, 40, (8, 8, 1)).clip(0, 255).astype(np.uint8)
    light = resize(np.repeat(broad, 3, axis=2), side, side).astype(float)
    return light + random.normal(0, 3, (side, side, 1))


def as_image(values):
    return np.clip(values, 0, 255).astype(np.uint8)


def wave(fx, fy, strength, side=240):
    y, x = np.mgrid[:side, :side]
    return strength * np.cos(2 * np.pi * (fx * x + fy * y))[..., None]


@pytest.mark.parametrize(("fx", "fy"), [(0.41, 0.05), (0.06, 0.3), (0.25, 0.2), (0.45, -0.4)])
def test_fine_slanting_grid_is_seen(fx, fy):
    assert measure_screen_lines(as_image(skin() + wave(fx, fy, 4)), WHOLE) > AT


@pytest.mark.parametrize("seed", range(8))
def test_skin_has_none(seed):
    assert measure_screen_lines(as_image(skin(seed)), WHOLE) < 0.7 * AT


def test_stronger_grid_stands_out_more():
    found = [measure_screen_lines(as_image(skin() + wave(0.4, 0.1, s)), WHOLE) for s in (1, 3, 9)]
    assert found == sorted(found)


@pytest.mark.parametrize(("fx", "fy"), [(0.25, 0.0), (0.0, 0.375), (1 / 3, 0.0)])
def test_lines_exactly_on_the_axes_are_jpeg_or_enlarging(fx, fy):
    assert measure_screen_lines(as_image(skin() + wave(fx, fy, 9)), WHOLE) < AT


def test_coarse_stripes_are_cloth():
    assert measure_screen_lines(as_image(skin() + wave(0.1, 0.08, 9)), WHOLE) < AT


def test_grid_on_a_small_part_of_the_face_is_no_screen():
    values = skin()
    values[:80, :80] += wave(0.4, 0.1, 9)[:80, :80]
    assert measure_screen_lines(as_image(values), WHOLE) < AT


@pytest.mark.parametrize("side", [10, 63, 64, 100])
def test_too_small_to_tell_is_zero(side):
    box = BoxPx(left=0, top=0, right=side, bottom=side)
    assert measure_screen_lines(as_image(skin() + wave(0.4, 0.1, 9)), box) == 0


def test_flat_picture_is_finite():
    flat = np.full((240, 240, 3), 80, dtype=np.uint8)
    assert measure_screen_lines(flat, WHOLE) == pytest.approx(0, abs=0.1)


def test_large_face_is_looked_at_in_its_middle():
    values = skin(side=1000)
    values[180:820, 180:820] += wave(0.4, 0.1, 9, side=640)
    box = BoxPx(left=0, top=0, right=1000, bottom=1000)
    assert measure_screen_lines(as_image(values), box) > AT


@pytest.mark.models
@pytest.mark.shared_data
def test_honest_portraits_stay_far_below(models, shared_data):
    detector = FaceDetector(models.model("yunet-2023mar"))
    files = sorted((shared_data / "faces/london").glob("*.jpg"))[::8]
    found = []
    for path in files:
        image = read_image(path)
        found.append(measure_screen_lines(image, detector.detect(image)[0].box))
    assert len(found) > 20
    assert max(found) < 2
    assert min(found) > 0


def test_half_a_spectrum_with_its_margin_is_the_whole_one():
    """The transform of a real picture: what the half leaves out follows from its symmetry."""
    random = np.random.default_rng(5)
    tile = random.normal(0, 1, (TILE_PX, TILE_PX))
    whole = np.abs(np.fft.fft2(tile)) ** 2
    half = whole[:, : TILE_PX // 2 + 1].astype(np.float32)
    expected = np.pad(whole, _OUTER, mode="wrap")[:, : half.shape[1] + 2 * _OUTER]
    np.testing.assert_allclose(_periodic(half), expected, rtol=1e-5)
