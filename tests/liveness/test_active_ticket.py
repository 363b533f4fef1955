"""Tickets count once; reports are signed whole; attestation and the memory of frames."""

import json
import warnings
from datetime import timedelta

import numpy as np
import pytest

from ekyc.benchmarks.pad_attacks import recording, session_of
from ekyc.errors import InputError
from ekyc.imaging import encode_jpeg, resize
from ekyc.imaging.decode import decode_image
from ekyc.liveness.active import (
    DEFAULT_ACTIVE,
    ActivePolicy,
    AttestationKind,
    AttestationVerdict,
    RecentFrames,
    SessionEvidence,
    Suspected,
    attestation_challenge,
    check_client,
    issue_ticket,
    picture_hash,
    redeem_ticket,
    report_session,
    sign_report,
)
from ekyc.liveness.active.memory import count_replayed, mirrored_hash
from ekyc.liveness.active.motion import measure_parallax, motion_repeats
from ekyc.liveness.active.simulated_client import InsecureSimulationWarning, NumbersObserver
from ekyc.outcomes import Outcome
from ekyc.storage import FreshnessError, Storage
from ekyc.testing import FixedClock, InsecureFakeWarning, SeededRandom

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)


@pytest.fixture(scope="module")
def passed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureSimulationWarning)
        return recording(5, NumbersObserver())[0]


class Attestor:
    def __init__(self, verdict):
        self.verdict, self.asked = verdict, []

    def verify(self, kind, token, challenge):
        self.asked.append((kind, token, challenge))
        return self.verdict


@pytest.mark.parametrize(
    ("verdict", "outcome", "reasons"),
    [
        (AttestationVerdict.GENUINE, Outcome.PASSED, ()),
        (AttestationVerdict.REFUTED, Outcome.FAILED, ("liveness.attestation_refuted",)),
        (AttestationVerdict.UNKNOWN, Outcome.INDETERMINATE, ("liveness.attestation_unknown",)),
    ],
)
def test_a_statement_about_the_client_must_name_the_session(passed, verdict, outcome, reasons):
    attestor = Attestor(verdict)
    statement = (AttestationKind.APP_ATTEST, b"token")
    check = check_client(attestor, statement, session_id=passed.id, key=passed.key)
    assert (check.outcome, check.reasons) == (outcome, reasons)
    assert attestor.asked[0][2] == attestation_challenge(passed.id, passed.key)
    assert attestation_challenge(passed.id, b"x" * 32) != attestor.asked[0][2]


def test_nobody_vouches_and_the_result_says_so(passed):
    for attestor, statement in (
        (None, (AttestationKind.PLAY_INTEGRITY, b"t")),
        (Attestor(AttestationVerdict.GENUINE), None),
    ):
        check = check_client(attestor, statement, session_id=passed.id, key=passed.key)
        assert check.outcome is Outcome.NOT_PERFORMED
        assert check.reasons == ("liveness.client_unattested",)


def test_an_endless_token_is_refused(passed):
    with pytest.raises(InputError):
        check_client(
            Attestor(AttestationVerdict.GENUINE),
            (AttestationKind.APP_ATTEST, bytes(65537)),
            session_id=passed.id,
            key=passed.key,
        )


class Signer:
    key_id = "test"

    def sign(self, payload):
        return payload[::-1]


def test_a_report_is_signed_whole_and_holds_no_vector(passed):
    client = check_client(None, None, session_id=passed.id, key=passed.key)
    report = report_session(passed, client=client, models={"net": "00" * 32})
    signed = sign_report(report, Signer())
    told = json.loads(signed.payload)
    assert signed.signature == signed.payload[::-1]
    assert told["outcome"] == "PASSED"
    assert told["frames_sha256"] == list(report.frame_digests)
    assert told["models_sha256"] == {"net": "00" * 32}
    assert told["policy"]["prompt_s"] == DEFAULT_ACTIVE.prompt_s
    assert "embedding" not in signed.payload.decode()
    assert sign_report(report, Signer()) == signed


def test_frames_of_an_earlier_session_are_an_attack(passed):
    client = check_client(None, None, session_id=passed.id, key=passed.key)
    report = report_session(passed, client=client, evidence=SessionEvidence(known_frames=3))
    assert report.outcome is Outcome.FAILED
    assert report.suspected == (Suspected.REPLAY,)


def test_memory_knows_other_sessions_and_forgets_the_oldest():
    memory = RecentFrames(most_sessions=2)
    memory.remember([2**255 + 5], session_id=b"a")
    assert memory.count_known([2**255 + 4], session_id=b"b") == 1
    assert memory.count_known([2**255 + 4], session_id=b"a") == 0
    assert memory.count_known([2**40 - 1], session_id=b"b") == 0
    assert memory.count_known([], session_id=b"b") == 0
    memory.remember([2**100 - 1], session_id=b"b")
    memory.remember([2**100 - 1], session_id=b"c")
    assert memory.count_known([2**255 + 5], session_id=b"d") == 0


def test_a_mirrored_picture_is_known_too():
    random = np.random.default_rng(11)
    scenes = [
        resize(random.integers(0, 256, (9, 7, 3), dtype=np.uint8), 480, 640) for _ in range(8)
    ]
    kept = [picture_hash(scene) for scene in scenes]
    turned = [picture_hash(np.ascontiguousarray(scene[:, ::-1])) for scene in scenes]
    for one, other in zip(kept, turned, strict=True):
        assert (one ^ other).bit_count() > 60
        assert (mirrored_hash(one) ^ other).bit_count() <= 16
        assert mirrored_hash(mirrored_hash(one)) == one
    memory = RecentFrames()
    memory.remember(kept, session_id=b"a")
    assert memory.count_known(turned, session_id=b"b") == 0
    assert count_replayed(memory, turned, session_id=b"b") == 8
    assert count_replayed(memory, kept, session_id=b"b") == 8
    assert count_replayed(memory, turned, session_id=b"a") == 0
    assert count_replayed(memory, [0, 0], session_id=b"b") == 0


def test_frames_without_a_picture_are_like_no_others():
    memory = RecentFrames()
    memory.remember([0, 0, 0], session_id=b"a")
    memory.remember([0, 2**255], session_id=b"b")
    assert memory.count_known([0, 0, 0], session_id=b"c") == 0


def test_a_picture_keeps_its_hash_through_compression_and_scaling():
    random = np.random.default_rng(3)
    scene = resize(random.integers(0, 256, (24, 18, 3), dtype=np.uint8), 360, 480)
    worse = decode_image(encode_jpeg(resize(scene, 240, 320), 40), name="x")
    other = resize(random.integers(0, 256, (24, 18, 3), dtype=np.uint8), 360, 480)
    assert (picture_hash(scene) ^ picture_hash(worse)).bit_count() <= 16
    assert (picture_hash(scene) ^ picture_hash(other)).bit_count() > 60


def test_a_loop_repeats_its_motion_and_a_person_does_not(passed):
    faces = [(f.captured_s, f.seen.face) for f in passed.frames]
    assert motion_repeats(faces) > 0.7
    assert motion_repeats(faces[:40] + faces[5:40]) < 0.05
    assert motion_repeats(faces[:10]) == float("inf")


def test_parallax_needs_points(passed):
    face = passed.frames[0].seen.face
    assert measure_parallax(face, face) is None


@pytest.fixture
def store(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureFakeWarning)
        random = SeededRandom(1)
    clock = FixedClock()
    with Storage.open(tmp_path / "state.db", clock=clock, random=random) as opened:
        yield opened.nonces, clock


def test_a_ticket_opens_one_session(store):
    nonces, _ = store
    ticket = issue_ticket(nonces)
    session = redeem_ticket(nonces, ticket.session_id, policy=ActivePolicy(), now_s=5.0)
    assert session.key == ticket.key
    assert session.secret not in repr(ticket).encode()
    with pytest.raises(FreshnessError) as caught:
        redeem_ticket(nonces, ticket.session_id, policy=ActivePolicy(), now_s=6.0)
    assert caught.value.code == "freshness.already_used"


def test_a_ticket_expires(store):
    nonces, clock = store
    ticket = issue_ticket(nonces, ttl_s=60)
    clock.advance(timedelta(seconds=61))
    with pytest.raises(FreshnessError) as caught:
        redeem_ticket(nonces, ticket.session_id, policy=ActivePolicy(), now_s=5.0)
    assert caught.value.code == "freshness.expired"


def test_two_sessions_ask_different_things():
    asked = {(s.plan.steps, s.plan.colours) for s in map(session_of, range(200))}
    assert len(asked) == 200
