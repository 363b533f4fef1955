"""CBOR, Base45 and ZLIB as credentials use them: the standards' own examples, other implementations, and bad input."""

from __future__ import annotations

import io
import zlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError
from ekyc.signing.credentials import base45, cbor, packing

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(codec="utf-8"), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(
            st.integers(-(1 << 64), (1 << 64) - 1)
            | st.text(st.characters(codec="utf-8"), max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def as_lists(value):
    if isinstance(value, tuple):
        return [as_lists(part) for part in value]
    if isinstance(value, dict):
        return {key: as_lists(part) for key, part in value.items()}
    return value


class TestCbor:
    @given(VALUES)
    def test_another_implementation_reads_what_we_write(self, value):
        stream = io.BytesIO(cbor.encode(value))
        assert as_lists(cbor2.load(stream)) == as_lists(value)
        assert stream.read() == b""

    @given(VALUES)
    def test_what_is_written_is_read(self, value):
        assert cbor.decode(cbor.encode(value)) == value

    @given(st.binary(max_size=60))
    def test_whatever_is_read_is_written_alike(self, data):
        try:
            value = cbor.decode(data)
        except InputError as error:
            assert error.code == "credential.cbor"
        else:
            assert cbor.encode(value) == data

    @pytest.mark.parametrize(
        ("text", "value"),
        [  # RFC 8949 appendix A
            ("00", 0),
            ("17", 23),
            ("1818", 24),
            ("1903e8", 1000),
            ("1bffffffffffffffff", 18446744073709551615),
            ("3903e7", -1000),
            ("3bffffffffffffffff", -18446744073709551616),
            ("f4", False),
            ("f5", True),
            ("f6", None),
            ("4401020304", b"\1\2\3\4"),
            ("62c3bc", "ü"),
            ("64f0908591", "𐅑"),
            ("83010203", (1, 2, 3)),
            ("a26161016162820203", {"a": 1, "b": (2, 3)}),
            ("c11a514b67b0", cbor.Tagged(1, 1363896240)),
        ],
    )
    def test_examples_of_rfc_8949(self, text, value):
        assert cbor.decode(bytes.fromhex(text)) == value
        assert cbor.encode(value) == bytes.fromhex(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "0000",  # something follows
            "1800",  # not the shortest head
            "190017",
            "1a0000ffff",
            "1b00000000ffffffff",
            "5f41014102ff",  # indefinite byte string
            "7f61616162ff",
            "9f0102ff",
            "bf616101ff",
            "a201000100",  # a key twice
            "a202000100",  # keys out of order
            "a1f500",  # a key that is true
            "a14100f6",  # a key that is a byte string
            "f97e00",  # floating point
            "fb3ff199999999999a",
            "f0",  # simple(16)
            "f818",
            "f7",  # undefined
            "62c328",  # not UTF-8
            "63eda080",  # half a surrogate pair
            "9b00000000ffffffff",  # four thousand million entries announced
            "5affffffff00",
            "1c",  # reserved
            "ff",
        ],
    )
    def test_what_is_refused(self, text):
        with pytest.raises(InputError) as caught:
            cbor.decode(bytes.fromhex(text))
        assert caught.value.code == "credential.cbor"

    def test_depth_and_number_of_values_are_bounded(self):
        cbor.decode(b"\x81" * 8 + b"\x00")
        for bomb in (b"\x81" * 9 + b"\x00", b"\x81" * 100_000, b"\x99\x20\x00" + bytes(8192)):
            with pytest.raises(InputError):
                cbor.decode(bomb)

    def test_what_is_not_written(self):
        for value in (1.5, object(), 1 << 64, {"a": "\ud800"}):
            with pytest.raises(InputError):
                cbor.encode(value)

    def test_true_is_no_number(self):
        with pytest.raises(InputError):
            cbor.members({1: True}, {1: int}, {})
        with pytest.raises(InputError):
            cbor.members({True: 5}, {1: int}, {})


class TestBase45:
    @pytest.mark.parametrize(
        ("data", "text"),
        [  # RFC 9285 §4.3 and §4.4
            (b"AB", "BB8"),
            (b"Hello!!", "%69 VD92EX0"),
            (b"base-45", "UJCLQE7W581"),
            (b"ietf!", "QED8WEX0"),
        ],
    )
    def test_examples_of_rfc_9285(self, data, text):
        assert base45.encode(data) == text
        assert base45.decode(text) == data

    @given(st.binary(max_size=200))
    def test_there_and_back(self, data):
        assert base45.decode(base45.encode(data)) == data

    @given(st.text(base45.ALPHABET, max_size=60))
    def test_one_spelling_each(self, text):
        try:
            data = base45.decode(text)
        except InputError as error:
            assert error.code == "credential.base45"
        else:
            assert base45.encode(data) == text

    @pytest.mark.parametrize("text", ["A", "AAAA", "GGW", ":::", "::", "bb8", "BB8\n", "ÀB8", "5R"])
    def test_what_is_refused(self, text):
        with pytest.raises(InputError):
            base45.decode(text)


class TestPacking:
    @given(st.binary(max_size=500))
    def test_there_and_back(self, data):
        assert packing.unpack(packing.pack(data), most=500) == data

    def test_a_bomb_stops_at_the_bound(self):
        bomb = packing.pack(bytes(4 << 20))
        assert len(bomb) < 8192
        with pytest.raises(LimitError):
            packing.unpack(bomb, most=8192)

    def test_exactly_the_bound_is_let_through(self):
        assert len(packing.unpack(packing.pack(bytes(8192)), most=8192)) == 8192
        with pytest.raises(LimitError):
            packing.unpack(packing.pack(bytes(8193)), most=8192)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x78",
            zlib.compress(b"in a frame"),
            b"\xff" * 20,
            packing.pack(b"cut off")[:-1],
            packing.pack(b"followed") + b"\0",
            packing.pack(b"by another") + packing.pack(b"stream"),
        ],
    )
    def test_what_is_refused(self, data):
        with pytest.raises(InputError) as caught:
            packing.unpack(data, most=8192)
        assert caught.value.code == "credential.packing"

    def test_by_another_dictionary_it_says_something_else(self):
        """And the signature over it does not hold."""
        other = bytes(reversed(packing.dictionary()))
        stream = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=other)
        data = stream.compress(other[-200:]) + stream.flush()
        assert packing.unpack(data, most=8192) != other[-200:]

    def test_the_stream_reaches_back_into_the_dictionary(self):
        words = packing.dictionary()[-400:]
        assert len(packing.pack(words)) < 12
