"""The state machine, driven by hand and by the simulated client."""

import math
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekyc.benchmarks.pad_attacks import ATTACKS, honest, session_of, steered_clips
from ekyc.errors import InputError
from ekyc.liveness.active import (
    ActivePolicy,
    AttemptLimits,
    Chunk,
    ChunkFrame,
    FaceObservation,
    FrameObservation,
    ObservationProblem,
    PlanShape,
    ReplyKind,
    Step,
    best_frame,
    draw_plan,
    may_attempt,
    receive,
    report_session,
    seal_chunk,
    take_chunk,
    tick,
)
from ekyc.liveness.active.simulated_client import (
    InsecureSimulationWarning,
    NumbersObserver,
    SimulatedClient,
    encode_face,
    unit,
)
from ekyc.liveness.active.ticket import chunk_key
from ekyc.outcomes import Outcome, reason_registry
from ekyc.values import BoxPx

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)


@pytest.fixture(scope="module")
def observer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureSimulationWarning)
        return NumbersObserver()


def face(**changes):
    seen = FaceObservation(
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        eye_openness=0.3,
        mouth_opening=0.0,
        box=BoxPx(left=100, top=100, right=300, bottom=360),
        face_bgr=(90.0, 110.0, 140.0),
        background_bgr=(80.0, 80.0, 80.0),
    )
    return FrameObservation(face=replace(seen, **changes))


def chunk_of(session, times_s, **changes):
    frames = tuple(ChunkFrame(captured_us=round(1e6 * at), payload=b"x") for at in times_s)
    chunk = Chunk(
        session_id=session.id,
        sequence=session.chunks,
        prompt=session.prompt,
        previous=session.chain,
        frames=frames,
        digest=bytes([session.chunks]) * 32,
    )
    return replace(chunk, **changes)


def after(session, times_s, seen=None, **changes):
    seen = [face() for _ in times_s] if seen is None else seen
    listed = [(f"{at:.3f}", one) for at, one in zip(times_s, seen, strict=True)]
    return receive(
        session, chunk_of(session, times_s, **changes), listed, session.opened_s + times_s[-1] + 0.1
    )


def report(session):
    from ekyc.liveness.active import check_client

    client = check_client(None, None, session_id=session.id, key=session.key)
    return report_session(session, client=client)


@pytest.mark.parametrize("seed", range(4))
def test_a_person_who_does_what_is_asked_passes(observer, seed):
    found = honest(seed, observer)
    assert found.outcome is Outcome.PASSED
    assert found.reasons == ("liveness.client_unattested",)
    assert found.suspected == ()
    assert found.best_frame in found.frame_digests


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("frames", [1, 3])
def test_the_frame_that_is_compared_shows_the_person_of_the_session(observer, seed, frames):
    """Somebody answers for himself and slips in a few frames of the holder, sharper than all others."""
    session = session_of(seed)
    client = SimulatedClient(seed)
    own = client.person.identity
    holder = unit(np.random.default_rng((seed, 9)).normal(size=len(own)))
    slipped = [0]

    def frame(at_s, prompt):
        wanted = prompt.index == 6 and slipped[0] < frames
        slipped[0] += wanted
        client.person.identity = holder if wanted else own
        payload = client.person.frame(at_s)
        if not wanted:
            return payload
        seen = observer.observe(payload)
        still = replace(seen.face, yaw_deg=0.0, pitch_deg=float(seen.face.pitch_deg), sharpness=1e6)
        return encode_face(replace(still, eye_openness=0.5), seen.picture_hash)

    client.frame = frame
    session = client.run(session, observer)
    assert session.ended is ReplyKind.DONE
    found = report(session)
    (stream,) = (check for check in found.checks if check.id == "liveness.stream")
    chosen = best_frame(session)
    assert float(np.dot(chosen.seen.face.embedding, own)) < 0.5  # the holder's
    assert stream.outcome is Outcome.FAILED
    assert "liveness.subject_switch" in stream.reasons


TABLE = {
    "replay": {"liveness.challenge_wrong_answer", "liveness.challenge_timeout"},
    "replay_remembered": {"liveness.replayed_session"},
    "reordered_chunks": {"liveness.order_violation", "liveness.captured_out_of_order"},
    "dropped_chunk": {"liveness.order_violation"},
    "late_reveal": {"liveness.answered_before_asked", "liveness.stream_late"},
    "spliced_subject": {"liveness.subject_switch"},
    "borrowed_movements": {"liveness.subject_unclear", "liveness.subject_switch"},
    "looped_frames": {"liveness.frames_looped"},
    "other_sessions_nonce": {"liveness.other_session", "liveness.stream_tampered"},
    "fixed_script": {"liveness.challenge_wrong_answer"},
    "still_picture": {"liveness.challenge_timeout"},
}


def test_the_table_names_every_attack():
    assert set(TABLE) == set(ATTACKS)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("seed", [0, 1])
def test_attack_is_refused_for_its_own_reason(observer, name, seed):
    found = ATTACKS[name](seed, observer)
    assert found.outcome is not Outcome.PASSED
    assert TABLE[name] & set(found.reasons)
    assert set(found.reasons) <= set(reason_registry())


def test_clips_for_every_step_are_stopped_by_the_colours_alone(observer):
    found = steered_clips(0, observer)
    assert found.outcome is Outcome.INDETERMINATE
    assert "liveness.colours_not_seen" in found.reasons


def test_without_colours_such_clips_pass_and_the_documentation_says_so(observer, repository_root):
    policy = ActivePolicy(shape=PlanShape(colours=0))
    client = SimulatedClient(0)
    client.person.sees_colours = False
    session = client.run(session_of(0, policy), observer)
    assert report(session).outcome is Outcome.PASSED
    text = (repository_root / "docs/liveness.md").read_text(encoding="utf-8")
    assert "a clip for every step" in text


def test_the_client_learns_nothing_but_continue_done_and_over(observer):
    client = SimulatedClient(3)
    client.person.sees_colours = False
    ended = client.run(session_of(3), observer)
    assert report(ended).outcome is not Outcome.PASSED
    assert ended.reply.kind is ReplyKind.DONE  # as if it had passed
    assert ended.reply.prompt is None
    assert {kind.value for kind in ReplyKind} == {"continue", "done", "over"}


def test_an_ended_session_stays_as_it_is(observer):
    client = SimulatedClient(4)
    ended = client.run(session_of(4), observer)
    again = take_chunk(ended, client.exchange.sealed[0][0], observer, ended.now_s + 1)
    assert again.frames == ended.frames
    assert again.ended is ended.ended


def test_secrets_stay_out_of_representations():
    session = session_of(1)
    text = repr(session)
    assert repr(session.key) not in text
    assert repr(session.secret) not in text
    assert "ChallengePlan" not in text


def test_silence_ends_in_a_timeout_and_then_in_nothing_worse():
    session = tick(session_of(1), 1000 + 10.1)
    assert session.stopped_by == ("liveness.challenge_timeout",)
    assert tick(session, 5000.0).stopped_by == session.stopped_by


@pytest.mark.parametrize(
    "still",
    [
        {"yaw_deg": 14.0},
        {"pitch_deg": 9.0},
        {"eye_openness": 0.05},
        {"mouth_opening": 0.3},
        {"box": BoxPx(left=80, top=80, right=330, bottom=405)},
    ],
)
def test_a_movement_that_is_still_held_is_no_rest(still):
    def straight(session, begins, **changes):
        times = [begins + 0.1 * k for k in range(16)]
        return after(session, times, [face(**changes)] * 16)

    session = straight(session_of(1), 0.5)
    assert session.prompt == 1
    session = replace(session, prompt=2, revealed_s=(*session.revealed_s, session.now_s))
    assert straight(session, 2.5, **still).prompt == 2
    assert straight(session, 2.5).prompt == 3


def test_a_timeout_says_what_the_frames_lacked():
    session = session_of(1)
    nobody = FrameObservation(face=None, problem=ObservationProblem.NO_FACE)
    session = after(session, [0.5, 0.6, 0.7], [nobody] * 3)
    session = tick(session, 1011.0)
    assert session.stopped_by == ("liveness.challenge_timeout", "liveness.no_face")
    assert report(session).outcome is Outcome.INDETERMINATE


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_make_a_frame_unreadable(bad):
    session = after(session_of(1), [0.5, 0.6], [face(yaw_deg=bad), face(sharpness=bad)])
    assert [frame.seen.face for frame in session.frames] == [None, None]
    assert session.frames[0].seen.problem is ObservationProblem.UNREADABLE


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_verifiers_own_clock_must_be_a_number_and_run_forwards(bad):
    with pytest.raises(InputError):
        tick(session_of(1), bad)
    with pytest.raises(InputError):
        tick(tick(session_of(1), 1001.0), 1000.5)


@pytest.mark.parametrize(
    ("times", "changes", "reason"),
    [
        ([0.5, 0.4], {}, "liveness.captured_out_of_order"),
        ([0.5, 0.5], {}, "liveness.captured_out_of_order"),
        ([0.5, 0.6], {"sequence": 1}, "liveness.order_violation"),
        ([0.5, 0.6], {"previous": b"x" * 32}, "liveness.order_violation"),
        ([0.5, 0.6], {"prompt": 1}, "liveness.order_violation"),
        ([0.5, 1.7], {}, "liveness.stream_gaps"),
        ([0.5, 0.501, 0.502, 0.503, 0.504], {}, "liveness.stream_gaps"),
    ],
)
def test_chunk_out_of_place_ends_the_session(times, changes, reason):
    session = after(session_of(1), times, **changes)
    assert session.ended is ReplyKind.OVER
    assert session.stopped_by == (reason,)


def test_a_variable_frame_rate_within_bounds_goes_on():
    session = after(session_of(1), [0.5, 0.55, 0.9, 0.93, 1.4])
    assert session.ended is None


def test_many_frames_end_a_session():
    session = session_of(1, ActivePolicy(prompt_s=100.0, session_s=1000.0))
    at = 0.0
    for _ in range(70):
        times = [at + 0.05 * (k + 1) for k in range(16)]
        at = times[-1]
        session = after(session, times, [face(yaw_deg=40.0)] * 16)
    assert session.stopped_by == ("liveness.stream_too_long",)
    assert len(session.frames) <= 900


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_whatever_arrives_never_raises(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureSimulationWarning)
        session = take_chunk(session_of(1), data, NumbersObserver(), 1001.0)
    assert session.ended is ReplyKind.OVER
    assert set(session.stopped_by) <= set(reason_registry())


def test_sealed_rubbish_is_an_unreadable_frame(observer):
    session = session_of(1)
    sealed = seal_chunk(chunk_of(session, [0.5, 0.6]), session.key)
    session = take_chunk(session, sealed, observer, 1000.8)
    assert [frame.seen.problem for frame in session.frames] == ["unreadable_frame"] * 2


@given(st.binary(min_size=32, max_size=32))
def test_plans_are_drawn_within_their_shape(secret):
    plan = draw_plan(secret, PlanShape())
    assert len(set(plan.steps)) == 3
    assert all(a is not b for a, b in zip(plan.colours, plan.colours[1:], strict=False))
    assert all(0.5 <= hold <= 1.3 for hold in plan.holds_s)
    assert draw_plan(secret, PlanShape()) == plan
    assert secret not in chunk_key(secret) + repr(plan).encode()


def test_every_step_is_drawn_about_equally_often():
    counts = dict.fromkeys(Step, 0)
    for number in range(3000):
        plan = draw_plan(number.to_bytes(32, "big"), PlanShape(colours=0))
        counts[plan.steps[0]] += 1
    assert all(400 < count < 600 for count in counts.values())


@pytest.mark.parametrize(
    "shape",
    [{"steps": 0}, {"steps": 7}, {"colours": 3}, {"colour_s": math.nan}, {"longest_hold_s": 0.1}],
)
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(InputError):
        PlanShape(**shape)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes_ago", "wait_s"),
    [([], 0), ([1], 0), ([0], 5), ([0, 1], 10), ([1, 2, 3, 4, 5], 600), ([16, 17, 18, 19, 20], 0)],
)
def test_attempts_are_limited(minutes_ago, wait_s):
    earlier = [NOW - timedelta(minutes=minutes) for minutes in minutes_ago]
    verdict = may_attempt(earlier, NOW)
    assert verdict.wait == timedelta(seconds=wait_s)
    assert bool(verdict.reasons) == (wait_s > 0)


def test_an_attempt_from_the_future_counts_as_now():
    limits = AttemptLimits(most=1)
    assert may_attempt([NOW + timedelta(days=1)], NOW, limits).wait == limits.window


@given(st.binary(min_size=32, max_size=32), st.sets(st.sampled_from(list(Step)), min_size=3))
def test_a_plan_asks_only_what_may_be_asked(secret, among):
    chosen = tuple(step for step in Step if step in among)
    plan = draw_plan(secret, PlanShape(among=chosen))
    assert set(plan.steps) <= among
    assert len(set(plan.steps)) == 3


@pytest.mark.parametrize("among", [(), (Step.BLINK, Step.LOOK_UP), (Step.BLINK,) * 3])
def test_too_little_to_ask_is_refused(among):
    with pytest.raises(InputError):
        PlanShape(among=among)
