"""DG3 to DG16 beside the known ones: worked examples, what issuers really write, and one bad object among good ones."""

import contextlib
import time
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.lds.dg3 import parse_dg3
from ekyc.chip.lds.dg4 import parse_dg4
from ekyc.chip.lds.dg5 import parse_dg5
from ekyc.chip.lds.dg7 import parse_dg7
from ekyc.chip.lds.dg11 import Dg11Field, parse_dg11
from ekyc.chip.lds.dg12 import Dg12Field, parse_dg12
from ekyc.chip.lds.dg16 import Dg16Field, parse_dg16
from ekyc.chip.lds.encoded_image import ImageFormat
from ekyc.errors import ChipError
from ekyc.pki import der

JPEG = b"\xff\xd8\xff\xe0 an image"


def revealed(details):
    return {name.name: value.reveal() for name, value in details.values.items()}


def dg11(*objects, tags=b""):
    return der.encode(0x6B, der.encode(0x5C, tags), *objects)


def dg12(*objects):
    return der.encode(0x6C, *objects)


def text(tag, value):
    return der.encode(tag, value.encode())


def names(tag, *values):
    listed = (text(tag, value) for value in values)
    return der.encode(0xA0, der.encode(0x02, bytes((len(values),))), *listed)


# ICAO 9303-10, Appendix A.5, with the two lengths that are misprinted there put right.
ICAO_DG11 = dg11(
    text(0x5F0E, "SMITH<<JOHN<J"),
    text(0x5F11, "ANYTOWN<MN"),
    text(0x5F42, "123 MAPLE RD<ANYTOWN<MN"),
    text(0x5F12, "16125551212"),
    text(0x5F13, "TRAVEL<AGENT"),
    tags=bytes.fromhex("5f0e5f115f425f125f13"),
)


def test_icao_example_of_dg11():
    found = parse_dg11(ICAO_DG11)
    assert revealed(found) == {
        "FULL_NAME": "SMITH JOHN J",
        "PLACE_OF_BIRTH": ("ANYTOWN", "MN"),
        "TELEPHONE": "16125551212",
        "PROFESSION": "TRAVEL AGENT",
        "ADDRESS": ("123 MAPLE RD", "ANYTOWN", "MN"),
    }
    assert (found.unknown, found.unreadable) == ((), ())
    assert found.raw[0x5F0E].reveal() == (b"SMITH<<JOHN<J",)
    assert "SMITH" not in repr(found)


# ICAO 9303-10, Appendix A.6.
ICAO_DG16 = der.encode(
    0x70,
    der.encode(0x02, b"\x02"),
    der.encode(
        0xA1,
        text(0x5F50, "20020101"),
        text(0x5F51, "SMITH<<CHARLES<R"),
        text(0x5F52, "19525551212"),
        text(0x5F53, "123 MAPLE RD<ANYTOWN<MN<55100"),
    ),
    der.encode(
        0xA2,
        text(0x5F50, "20020315"),
        text(0x5F51, "BROWN<<MARY<J"),
        text(0x5F52, "14155551212"),
        text(0x5F53, "49 REDWOOD LN<OCEAN BREEZE<CA<94000"),
    ),
)


def test_icao_example_of_dg16():
    first, second = parse_dg16(ICAO_DG16).persons
    assert revealed(first) == {
        "RECORDED_ON": date(2002, 1, 1),
        "NAME": "SMITH CHARLES R",
        "TELEPHONE": "19525551212",
        "ADDRESS": ("123 MAPLE RD", "ANYTOWN", "MN", "55100"),
    }
    assert second.text(Dg16Field.NAME) == "BROWN MARY J"
    assert "BROWN" not in repr(second)


@pytest.mark.parametrize("tag_and_length", [(0xA1, 0x7F), (0xA2, 0x7F), (0xA1, 0x20), (0xA2, 0x10)])
def test_entry_of_dg16_with_a_wrong_length_costs_that_entry(tag_and_length):
    tag, length = tag_and_length
    changed = bytearray(ICAO_DG16)
    changed[ICAO_DG16.index(bytes((tag,)), 3) + 1] = length
    found = parse_dg16(bytes(changed))
    kept = {person.text(Dg16Field.NAME) for person in found.persons}
    assert ("BROWN MARY J" if tag == 0xA1 else "SMITH CHARLES R") in kept
    damaged_inside = any(person.unreadable for person in found.persons)
    assert found.unreadable == (tag,) or damaged_inside


def test_dg12_as_new_zealand_and_france_write_it():
    """Structure of genuine passports, taken from a public test suite; the first with other data."""
    zealand = "6C205C045F555F565F550E32303136313131353031333631325F56064E2D34393632"
    assert revealed(parse_dg12(bytes.fromhex(zealand))) == {
        "PERSONALISED_AT": datetime(2016, 11, 15, 1, 36, 12),  # noqa: DTZ001  # no zone is given
        "PERSONALISATION_SYSTEM": "N-4962",
    }
    france = (
        "6C3E5C045F195F265F192A4A414B41525441202D20414D42415353414445204445204652414E434520454E20494E"
        "444F4E455349455F26083230313730393035"
    )
    found = parse_dg12(bytes.fromhex(france))
    assert found.text(Dg12Field.ISSUING_AUTHORITY) == "JAKARTA - AMBASSADE DE FRANCE EN INDONESIE"
    assert found.day(Dg12Field.ISSUE_DATE) == date(2017, 9, 5)


def test_other_names_without_their_wrapper_as_china_writes_them():
    found = parse_dg11(bytes.fromhex("6B1B5C045F0E5F0F5F0E06E8B5B5E5BDAC5F0F095A48414F3C3C42494E"))
    assert revealed(found) == {"FULL_NAME": "赵彬", "OTHER_NAMES": ("ZHAO BIN",)}


def test_several_names_in_their_wrapper():
    found = parse_dg12(dg12(names(0x5F1A, "SMITH<<BRENDA<P", "SMITH<<ANN")))
    assert revealed(found) == {"OTHER_PERSONS": ("SMITH BRENDA P", "SMITH ANN")}


@pytest.mark.parametrize("stored", [b"19700101", bytes.fromhex("19700101")])
def test_dates_in_digits_and_in_packed_digits(stored):
    found = parse_dg11(dg11(der.encode(0x5F2B, stored)))
    assert found.day(Dg11Field.BIRTH_DATE) == date(1970, 1, 1)


@pytest.mark.parametrize(
    "bad",
    [
        der.encode(0x5F2B, b"19701301"),
        der.encode(0x5F2B, b"1970"),
        der.encode(0x5F2B, bytes.fromhex("1970010a")),
        der.encode(0x5F13, b"\xff\xfe"),
        der.encode(0x5F13, b"a\x01b"),
        der.encode(0x5F13, b"x" * 5000),
        der.encode(0x5F16, b"no image"),
        text(0x5F13, "ONE") + text(0x5F13, "TWO"),
        b"\x5f\x13\x84\xff\xff\xff\xff",
        b"\x5f\x13\x7fcut",
        b"\x5f\x13\x80",
    ],
)
def test_one_bad_object_never_loses_the_group(bad):
    tag = int.from_bytes(bad[:2], "big")
    found = parse_dg11(dg11(text(0x5F0E, "A<<B"), bad, text(0x5F12, "123")))
    assert found.text(Dg11Field.FULL_NAME) == "A B"
    assert found.text(Dg11Field.TELEPHONE) == "123"
    assert found.unreadable == (tag,)
    assert Dg11Field(tag) not in found.values


@pytest.mark.parametrize("at", range(5))
def test_object_whose_length_swallows_the_next_costs_itself(at):
    values = [(0x5F0E, "A<<B"), (0x5F10, "77"), (0x5F11, "C"), (0x5F12, "123"), (0x5F13, "D")]
    stored = [text(*pair) for pair in values]
    stored[at] = stored[at][:2] + bytes((stored[at][2] + 2,)) + stored[at][3:]
    found = parse_dg11(dg11(*stored))
    assert found.unreadable == (values[at][0],)
    assert len(found.values) == len(values) - 1


def test_object_that_the_list_promises_and_nobody_delivers_is_named():
    found = parse_dg11(dg11(text(0x5F0E, "A"), tags=bytes.fromhex("5f0e5f10a05f0f5f")))
    assert found.unreadable == (0x5F10,)


def test_unknown_objects_are_kept_raw():
    found = parse_dg12(dg12(text(0x5F19, "X"), der.encode(0x5F7A, b"new"), der.encode(0x85, b"?")))
    assert found.unknown == (0x85, 0x5F7A)
    assert found.raw[0x5F7A].reveal() == (b"new",)
    assert found.text(Dg12Field.ISSUING_AUTHORITY) == "X"


def test_text_and_day_give_only_their_kind():
    found = parse_dg12(dg12(der.encode(0x5F26, b"20240101"), der.encode(0x5F1D, JPEG)))
    assert found.text(Dg12Field.ISSUE_DATE) is None
    assert found.day(Dg12Field.FRONT_IMAGE) is None
    assert found.values[Dg12Field.FRONT_IMAGE].reveal() == JPEG


@pytest.mark.parametrize(
    ("parse", "tag", "image_tag"), [(parse_dg5, 0x65, 0x5F40), (parse_dg7, 0x67, 0x5F43)]
)
def test_images_for_display(parse, tag, image_tag):
    one, other = der.encode(image_tag, JPEG), der.encode(image_tag, b"GIF89a")
    found = parse(der.encode(tag, der.encode(0x02, b"\x03"), one, other, der.encode(0x80, b"?")))
    assert [image.format for image in found.images] == [ImageFormat.JPEG, None]
    assert found.images[1].encoded == b"GIF89a"
    assert found.declared == 3
    assert "GIF" not in repr(found)
    assert parse(der.encode(tag)).images == ()
    with pytest.raises(ChipError):
        parse(der.encode(tag, one * 17))


def test_fingerprints_that_could_not_be_taken():
    """ICAO 9303-10 §4.7.3.1: an empty group with random bytes, so that all such groups differ."""
    empty = der.encode(0x02, b"\x00") + der.encode(0x53, b"random")
    assert parse_dg3(der.encode(0x63, der.encode(0x7F61, empty))).templates == ()


SPECIMENS = "chip/specimens/bsi_mustermann_more_dgs"


@pytest.mark.shared_data
def test_german_specimens(shared_data):
    def read(number):
        return (shared_data / SPECIMENS / f"EF_DG{number}.bin").read_bytes()

    fingers, irises = parse_dg3(read(3)).templates, parse_dg4(read(4)).templates
    assert [item.format_type.hex() for item in (*fingers, *irises)] == ["0007"] * 2 + ["0009"] * 2
    assert [item.subtype.hex() for item in (*fingers, *irises)] == ["09", "0a", "01", "02"]
    assert {item.format_owner.hex() for item in (*fingers, *irises)} == {"0101"}
    assert all(item.data for item in (*fingers, *irises))
    for group in (parse_dg5(read(5)), parse_dg7(read(7))):
        assert [image.format for image in group.images] == [ImageFormat.JPEG2000]
        assert group.declared == 1
    personal, document = parse_dg11(read(11)), parse_dg12(read(12))
    assert personal.day(Dg11Field.BIRTH_DATE) == date(1970, 1, 1)
    assert personal.values[Dg11Field.OTHER_NAMES].reveal() == ("William",)
    assert document.day(Dg12Field.ISSUE_DATE) == date(2024, 1, 1)
    assert document.values[Dg12Field.PERSONALISED_AT].reveal().isoformat() == "2024-01-01T12:30:59"
    for group in (personal, document):
        assert (group.unknown, group.unreadable) == ((), ())


PARSERS = [
    (parse_dg3, 0x63),
    (parse_dg4, 0x76),
    (parse_dg5, 0x65),
    (parse_dg7, 0x67),
    (parse_dg11, 0x6B),
    (parse_dg12, 0x6C),
    (parse_dg16, 0x70),
]


@pytest.mark.parametrize(("parse", "tag"), PARSERS)
@given(noise=st.binary(max_size=120))
def test_noise_gives_a_group_or_a_typed_error(parse, tag, noise):
    for data in (noise, der.encode(tag, noise), der.encode(tag, der.encode(0xA1, noise))):
        try:
            parse(data)
        except ChipError as error:
            assert error.code.startswith("chip.tlv.")


@pytest.mark.parametrize(("parse", "tag"), PARSERS)
def test_truncation_and_absurd_lengths(parse, tag):
    whole = der.encode(tag, der.encode(0x7F61, der.encode(0x02, b"\x00")), text(0x5F0E, "A"))
    for end in range(len(whole)):
        with pytest.raises(ChipError):
            parse(whole[:end])
    for claim in ("84ffffffff", "80", "ff"):
        with pytest.raises(ChipError):
            parse(bytes((tag,)) + bytes.fromhex(claim))


@given(st.data())
def test_damage_to_dg11_gives_no_error_at_all(data):
    """Inside the outer tag and length nothing can lose the group."""
    content = bytearray(ICAO_DG11)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    parse_dg11(bytes(content))


@pytest.mark.parametrize(("parse", "tag"), PARSERS)
@pytest.mark.parametrize(
    "filler",
    [
        "0130825f500c7fa182700030817f",
        "01a082",
        "ffff5f51",
        "a17f",
        "a0820400",
        "5f0e81ff",
        "7f617f60",
    ],
)
def test_groups_made_to_keep_the_parser_busy_end_soon(parse, tag, filler):
    content = bytes.fromhex("7000020101") + bytes.fromhex(filler) * (120_000 // len(filler) * 2)
    begin = time.process_time()
    with contextlib.suppress(ChipError):
        parse(der.encode(tag, content))
    assert time.process_time() - begin < 2
