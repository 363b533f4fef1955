"""The files of a verification: whole, private, and never of two verifications at once."""

import json

import pytest

from ekyc.errors import InputError
from ekyc.flows import VerificationResult, write_outputs
from ekyc.outcomes import Check, Outcome
from ekyc.policy import decide, load_profile


def result_of(outcome, datetime_now):
    profile = load_profile("identity")
    reasons = () if outcome is Outcome.PASSED else ("case.check_error",)
    checks = tuple(Check(id=name, outcome=outcome, reasons=reasons) for name in profile.required)
    return VerificationResult(
        id="00000000-0000-4000-8000-000000000000",
        created_at=datetime_now,
        case_digest="0" * 64,
        sample=False,
        profile=profile,
        decision=decide(profile, checks),
        checks=checks,
        models=(),
    )


@pytest.fixture
def accepted(now):
    return result_of(Outcome.PASSED, now)


@pytest.fixture
def rejected(now):
    return result_of(Outcome.FAILED, now)


@pytest.fixture
def now():
    from ekyc.testing import FixedClock

    return FixedClock().now()


def verdict_in(folder):
    return json.loads((folder / "decision.json").read_text())["verdict"]


def test_files_and_new_folders_are_private(accepted, tmp_path):
    folder = tmp_path / "new" / "out"
    for path in (folder, *write_outputs(accepted, folder)):
        assert path.stat().st_mode & 0o077 == 0, path.name
    assert sorted(path.name for path in folder.iterdir()) == [
        "decision.json",
        "report.html",
        "report.json",
    ]


def test_a_rejection_leaves_no_older_result(accepted, rejected, tmp_path):
    write_outputs(accepted, tmp_path)
    (tmp_path / "result.pdf").write_bytes(b"%PDF of the accepted case")
    write_outputs(rejected, tmp_path)
    assert not (tmp_path / "result.pdf").exists()
    assert verdict_in(tmp_path) == "reject"


def test_writing_that_is_cut_short_leaves_no_older_verdict(accepted, rejected, tmp_path):
    """Whatever stops it half way: what remains must not say accepted."""
    write_outputs(accepted, tmp_path)
    (tmp_path / "result.pdf").write_bytes(b"%PDF of the accepted case")
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()  # where the new report cannot go
    with pytest.raises(InputError) as caught:
        write_outputs(rejected, tmp_path)
    assert caught.value.code == "out.unwritable"
    assert not (tmp_path / "decision.json").exists()
    assert not (tmp_path / "result.pdf").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
