"""What no room can tell alone: who signed the sample, whether the card still counts, whose frames were judged."""

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ekyc.chip import ChipIdentity
from ekyc.face import FaceComparison, FaceProblem, FrameFace, MatchThresholds
from ekyc.flows.safeguards import check_not_expired, with_frames_bound, without_sample_material
from ekyc.liveness import (
    DEFAULT_PROFILE,
    FrameLiveness,
    FrameScore,
    LivenessReport,
    PadPolicy,
    PadThresholds,
)
from ekyc.outcomes import Check, Outcome
from ekyc.policy import Verdict, load_profile, profile_ids
from ekyc.samples import SampleCitizen, make_case
from ekyc.storage import ACTIVE_AUTHENTICATION
from ekyc.values import Redacted

TODAY = date(2026, 7, 1)


def told(check):
    return check.outcome, check.reasons


class TestExpiry:
    def identity(self, **fields):
        return ChipIdentity(issuer="VNM", **{k: Redacted(v) for k, v in fields.items()})

    @pytest.mark.parametrize("day", [TODAY, date(2045, 4, 19)])
    def test_a_card_counts_to_the_end_of_its_last_day(self, day):
        assert told(check_not_expired(self.identity(expiry_date=day), TODAY)) == (
            Outcome.PASSED,
            (),
        )

    def test_the_day_after_it_does_not(self):
        expired = self.identity(expiry_date=date(2026, 6, 30))
        assert told(check_not_expired(expired, TODAY)) == (Outcome.FAILED, ("case.card_expired",))

    @pytest.mark.parametrize(
        "text",
        [
            "Không thời hạn",
            "KHÔNG THỜI HẠN",
            unicodedata.normalize("NFD", "Không thời hạn"),
            " không  thời hạn ",
        ],
    )
    def test_a_card_may_be_without_end(self, text):
        assert told(check_not_expired(self.identity(expiry_text=text), TODAY))[0] is Outcome.PASSED

    @pytest.mark.parametrize("fields", [{}, {"expiry_text": "31/02/2045"}, {"expiry_text": "?"}])
    def test_an_end_that_cannot_be_read_is_left_to_an_officer(self, fields):
        assert told(check_not_expired(self.identity(**fields), TODAY)) == (
            Outcome.INDETERMINATE,
            ("case.expiry_unknown",),
        )

    def test_without_an_identity_nobody_asked(self):
        assert check_not_expired(None, TODAY).outcome is Outcome.NOT_PERFORMED

    def test_every_profile_asks(self):
        assert all("chip.not_expired" in load_profile(name).required for name in profile_ids())


def compared(*problems):
    return FaceComparison(
        check=Check(id="face.match", outcome=Outcome.PASSED),
        thresholds=MatchThresholds(),
        cosine=0.9,
        best_frame=0,
        frames=tuple(FrameFace(index=i, problem=p, rank=0.5) for i, p in enumerate(problems)),
    )


def lively(*scored):
    return LivenessReport(
        check=Check(id="liveness.passive", outcome=Outcome.PASSED),
        thresholds=PadThresholds(),
        profile=DEFAULT_PROFILE,
        policy=PadPolicy(),
        median=0.9,
        at_best=0.9,
        screen_lines_nats=0.0,
        frames=tuple(
            FrameLiveness(
                index=i,
                problem=None,
                score=FrameScore(wide=0.9, square=0.9) if counts else None,
                screen_lines_nats=0.0,
                face_width_px=200.0,
                quality=None,
            )
            for i, counts in enumerate(scored)
        ),
    )


class TestFrames:
    """Live frames of a stranger in profile, whose eyes lie too close for a comparison, and one frame of the holder."""

    def test_frames_that_prove_life_but_no_likeness_leave_the_match_open(self):
        face = compared(None, *[FaceProblem.TOO_SMALL] * 5)
        (check,) = with_frames_bound(face.checks, face, lively(False, *[True] * 5))
        assert told(check) == (Outcome.INDETERMINATE, ("case.frames_not_compared",))

    def test_one_such_frame_is_enough(self):
        face = compared(None, None, None, FaceProblem.TOO_SMALL)
        (check,) = with_frames_bound(face.checks, face, lively(True, True, True, True))
        assert check.outcome is Outcome.INDETERMINATE

    def test_frames_that_prove_neither_are_no_matter(self):
        face = compared(None, FaceProblem.NO_FACE, FaceProblem.SEVERAL_FACES)
        assert with_frames_bound(face.checks, face, lively(True, False, False)) == face.checks

    def test_a_mismatch_stays_one(self):
        face = compared(FaceProblem.TOO_SMALL)
        failed = Check(id="face.match", outcome=Outcome.FAILED, reasons=("face.not_same_person",))
        assert with_frames_bound((failed,), face, lively(True)) == (failed,)

    def test_without_one_of_the_two_there_is_nothing_to_bind(self):
        face = compared(FaceProblem.TOO_SMALL)
        assert with_frames_bound(face.checks, face, None) == face.checks
        assert with_frames_bound(face.checks, None, lively(True)) == face.checks


def test_to_call_material_a_sample_excuses_no_attack():
    attack = Check(
        id="liveness.passive", outcome=Outcome.FAILED, reasons=("liveness.presentation_attack",)
    )
    assert without_sample_material((attack,)) == (attack,)


@pytest.mark.models
class TestWholeCase:
    def test_a_chip_of_the_simulator_makes_a_sample_whatever_the_case_says(self, honest):
        """Else one edited line of case.toml turns rendered frames into a live citizen."""
        case = replace(
            honest.case,
            sample=False,
            profile_id="identity",
            card_front=None,
            card_back=None,
            original_pages=(),
            copy_pages=(),
        )
        result = honest.verifier.verify(case)
        (liveness,) = [check for check in result.checks if check.id == "liveness.passive"]
        assert told(liveness) == (Outcome.NOT_PERFORMED, ("case.sample_material",))
        assert result.sample

    def test_an_expired_card_is_rejected(self, honest, issuer, astronaut, tmp_path):
        from ekyc.flows import load_case

        challenge = honest.storage.nonces.issue(ACTIVE_AUTHENTICATION)
        make_case(
            tmp_path,
            citizen=replace(SampleCitizen.default(), expiry_date=date(2024, 4, 19)),
            portrait=astronaut,
            selfie=astronaut,
            issuer=issuer,
            nonce=challenge.nonce,
        )
        case = replace(
            load_case(tmp_path), card_front=None, card_back=None, original_pages=(), copy_pages=()
        )
        result = honest.verifier.verify(case, challenge_id=challenge.id)
        assert result.decision.verdict is Verdict.REJECT
        assert result.decision.blocking[0] == "chip.not_expired"
        assert datetime.now(UTC).date() > date(2024, 4, 19)


@pytest.mark.models
def test_what_a_demonstration_accepts_never_passes_for_a_real_case(models):
    """Its profile exempts frames from the check for injection, and whoever sends the case names the profile."""
    from ekyc.flows import Case, Verifier
    from ekyc.pki import TrustStore

    with Verifier(engine=models, trust=TrustStore()) as verifier:
        found = {name: verifier.verify(Case(profile_id=name)) for name in ("demo", "identity")}
    assert {name: result.sample for name, result in found.items()} == {
        "demo": True,
        "identity": False,
    }
