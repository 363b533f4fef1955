"""Checkpoints of the evidence log before a judge that nobody here wrote: openssl, for the signature and for the time."""

import base64

import pytest
from typer.testing import CliRunner

from ekyc.cli.__main__ import app
from ekyc.policy import Verdict
from ekyc.storage import DATABASE_NAME, Storage

pytestmark = pytest.mark.system


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkpoint by the service's key, its text, signature, timestamp, and the keys to check them with."""
    monkeypatch.setenv("EKYC_HOME", str(tmp_path))
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "mật khẩu")

    def run(*arguments):
        done = CliRunner().invoke(app, [str(part) for part in arguments])
        assert done.exit_code == 0, done.stderr
        return done.stdout

    with Storage.open(tmp_path / DATABASE_NAME) as storage:
        storage.results.record(
            case_digest="ab" * 32,
            profile="demo",
            verdict=Verdict.ACCEPT,
            reasons=(),
            report_digest="cd" * 32,
        )
    run("authority", "new", tmp_path / "authority")
    stamped = ("--authority", tmp_path / "authority")
    run("audit", "checkpoint", "--out", tmp_path / "today.note", *stamped)
    (tmp_path / "log.pem").write_text(run("audit", "public-key"))
    run("audit", "export", tmp_path / "log.txt")
    line = next(
        one
        for one in (tmp_path / "log.txt").read_text().split("\n")
        if one.startswith("checkpoint")
    )
    (tmp_path / "token.der").write_bytes(base64.b64decode(line.split(" ")[3]))
    text, _, signature = (tmp_path / "today.note").read_text(encoding="utf-8").partition("\n\n")
    (tmp_path / "text").write_text(f"{text}\n", encoding="utf-8")
    (tmp_path / "signature").write_bytes(base64.b64decode(signature.split(" ")[2])[4:])
    return tmp_path


def test_openssl_verifies_the_signature_and_the_timestamp(folder, ask):
    signed = ("pkeyutl", "-verify", "-pubin", "-inkey", "log.pem", "-rawin")
    signed += ("-sigfile", "signature", "-in")
    stamped = ("ts", "-verify", "-in", "token.der", "-token_in")
    stamped += ("-CAfile", "authority/root.pem", "-data")
    assert ask("openssl", *signed, "text")[0] == 0
    assert ask("openssl", *stamped, "today.note")[0] == 0
    (folder / "text").write_text((folder / "text").read_text().replace("\n2\n", "\n1\n"))
    assert ask("openssl", *signed, "text")[0] != 0
    assert ask("openssl", *stamped, "text")[0] != 0
