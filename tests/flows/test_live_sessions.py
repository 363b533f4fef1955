"""Liveness sessions from order to result: durable, judged once, silent towards the client, bound to one case."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st
from live_service import (
    BINDING,
    KEY,
    Caller,
    CountingObserver,
    TestDetection,
    opened_storage,
    sessions_of,
)

from ekyc.errors import BusyError, InputError, ModelError
from ekyc.flows import LiveBinding, LiveOrder
from ekyc.flows.live_material import join_pictures, split_pictures
from ekyc.flows.live_signing import ServiceReportSigner
from ekyc.liveness.active import (
    AttemptLimits,
    AttestationKind,
    AttestationVerdict,
    Reply,
    ReplyKind,
    attestation_challenge,
)
from ekyc.liveness.active.memory import mirrored_hash
from ekyc.liveness.active.simulated_client import NumbersObserver, SimulatedClient, encode_face
from ekyc.outcomes import Outcome, reason_registry
from ekyc.storage import AttemptsError, SessionBounds, Storage
from ekyc.testing import FixedClock

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)
FREELY = AttemptLimits(most=100, pause=timedelta(0))


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with opened_storage(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def sessions(storage, clock):
    return sessions_of(storage, clock, attempts=FREELY)


def answer(caller, seed=0, send=None, **changes):
    """A simulated client answers a session to its end; the client, with all that it sent."""
    client = SimulatedClient(seed)
    for name, value in changes.items():
        setattr(client if hasattr(client, name) else client.person, name, value)
    begun = caller.begin()
    first = Reply(kind=ReplyKind.CONTINUE, prompt=begun.prompt)
    client.ended = client.talk(
        bytes.fromhex(caller.id), begun.key.reveal(), first, send or caller.send
    )
    return client


def refusal(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return caught.value.code


def test_an_honest_client_passes_and_whoever_ordered_it_gets_the_signed_report(
    sessions, clock, validate_against
):
    caller = Caller(sessions, clock)
    assert sessions.result(caller.id).state == "waiting"
    client = answer(caller)
    assert client.ended.kind is ReplyKind.DONE
    assert sessions.result(caller.id).state == "running"
    told = caller.finish()
    assert (told.passed, told.advice) == (True, ())

    result = sessions.result(caller.id)
    assert result.state == "finished"
    report = result.signed.report
    validate_against("ekyc.active-liveness.1", report)
    assert report["outcome"] == "PASSED"
    assert report["reasons"] == ["liveness.client_unattested"]
    assert report["session"] == caller.id
    assert report["bound_to"] == BINDING.digest(caller.id, caller.result_token).hex()
    assert report["models_sha256"] == {"test-model": "ab" * 32}
    assert report["best_frame_sha256"] in report["frames_sha256"]
    assert len(report["frames_sha256"]) == sum(len(d.frames) for d in client.exchange.drafts)
    signer = ServiceReportSigner(KEY)
    assert result.signed.key_id == signer.key_id
    public = load_der_public_key(signer.public_key_der)
    public.verify(result.signed.signature, result.signed.payload)
    with pytest.raises(InvalidSignature):
        public.verify(result.signed.signature, result.signed.payload.replace(b"PASSED", b"FAILED"))


def test_passive_detection_sees_straight_frames_of_the_session(storage, clock):
    detection = TestDetection()
    caller = Caller(sessions_of(storage, clock, passive=detection), clock)
    client = answer(caller)
    caller.finish()
    straight = [
        frame.payload
        for draft in client.exchange.drafts
        if draft.prompt in {0, 2, 4, 6}
        for frame in draft.frames
    ]
    (pictures,) = detection.asked
    assert 5 <= len(pictures) <= 12
    assert set(pictures) <= set(straight)


def test_an_attack_seen_by_passive_detection_fails_the_report_and_stays_unsaid(storage, clock):
    detection = TestDetection(Outcome.FAILED, "liveness.screen_pattern")
    sessions = sessions_of(storage, clock, passive=detection)
    caller = Caller(sessions, clock)
    answer(caller)
    told = caller.finish()
    report = sessions.result(caller.id).signed.report
    assert (report["outcome"], report["suspected"]) == ("FAILED", ["presentation"])
    assert (told.passed, told.advice) == (False, ("liveness.capture_again",))


# -- no oracle


def test_the_client_hears_the_same_whatever_was_noticed(storage, clock):
    """Colours missing, an attack on a cue, a known replay: one answer, and it names no cue."""
    told = []
    for passive, changes in (
        (TestDetection(Outcome.FAILED, "liveness.presentation_attack"), {}),
        (TestDetection(Outcome.FAILED, "liveness.screen_pattern"), {}),
        (TestDetection(Outcome.INDETERMINATE, "liveness.uncertain"), {}),
        (TestDetection(), {"sees_colours": False}),
    ):
        caller = Caller(sessions_of(storage, clock, passive=passive, attempts=FREELY), clock)
        client = answer(caller, 1, **changes)
        assert client.ended == Reply(kind=ReplyKind.DONE)
        told.append(caller.finish())
    assert len(set(told)) == 1
    assert told[0].advice == ("liveness.capture_again",)


def test_advice_is_about_the_capture_only(storage, clock):
    detection = TestDetection(Outcome.INDETERMINATE, "liveness.too_few_frames", "liveness.too_dark")
    caller = Caller(sessions_of(storage, clock, passive=detection), clock)
    answer(caller)
    told = caller.finish()
    assert told.advice == ("liveness.too_dark", "liveness.capture_again")
    assert set(told.advice) <= set(reason_registry())


def test_a_person_who_does_not_move_hears_that_time_ran_out(sessions, clock):
    caller = Caller(sessions, clock)
    client = answer(caller, stirs=False)
    assert client.ended.kind is ReplyKind.OVER
    assert caller.finish().advice == ("liveness.challenge_timeout", "liveness.capture_again")


# -- durable


def test_every_chunk_may_meet_another_process_and_nothing_is_looked_at_twice(storage, clock):
    """A fresh service over the same database for each step: what was kept is all that there is."""
    observer = CountingObserver()

    def fresh():
        return sessions_of(storage, clock, observer=observer, attempts=FREELY)

    caller = Caller(fresh(), clock)

    def send(body, at_s):
        caller.sessions = fresh()
        return caller.send(body, at_s)

    client = answer(caller, send=send)
    assert client.ended.kind is ReplyKind.DONE
    caller.sessions = fresh()
    assert caller.finish().passed
    assert observer.frames == sum(len(draft.frames) for draft in client.exchange.drafts)


def test_the_same_answers_give_the_same_report_however_often_the_process_dies(tmp_path):
    reports = []
    for number, dies in enumerate((False, True)):
        clock = FixedClock()
        with Storage.open(tmp_path / f"{number}.sqlite3", clock=clock) as storage:
            sessions = sessions_of(storage, clock)
            caller = Caller(sessions, clock)
            secret = bytes(32)
            give_secret(storage, caller.id, secret)

            def send(body, at_s, caller=caller, storage=storage, clock=clock, dies=dies):
                if dies:
                    caller.sessions = sessions_of(storage, clock)
                return caller.send(body, at_s)

            answer(caller, send=send)
            caller.finish()
            report = caller.sessions.result(caller.id).signed.report
            reports.append({key: report[key] for key in ("checks", "outcome", "steps", "colours")})
    assert reports[0] == reports[1]


def give_secret(storage, session_id, secret):
    with storage._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE nonces SET nonce = ? WHERE id = ?", (secret, session_id))


def test_a_chunk_sent_again_counts_once(storage, clock):
    observer = CountingObserver()
    sessions = sessions_of(storage, clock, observer=observer)
    caller = Caller(sessions, clock)

    def twice(body, at_s):
        first = caller.send(body, at_s)
        seen = observer.frames
        assert caller.send(body, at_s + 0.01) == first
        assert observer.frames == seen
        return first

    client = answer(caller, send=twice)
    assert client.ended.kind is ReplyKind.DONE
    assert caller.finish().passed
    report = sessions.result(caller.id).signed.report
    assert len(report["frames_sha256"]) == len(set(report["frames_sha256"])) == observer.frames


def test_a_model_that_fails_keeps_nothing_and_the_chunk_may_come_again(storage, clock):
    observer = CountingObserver()
    sessions = sessions_of(storage, clock, observer=observer)
    caller = Caller(sessions, clock)
    failed = []

    def send(body, at_s):
        if len(failed) < 3:
            observer.error = ModelError("absent", code="model.missing")
            with pytest.raises(ModelError):
                caller.send(body, at_s)
            failed.append(sessions.store.load(caller.id).chunks)
            observer.error = None
        return caller.send(body, at_s)

    assert answer(caller, send=send).ended.kind is ReplyKind.DONE
    assert failed == [0, 1, 2]
    assert caller.finish().passed


def test_what_ended_a_session_is_remembered_by_every_process(storage, clock):
    caller = Caller(sessions_of(storage, clock), clock)

    def send(body, at_s):
        if at_s > 3:
            reply = caller.send(body[:-1] + bytes([body[-1] ^ 1]), at_s)
            assert reply.kind is ReplyKind.OVER
            caller.sessions = sessions_of(storage, clock)
        return caller.send(body, at_s)

    assert answer(caller, send=send).ended.kind is ReplyKind.OVER
    caller.finish()
    report = caller.sessions.result(caller.id).signed.report
    assert report["reasons"][0] == "liveness.stream_tampered"
    assert report["outcome"] == "FAILED"


def test_a_session_is_judged_once(storage, clock):
    detection = TestDetection()
    sessions = sessions_of(storage, clock, passive=detection)
    caller = Caller(sessions, clock)
    answer(caller)
    told = caller.finish()
    detection.check_of = replace(
        detection.check_of, outcome=Outcome.FAILED, reasons=("liveness.screen_pattern",)
    )
    before = sessions.result(caller.id)
    assert caller.finish() == told
    assert sessions.result(caller.id) == before
    assert len(detection.asked) == 1
    late = caller.send(b"late", 80)
    assert late.kind is ReplyKind.OVER


def test_one_step_at_a_time(storage, clock):
    """While a chunk is looked at, the same session takes no other step; other sessions do."""
    tried = []

    class Curious(CountingObserver):
        def observe(self, payload):
            if not tried:
                for step in (lambda: caller.send(payload, 1.0), caller.finish):
                    with pytest.raises(BusyError) as caught:
                        step()
                    tried.append(caught.value.code)
            return super().observe(payload)

    caller = Caller(sessions_of(storage, clock, observer=Curious()), clock)
    answer(caller)
    assert tried == ["busy.session"] * 2
    assert caller.finish().passed


# -- who, how often, for what


def test_tokens_open_only_their_own_side(sessions, clock):
    caller, other = Caller(sessions, clock), Caller(sessions, clock)
    capture, result = caller.ordered.capture_token.reveal(), caller.result_token
    sessions.require_client(caller.id, capture)
    sessions.require_owner(caller.id, result)
    for require, token in (
        (sessions.require_client, result),
        (sessions.require_owner, capture),
        (sessions.require_client, ""),
        (sessions.require_owner, other.result_token),
    ):
        assert refusal(require, caller.id, token) == "liveness.session_unknown"
    assert capture not in repr(caller.ordered)


def test_a_session_begins_once_and_in_time(sessions, clock):
    caller, late = Caller(sessions, clock), Caller(sessions, clock)
    begun = caller.begin()
    assert refusal(caller.begin) == "freshness.already_used"
    assert begun.key.reveal().hex() not in repr(begun)
    clock.advance(timedelta(seconds=181))
    assert refusal(late.begin) == "freshness.expired"


def test_nothing_can_be_sent_or_finished_before_the_beginning(sessions, clock):
    caller = Caller(sessions, clock)
    assert refusal(sessions.take, caller.id, b"x", clock.now()) == "liveness.session_unfinished"
    assert refusal(caller.finish) == "liveness.session_unfinished"


@pytest.mark.parametrize("kind", ["subject", "case", "device"])
def test_attempts_are_counted_by_subject_case_and_device(storage, clock, kind):
    sessions = sessions_of(storage, clock, attempts=AttemptLimits(most=3, pause=timedelta(0)))

    def wanted(number):
        references = {name: f"{name}-{number}" for name in ("subject", "case", "device")}
        references[kind] = "the-same"
        device = references.pop("device")
        return LiveOrder(binding=LiveBinding(**references), device=device)

    for number in range(3):
        sessions.order(wanted(number))
    with pytest.raises(AttemptsError) as caught:
        sessions.order(wanted(3))
    assert caught.value.wait_s == 900


@pytest.mark.parametrize("reference", ["", "a b", "x" * 129, "số", "a\n"])
def test_a_reference_of_another_form_is_refused(reference):
    for make in (
        lambda: LiveBinding(case=reference, subject="s"),
        lambda: LiveBinding(case="c", subject=reference),
        lambda: LiveOrder(binding=BINDING, device=reference),
    ):
        assert refusal(make) == "liveness.reference_invalid"


OTHERS = {
    "case": replace(BINDING, case="case-2"),
    "subject": replace(BINDING, subject="079185001235"),
    "challenge": replace(BINDING, challenge_id="cd" * 16),
    "no challenge": replace(BINDING, challenge_id=None),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_result_of_another_case_subject_or_challenge_is_refused_and_not_spent(
    sessions, clock, what
):
    caller = Caller(sessions, clock)
    answer(caller)
    caller.finish()
    assert refusal(sessions.use, caller.id, caller.result_token, OTHERS[what]) == (
        "liveness.session_other_case"
    )
    evidence = sessions.use(caller.id, caller.result_token, BINDING)
    assert evidence.checks[0].outcome is Outcome.PASSED
    assert json.loads(evidence.payload)["session"] == caller.id
    assert evidence.best_frame is not None
    assert refusal(sessions.use, caller.id, caller.result_token, BINDING) == "liveness.session_used"


def turned(payload):
    """The mirrored picture, as far as its hash."""
    seen = NumbersObserver().observe(payload)
    return encode_face(seen.face, mirrored_hash(seen.picture_hash))


@pytest.mark.parametrize("mirrored", [False, True], ids=["as it is", "mirrored"])
def test_a_replayed_recording_is_known_to_every_process_and_after_a_restart(
    storage, clock, mirrored
):
    first = Caller(sessions_of(storage, clock, attempts=FREELY), clock)
    client = answer(first)
    assert first.finish().passed
    tape = [frame for draft in client.exchange.drafts for frame in draft.frames]

    again = Caller(sessions_of(storage, clock, attempts=FREELY), clock)
    shown = iter([turned(one.payload) if mirrored else one.payload for one in tape])
    last = tape[-1].payload
    answer(again, 0, frame=lambda at_s, prompt: next(shown, last))
    assert not again.finish().passed
    report = again.sessions.result(again.id).signed.report
    assert "liveness.replayed_session" in report["reasons"]
    assert "replay" in report["suspected"]


def test_what_is_forgotten_is_gone(sessions, clock):
    caller = Caller(sessions, clock)
    answer(caller)
    caller.finish()
    sessions.forget(caller.id)
    assert refusal(sessions.result, caller.id) == "liveness.session_unknown"
    assert refusal(sessions.use, caller.id, caller.result_token, BINDING) == (
        "liveness.session_unknown"
    )


def test_a_session_that_runs_too_long_is_given_up(storage, clock):
    sessions = sessions_of(storage, clock, bounds=SessionBounds(running_s=30))
    caller = Caller(sessions, clock)
    caller.begin()
    clock.advance(timedelta(seconds=31))
    assert refusal(caller.finish) == "liveness.session_unknown"


# -- attestation


class FakeAttestor:
    """Says of a statement what the statement says of itself, if it names this challenge. **Insecure.**"""

    def verify(self, kind, token, challenge):
        claimed, _, named = token.partition(b":")
        return (
            AttestationVerdict(claimed.decode())
            if named == challenge
            else AttestationVerdict.REFUTED
        )


@pytest.mark.parametrize(
    ("claimed", "outcome", "reason"),
    [
        (None, "NOT_PERFORMED", "liveness.client_unattested"),
        ("genuine", "PASSED", None),
        ("refuted", "FAILED", "liveness.attestation_refuted"),
        ("unknown", "INDETERMINATE", "liveness.attestation_unknown"),
        ("of another session", "FAILED", "liveness.attestation_refuted"),
    ],
)
def test_a_statement_about_the_client_is_in_the_report(storage, clock, claimed, outcome, reason):
    sessions = sessions_of(storage, clock, attestor=FakeAttestor())
    caller = Caller(sessions, clock)
    client = SimulatedClient(0)
    begun = caller.begin()
    first = Reply(kind=ReplyKind.CONTINUE, prompt=begun.prompt)
    key = begun.key.reveal()
    client.talk(bytes.fromhex(caller.id), key, first, caller.send)
    assert begun.attestation_challenge == attestation_challenge(bytes.fromhex(caller.id), key)
    named = bytes(32) if claimed == "of another session" else begun.attestation_challenge
    statement = None
    if claimed is not None:
        word = b"genuine" if claimed == "of another session" else claimed.encode()
        statement = (AttestationKind.PLAY_INTEGRITY, word + b":" + named)
    caller.finish(statement)
    report = sessions.result(caller.id).signed.report
    (check,) = (check for check in report["checks"] if check["id"] == "liveness.client")
    assert check["outcome"] == outcome
    assert check["reasons"] == ([reason] if reason else [])


@pytest.mark.models
def test_the_real_rooms_ask_for_five_movements_and_judge_real_pictures(models):
    from ekyc.flows import live_parts
    from ekyc.flows.rooms import Rooms
    from ekyc.imaging import encode_jpeg, read_image
    from ekyc.inference import ModelStore
    from ekyc.liveness.active import ActivePolicy, Step

    rooms = Rooms.over(models)
    parts = live_parts(rooms, KEY)
    assert set(parts.policy.shape.among) == set(Step) - {Step.BLINK}
    asked = {"yunet-2023mar", "mediapipe-face-mesh", "sface-2021dec", "faceplugin-liveness"}
    assert set(parts.models) == asked
    blinking = live_parts(rooms, KEY, policy=ActivePolicy())
    assert set(blinking.models) == asked | {"mediapipe-iris"}
    picture = encode_jpeg(read_image(ModelStore().asset_path("portrait-astronaut")))
    assert parts.observer.observe(picture).face is not None
    assert parts.passive.check([b"no picture"]).outcome is Outcome.NOT_PERFORMED
    assert parts.passive.check([picture] * 6).outcome is Outcome.INDETERMINATE  # one and the same


def test_a_few_more_straight_frames_are_kept_until_the_result_is_used(storage, sessions, clock):
    caller = Caller(sessions, clock)
    client = answer(caller)
    caller.finish()
    evidence = sessions.use(caller.id, caller.result_token, BINDING)
    straight = {
        frame.payload
        for draft in client.exchange.drafts
        if draft.prompt in {0, 2, 4, 6}
        for frame in draft.frames
    }
    kept = {evidence.best_frame, *evidence.other_frames}
    assert 4 <= len(kept) == 1 + len(evidence.other_frames) <= 5
    assert kept <= straight
    assert sessions.store.load(caller.id).best_frame is None
    assert evidence.best_frame.hex() not in repr(evidence)


@given(st.lists(st.binary(min_size=1)))
def test_pictures_come_apart_as_they_were_joined(pictures):
    assert split_pictures(join_pictures(pictures)) == tuple(pictures)
