"""Our DER, read back by parsers that others wrote."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from ekyc.signing.der import (
    context,
    generalized_time,
    integer,
    named_bits,
    octet_string,
    oid,
    sequence,
    set_of,
    tlv,
    utc_time,
)

moments = st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


@given(st.integers(-(1 << 600), 1 << 600))
def test_integers(value):
    assert core.Integer.load(integer(value), strict=True).native == value
    assert core.Integer(value).dump() == integer(value)


@given(st.binary(max_size=70_000))
def test_octet_strings_of_every_length_form(value):
    assert core.OctetString.load(octet_string(value), strict=True).native == value
    assert core.OctetString(value).dump() == octet_string(value)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 384, 65_535, 65_536])
def test_lengths_take_their_shortest_form(length):
    assert core.OctetString(bytes(length)).dump() == tlv(0x04, bytes(length))


@given(moments)
def test_times_drop_fractions_and_are_utc(at):
    whole = at.replace(microsecond=0)
    assert core.GeneralizedTime.load(generalized_time(at), strict=True).native == whole
    assert core.UTCTime.load(utc_time(at), strict=True).native == whole
    local = at.astimezone(timezone(timedelta(hours=7)))
    assert generalized_time(local) == generalized_time(at)


@given(st.lists(st.integers(0, 1 << 80), max_size=8))
def test_a_set_is_sorted_and_has_no_duplicates(values):
    class Integers(core.SetOf):
        _child_spec = core.Integer

    encoded = set_of(integer(value) for value in values)
    parsed = Integers.load(encoded, strict=True)
    elements = [element.dump() for element in parsed]
    assert elements == sorted(elements)
    assert {element.native for element in parsed} == set(values)
    assert len(elements) == len(set(values))


@pytest.mark.parametrize("bit", [0, 2, 5, 7, 8, 15, 16, 25])
def test_named_bits(bit):
    parsed = core.BitString.load(named_bits(bit), strict=True).native
    assert parsed == (0,) * bit + (1,)


def test_nesting_and_object_identifiers():
    encoded = sequence(oid("1.2.840.113549.1.7.2"), context(0, sequence(integer(1))))
    assert encoded.hex() == "301206092a864886f70d010702a0053003020101"
