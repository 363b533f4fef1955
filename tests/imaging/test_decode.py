"""Decoding of untrusted pictures: every row of bad input ends in a typed error, every kind of pixels in BGR."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ekyc.errors import EkycError, InputError, LimitError
from ekyc.imaging import ImageLimits, ImageType, decode_image, read_image, sniff_type
from ekyc.outcomes import reason_registry

ENCODINGS = {
    "jpeg": ("JPEG", {}),
    "progressive-jpeg": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "lossless-webp": ("WEBP", {"lossless": True}),
    "jp2": ("JPEG2000", {}),
    "j2k": ("JPEG2000", {"no_jp2": True}),
    "tiff": ("TIFF", {}),
    "deflate-tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "jpeg-tiff": ("TIFF", {"compression": "jpeg"}),
}


def picture(width=36, height=24):
    """Red left half, blue right half with a green top row: no symmetry, so orientation shows."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2] = (200, 20, 20)
    pixels[:, width // 2 :] = (20, 20, 200)
    pixels[: height // 4] = (20, 200, 20)
    return Image.fromarray(pixels)


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_declared_size(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
        + png_chunk(b"IEND", b"")
    )


def refusal(data, **options):
    with pytest.raises(InputError) as caught:
        decode_image(data, name="selfie.jpg", **options)
    assert caught.value.subject == "selfie.jpg"
    assert caught.value.code in reason_registry()
    return caught.value


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_accepted_format_comes_out_blue_green_red(encoding):
    kind, options = ENCODINGS[encoding]
    image = decode_image(encode(picture(), kind, **options), name="x")
    assert image.shape == (24, 36, 3)
    assert image.dtype == np.uint8
    assert np.allclose(image[16, 6], (20, 20, 200), atol=25)  # red, written blue first
    assert np.allclose(image[16, 30], (200, 20, 20), atol=25)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_prefix_of_a_picture_is_taken_for_a_picture(encoding):
    kind, options = ENCODINGS[encoding]
    noise = np.random.default_rng(7).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind, **options)
    cuts = sorted({*range(min(300, len(data))), *range(0, len(data), 41), len(data) - 1})
    for cut in cuts:
        error = refusal(data[:cut])
        assert error.code in {"image.empty", "image.wrong_type", "image.unreadable"}, cut


def test_missing_file(tmp_path):
    with pytest.raises(InputError) as caught:
        read_image(tmp_path / "nobody.jpg")
    assert caught.value.code == "image.missing"
    assert str(tmp_path) not in str(caught.value)


def test_folder_and_pipe_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert caught.value.code == "image.missing"


def test_empty():
    assert refusal(b"").code == "image.empty"


def test_more_bytes_than_allowed(tmp_path):
    data = encode(picture(), "PNG")
    limits = ImageLimits(max_bytes=len(data) - 1)
    assert refusal(data, limits=limits).code == "image.too_many_bytes"
    assert isinstance(refusal(data, limits=limits), LimitError)
    (tmp_path / "big.png").write_bytes(data)
    with pytest.raises(LimitError):
        read_image(tmp_path / "big.png", limits=limits)
    assert decode_image(data, name="x", limits=ImageLimits(max_bytes=len(data))).any()


@pytest.mark.parametrize(
    ("width", "height"),
    [(7072, 7071), (12_000, 12_000), (60_000, 60_000), (1, 20_001), (2**31 - 1, 2**31 - 1)],
)
def test_pixel_bomb_is_refused_from_its_header(width, height):
    """50 million and a few; between Pillow's warning and its error; beyond both; a strip; absurd."""
    error = refusal(png_of_declared_size(width, height))
    assert error.code == "image.too_many_pixels"
    assert isinstance(error, LimitError)


def test_pixel_bomb_is_refused_where_warnings_are_ignored():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert refusal(png_of_declared_size(12_000, 12_000)).code == "image.too_many_pixels"


def test_just_under_the_pixel_limit_is_judged_by_its_data():
    assert refusal(png_of_declared_size(7071, 7071)).code == "image.unreadable"


@pytest.mark.parametrize(
    "data",
    [
        encode(picture(), "GIF"),
        encode(picture(), "BMP"),
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"a text that calls itself a photograph",
        b"RIFF\x10\x00\x00\x00WAVEfmt ",
        bytes(4096),
    ],
    ids=["gif", "bmp", "pdf", "svg", "text", "wave", "zeros"],
)
def test_wrong_type_whatever_its_name(data):
    assert sniff_type(data) is None
    assert refusal(data).code == "image.wrong_type"


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})],
)
def test_animations_and_stacks_are_refused(kind, options):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert refusal(data).code == "image.multiple_frames"


def test_photograph_with_a_gain_map_counts_as_one_photograph():
    data = encode(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    assert decode_image(data, name="x").shape == (24, 36, 3)


def test_sixteen_bit_grey_keeps_its_upper_byte():
    ramp = np.array([[0, 255, 256, 0x80FF, 0xFFFF]], dtype=np.uint16)
    image = decode_image(encode(Image.fromarray(ramp), "PNG"), name="x")
    assert image[0, :, 0].tolist() == [0, 0, 1, 0x80, 0xFF]
    assert (image[..., 0] == image[..., 2]).all()


def test_sixteen_bit_colour_png():
    row = b"\x00" + struct.pack(">6H", 0xFFFF, 0, 0, 0, 0, 0x8000)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
        + png_chunk(b"IDAT", zlib.compress(row))
        + png_chunk(b"IEND", b"")
    )
    assert decode_image(data, name="x").tolist() == [[[0, 0, 255], [128, 0, 0]]]


def test_cmyk_jpeg():
    data = encode(picture().convert("CMYK"), "JPEG", quality=95)
    assert np.allclose(decode_image(data, name="x")[16, 6], (20, 20, 200), atol=25)


def test_transparent_parts_lie_on_white():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (decode_image(encode(image, "PNG"), name="x") == 255).all()
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert decode_image(encode(palette, "PNG"), name="x")[0, 0].tolist() == [30, 20, 10]
    assert (decode_image(encode(palette, "PNG", transparency=1), name="x") == 255).all()
    grey = Image.new("LA", (4, 4), (0, 255))
    assert (decode_image(encode(grey, "PNG"), name="x") == 0).all()


def test_black_and_white_and_grey():
    assert (decode_image(encode(Image.new("1", (4, 4), 1), "PNG"), name="x") == 255).all()
    assert (decode_image(encode(Image.new("L", (4, 4), 77), "JPEG"), name="x") == 77).all()


def test_floating_point_pixels_are_no_photograph():
    data = encode(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF")
    assert refusal(data).code == "image.unsupported_pixels"


TURNED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", TURNED)
def test_exif_orientation_is_applied_once(orientation, kind):
    upright = np.asarray(picture(48, 32))
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation](upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode_image(encode(stored, kind, exif=exif), name="x")
    assert image.shape == (32, 48, 3)
    assert np.abs(image[:, :, ::-1].astype(int) - upright).mean() < 6


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow tells of the damage by a warning
@pytest.mark.parametrize("exif", [b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"no"])
def test_damaged_exif_is_no_reason_to_refuse_a_picture(exif):
    assert decode_image(encode(picture(), "JPEG", exif=exif), name="x").shape == (24, 36, 3)


def test_result_belongs_to_the_caller():
    image = decode_image(encode(picture(), "PNG"), name="x")
    image[:] = 0
    assert image.flags["C_CONTIGUOUS"]


SEEDS = [encode(picture(), kind, **options) for kind, options in ENCODINGS.values()]


@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    tail=st.binary(max_size=40),
)
def test_mutated_bytes_give_a_picture_or_a_typed_error(seed, edits, tail):
    data = bytearray(seed)
    for where, value in edits:
        data[min(len(data) - 1, int(where * len(data)))] = value
    limits = ImageLimits(max_pixels=4_000_000)
    try:
        image = decode_image(bytes(data) + tail, name="x", limits=limits)
    except EkycError as error:
        assert error.subject == "x"
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert 0 < image.shape[0] * image.shape[1] <= limits.max_pixels


@given(kind=st.sampled_from(list(ImageType)), body=st.binary(max_size=300))
def test_arbitrary_bytes_behind_a_true_magic(kind, body):
    magic = {
        ImageType.JPEG: b"\xff\xd8\xff",
        ImageType.PNG: b"\x89PNG\r\n\x1a\n",
        ImageType.WEBP: b"RIFF\x20\x00\x00\x00WEBP",
        ImageType.JPEG_2000: b"\xff\x4f\xff\x51",
        ImageType.TIFF: b"II*\x00",
    }[kind]
    assert sniff_type(magic) is kind
    with pytest.raises(InputError):
        decode_image(magic + body, name="x")
