"""Personal data planted in exceptions, log lines and warnings of every command that runs on: none of them gets out.

``ekyc serve`` under requests of all kinds is `test_faults_canary.py`; this is what fails beside them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from canaries import PLAIN_NAME, found_in

from ekyc.errors import InputError, UpstreamError
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.sam import SamClient

pytestmark = pytest.mark.system
SCRIPT = Path(__file__).resolve().parents[1] / "support" / "leaky_process.py"
PLACES = {"message", "failure"}
FORMATS = ("json", "text")


@pytest.fixture
def place():
    """A short folder: names of sockets have no room."""
    with tempfile.TemporaryDirectory(prefix="sam") as folder:
        yield Path(folder)


def environment(place):
    secrets = dict.fromkeys(("EKYC_KEY_PASSPHRASE", "EKYC_ISSUER_PASSPHRASE"), "khoá")
    return {**os.environ, **secrets, "LEAKY_DONE": str(place / "done")}


@contextmanager
def begun(place, *arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment(place), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def require_nothing_planted(said, place, style):
    assert (place / "done").read_text() == "done", said
    assert found_in(said) == []
    assert said.count("Leak") >= 5  # two loggers, a thread, a finalizer, the command itself
    if style == "json":
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert {line["event"] for line in lines} == PLACES


@pytest.mark.parametrize("style", FORMATS)
def test_the_signing_process(place, style):
    made = subprocess.run(
        [sys.executable, "-m", "ekyc.cli", "sam", "new", str(place / "pilot")],
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert made.returncode == 0, made.stderr
    configuration = place / "pilot" / "sam.toml"
    with begun(place, "sam", "serve", configuration, "--log-format", style) as process:
        said = process.stderr.readline()
        assert "serving on" in said
        with SamClient(place / "pilot" / "sam.sock") as client:
            with pytest.raises(UpstreamError) as caught:
                client.describe("citizen-1")
            with pytest.raises(InputError) as refused:
                client.sign(
                    PLAIN_NAME,
                    credential_id=PLAIN_NAME,
                    hashes=(bytes(32),),
                    algorithm=SignatureAlgorithm.ECDSA_P256,
                )
        process.terminate()
        said += process.stderr.read()
        assert process.wait(30) == 0
    assert (caught.value.code, refused.value.code) == ("signing.sam.failed", "jws.malformed")
    assert found_in(str(caught.value) + str(refused.value)) == []
    assert "jws.malformed" in said
    require_nothing_planted(said, place, style)


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_service_and_its_worker(place, command, style):
    files = {"--state": "state.sqlite3", "--service-key": "service.key"}
    options = [part for name, file in files.items() for part in (name, place / file)]
    with begun(place, command, *options, "--log-format", style) as process:
        said = process.stderr.read()
        assert process.wait(30) == 1
    require_nothing_planted(said, place, style)
