"""A liveness session as the live part of a case: its own case alone, once, and never better than its checks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from live_service import BINDING, Caller, TestDetection, opened_storage, sessions_of

from ekyc.errors import InputError
from ekyc.flows import Case, CaseFile, LiveEvidence, LiveUse, with_live_session
from ekyc.flows.live_case import BEST_FRAME, checks_of_session, with_one_person
from ekyc.imaging import encode_jpeg
from ekyc.liveness.active import Reply, ReplyKind
from ekyc.liveness.active.simulated_client import SimulatedClient
from ekyc.outcomes import Check, Measurement, Outcome
from ekyc.policy import Verdict, decide, load_profile
from ekyc.testing import FixedClock
from ekyc.values import Redacted

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)
CASE = Case(profile_id="identity")


@pytest.fixture
def service(tmp_path):
    """Sessions, and one of them answered honestly but not finished."""
    clock = FixedClock()
    with opened_storage(tmp_path, clock) as storage:
        caller = Caller(sessions_of(storage, clock, passive=TestDetection()), clock)
        begun = caller.begin()
        SimulatedClient(0).talk(
            bytes.fromhex(caller.id),
            begun.key.reveal(),
            Reply(kind=ReplyKind.CONTINUE, prompt=begun.prompt),
            caller.send,
        )
        yield caller


def use_of(caller, **changes):
    use = LiveUse(
        session_id=caller.id,
        result_token=caller.ordered.result_token,
        case=BINDING.case,
        subject=BINDING.subject,
    )
    return replace(use, **changes)


def taken(caller, submitted=CASE, challenge_id=BINDING.challenge_id, **changes):
    return with_live_session(
        submitted, caller.sessions, use_of(caller, **changes), challenge_id=challenge_id
    )


def outcomes(case):
    return {check.id: (check.outcome, check.reasons) for check in case.live.checks}


def test_the_best_frame_and_the_checks_become_the_live_part(service):
    service.finish()
    case = taken(service)
    (frame,) = case.face_frames
    assert frame.name == BEST_FRAME
    assert {check_id for check_id, (found, _) in outcomes(case).items() if found == "PASSED"} == {
        "liveness.challenge",
        "liveness.stream",
        "liveness.passive",
    }
    assert case.live.case == BINDING.case
    assert case.digest() != replace(case, live=None).digest() != CASE.digest()


REFUSED = {
    "another case": {"case": "case-2"},
    "another subject": {"subject": "someone"},
    "another challenge": {"challenge_id": "cd" * 16},
    "no challenge": {"challenge_id": None},
    "another token": {"result_token": Redacted("x" * 43)},
    "another session": {"session_id": "0" * 32},
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_session_that_was_not_ordered_for_this_case_is_a_reason(service, what):
    service.finish()
    case = taken(service, **REFUSED[what])
    unknown = what in {"another token", "another session"}
    outcome = Outcome.INDETERMINATE if unknown else Outcome.FAILED
    code = "liveness.session_unknown" if unknown else "liveness.session_other_case"
    assert set(outcomes(case).values()) == {(outcome, (code,))}
    assert case.face_frames == ()
    assert case.live.case is None
    verdict = decide(load_profile("identity-present"), case.live.checks).verdict
    assert verdict is (Verdict.REVIEW if unknown else Verdict.REJECT)
    assert taken(service).face_frames  # and nothing was spent


def test_a_result_counts_once(service):
    service.finish()
    taken(service)
    assert set(outcomes(taken(service)).values()) == {(Outcome.FAILED, ("liveness.session_used",))}


def test_an_unfinished_session_decides_nothing(service):
    assert set(outcomes(taken(service)).values()) == {
        (Outcome.INDETERMINATE, ("liveness.session_unfinished",))
    }


def test_frames_of_the_case_beside_a_session_are_refused_before_it_is_spent(service):
    service.finish()
    frame = CaseFile(name="face/1.jpg", data=b"x")
    with pytest.raises(InputError) as caught:
        taken(service, replace(CASE, face_frames=(frame,)))
    assert caught.value.code == "case.two_live_parts"
    assert taken(service).face_frames


def check(check_id, outcome=Outcome.PASSED, *reasons, **options):
    return Check(id=check_id, outcome=outcome, reasons=reasons, **options)


MATCH = (check("face.match"),)
SWITCHED = check("liveness.stream", Outcome.FAILED, "liveness.subject_switch")
REFUTED = check("liveness.client", Outcome.FAILED, "liveness.attestation_refuted")
UNATTESTED = check("liveness.client", Outcome.NOT_PERFORMED, "liveness.client_unattested")


@pytest.mark.parametrize(("profile", "blocks"), [("present", False), ("present-attested", True)])
def test_a_silent_client_is_accepted_only_where_no_statement_is_asked_for(profile, blocks):
    asked = load_profile(f"identity-{profile}")
    passed = [check(name) for name in asked.required if name != UNATTESTED.id]
    decision = decide(asked, (*passed, UNATTESTED))
    assert decision.verdict is (Verdict.REVIEW if blocks else Verdict.ACCEPT)


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [
        ((check("liveness.stream"),), Outcome.PASSED),
        ((SWITCHED,), Outcome.INDETERMINATE),
        ((check("liveness.stream"), REFUTED), Outcome.INDETERMINATE),
        ((check("liveness.stream"), UNATTESTED), Outcome.PASSED),
        ((), Outcome.INDETERMINATE),
    ],
)
def test_a_match_counts_only_if_one_person_sat_there_throughout(checks, outcome):
    (found,) = with_one_person(MATCH, LiveEvidence(checks=checks))
    assert found.outcome is outcome
    assert with_one_person(MATCH, None) == MATCH


def test_a_failed_match_stays_failed():
    failed = (check("face.match", Outcome.FAILED, "face.not_same_person"),)
    assert with_one_person(failed, LiveEvidence(checks=(SWITCHED,))) == failed


@pytest.mark.parametrize(
    ("score", "asked", "outcome"),
    [
        (0.8, None, "PASSED"),
        (0.8, 0.7, "PASSED"),
        (0.8, 0.9, "INDETERMINATE"),
        (None, 0.5, "INDETERMINATE"),
    ],
)
def test_what_a_profile_asks_of_passive_detection_holds_for_a_session(score, asked, outcome):
    measured = () if score is None else (Measurement(name="live_score", value=score),)
    evidence = LiveEvidence(checks=(check("liveness.passive", measurements=measured),))
    profile = replace(load_profile("identity"), liveness_live_at=asked)
    (found,) = checks_of_session(evidence, profile, forbidden=False)
    assert found.outcome == outcome
    (found,) = checks_of_session(evidence, profile, forbidden=True)
    assert (found.outcome, found.reasons) == (
        Outcome.NOT_PERFORMED,
        ("model.undisclosed_not_allowed",),
    )


@pytest.mark.models
def test_a_verifier_decides_by_the_session(service, models):
    """Without a chip nothing is accepted; the session's checks stand in the result as they are."""
    from ekyc.flows import Verifier
    from ekyc.pki import TrustStore

    service.finish()
    case = taken(service)
    live = replace(case.live, other_frames=())  # the simulated client's are no pictures
    case = replace(case, profile_id="identity-present", face_frames=(), live=live)
    with Verifier(engine=models, trust=TrustStore()) as verifier:
        result = verifier.verify(case)
    found = {check.id: check.outcome for check in result.checks}
    assert found["liveness.challenge"] is found["liveness.passive"] is Outcome.PASSED
    assert found["liveness.client"] is Outcome.NOT_PERFORMED
    assert result.decision.verdict is Verdict.REVIEW
    assert "liveness.challenge" not in result.decision.blocking


@pytest.mark.models
def test_a_picture_that_cannot_be_read_spends_no_session(service, models):
    from ekyc.flows import Verifier
    from ekyc.pki import TrustStore

    service.finish()
    broken = CaseFile(name="card/front.jpg", data=b"no picture")
    live = partial(
        with_live_session,
        sessions=service.sessions,
        use=use_of(service),
        challenge_id=BINDING.challenge_id,
    )
    with (
        Verifier(engine=models, trust=TrustStore()) as verifier,
        pytest.raises(InputError) as caught,
    ):
        verifier.verify(replace(CASE, card_front=broken), live=live)
    assert caught.value.subject == "card/front.jpg"
    assert taken(service).face_frames


@pytest.mark.models
def test_every_frame_of_a_session_is_held_against_the_portrait(honest, chip_only):
    """The best frame shows nothing of the portrait, another one is made from it."""
    blank = encode_jpeg(np.full((720, 540, 3), 128, dtype=np.uint8))
    best = CaseFile(name=BEST_FRAME, data=blank)
    made = tuple(file.data for file in honest.case.face_frames[:1])
    found = []
    for others in ((), made):
        live = LiveEvidence(checks=(), best_frame=blank, other_frames=others)
        case = replace(chip_only, profile_id="identity", face_frames=(best,), live=live)
        checks = honest.verifier.verify(case).checks
        found += [check.reasons for check in checks if check.id == "liveness.portrait_injection"]
    without, beside = found
    assert without == ("face.no_face",)
    assert set(beside) & {"face.frames_from_portrait", "face.frames_like_portrait"}
