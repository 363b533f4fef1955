"""Wrong lengths in the Vietnamese data group: each costs its own field and no other."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.lds.dg13 import Dg13Field, parse_dg13
from ekyc.chip.sim.files import build_dg13
from ekyc.errors import ChipError
from ekyc.pki import der

ALL = set(Dg13Field)


@pytest.fixture(scope="module")
def good(citizen):
    return build_dg13(citizen)


def fields_of(data):
    """Index → the field, of an intact group with one wrapper."""
    wrapper = der.children(data, der.single(data, 0x6D))[0]
    return {data[field.content + 2]: field for field in der.children(data, wrapper)}


def with_length(data, field, length):
    """The last byte of the field's outer length changed, nothing else."""
    changed = bytearray(data)
    changed[field.content - 1] = length
    return bytes(changed)


def readable(dg13):
    return set(dg13.texts) | set(dg13.names)


@pytest.mark.parametrize("index", Dg13Field)
@pytest.mark.parametrize("wrong", [-3, -1, 1, 2, 5, 40, None])
def test_wrong_outer_length_costs_that_field_only(good, index, wrong):
    """None: as long as one byte can say, which for the last fields is past the end of the wrapper."""
    field = fields_of(good)[index]
    one_byte = field.content - field.start == 2
    length = (0x7F if one_byte else 0xFF) if wrong is None else good[field.content - 1] + wrong
    if not 3 <= length <= (0x7F if one_byte else 0xFF):
        pytest.skip("this length does not fit here")
    dg13 = parse_dg13(with_length(good, field, length))
    assert ALL - readable(dg13) == {index}
    assert dg13.unreadable == (index,)
    assert dict(dg13.unknown) == {}


@pytest.mark.parametrize("claim", ["8400ffffff", "84ffffffff", "82ffff", "80", "850000000010"])
def test_absurd_outer_length_costs_that_field_only(good, claim):
    """Rebuilt, so that only the claim is wrong: 4 GB, indefinite, reserved."""
    fields = [good[f.start : f.stop] for f in fields_of(good).values()]
    address = fields_of(good)[Dg13Field.PLACE_OF_RESIDENCE]
    fields[8] = b"\x30" + bytes.fromhex(claim) + good[address.content : address.stop]
    dg13 = parse_dg13(der.encode(0x6D, der.encode(0x30, *fields)))
    assert ALL - readable(dg13) == {Dg13Field.PLACE_OF_RESIDENCE}
    assert dg13.text(Dg13Field.FULL_NAME) == "NGUYỄN THỊ MẪU"


def test_two_broken_fields_cost_two(good):
    fields = fields_of(good)
    changed = with_length(good, fields[4], 0x7F)
    changed = with_length(changed, fields[12], 0x7F)
    assert parse_dg13(changed).unreadable == (4, 12)


def test_a_broken_first_field_behind_a_version_number(good):
    fields = [good[f.start : f.stop] for f in fields_of(good).values()]
    fields[0] = fields[0][:1] + b"\x84\xff\xff\xff\xff" + fields[0][2:]
    dg13 = parse_dg13(der.encode(0x6D, der.encode(0x30, b"\x02\x01\x00", *fields)))
    assert ALL - readable(dg13) == {Dg13Field.PERSONAL_NUMBER}


def test_other_objects_between_fields_are_passed_over(good):
    fields = [good[f.start : f.stop] for f in fields_of(good).values()]
    foreign = (der.encode(0x04, b"octets"), der.encode(0xA0, der.encode(0x04, b"x")))
    dg13 = parse_dg13(der.encode(0x6D, der.encode(0x30, *fields[:5], *foreign, *fields[5:])))
    assert readable(dg13) == ALL
    assert dg13.unreadable == ()


def test_text_that_looks_like_a_field_is_no_place_to_go_on(good):
    """The name holds the bytes of a whole field 9; the wrong length is further on."""
    planted = der.encode(0x30, b"\x02\x01\x09", der.encode(0x0C, b"x")).decode()
    name = der.encode(0x30, b"\x02\x01\x02", der.encode(0x0C, f"A {planted} B".encode()))
    fields = [good[f.start : f.stop] for f in fields_of(good).values()]
    fields[1], fields[3] = name, fields[3][:1] + b"\x7f" + fields[3][2:]
    dg13 = parse_dg13(der.encode(0x6D, der.encode(0x30, *fields)))
    assert dg13.text(Dg13Field.FULL_NAME) == f"A {planted} B"
    assert dg13.text(Dg13Field.PLACE_OF_RESIDENCE) != "x"
    assert dg13.unreadable == (4,)


@given(st.data())
def test_one_damaged_byte_costs_two_fields_at_most(good, data):
    """One byte touches one field; its length may hide the next one's header, never more."""
    fields = fields_of(good)
    at = data.draw(st.integers(fields[1].start, len(good) - 1))
    changed = bytearray(good)
    changed[at] = data.draw(st.integers(0, 255))
    try:
        dg13 = parse_dg13(bytes(changed))
    except ChipError:
        pytest.fail("one byte inside a field lost the group")
    assert len(ALL - readable(dg13)) <= 2


@pytest.mark.parametrize(
    "filler",
    [
        b"\x30\x03\x02\x01\x63",
        b"\x30\x05\x02\x01\x01\x0c\x7f",
        b"\x30\x7f\x02\x01\x01",
        b"\x30\x81\xff\x02\x01\x01",
        b"\x30\x84\xff\xff\xff\xff\x02\x01\x01",
        b"\x30\x80",
        bytes.fromhex("70005f5030825f510201015f500c0178a082"),
    ],
)
def test_groups_made_to_keep_the_walk_busy_end_soon(filler):
    content = filler * (120_000 // len(filler))
    begin = time.process_time()
    try:
        parse_dg13(der.encode(0x6D, der.encode(0x30, content)))
    except ChipError as error:
        assert error.code in {"chip.dg13_malformed", "chip.tlv.limit"}
    assert time.process_time() - begin < 2
