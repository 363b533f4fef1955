import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.imaging import (
    clamp_box,
    crop,
    decode_image,
    encode_jpeg,
    encode_jpeg2000,
    encode_png,
    flip_horizontally,
    letterbox,
    pad_to_multiple,
    resize,
    resize_long_side,
    to_bgr_planes,
    to_gray,
    to_rgb_planes,
    warp_quad,
)
from ekyc.values import BoxPx, PointPx, QuadPx

sides = st.integers(1, 60)
edges = st.floats(-80, 140)


def noise(height, width, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(height=sides, width=sides, to_height=sides, to_width=sides)
def test_resize_gives_the_asked_size_and_keeps_a_flat_colour(height, width, to_height, to_width):
    flat = np.full((height, width, 3), (10, 20, 30), dtype=np.uint8)
    result = resize(flat, to_width, to_height)
    assert result.shape == (to_height, to_width, 3)
    assert (result == (10, 20, 30)).all()


@given(height=sides, width=sides, left=edges, top=edges, right=edges, bottom=edges)
def test_crop_never_leaves_the_picture_and_never_is_empty(height, width, left, top, right, bottom):
    image = noise(height, width)
    box = BoxPx(left=left, top=top, right=right, bottom=bottom)
    clamped = clamp_box(box, width, height)
    assert 0 <= clamped.left < clamped.right <= width
    assert 0 <= clamped.top < clamped.bottom <= height
    part = crop(image, box)
    assert 1 <= part.shape[0] <= height
    assert 1 <= part.shape[1] <= width
    filled = crop(image, box, fill=(1, 2, 3))
    assert filled.shape[0] >= 1
    assert filled.shape[1] >= 1


def test_crop_cuts_the_pixels_it_names():
    image = noise(20, 30)
    part = crop(image, BoxPx(left=4, top=5, right=14, bottom=9))
    assert (part == image[5:9, 4:14]).all()
    part[:] = 0
    assert image.any()


def test_crop_outside_is_filled_or_clamped():
    image = np.full((10, 10, 3), 200, dtype=np.uint8)
    box = BoxPx(left=-5, top=-5, right=5, bottom=5)
    assert crop(image, box).shape == (5, 5, 3)
    filled = crop(image, box, fill=(9, 9, 9))
    assert filled.shape == (10, 10, 3)
    assert (filled[:5] == 9).all()
    assert (filled[5:, 5:] == 200).all()
    apart = crop(image, BoxPx(left=50, top=50, right=60, bottom=60), fill=(9, 9, 9))
    assert (apart == 9).all()


@given(
    height=sides,
    width=sides,
    frame=st.tuples(sides, sides),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_letterbox_leads_back_to_the_source(height, width, frame, x, y):
    boxed = letterbox(noise(height, width), *frame)
    assert boxed.image.shape == (frame[1], frame[0], 3)
    point = PointPx(
        x * width * boxed.scale + boxed.left,
        y * height * boxed.scale + boxed.top,
    )
    back = boxed.to_source(point)
    assert back.x == pytest.approx(x * width, abs=1e-6)
    assert back.y == pytest.approx(y * height, abs=1e-6)


@given(height=sides, width=sides, multiple=st.integers(1, 32))
def test_padding_keeps_the_picture_where_it_was(height, width, multiple):
    image = noise(height, width)
    padded = pad_to_multiple(image, multiple, fill=(7, 7, 7))
    assert padded.shape[0] % multiple == 0
    assert padded.shape[1] % multiple == 0
    assert padded.shape[0] - height < multiple
    assert (padded[:height, :width] == image).all()
    assert (padded[height:] == 7).all()


def quad(*corners):
    names = ("top_left", "top_right", "bottom_right", "bottom_left")
    return QuadPx(**{name: PointPx(*xy) for name, xy in zip(names, corners, strict=True)})


def test_warp_of_an_upright_rectangle_is_a_crop():
    image = noise(40, 50)
    part = warp_quad(image, quad((10, 5), (40, 5), (40, 25), (10, 25)), 30, 20)
    assert (part == image[5:25, 10:40]).all()


def test_warp_of_a_turned_rectangle_turns_it_back():
    image = noise(30, 30)
    part = warp_quad(image, quad((0, 30), (0, 0), (30, 0), (30, 30)), 30, 30)
    assert (part == np.rot90(image, -1)).all()


def test_long_side():
    assert resize_long_side(noise(40, 80), 20).shape == (10, 20, 3)
    assert resize_long_side(noise(400, 1), 20).shape == (20, 1, 3)


def test_planes_name_their_channel_order():
    image = np.zeros((2, 3, 3), dtype=np.uint8)
    image[..., 0], image[..., 2] = 11, 99  # blue, red
    assert to_bgr_planes(image)[:, 0, 0].tolist() == [11.0, 0.0, 99.0]
    assert to_rgb_planes(image)[:, 0, 0].tolist() == [99.0, 0.0, 11.0]
    assert to_rgb_planes(image).dtype == np.float32
    assert to_gray(image)[0, 0] == round(0.114 * 11 + 0.299 * 99)


def test_flip_twice_is_nothing():
    image = noise(5, 9)
    assert (flip_horizontally(image)[:, 0] == image[:, -1]).all()
    assert (flip_horizontally(flip_horizontally(image)) == image).all()


def test_encoders_round_trip():
    smooth = resize(noise(6, 6), 64, 48)
    assert (decode_image(encode_png(smooth), name="x") == smooth).all()
    for encoder, error in ((encode_jpeg, 3.0), (encode_jpeg2000, 6.0)):
        again = decode_image(encoder(smooth), name="x")
        assert np.abs(again.astype(int) - smooth).mean() < error, encoder.__name__


def test_a_cut_without_a_fill_is_a_copy_inside_the_picture():
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    cut = crop(image, BoxPx(left=-3, top=1.4, right=2.4, bottom=99))
    assert (cut == image[1:, :2]).all()
    cut[:] = 0
    assert image[1:, :2].any()
