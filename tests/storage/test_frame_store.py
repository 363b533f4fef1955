"""Frames of earlier sessions: found again when compressed anew, never by chance, and gone in time."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.liveness.active import RecentFrames
from ekyc.liveness.active.memory import SAME_PICTURE_BITS as IN_MEMORY
from ekyc.storage import ServiceKey
from ekyc.storage.liveness.frame_store import SAME_PICTURE_BITS, _bands, evenly
from ekyc.storage.store import DEFAULT_FRAME_RETENTION

KEY = ServiceKey(bytes(range(32)))
FIRST, SECOND = b"first session!!!", b"second session!!"


@pytest.fixture
def frames(storage):
    return storage.frames(KEY)


def hashes(seed, count):
    source = random.Random(seed)
    return [source.getrandbits(256) for _ in range(count)]


def flipped(one, bits, seed=0):
    for bit in random.Random(seed).sample(range(256), bits):
        one ^= 1 << bit
    return one


def test_it_agrees_with_the_memory_of_one_process_on_what_is_alike(frames):
    assert SAME_PICTURE_BITS == IN_MEMORY
    memory = RecentFrames()
    kept = hashes(1, 20)
    for one in (frames, memory):
        one.remember(kept, session_id=FIRST)
    for seed in range(40):
        asked = [flipped(one, bits, seed) for one, bits in zip(kept, range(8, 28), strict=True)]
        found = frames.count_known(asked, session_id=SECOND)
        assert found == memory.count_known(asked, session_id=SECOND) == 9  # 8 to 16 bits


def test_ones_own_frames_are_not_known(frames):
    kept = hashes(2, 5)
    frames.remember(kept, session_id=FIRST)
    assert frames.count_known(kept, session_id=FIRST) == 0
    assert frames.count_known(kept, session_id=SECOND) == 5


def test_frames_without_a_picture_are_like_nothing(frames):
    frames.remember([0, 0], session_id=FIRST)
    assert frames.count_known([0, 1], session_id=SECOND) == 0


def test_remembering_again_replaces(frames):
    frames.remember(hashes(3, 4), session_id=FIRST)
    frames.remember(hashes(4, 4), session_id=FIRST)
    assert frames.count_known(hashes(3, 4), session_id=SECOND) == 0
    assert frames.count_known(hashes(4, 4), session_id=SECOND) == 4


def test_a_long_session_is_found_by_a_part_of_its_frames(frames):
    taped = hashes(5, 600)
    frames.remember(taped, session_id=FIRST)
    assert frames.count_known(taped, session_id=SECOND) >= 10
    assert frames.count_known(hashes(6, 600), session_id=SECOND) == 0


def test_it_forgets_in_time_and_on_demand(storage, clock, frames):
    frames.remember(hashes(7, 3), session_id=FIRST)
    clock.advance(timedelta(days=30))
    assert frames.count_known(hashes(7, 3), session_id=SECOND) == 0
    frames.remember(hashes(8, 3), session_id=SECOND)  # erases what is over
    with storage._engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT DISTINCT session_id FROM liveness_frame_marks")
        assert [row[0] for row in kept] == [SECOND.hex()]
    frames.forget([SECOND.hex()])
    assert frames.count_known(hashes(8, 3), session_id=FIRST) == 0


@given(st.integers(0, 2**256 - 1), st.sets(st.integers(0, 255), max_size=SAME_PICTURE_BITS))
def test_sixteen_differences_leave_one_band_alone(one, bits):
    other = one
    for bit in bits:
        other ^= 1 << bit
    assert set(_bands(one)) & set(_bands(other))


@given(st.integers(0, 255))
def test_every_bit_is_in_one_band(bit):
    assert len(set(_bands(0)) - set(_bands(1 << bit))) == 1


@given(st.lists(st.integers(), max_size=80), st.integers(2, 40))
def test_an_even_choice_keeps_order_first_and_last(values, most):
    chosen = evenly(values, most)
    assert len(chosen) == min(len(values), most)
    assert chosen[:1] == values[:1]
    assert chosen[-1:] == values[-1:]


def test_what_is_past_hides_nothing_that_is_kept(frames, clock):
    """Dead sessions that share more marks take no place among the few that are compared."""
    kept = hashes(9, 3)
    for number in range(40):
        frames.remember(kept, session_id=bytes((number,)) * 16)
    clock.advance(timedelta(hours=1))
    frames.remember([flipped(one, 14) for one in kept], session_id=FIRST)
    clock.advance(DEFAULT_FRAME_RETENTION - timedelta(minutes=30))
    assert frames.count_known(kept, session_id=SECOND) == 3
