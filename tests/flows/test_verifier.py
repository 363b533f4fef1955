"""The verifier: what is missing leads to review, a bad file is named, a batch keeps its good cases."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ekyc.errors import InputError
from ekyc.flows import CaseFile, Verifier, decision_as_json, render_html_report, result_as_json
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.samples import SampleCitizen
from ekyc.samples.case import citizen_data

pytestmark = pytest.mark.models


def outcome_of(result, check_id):
    (check,) = [check for check in result.checks if check.id == check_id]
    return check.outcome, check.reasons


def test_without_a_challenge_freshness_is_not_performed(honest, chip_only):
    result = honest.verifier.verify(chip_only)
    outcome, reasons = outcome_of(result, "chip.active_authentication")
    assert outcome is Outcome.NOT_PERFORMED
    assert reasons == ("chip.aa_no_challenge",)
    assert result.decision.verdict is Verdict.REVIEW


def test_an_unknown_challenge_decides_nothing(honest, chip_only):
    result = honest.verifier.verify(chip_only, challenge_id="made-up")
    assert outcome_of(result, "chip.active_authentication") == (
        Outcome.INDETERMINATE,
        ("freshness.unknown",),
    )


def test_a_bad_picture_is_named_before_the_challenge_is_spent(honest):
    challenge = honest.storage.nonces.issue("active-authentication")
    bad = replace(honest.case, card_front=CaseFile(name="card/front.jpg", data=b"\xff\xd8\xff cut"))
    with pytest.raises(InputError) as caught:
        honest.verifier.verify(bad, challenge_id=challenge.id)
    assert caught.value.subject == "card/front.jpg"
    assert honest.storage.nonces.redeem(challenge.id, "active-authentication") == challenge.nonce


def test_a_bad_case_of_a_batch_harms_no_other(honest, chip_only):
    bad = replace(honest.case, face_frames=(CaseFile(name="face/1.png", data=b"no picture"),))
    unknown = replace(chip_only, profile_id="no-such-profile")
    items = honest.verifier.verify_batch([chip_only, bad, chip_only, unknown])
    assert [item.error.code if item.error else None for item in items] == [
        None,
        "image.wrong_type",
        None,
        "profile.unknown",
    ]
    assert items[0].result.decision == items[2].result.decision


def test_each_case_of_a_batch_may_bring_its_challenge(honest, chip_only):
    challenge = honest.storage.nonces.issue("active-authentication")
    fresh, stale = honest.verifier.verify_batch(
        [chip_only, chip_only], challenge_ids=[None, challenge.id]
    )
    assert outcome_of(fresh.result, "chip.active_authentication")[1] == ("chip.aa_no_challenge",)
    assert outcome_of(stale.result, "chip.active_authentication")[1] == ("chip.aa_invalid",)
    with pytest.raises(InputError) as caught:
        honest.verifier.verify_batch([chip_only], challenge_ids=[])
    assert caught.value.code == "batch.challenges"


def test_a_signed_portrait_that_is_no_picture_decides_nothing(models, issuer, honest, tmp_path):
    card = issuer.issue_card(citizen_data(SampleCitizen.default()), b"\xff\xd8\xff no picture")
    case = replace(
        honest.case,
        chip=card.files,
        card_front=None,
        card_back=None,
        original_pages=(),
        copy_pages=(),
    )
    result = honest.verifier.verify(case)
    assert outcome_of(result, "face.match") == (
        Outcome.INDETERMINATE,
        ("case.portrait_unreadable",),
    )
    assert "EF.DG2" not in render_html_report(result).split("<h2>Khuôn mặt")[1].split("<h2>")[0]


def test_an_empty_case_is_review_and_every_check_says_why(honest):
    empty = replace(
        honest.case,
        chip=None,
        card_front=None,
        card_back=None,
        face_frames=(),
        original_pages=(),
        copy_pages=(),
    )
    result = honest.verifier.verify(empty)
    assert result.decision.verdict is Verdict.REVIEW
    assert {check.outcome for check in result.checks} == {Outcome.NOT_PERFORMED}
    assert {code for check in result.checks for code in check.reasons} == {"case.part_missing"}


def test_sample_frames_pass_under_the_demonstration_profile_only(honest):
    case = replace(honest.case, card_front=None, card_back=None, original_pages=(), copy_pages=())
    demo = honest.verifier.verify(case)
    identity = honest.verifier.verify(replace(case, profile_id="identity"))
    assert outcome_of(demo, "liveness.passive")[0] is Outcome.PASSED
    assert outcome_of(identity, "liveness.passive") == (
        Outcome.NOT_PERFORMED,
        ("case.sample_material",),
    )


def test_many_threads_get_the_answer_of_one(honest, chip_only):
    case = replace(chip_only, face_frames=honest.case.face_frames[:3])
    alone = honest.verifier.verify(case)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(honest.verifier.verify, [case] * 6))
    for result in results:
        assert result.decision == alone.decision
        assert [(c.id, c.outcome, c.measurements) for c in result.checks] == [
            (c.id, c.outcome, c.measurements) for c in alone.checks
        ]


def test_a_profile_may_forbid_models_of_undisclosed_training(honest, chip_only, monkeypatch):
    from ekyc.flows import verify_identity
    from ekyc.policy import load_profile

    strict = replace(load_profile("identity"), allow_undisclosed=False)
    monkeypatch.setattr(verify_identity, "load_profile", lambda _: strict)
    result = honest.verifier.verify(replace(chip_only, face_frames=honest.case.face_frames))
    assert outcome_of(result, "liveness.passive") == (
        Outcome.NOT_PERFORMED,
        ("model.undisclosed_not_allowed",),
    )


def test_print_zone_code_and_chip_stand_against_each_other(honest, chip_only, validate_against):
    case = replace(chip_only, card_front=honest.case.card_front, card_back=honest.case.card_back)
    written = result_as_json(honest.verifier.verify(case))
    validate_against("ekyc.verify.1", written)
    found = {
        (item["field"], *item["between"]): item["verdict"]
        for item in written["card"]["cross_check"]
    }
    for source in ("print", "mrz", "qr"):
        assert found["full_name", source, "chip"] == "EQUAL"
        assert found["birth_date", source, "chip"] == "EQUAL"
        assert found["personal_number", source, "chip"] == "EQUAL"
    assert found["full_name", "print", "mrz"] == "EQUAL"
    alone = result_as_json(honest.verifier.verify(replace(case, chip=None)))
    validate_against("ekyc.verify.1", alone)
    assert not any("chip" in item["between"] for item in alone["card"]["cross_check"])
    assert result_as_json(honest.verifier.verify(chip_only))["card"] is None


PERSONAL = (
    SampleCitizen.default().personal_number,
    SampleCitizen.default().personal_number[-9:],
    SampleCitizen.default().full_name,
    SampleCitizen.default().residence,
)


def test_no_personal_data_in_result_decision_log_or_repr(honest, caplog):
    with caplog.at_level(logging.DEBUG):
        result = honest.verifier.verify(honest.case)
    shown = (
        json.dumps([result_as_json(result), decision_as_json(result)], ensure_ascii=False)
        + repr(result)
        + repr(result.chip)
        + repr(result.card)
        + repr(result.comparison)
        + caplog.text
    )
    for value in PERSONAL:
        assert value not in shown
    assert (honest.storage.results.recent(1)[0].verdict) is result.decision.verdict


def test_the_report_is_one_file_that_loads_nothing(honest, chip_only):
    page = render_html_report(
        honest.verifier.verify(replace(chip_only, face_frames=honest.case.face_frames))
    )
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert page.count('<img src="data:image/jpeg;base64,') >= 2


def test_the_result_is_recorded_without_a_word_of_the_person(honest, chip_only):
    result = honest.verifier.verify(chip_only)
    stored = honest.storage.results.recent(1)[0]
    assert (stored.case_digest, stored.profile) == (result.case_digest, result.profile.id)


def test_a_verifier_without_storage_cannot_prove_freshness(models, trust, chip_only):
    with Verifier(engine=models, trust=trust) as verifier:
        result = verifier.verify(chip_only, challenge_id="any")
    assert outcome_of(result, "chip.active_authentication")[0] is Outcome.NOT_PERFORMED
