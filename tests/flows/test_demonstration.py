"""The demonstration accepts the honest citizen and stops each attack, each by its own reason."""

import pytest

from ekyc.errors import InputError
from ekyc.imaging.decode import read_image
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.samples.attacks import ATTACKS
from ekyc.samples.demonstration import DemonstrationPictures, run_demonstration

pytestmark = pytest.mark.models

OWN_REASON = {
    "cloned-chip": "chip.aa_invalid",
    "altered-dg": "chip.hash_mismatch",
    "stripped-evidence": "chip.aa_key_withheld",
    "foreign-signer": "chip.no_anchor",
    "impostor": "face.not_same_person",
    "screen-replay": "liveness.presentation_attack",
    "portrait-injection": "face.frames_from_portrait",
    "altered-copy": "document.digit_changed",
    "tampered-pdf": "signature.digest_mismatch",
    "replayed-nonce": "freshness.already_used",
}


@pytest.fixture(scope="module")
def pictures(models):
    portrait = read_image(models.store.asset_path("portrait-astronaut"))
    impostor = read_image(models.store.asset_path("portrait-hopper"))
    return DemonstrationPictures(portrait=portrait, selfie=portrait, impostor=impostor)


def test_the_honest_citizen_is_accepted_and_gets_a_signed_result(models, pictures, tmp_path):
    shown = run_demonstration(tmp_path, pictures, engine=models)
    assert shown.result.decision.verdict is Verdict.ACCEPT
    assert shown.outcome is Outcome.PASSED
    assert shown.validation is not None
    assert shown.validation.outcome is Outcome.PASSED
    names = {path.name for path in shown.written}
    assert names == {"report.json", "report.html", "decision.json", "result.pdf"}


def test_every_attack_has_a_reason_of_its_own():
    assert set(OWN_REASON) == set(ATTACKS)
    assert len(set(OWN_REASON.values())) == len(ATTACKS)


@pytest.mark.parametrize("name", sorted(OWN_REASON))
def test_the_attack_is_stopped_by_its_own_reason(name, models, pictures, tmp_path):
    shown = run_demonstration(tmp_path, pictures, engine=models, attack=ATTACKS[name])
    assert shown.outcome in {Outcome.FAILED, Outcome.INDETERMINATE}
    checks = shown.result.checks
    if name == "tampered-pdf":
        checks = shown.validation.checks
    stopped = [check for check in checks if check.id == ATTACKS[name].stopped_by]
    assert any(OWN_REASON[name] in check.reasons for check in stopped)
    if name != "tampered-pdf":
        assert OWN_REASON[name] in shown.result.decision.reasons
        assert not (tmp_path / "result.pdf").exists()


def test_a_folder_that_holds_a_real_case_is_left_alone(models, pictures, tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case/case.toml").write_text("sample = false\n")
    with pytest.raises(Exception, match="not a sample case"):
        run_demonstration(tmp_path, pictures, engine=models)
    assert (tmp_path / "case/case.toml").exists()


def test_keys_of_a_real_authority_in_the_folder_survive(models, pictures, tmp_path):
    keys = tmp_path / "authority"
    keys.mkdir()
    (keys / "keystore.json").write_text("the operator's own")
    run_demonstration(tmp_path, pictures, engine=models, attack=ATTACKS["cloned-chip"])
    assert (keys / "keystore.json").read_text() == "the operator's own"


def test_a_case_that_only_mentions_samples_is_not_removed(models, pictures, tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case/case.toml").write_text('# no sample = true here\nprofile = "identity"\n')
    with pytest.raises(InputError) as caught:
        run_demonstration(tmp_path, pictures, engine=models)
    assert caught.value.code == "sample.not_ours"
    assert (tmp_path / "case/case.toml").exists()


def test_pictures_of_a_person_stay_private(models, pictures, tmp_path):
    folder = tmp_path / "new"
    run_demonstration(folder, pictures, engine=models, attack=ATTACKS["cloned-chip"])
    assert folder.stat().st_mode & 0o077 == 0
