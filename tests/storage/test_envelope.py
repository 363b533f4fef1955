"""Sealed values: what opens, and everything that must not."""

from __future__ import annotations

import itertools

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError
from ekyc.ports import SystemRandom
from ekyc.storage import StorageError
from ekyc.storage.sealed.envelope import (
    HEADER_BYTES,
    Place,
    open_sealed,
    open_stream,
    seal,
    seal_stream,
    unwrap_key,
    wrap_key,
)

KEY = bytes(range(32))
PLACE = Place(tenant="hanoi", subject="s1", kind="portrait", id="a1")
SEGMENT = 1 << 10


def sealed(data, place=PLACE, chunks=None):
    pieces = seal_stream(
        chunks or (data,), subject_key=KEY, place=place, random=SystemRandom(), segment_bits=10
    )
    return b"".join(pieces)


def refused(value, place=PLACE, key=KEY):
    with pytest.raises(StorageError) as caught:
        open_sealed(value, subject_key=key, place=place)
    assert caught.value.code == "storage.unsealable"


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 10_000])
def test_a_value_of_any_length_comes_back(size):
    data = bytes(size)
    value = sealed(data)
    assert len(value) == HEADER_BYTES + size + 16 * max(1, -(-size // SEGMENT))
    assert open_sealed(value, subject_key=KEY, place=PLACE) == data


@given(pieces=st.lists(st.binary(max_size=1500), max_size=6), cut=st.integers(1, 700))
def test_pieces_may_be_cut_anywhere(pieces, cut):
    value = sealed(b"", chunks=pieces)
    again = [value[start : start + cut] for start in range(0, len(value), cut)]
    assert b"".join(open_stream(again, subject_key=KEY, place=PLACE)) == b"".join(pieces)


def test_the_format_is_the_one_that_is_written_down():
    """Read without our own code: AES-256-GCM of the library, offsets of the description."""
    data = b"\xff\xd8portrait" * 200
    value = sealed(data)
    fixed, nonce, wrapped, prefix = value[:8], value[8:20], value[20:68], value[68:75]
    assert fixed == bytes.fromhex("454b5943 01 01 0a 00")
    known = fixed + b"hanoi|s1|portrait|a1|1"
    aead = AESGCM(AESGCM(KEY).decrypt(nonce, wrapped, known))
    first, second = value[75 : 75 + 1040], value[75 + 1040 :]
    opened = aead.decrypt(prefix + bytes(4) + b"\0", first, known)
    assert opened + aead.decrypt(prefix + b"\0\0\0\x01\x01", second, known) == data


@pytest.mark.parametrize("name", ["tenant", "subject", "kind", "id"])
def test_a_value_of_another_place_does_not_open(name):
    value = sealed(b"x")
    changed = {field: getattr(PLACE, field) for field in ("tenant", "subject", "kind", "id")}
    refused(value, Place(**{**changed, name: "other"}))


def test_an_older_version_does_not_pass_for_the_present_one():
    older = sealed(b"x")
    refused(older, Place(tenant="hanoi", subject="s1", kind="portrait", id="a1", version=2))


def test_another_key_opens_nothing():
    refused(sealed(b"x"), key=bytes(32))


@given(data=st.data())
def test_no_changed_byte_goes_unseen(data):
    value = bytearray(sealed(b"portrait" * 300))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    refused(bytes(value))


def test_a_header_of_another_version_or_algorithm_is_refused():
    value = sealed(b"x")
    for at, byte in itertools.product((4, 5, 6, 7), (0, 2, 9, 11, 21, 255)):
        if value[at] != byte:
            refused(value[:at] + bytes((byte,)) + value[at + 1 :])


def test_no_truncation_goes_unseen():
    value = sealed(bytes(3 * SEGMENT))
    for length in range(0, len(value), 7):
        refused(value[:length])
    refused(value[:-1040])  # a whole segment less
    refused(value + b"\0")


def test_segments_cannot_be_exchanged_repeated_or_taken_from_another_value():
    head, step = HEADER_BYTES, SEGMENT + 16
    value, other = sealed(bytes(4 * SEGMENT)), sealed(bytes(4 * SEGMENT))
    one, two = value[head : head + step], value[head + step : head + 2 * step]
    rest = value[head + 2 * step :]
    refused(value[:head] + two + one + rest)
    refused(value[:head] + one + one + rest)
    refused(value[:head] + one + rest)
    refused(value[:head] + other[head : head + step] + two + rest)
    refused(other[:head] + value[head:])


def test_pieces_before_the_end_are_genuine_and_the_missing_end_is_told():
    value = sealed(bytes(3 * SEGMENT))
    stream = open_stream((value[: -SEGMENT - 16],), subject_key=KEY, place=PLACE)
    assert next(stream) == bytes(SEGMENT)
    with pytest.raises(StorageError):
        list(stream)


def test_nothing_repeats_between_two_seals_of_one_value():
    values = [
        seal(b"same", subject_key=KEY, place=PLACE, random=SystemRandom()) for _ in range(200)
    ]
    for start, end in ((8, 20), (20, 68), (68, 75), (75, None)):
        assert len({value[start:end] for value in values}) == 200


def test_a_value_beyond_the_bound_is_refused_on_both_ways():
    with pytest.raises(LimitError) as caught:
        list(
            seal_stream(
                itertools.repeat(bytes(1000)),
                subject_key=KEY,
                place=PLACE,
                random=SystemRandom(),
                max_bytes=5000,
            )
        )
    assert caught.value.code == "storage.too_large"
    with pytest.raises(LimitError):
        list(open_stream((sealed(bytes(5001)),), subject_key=KEY, place=PLACE, max_bytes=5000))


@pytest.mark.parametrize("name", ["", "a|b", "a b", "số", "x" * 65, "a\n", "-a"])
def test_a_place_has_names_that_cannot_run_together(name):
    with pytest.raises(InputError):
        Place(tenant=name, subject="s", kind="k", id="i")


def test_a_wrapped_key_opens_in_its_context_only():
    wrapped = wrap_key(KEY, under=bytes(32), context=b"a", random=SystemRandom())
    assert len(wrapped) == 60
    assert unwrap_key(wrapped, under=bytes(32), context=b"a") == KEY
    for changed in (wrapped[:-1], wrapped[:11], b"", bytes(60)):
        with pytest.raises(StorageError):
            unwrap_key(changed, under=bytes(32), context=b"a")
    with pytest.raises(StorageError):
        unwrap_key(wrapped, under=bytes(32), context=b"b")
