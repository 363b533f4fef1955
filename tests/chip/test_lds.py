"""Elementary files: specimens, layouts rebuilt, and hostile bytes."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import ElementaryFile
from ekyc.chip.lds.com import parse_com
from ekyc.chip.lds.dg1 import parse_dg1
from ekyc.chip.lds.dg2 import ImageFormat, parse_dg2, parse_face_record
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.lds.sod import parse_sod
from ekyc.chip.sim.files import build_dg1, build_dg2, build_security_object
from ekyc.errors import ChipError
from ekyc.pki import der

SPECIMENS = "chip/specimens"


def only_typed_errors(parser, data):
    try:
        parser(data)
    except ChipError as error:
        assert error.code.startswith("chip.")


class TestCom:
    @pytest.mark.shared_data
    @pytest.mark.parametrize(
        ("path", "groups"),
        [("bsi2008/EF_COM.bin", (1, 2, 3, 14)), ("loes2006/ef011E.bin", (1, 2, 15))],
    )
    def test_specimens(self, shared_data, path, groups):
        com = parse_com((shared_data / SPECIMENS / path).read_bytes())
        assert (com.lds_version, com.unicode_version) == ("0107", "040000")
        assert com.data_groups == groups

    @given(st.binary(max_size=60))
    def test_noise(self, data):
        only_typed_errors(parse_com, data)
        only_typed_errors(parse_com, der.encode(0x60, data))


class TestDg1:
    def test_vietnamese_card(self, citizen):
        dg1 = parse_dg1(build_dg1(citizen))
        assert (dg1.format, dg1.issuer) == ("TD1", "VNM")
        assert dg1.mrz
        assert dg1.mrz.document_number == "185012345"
        assert dg1.mrz.optional_1.startswith("048185012345")
        assert dg1.mrz.full_name == "NGUYEN THI MAU"
        assert "185012345" not in repr(dg1)

    @pytest.mark.shared_data
    def test_german_passport_specimen(self, shared_data):
        dg1 = parse_dg1((shared_data / SPECIMENS / "bsi2008/Datagroup1.bin").read_bytes())
        assert (dg1.format, dg1.issuer) == ("TD3", "D")
        assert dg1.mrz.full_name == "MUSTERMANN ERIKA"

    def test_every_changed_digit_of_the_zone_is_noticed_or_not_checked(self, citizen):
        """Check digits: a changed number, date or composite is an error, never another person."""
        good = build_dg1(citizen)
        start = len(good) - 90
        for at in (start + 5, start + 14, start + 15, start + 30, start + 36, start + 38):
            changed = bytearray(good)
            changed[at] = ord("7") if changed[at] != ord("7") else ord("3")
            with pytest.raises(ChipError) as caught:
                parse_dg1(bytes(changed))
            assert caught.value.code == "chip.dg1_malformed"
            assert "185012345" not in str(caught.value)

    @pytest.mark.parametrize("zone", [b"", b"A" * 89, b"A" * 91, b"\xff" * 90, b"a" * 90])
    def test_malformed_zone(self, zone):
        with pytest.raises(ChipError):
            parse_dg1(der.encode(0x61, der.encode(0x5F1F, zone)))


class TestDg2:
    @pytest.mark.parametrize(
        ("image", "form"),
        [
            (b"\xff\xd8\xff\xe0 rest", ImageFormat.JPEG),
            (b"\x00\x00\x00\x0cjP  \r\n\x87\n rest", ImageFormat.JPEG2000),
            (b"\xff\x4f\xff\x51 rest", ImageFormat.JPEG2000),
        ],
    )
    def test_image_comes_out_as_it_went_in(self, image, form):
        (face,) = parse_dg2(build_dg2(image)).images
        assert (face.encoded, face.format) == (image, form)
        assert "rest" not in repr(face)

    @pytest.mark.shared_data
    @pytest.mark.parametrize(
        ("path", "size"),
        [("bsi2008/Datagroup2.bin", (337, 449)), ("loes2006/ef0102.bin", (449, 598))],
    )
    def test_specimens(self, shared_data, path, size):
        (face,) = parse_dg2((shared_data / SPECIMENS / path).read_bytes()).images
        assert face.format is ImageFormat.JPEG2000
        assert (face.width_px, face.height_px) == size

    @pytest.mark.shared_data
    def test_iso_test_record(self, shared_data):
        folder = shared_data / SPECIMENS / "iso_face_images"
        (face,) = parse_face_record((folder / "ISO19794_Test1_Data.bin").read_bytes())
        assert face.encoded == (folder / "ISO19794_Test1_Face.jpg").read_bytes()
        with pytest.raises(ChipError, match="neither JPEG nor JPEG 2000"):
            parse_face_record((folder / "ISO19794_Test2_Data_InvalidImage.bin").read_bytes())

    def test_feature_points_are_skipped(self):
        image = struct.pack(">BBHHBBHH", 1, 0, 4, 5, 1, 0, 0, 0) + b"\xff\xd8\xff!"
        points = bytes(8 * 3)
        face = struct.pack(
            ">IHBBB3sH3s3s", 20 + len(points) + len(image), 3, 0, 0, 0, b"", 0, b"", b""
        )
        face += points + image
        record = struct.pack(">8sIH", b"FAC\x00010\x00", 14 + 2 * len(face), 2) + face + face
        faces = parse_face_record(record)
        assert [(f.encoded, f.width_px, f.height_px) for f in faces] == [
            (b"\xff\xd8\xff!", 4, 5)
        ] * 2

    def test_lengths_that_lie(self):
        good = build_dg2(b"\xff\xd8\xff" + bytes(50))
        start = good.index(b"FAC\x00")
        for at, value in (
            (start + 8, 0xFF),
            (start + 11, 0),
            (start + 13, 9),
            (start + 14, 0xFF),
            (start + 18, 0xFF),
        ):
            changed = bytearray(good)
            changed[at] = value
            with pytest.raises(ChipError) as caught:
                parse_dg2(bytes(changed))
            assert caught.value.code == "chip.dg2_malformed"

    @given(st.data())
    def test_damage(self, data):
        content = bytearray(build_dg2(b"\xff\xd8\xff" + bytes(20)))
        for _ in range(data.draw(st.integers(1, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        only_typed_errors(parse_dg2, bytes(content))

    def test_truncation_at_every_byte(self):
        good = build_dg2(b"\xff\xd8\xff" + bytes(200))
        for end in range(len(good)):
            with pytest.raises(ChipError):
                parse_dg2(good[:end])
        record = good[good.index(b"FAC\x00") :]
        for end in range(len(record)):
            with pytest.raises(ChipError):
                parse_face_record(record[:end])


class TestDg14:
    def test_own(self, card):
        dg14 = parse_dg14(card.files.get(ElementaryFile.DG14))
        assert dg14.active_authentication_digest == "sha256"

    @pytest.mark.shared_data
    @pytest.mark.parametrize(
        ("path", "count"),
        [("bsi2008/Datagroup14.bin", 2), ("doc9303/spec_sample_encoded_dg14.bin", 2)],
    )
    def test_specimens(self, shared_data, path, count):
        infos = parse_dg14((shared_data / SPECIMENS / path).read_bytes())
        assert len(infos.infos) >= count
        assert infos.active_authentication_digest is None

    @given(st.binary(max_size=80))
    def test_noise(self, data):
        for content in (data, der.encode(0x6E, data), der.encode(0x6E, der.encode(0x31, data))):
            only_typed_errors(parse_dg14, content)
        only_typed_errors(lambda d: parse_security_infos(d, subject="x"), der.encode(0x31, data))


class TestSod:
    @pytest.mark.shared_data
    def test_every_malformed_sod_of_the_vectors_is_refused_or_read(self, shared_data):
        """Twenty-odd mutations: wrong versions, wrong types, no certificate, wrong content type."""
        pairs = json.loads((shared_data / "chip/vectors/iso9796_dg_sod_vectors.json").read_text())
        refused = 0
        for name, value in pairs["sod_test.py"]:
            if name == "tv_sod":
                try:
                    parse_sod(bytes.fromhex(value))
                except ChipError:
                    refused += 1
        assert refused >= 5

    @pytest.mark.shared_data
    def test_listed_groups_of_real_documents(self, shared_data):
        for file in sorted((shared_data / "chip/sods").glob("SOD_*.bin")):
            if file.name == "SOD_GB_3.bin":
                continue
            sod = parse_sod(file.read_bytes())
            assert {1, 2} <= set(sod.security_object.hashes)

    def test_group_listed_twice(self, issuer):
        once = build_security_object({1: b"a", 2: b"b"})
        twice = once.replace(b"\x02\x01\x02", b"\x02\x01\x01")
        assert twice != once
        with pytest.raises(ChipError) as caught:
            parse_sod(issuer.sign_security_object(twice))
        assert caught.value.code == "chip.sod_malformed"

    @given(st.binary(max_size=200))
    def test_noise_inside_a_genuine_signature(self, issuer, noise):
        only_typed_errors(parse_sod, issuer.sign_security_object(noise))

    @given(st.data())
    def test_damage(self, card, data):
        content = bytearray(card.files.get(ElementaryFile.SOD))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        only_typed_errors(parse_sod, bytes(content))

    def test_four_gigabytes(self):
        for header in ("7784ffffffff", "7706" + "3084ffffffff"):
            with pytest.raises(ChipError):
                parse_sod(bytes.fromhex(header))
