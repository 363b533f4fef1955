import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.tlv import MAX_DEPTH, MAX_ELEMENTS, Tlv, outer_tag, parse_tlv, unwrap
from ekyc.errors import ChipError
from ekyc.pki import der

PRIMITIVE = st.builds(
    lambda tag, value: Tlv(tag=tag, value=value),
    st.sampled_from([0x02, 0x5C, 0x5F1F, 0x5F2E, 0x87]),
    st.binary(max_size=300),
)


def group(tag, children):
    value = b"".join(encode(child) for child in children)
    return Tlv(tag=tag, value=value, children=tuple(children))


TREE = st.recursive(
    PRIMITIVE,
    lambda inner: st.builds(
        group, st.sampled_from([0x30, 0x61, 0x7F60, 0x7F61, 0xA1]), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


def encode(tree):
    return der.encode(tree.tag, tree.value)


@given(TREE)
def test_trees_read_back(tree):
    assert parse_tlv(encode(tree), tree.tag) == tree


@given(st.binary(max_size=200))
def test_noise_gives_a_tree_or_a_typed_error(data):
    for tag in (0x60, 0x61, 0x75, 0x77):
        try:
            parse_tlv(data, tag)
        except ChipError as error:
            assert error.code.startswith("chip.tlv.")


@given(TREE)
def test_truncation_at_every_byte(tree):
    encoded = encode(tree)
    for end in range(len(encoded)):
        assert outer_tag(encoded[:end]) is None
        with pytest.raises(ChipError):
            parse_tlv(encoded[:end], tree.tag)


def nested(depth):
    data = b""
    for _ in range(depth):
        data = der.encode(0x61, data)
    return data


def test_depth_is_bounded():
    parse_tlv(nested(MAX_DEPTH + 1), 0x61)
    for depth in (MAX_DEPTH + 2, 5000):
        with pytest.raises(ChipError) as caught:
            parse_tlv(nested(depth), 0x61)
        assert caught.value.code == "chip.tlv.limit"


def test_number_of_elements_is_bounded():
    few = der.encode(0x61, b"\x02\x00" * (MAX_ELEMENTS - 1))
    many = der.encode(0x61, b"\x02\x00" * MAX_ELEMENTS)
    assert len(parse_tlv(few, 0x61).children) == MAX_ELEMENTS - 1
    with pytest.raises(ChipError) as caught:
        parse_tlv(many, 0x61)
    assert caught.value.code == "chip.tlv.limit"


@pytest.mark.parametrize(
    "data",
    ["6184ffffffff00", "618461616161", "6180000000", "6101", "610000", "7f61", "7f", "61820001"],
)
def test_absurd_lengths_and_trailing_bytes(data):
    with pytest.raises(ChipError) as caught:
        parse_tlv(bytes.fromhex(data), 0x61)
    assert caught.value.code == "chip.tlv.malformed"


def test_paths():
    tree = parse_tlv(der.encode(0x75, der.encode(0x7F61, der.encode(0x02, b"\x01"))), 0x75)
    assert tree.get(0x7F61, 0x02).value == b"\x01"
    assert tree.find(0x7F61, 0x5F2E) is None
    with pytest.raises(ChipError, match="7F61/5F2E"):
        tree.get(0x7F61, 0x5F2E)


def test_unwrap_wants_its_tag():
    assert unwrap(b"\x77\x01x", 0x77) == b"x"
    with pytest.raises(ChipError):
        unwrap(b"\x6f\x01x", 0x77)
