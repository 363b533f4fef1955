"""Chunks: what was sealed opens, and nothing else does."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import EkycError, InputError, LimitError, TrustError
from ekyc.liveness.active import Chunk, ChunkFrame, chain_start, open_chunk, seal_chunk
from ekyc.liveness.active.envelope import MAX_CHUNK_BYTES, MAX_FRAME_BYTES, parse_chunk

ID, KEY = b"0123456789abcdef", b"k" * 32


def chunk(*payloads, **changes):
    frames = tuple(
        ChunkFrame(captured_us=1000 * (index + 1), payload=payload)
        for index, payload in enumerate(payloads or (b"one", b"two"))
    )
    made = Chunk(session_id=ID, sequence=7, prompt=3, previous=chain_start(ID), frames=frames)
    return replace(made, **changes)


def opened(data):
    return open_chunk(data, session_id=ID, key=KEY)


def test_what_was_sealed_opens_unchanged():
    found = opened(seal_chunk(chunk(), KEY))
    assert replace(found, digest=b"") == chunk()
    assert len(found.digest) == 32


@given(st.integers(0, 300), st.integers(1, 255))
def test_no_changed_byte_opens(place, change):
    sealed = bytearray(seal_chunk(chunk(), KEY))
    sealed[place % len(sealed)] ^= change
    with pytest.raises((InputError, TrustError)):
        opened(bytes(sealed))


def test_cut_off_anywhere_is_malformed_or_unsealed():
    sealed = seal_chunk(chunk(), KEY)
    for end in range(len(sealed)):
        with pytest.raises(EkycError):
            opened(sealed[:end])


@given(st.binary(max_size=400))
def test_arbitrary_bytes_end_in_a_typed_error(data):
    with pytest.raises(InputError) as caught:
        parse_chunk(b"EKL1" + data)
    assert caught.value.code in {"liveness.chunk_malformed", "liveness.chunk_too_large"}


def test_another_session_and_another_key_are_told_apart():
    sealed = seal_chunk(chunk(), KEY)
    with pytest.raises(TrustError) as caught:
        open_chunk(sealed, session_id=b"x" * 16, key=KEY)
    assert caught.value.code == "liveness.other_session"
    with pytest.raises(TrustError) as caught:
        open_chunk(sealed, session_id=ID, key=b"x" * 32)
    assert caught.value.code == "liveness.stream_tampered"


@pytest.mark.parametrize(
    "bad",
    [
        {"frames": ()},
        {"frames": (ChunkFrame(captured_us=1, payload=b""),)},
        {"frames": (ChunkFrame(captured_us=600_000_000, payload=b"x"),)},
        {"frames": (ChunkFrame(captured_us=-1, payload=b"x"),)},
        {"frames": (ChunkFrame(captured_us=1, payload=b"x"),) * 17},
        {"sequence": 2**32},
        {"prompt": -1},
    ],
)
def test_absurd_counts_are_malformed(bad):
    with pytest.raises(InputError) as caught:
        seal_chunk(chunk(**bad), KEY)
    assert caught.value.code == "liveness.chunk_malformed"


def test_sizes_are_bounded():
    with pytest.raises(LimitError):
        parse_chunk(b"EKL1" + bytes(MAX_CHUNK_BYTES))
    with pytest.raises(LimitError):
        seal_chunk(chunk(b"x" * (MAX_FRAME_BYTES + 1)), KEY)


def test_a_length_of_four_gigabytes_costs_nothing():
    data = bytearray(seal_chunk(chunk(b"x"), KEY))
    struct.pack_into(">I", data, 60 + 8, 0xFFFFFFFF)
    with pytest.raises(LimitError):
        parse_chunk(bytes(data))


def test_a_chunk_does_not_show_its_pictures():
    assert "one" not in repr(chunk())
