"""What people and files are called must not break what a command prints."""

import json
import os
import subprocess
import sys

import pytest

from ekyc.cli.output import checks_table, console
from ekyc.outcomes import Check, Outcome

MARKUP = "[/b]"


def names_of_a_case(folder):
    folder.mkdir()
    (folder / "case.toml").write_text(
        f'schema = "ekyc.case/1"\nprofile = "identity"\n[card]\nfront = "{MARKUP}.jpg"'
    )
    return folder


def test_an_error_about_a_file_named_like_markup(cli, tmp_path):
    code, _, err = cli("verify", names_of_a_case(tmp_path / "case"))
    assert code == 1
    assert f"{MARKUP}.jpg: no such file" in err


def test_an_error_about_a_file_named_like_markup_in_json(cli_json, tmp_path):
    code, result = cli_json("verify", names_of_a_case(tmp_path / "case"))
    assert (code, result["error"]["subject"]) == (1, f"{MARKUP}.jpg")


def test_a_folder_named_like_markup(cli, tmp_path):
    code, out, _ = cli("case", "new", tmp_path / "[" / "red]")
    assert code == 0
    assert "[/red]" in out.replace("\n", "")


def test_subjects_of_checks_are_shown(capsys):
    check = Check(
        id="card.matches_chip",
        outcome=Outcome.FAILED,
        reasons=("card.differs_from_chip",),
        subjects=("print.full_name", MARKUP),
    )
    console().print(checks_table([check]), width=200)
    assert f"[print.full_name, {MARKUP}]" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_utf_8_whatever_the_terminal_and_the_name(tmp_path, encoding):
    command = [
        sys.executable,
        "-m",
        "ekyc.cli",
        "verify",
        os.fsencode(tmp_path) + b"/Tr\xe1\xba\xa7n\xff",
    ]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "EKYC_HOME": str(tmp_path)}
    done = subprocess.run([*command, "--json"], capture_output=True, check=False, env=environment)
    assert done.returncode == 1
    assert json.loads(done.stdout.decode("utf-8"))["error"]["subject"] == "Trần\udcff"
    for_people = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert (for_people.returncode, for_people.stdout) == (1, b"")
    assert b"Traceback" not in for_people.stderr
