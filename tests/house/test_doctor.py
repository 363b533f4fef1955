"""ekyc doctor: each finding for its fault, and the exit codes."""

from __future__ import annotations

import json

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from ekyc.cli import doctor
from ekyc.outcomes import Outcome

app = typer.Typer()
doctor.register(app)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_MODELS", str(tmp_path / "no-models"))

    def invoke(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return invoke


@pytest.mark.parametrize(
    ("installed", "outcome", "reasons"),
    [
        ({"opencv-python-headless": "5.0"}, Outcome.PASSED, ()),
        ({}, Outcome.FAILED, ("doctor.package_missing",)),
        ({"opencv-python": "5.0"}, Outcome.INDETERMINATE, ("doctor.opencv_with_windows",)),
        (
            {"opencv-python": "4.9", "opencv-python-headless": "5.0"},
            Outcome.FAILED,
            ("doctor.several_opencv",),
        ),
    ],
)
def test_exactly_one_distribution_may_own_cv2(installed, outcome, reasons):
    check = doctor.opencv_finding(installed).check

    assert (check.outcome, check.reasons) == (outcome, reasons)


def test_missing_models_are_a_problem_with_the_command_that_mends_it(run, tmp_path):
    result = run("--json", "--state", str(tmp_path / "state.sqlite3"))

    found = json.loads(result.stdout)
    assert found["schema"] == "ekyc.doctor/1"
    assert found["outcome"] == "FAILED"
    assert "doctor.model_missing" in found["reasons"]
    assert result.exit_code == 11
    by_id = {check["id"]: check for check in found["checks"]}
    assert by_id["doctor.python"]["outcome"] == "PASSED"
    assert by_id["doctor.packages"]["outcome"] == "PASSED"
    assert by_id["doctor.fonts"]["outcome"] == "PASSED"
    assert by_id["doctor.state"]["outcome"] == "PASSED"
    assert "yunet-2023mar" in by_id["doctor.models"]["seen"]


def test_a_damaged_state_database_is_a_problem(run, tmp_path):
    path = tmp_path / "state.sqlite3"
    path.write_bytes(b"junk" * 1000)

    result = run("--json", "--state", str(path))

    by_id = {check["id"]: check for check in json.loads(result.stdout)["checks"]}
    assert by_id["doctor.state"]["outcome"] == "FAILED"
    assert by_id["doctor.state"]["seen"].startswith("storage.corrupted")


def test_people_see_what_is_wrong_and_what_mends_it(run, tmp_path):
    result = run("--state", str(tmp_path / "state.sqlite3"))

    assert "FAILED        models" in result.stdout
    assert "ekyc models install" in result.stdout


def test_an_absent_extra_names_its_command(capsys):
    finding = doctor._optional("doctor.extra_ray", there=False, hint="pip install 'ekyc-vn[ray]'")
    doctor._print(Console(), finding)

    assert "pip install 'ekyc-vn[ray]'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ([Outcome.PASSED, Outcome.NOT_PERFORMED], Outcome.PASSED),
        ([Outcome.PASSED, Outcome.INDETERMINATE], Outcome.INDETERMINATE),
        ([Outcome.FAILED, Outcome.INDETERMINATE], Outcome.FAILED),
    ],
)
def test_absent_optional_parts_do_not_count(outcomes, whole):
    checks = tuple(
        doctor._finding(
            "doctor.x",
            "",
            *(() if outcome is Outcome.PASSED else ("doctor.optional_absent",)),
            outcome=outcome,
        ).check
        for outcome in outcomes
    )

    assert doctor.overall(checks) is whole


def test_pip_and_npm_are_wanted_but_not_needed():
    assert doctor._downloaders(pip=True, npm=True).check.outcome is Outcome.PASSED
    without = doctor._downloaders(pip=True, npm=False)
    assert without.check.outcome is Outcome.INDETERMINATE
    assert without.seen == "no npm"


def test_an_older_python_is_a_problem():
    assert doctor._python((3, 10)).check.reasons == ("doctor.python_old",)
