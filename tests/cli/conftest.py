"""Run commands in this process, as a shell would."""

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.__main__ import app


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """``cli("verify", "case") -> (exit code, stdout, stderr)``; state goes to a folder of the test."""
    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))

    def run(*arguments):
        done = CliRunner().invoke(app, [str(part) for part in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def cli_json(cli):
    """``cli_json("verify", "case") -> (exit code, object)``; stdout must be exactly one JSON object."""

    def run(*arguments):
        code, out, _ = cli(*arguments, "--json")
        return code, json.loads(out)

    return run
