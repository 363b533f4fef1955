import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import ChipError, InputError
from ekyc.pki import der

TAGS = st.sampled_from([0x02, 0x04, 0x0C, 0x30, 0x31, 0x61, 0x5F1F, 0x7F61, 0x5F36])


@given(tag=TAGS, content=st.binary(max_size=70_000))
def test_encoded_element_reads_back(tag, content):
    encoded = der.encode(tag, content)
    element = der.single(encoded, tag)
    assert der.content_of(encoded, element) == content
    assert der.encoding_of(encoded, element) == encoded


@given(st.binary(max_size=64))
def test_any_bytes_give_an_element_or_a_typed_error(data):
    try:
        element = der.read_element(data, 0, len(data))
    except InputError as error:
        assert error.code.startswith("asn1.")
    else:
        assert 0 <= element.content <= element.stop <= len(data)


@given(st.binary(min_size=1, max_size=300))
def test_truncation_at_every_byte_is_refused(content):
    encoded = der.encode(0x30, content)
    for end in range(len(encoded)):
        with pytest.raises(InputError):
            der.single(encoded[:end], 0x30)


@pytest.mark.parametrize("header", ["3084ffffffff", "30847fffffff", "3083ffffff"])
def test_absurd_length_is_refused_without_allocating_it(header):
    tracemalloc.start()
    with pytest.raises(InputError, match="claims") as caught:
        der.single(bytes.fromhex(header) + b"abc", 0x30)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "asn1.truncated"
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "asn1.truncated"),
        ("30", "asn1.truncated"),
        ("3080", "asn1.length"),
        ("30850000000000", "asn1.length"),
        ("30ff", "asn1.length"),
        ("3082ff", "asn1.truncated"),
        ("1f", "asn1.truncated"),
        ("1fffffff00", "asn1.tag"),
        ("020100", "asn1.tag"),
        ("300000", "asn1.trailing"),
    ],
)
def test_defects_are_named(data, code):
    with pytest.raises(InputError) as caught:
        der.single(bytes.fromhex(data), 0x30)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("content", "dotted"),
    [
        ("2b0e03021a", "1.3.14.3.2.26"),
        ("678108010101", "2.23.136.1.1.1"),
        ("04007f000703020 1".replace(" ", ""), "0.4.0.127.0.7.3.2.1"),
        ("883703", "2.999.3"),
    ],
)
def test_object_identifiers(content, dotted):
    assert der.decode_oid(bytes.fromhex(content)) == dotted


@pytest.mark.parametrize("content", ["", "80", "2a86"])
def test_malformed_object_identifier(content):
    with pytest.raises(InputError):
        der.decode_oid(bytes.fromhex(content))


@pytest.mark.parametrize("failure", [ValueError, KeyError, RecursionError, OverflowError])
def test_parser_failures_become_one_typed_error(failure):
    with (
        pytest.raises(ChipError) as caught,
        der.malformed_as(ChipError, code="chip.x", subject="EF.X"),
    ):
        raise failure("odd")
    assert (caught.value.code, caught.value.subject) == ("chip.x", "EF.X")


def test_programming_errors_are_not_swallowed():
    with pytest.raises(AssertionError), der.malformed_as(ChipError, code="chip.x"):
        raise AssertionError


TREES = st.recursive(
    st.tuples(st.sampled_from([0x02, 0x04, 0x0C]), st.binary(max_size=40)),
    lambda inner: st.tuples(st.sampled_from([0x30, 0x31, 0xA0]), st.lists(inner, max_size=4)),
    max_leaves=12,
)


def definite(tree):
    tag, content = tree
    return der.encode(tag, content if tag < 0x20 else b"".join(map(definite, content)))


def indefinite(tree, draw):
    """The same tree with some of its constructed elements of indefinite length."""
    tag, content = tree
    if tag < 0x20:
        return der.encode(tag, content)
    body = b"".join(indefinite(item, draw) for item in content)
    return bytes((tag, 0x80)) + body + b"\x00\x00" if draw() else der.encode(tag, body)


@given(TREES, st.data())
def test_indefinite_lengths_become_definite_and_nothing_else_changes(tree, data):
    written = indefinite(tree, lambda: data.draw(st.booleans()))
    assert der.with_definite_lengths(written) == definite(tree)
    assert der.with_definite_lengths(definite(tree)) == definite(tree)


@given(st.binary(max_size=200))
def test_rewriting_noise_ends_in_bytes_or_a_typed_error(noise):
    try:
        assert len(der.with_definite_lengths(noise)) <= len(noise) + 3 * 100
    except InputError as error:
        assert error.code.startswith("asn1.")


def test_nesting_without_end_is_refused():
    with pytest.raises(InputError) as caught:
        der.with_definite_lengths(b"\x30\x80" * 10_000)
    assert caught.value.code == "asn1.depth"


def test_segments_of_a_constructed_octet_string_are_joined():
    whole = der.encode(0x24, der.encode(0x04, b"ab"), der.encode(0x04, b"c"))
    assert der.octets(whole, der.single(whole, 0x24)) == b"abc"
    for wrong in (der.encode(0x24, b"\x02\x01\x00"), der.encode(0x30, b"")):
        with pytest.raises(InputError):
            der.octets(wrong, der.read_element(wrong, 0, len(wrong)))
