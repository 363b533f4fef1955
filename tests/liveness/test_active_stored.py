"""A session that is made anew from what was kept is the session that was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.benchmarks.pad_attacks import session_of
from ekyc.errors import InputError, TrustError
from ekyc.liveness.active import (
    FrameObservation,
    KeptChunk,
    ObservationProblem,
    decode_seen,
    encode_seen,
    resume_session,
    take_chunk,
)
from ekyc.liveness.active.session import SeenFrame
from ekyc.liveness.active.simulated_client import NumbersObserver, SimulatedClient

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)


@pytest.fixture(scope="module")
def taken():
    """An honest session chunk by chunk: the state before, and what would be kept of each."""
    observer, client = NumbersObserver(), SimulatedClient(2)
    before = session_of(2)
    ended = client.run(before, observer)
    kept, session = [], before
    for sealed, arrived in client.exchange.sealed:
        after = take_chunk(session, sealed, observer, before.opened_s + arrived)
        kept.append(
            KeptChunk(
                arrived_s=before.opened_s + arrived,
                body=sealed,
                seen=encode_seen(after.frames[len(session.frames) :]),
            )
        )
        session = after
    assert session == ended
    return before, kept, ended


def test_it_is_the_same_to_the_last_number(taken):
    before, kept, ended = taken
    assert resume_session(before, kept) == ended


@given(st.data())
def test_it_is_the_same_wherever_it_was_cut(taken, data):
    before, kept, ended = taken
    cut = data.draw(st.integers(0, len(kept)))
    halfway = resume_session(before, kept[:cut])
    assert halfway.chunks == cut
    assert resume_session(halfway, kept[cut:]) == ended


def test_a_chunk_of_another_session_or_with_other_observations_is_none(taken):
    _, kept, _ = taken
    with pytest.raises(TrustError):
        resume_session(session_of(3), kept[:1])
    short = KeptChunk(arrived_s=kept[0].arrived_s, body=kept[0].body, seen=b"[]")
    with pytest.raises(InputError):
        resume_session(session_of(2), [short])


@pytest.mark.parametrize("data", [b"", b"{}", b"[{}]", b"[1]", b"\xff", b'[{"face":{}}]'])
def test_what_was_not_written_here_is_a_typed_error(data):
    with pytest.raises(InputError) as caught:
        decode_seen(data if data != b"{}" else b'{"a": 1}')
    assert caught.value.code == "liveness.observations_mismatch"


def test_a_frame_without_a_face_keeps_its_problem():
    seen = FrameObservation(face=None, problem=ObservationProblem.SEVERAL_FACES, picture_hash=7)
    frame = SeenFrame(captured_s=0.0, prompt=0, digest="", seen=seen)
    assert decode_seen(encode_seen([frame])) == (seen,)
