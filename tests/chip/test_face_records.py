"""DG2 in both generations: the ISO and ICAO samples, records rebuilt, portraits that decode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.lds.dg2 import FaceEncoding, parse_dg2
from ekyc.chip.lds.encoded_image import ImageFormat
from ekyc.chip.lds.face_39794 import parse_face_image_data
from ekyc.chip.sim.files import build_dg2
from ekyc.errors import ChipError
from ekyc.imaging.decode import decode_image
from ekyc.pki import der

JPEG = b"\xff\xd8\xff\xe0 an image"
SAMPLES = "chip/specimens/iso_face_images"


def image_block(image=JPEG, *information):
    """``ImageRepresentation`` with the two mandatory members of the 2D block."""
    stored = (
        der.encode(0x80, image),
        der.encode(0xA1, der.encode(0xA0, b"\x80\x01\x02"), *information),
    )
    return der.encode(0xA1, der.encode(0xA0, der.encode(0xA0, *stored)))


def block(*representations, generation=b"\x03"):
    version = der.encode(0xA0, der.encode(0x80, generation), der.encode(0x81, b"\x07\xe3"))
    return der.encode(0xA1, der.encode(0x65, version, der.encode(0xA1, *representations)))


def representation(*members):
    return der.encode(0x30, der.encode(0x80, b"\x00"), *members)


def dg2(*blocks, tag=0x7F2E):
    templates = (
        der.encode(0x7F60, der.encode(0xA1, der.encode(0x88, b"\x00\x2a")), der.encode(tag, item))
        for item in blocks
    )
    count = der.encode(0x02, bytes((len(blocks),)))
    return der.encode(0x75, der.encode(0x7F61, count, *templates))


def test_record_rebuilt():
    size = der.encode(0xA7, der.encode(0x80, b"\x02\x3c"), der.encode(0x81, b"\x02\xdb"))
    (face,) = parse_dg2(dg2(block(representation(image_block(JPEG, size))))).images
    assert (face.encoded, face.format) == (JPEG, ImageFormat.JPEG)
    assert (face.encoding, face.width_px, face.height_px) == (FaceEncoding.ISO_39794_5, 572, 731)
    assert "an image" not in repr(face)


@pytest.mark.parametrize(
    "size",
    [
        b"",
        der.encode(0xA7, der.encode(0x80, b"\xff"), der.encode(0x81, b"\x01")),
        der.encode(0xA7, der.encode(0x80, b"\x01")),
        der.encode(0xA7, b"\x80\x7f"),
        der.encode(0xA7, der.encode(0x80, b"\x01\x00\x00\x00"), der.encode(0x81, b"\x01")),
    ],
)
def test_a_size_that_makes_no_sense_does_not_lose_the_face(size):
    (face,) = parse_dg2(dg2(block(representation(image_block(JPEG, size))))).images
    assert (face.encoded, face.width_px, face.height_px) == (JPEG, 0, 0)


def test_members_of_later_versions_are_passed_over():
    later = der.encode(0xBF7F, b"\x80\x01\x00")
    (face,) = parse_dg2(dg2(block(representation(image_block(), later)))).images
    assert face.encoded == JPEG


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (block(), "chip.dg2_malformed"),
        (block(representation(image_block()) * 2), "chip.dg2_malformed"),
        (block(representation()), "chip.dg2_malformed"),
        (block(representation(image_block(b"GIF89a"))), "chip.dg2_malformed"),
        (block(representation(image_block())) + b"\x00", "chip.dg2_malformed"),
        (block(representation(image_block()), generation=b"\x04"), "chip.dg2_unsupported"),
        (b"FAC\x00020\x00", "chip.dg2_unsupported"),
        (b"\x42", "chip.dg2_unsupported"),
        (b"", "chip.dg2_malformed"),
    ],
)
def test_what_is_no_face(data, code):
    with pytest.raises(ChipError) as caught:
        parse_dg2(dg2(data, tag=0x5F2E))
    assert (caught.value.code, caught.value.subject) == (code, "EF.DG2")


def test_one_bad_template_does_not_lose_the_other():
    good = block(representation(image_block()))
    found = parse_dg2(dg2(b"\x42", good, b"", tag=0x5F2E))
    assert [face.encoded for face in found.images] == [JPEG]
    assert found.unreadable == (1, 3)


def test_both_generations_in_one_group():
    old = parse_record(build_dg2(JPEG))
    found = parse_dg2(dg2(block(representation(image_block())), old, tag=0x5F2E))
    assert [face.encoding for face in found.images] == [
        FaceEncoding.ISO_39794_5,
        FaceEncoding.ISO_19794_5,
    ]


def parse_record(group):
    return group[group.index(b"FAC\x00") :]


def test_truncation_at_every_byte():
    whole = block(representation(image_block()))
    for end in range(len(whole)):
        with pytest.raises(ChipError):
            parse_face_image_data(whole[:end])


@given(st.data())
def test_damage(data):
    content = bytearray(block(representation(image_block())))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_face_image_data(bytes(content))
    except ChipError as error:
        assert error.code.startswith("chip.dg2_")


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "size"), [("AllFields", (572, 731)), ("MandFields", (0, 0))])
def test_icao_samples(shared_data, name, size):
    folder = shared_data / SAMPLES
    expected = (folder / "ICAO_39794_5_AP_Face.jpg").read_bytes()
    (face,) = parse_dg2((folder / f"ICAO_39794_5_AP_DG2_{name}.dat").read_bytes()).images
    alone = parse_face_image_data((folder / f"ICAO_39794_5_AP_{name}.dat").read_bytes())
    for found in (face, alone):
        assert found.encoded == expected
        assert (found.encoding, found.format) == (FaceEncoding.ISO_39794_5, ImageFormat.JPEG2000)
        assert (found.width_px, found.height_px) == size


@pytest.mark.shared_data
def test_icao_sample_with_an_invalid_image(shared_data):
    data = (shared_data / SAMPLES / "ICAO_39794_5_AP_MandFields_InvalidImage.dat").read_bytes()
    with pytest.raises(ChipError, match="neither JPEG nor JPEG 2000"):
        parse_face_image_data(data)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("bsi2008/Datagroup2.bin", (531, 413, 3)),
        ("bsi_mustermann_more_dgs/EF_DG2.bin", (531, 413, 3)),
        ("loes2006/ef0102.bin", None),
        ("iso_face_images/ICAO_39794_5_AP_DG2_AllFields.dat", (531, 413, 3)),
        ("iso_face_images/ICAO_39794_5_AP_DG2_MandFields.dat", (531, 413, 3)),
    ],
)
def test_portraits_of_all_specimens_decode(shared_data, path, shape):
    (face,) = parse_dg2((shared_data / "chip/specimens" / path).read_bytes()).images
    picture = decode_image(face.encoded, name="EF.DG2")
    assert picture.shape == (shape or picture.shape)
    assert min(picture.shape[:2]) >= 300
