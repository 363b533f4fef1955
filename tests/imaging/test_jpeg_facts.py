"""Facts of JPEG headers, held against Pillow's own reading; noise of pictures with known noise."""

import io
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ekyc.imaging.jpeg_facts import read_jpeg_facts
from ekyc.imaging.noise import noise_level

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def jpeg(picture=PICTURE, **options):
    stream = io.BytesIO()
    picture.save(stream, "JPEG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 90, 95, 100])
def test_tables_and_quality_are_those_that_pillow_reads(quality):
    data = jpeg(quality=quality)
    facts = read_jpeg_facts(data)
    assert (facts.width_px, facts.height_px, facts.process) == (64, 48, 0xC0)
    assert facts.standard_quality == quality
    theirs = Image.open(
        io.BytesIO(data)
    ).quantization  # in the order of rows, ours in that of the file
    assert [sorted(table) for table in facts.tables] == [sorted(theirs[i]) for i in sorted(theirs)]
    assert facts.sampling == (0x22, 0x11, 0x11)


def test_structure_and_foreign_tables():
    assert read_jpeg_facts(jpeg(progressive=True)).process == 0xC2
    assert read_jpeg_facts(jpeg(subsampling=0)).sampling == (0x11, 0x11, 0x11)
    foreign = read_jpeg_facts(jpeg(qtables=[[7] * 64, [9] * 64]))
    assert foreign.standard_quality is None
    assert foreign.tables == ((7,) * 64, (9,) * 64)


def with_exif(**values):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = values.get("make", "Maker"), values.get("model", "Phone 1")
    exif.get_ifd(0x8769)[0x9003] = values.get("taken", "2026:11:22 10:00:00")
    exif.get_ifd(0x8769)[0xA002] = values.get("width", 64)
    return jpeg(exif=exif)


def test_exif_of_camera_and_moment():
    exif = read_jpeg_facts(with_exif()).exif
    assert (exif.make, exif.model, exif.software) == ("Maker", "Phone 1", None)
    assert exif.taken == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert exif.width_px == 64
    assert read_jpeg_facts(with_exif(taken="2026:13:45 99:00:00")).exif.taken is None
    assert len(read_jpeg_facts(with_exif(model="x" * 5000)).exif.model) == 80


def test_an_editors_mark():
    data = jpeg()
    block = b"Photoshop 3.0\x008BIM" + bytes(8)
    segment = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
    assert read_jpeg_facts(data[:2] + segment + data[2:]).edited
    assert not read_jpeg_facts(data).edited


def resource(number, data, name=b""):
    """One of an image editor's resources."""
    named = bytes([len(name)]) + name
    padded = named + bytes(len(named) % 2)
    return b"8BIM" + number.to_bytes(2, "big") + padded + len(data).to_bytes(4, "big") + data


CAPTION, ITS_DIGEST, THUMBNAIL = 0x0404, 0x0425, 0x040C


@pytest.mark.parametrize(
    ("resources", "edited"),
    [
        (b"", False),
        (resource(CAPTION, b"") + resource(ITS_DIGEST, bytes(16)), False),
        (resource(CAPTION, b"odd") + b"\0" + resource(ITS_DIGEST, bytes(16), b"name"), False),
        (resource(CAPTION, b"") + resource(THUMBNAIL, b"x"), True),
        (resource(CAPTION, b"odd") + b"\0" + resource(THUMBNAIL, b"x"), True),
    ],
)
def test_captions_alone_are_no_mark_of_an_editor(resources, edited):
    """Libraries and the encoders of some telephones write them."""
    data = jpeg()
    block = b"Photoshop 3.0\0" + resources
    segment = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
    assert read_jpeg_facts(data[:2] + segment + data[2:]).edited is edited


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(tail):
    read_jpeg_facts(b"\xff\xd8" + tail)
    read_jpeg_facts(tail)


def test_every_cut_of_a_file_is_facts_or_none():
    data = with_exif()
    for at in range(0, len(data), 7):
        read_jpeg_facts(data[:at])


@pytest.mark.system
def test_sizes_as_the_system_names_them(tmp_path):
    path = tmp_path / "one.jpg"
    path.write_bytes(jpeg())
    said = subprocess.run(["file", path], capture_output=True, text=True, check=True).stdout
    assert "64x48" in said


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0, 8.0])
def test_noise_is_measured_whatever_the_light_does(sigma):
    random = np.random.default_rng(3)
    slope = np.linspace(80, 160, 320)[None, :] + np.linspace(0, 20, 240)[:, None]
    noisy = slope + random.normal(0, sigma, slope.shape)
    picture = np.repeat(np.clip(noisy.round(), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert noise_level(picture) == pytest.approx(sigma, rel=0.2)


def test_pictures_without_a_usable_tile_have_no_noise():
    assert noise_level(np.zeros((64, 64, 3), dtype=np.uint8)) is None
    assert noise_level(np.full((8, 8, 3), 100, dtype=np.uint8)) is None
