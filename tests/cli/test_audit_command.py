"""The evidence log from the command line, and checked by the verifier that docs/audit.md prints."""

from __future__ import annotations

import hashlib
import io
import json
import re
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ekyc.policy import Verdict
from ekyc.signing import DerivationCost
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.storage import DATABASE_NAME, Storage


def record(home, count):
    with Storage.open(home / DATABASE_NAME) as storage:
        for _ in range(count):
            storage.results.record(
                case_digest="ab" * 32,
                profile="demo",
                verdict=Verdict.ACCEPT,
                reasons=("chip.no_anchor",),
                report_digest="cd" * 32,
            )


@pytest.fixture
def office(tmp_path, cli):
    """A log of 31 entries with checkpoints at 11 and 31, its export and its key."""
    home = tmp_path / "home"
    made = SimpleNamespace(
        home=home, log=tmp_path / "log.txt", key=tmp_path / "log.pem", note=tmp_path / "today.note"
    )
    record(home, 10)
    assert cli("audit", "checkpoint", "--out", tmp_path / "first.note")[0] == 0
    record(home, 20)
    assert cli("audit", "checkpoint", "--out", made.note)[0] == 0
    code, pem, _ = cli("audit", "public-key")
    assert code == 0
    made.key.write_text(pem)
    assert cli("audit", "export", made.log)[0] == 0
    return made


def test_a_day_of_an_auditor(office, cli_json, validate_against):
    code, report = cli_json(
        *("audit", "verify", office.log, "--key", office.key, "--checkpoint", office.note)
    )
    validate_against("ekyc.audit.1", report)
    assert (code, report["outcome"], report["findings"]) == (0, "PASSED", [])
    assert (report["entries"], report["signed_entries"], report["checkpoints"]) == (31, 31, 2)
    assert report["last_checkpoint"]["size"] == 31

    code, report = cli_json("audit", "verify", office.log)
    validate_against("ekyc.audit.1", report)
    assert (code, report["outcome"]) == (10, "INDETERMINATE")


def test_a_change_is_shown_with_entry_and_hash(office, cli, cli_json, validate_against):
    text = office.log.read_text()
    changed = re.sub(r"(entry 17 .*)accept", r"\1reject", text)
    assert changed != text
    office.log.write_text(changed)
    code, report = cli_json("audit", "verify", office.log, "--key", office.key)
    validate_against("ekyc.audit.1", report)
    assert (code, report["outcome"]) == (11, "FAILED")
    first, second = report["findings"]
    assert (first["code"], first["number"], first["hash"]) == ("audit.entry_changed", 17, "leaf")
    assert (second["number"], second["last"], second["hash"]) == (11, 30, "root")
    code, out, _ = cli("audit", "verify", office.log, "--key", office.key)
    assert code == 11
    assert "entry 17" in out
    assert first["stated"] in out


def test_the_end_cut_off_is_seen_by_a_published_checkpoint(office, cli, cli_json):
    short = office.log.with_name("short.txt")
    assert cli("audit", "export", short, "--size", 11)[0] == 0
    assert cli("audit", "verify", short, "--key", office.key)[0] == 0
    code, report = cli_json(
        *("audit", "verify", short, "--key", office.key, "--checkpoint", office.note)
    )
    assert code == 11
    assert report["findings"] == [{"code": "audit.truncated", "number": 11, "last": 30}]


def test_a_fork_between_two_exports(office, cli_json, validate_against):
    code, report = cli_json("audit", "compare", office.log, office.log)
    validate_against("ekyc.audit.1", report)
    assert (code, report["same_entries"]) == (0, 31)
    other = office.log.with_name("other.txt")
    other.write_text(re.sub(r"(entry 17 .*)accept", r"\1reject", office.log.read_text()))
    code, report = cli_json("audit", "compare", office.log, other)
    validate_against("ekyc.audit.1", report)
    assert code == 11
    assert (report["findings"][0]["code"], report["findings"][0]["number"]) == ("audit.fork", 17)


def test_proofs_are_written_and_checked(office, cli, cli_json, validate_against, tmp_path):
    proof = tmp_path / "proof.json"
    code, made = cli_json("audit", "prove", "--entry", 17, "--out", proof)
    validate_against("ekyc.audit.1", made)
    assert (code, made["proof"]) == (0, "inclusion")
    code, report = cli_json("audit", "verify", proof, "--key", office.key)
    validate_against("ekyc.audit.1", report)
    assert (code, report["number"], report["sizes"]) == (0, 17, [31])
    assert report["event"]["number"] == 17
    assert cli("audit", "verify", proof)[0] == 10

    content = json.loads(proof.read_text())
    for change in (
        {"number": 18},
        {"event": content["event"].replace("accept", "reject")},
        {"hashes": content["hashes"][1:]},
        {"hashes": [*content["hashes"][1:], content["hashes"][0]]},
    ):
        proof.write_text(json.dumps(content | change))
        code, report = cli_json("audit", "verify", proof, "--key", office.key)
        validate_against("ekyc.audit.1", report)
        assert (code, report["reasons"]) == (11, ["audit.proof_wrong"])
        assert "event" not in report

    assert cli("audit", "prove", "--since", 11, "--out", proof)[0] == 0
    code, report = cli_json("audit", "verify", proof, "--key", office.key)
    assert (code, report["sizes"]) == (0, [11, 31])
    content = json.loads(proof.read_text())
    proof.write_text(json.dumps(content | {"checkpoints": content["checkpoints"][::-1]}))
    assert cli("audit", "verify", proof, "--key", office.key)[0] == 11


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"kind": "inclusion"}',
        '{"schema": "ekyc.audit-proof/1", "kind": "x"}',
        "{" * 9000,
    ],
)
def test_what_is_no_proof_is_an_error(office, cli_json, tmp_path, text):
    file = tmp_path / "p.json"
    file.write_text(text)
    code, report = cli_json("audit", "verify", file, "--key", office.key)
    assert (code, report["reasons"]) == (1, ["audit.not_a_proof"])


def test_errors_are_typed(office, cli, cli_json, validate_against, tmp_path):
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    for arguments, reason in (
        (("verify", empty), "audit.not_an_export"),
        (("verify", tmp_path / "nowhere"), "input.file_unreadable"),
        (("verify", office.log, "--key", office.log), "audit.key_unsupported"),
        (("verify", office.log, "--checkpoint", office.key), "audit.checkpoint_malformed"),
        (("verify", office.log, "--tsa-certificate", empty), "input.invalid"),
        (("prove", "--entry", 31, "--out", empty), "audit.no_such_entry"),
        (("prove", "--since", 12, "--out", empty), "audit.no_checkpoint"),
        (("export", tmp_path / "no" / "folder"), "out.unwritable"),
        (("export", empty, "--size", 32), "audit.no_such_entry"),
    ):
        code, report = cli_json("audit", *arguments)
        validate_against("ekyc.audit.1", report)
        assert (code, report["reasons"]) == (1, [reason]), arguments
    assert cli("audit", "prove", "--out", empty)[0] == 2
    assert cli("audit", "checkpoint", "--keys", tmp_path)[0] == 2


def test_a_key_of_the_key_store_signs_and_an_authority_stamps(cli, cli_json, tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "mật khẩu")
    folder = tmp_path / "keys"
    EmbeddedKeys.create(
        folder, "mật khẩu", cost=DerivationCost(iterations=1, lanes=1, memory_kib=8)
    )
    assert cli("credential", "new-key", folder, "log")[0] == 0
    assert cli("authority", "new", tmp_path / "authority")[0] == 0
    record(tmp_path / "home", 3)
    note, log = tmp_path / "n", tmp_path / "log.txt"
    signed = ("--keys", folder, "--key", "log")
    code, made = cli_json(
        *("audit", "checkpoint", "--out", note, *signed),
        *("--authority", tmp_path / "authority"),
    )
    assert (code, made["timestamps"]) == (0, 1)
    assert cli("audit", "export", log)[0] == 0
    root = tmp_path / "authority" / "root.pem"
    certificate = ("--tsa-certificate", root) if root.exists() else ()
    code, report = cli_json("audit", "verify", log, "--key", folder / "log.pem", *certificate)
    assert code == 0, report
    assert report["checks"][-1]["outcome"] == "PASSED"
    # The token of this log on another checkpoint is over another note.
    line = next(one for one in log.read_text().splitlines() if one.startswith("checkpoint"))
    record(tmp_path / "home", 1)
    assert cli("audit", "checkpoint", *signed)[0] == 0
    assert cli("audit", "export", log)[0] == 0
    text = re.sub(r"(?m)^(checkpoint 5 \S+) -$", rf"\1 {line.split(' ')[3]}", log.read_text())
    log.write_text(text)
    code, report = cli_json("audit", "verify", log, "--key", folder / "log.pem")
    assert (code, report["findings"]) == (11, [{"code": "audit.timestamp_wrong", "number": 5}])


# --- the verifier of the documentation: another implementation of the format ---


@pytest.fixture(scope="module")
def printed(repository_root):
    """``check(bytes, key)`` of docs/audit.md."""
    text = (repository_root / "docs" / "audit.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert "ekyc." not in source
    assert "import ekyc" not in source
    space: dict[str, object] = {"__name__": "printed"}
    exec(source, space)  # our own documentation, as a reader would run it
    check = space["check"]
    assert callable(check)
    return lambda data, key: check(iter(io.BytesIO(data).readline, b""), key)


def test_the_printed_verifier_agrees(office, printed):
    data, key = office.log.read_bytes(), load_pem_public_key(office.key.read_bytes())
    assert printed(data, key) == []
    changed = re.sub(rb"(entry 17 .*)accept", rb"\1reject", data)
    assert printed(changed, key) == [
        "entry 17: leaf",
        "entry 17: chain",
        "checkpoint 31: root",
        "end",
    ]
    removed = re.sub(rb"entry 17 .*\n", b"", data)
    assert printed(removed, key)[0] == "entry 17: number 18"
    assert printed(data[:-5], key)[-1] == "cut off"
    other = hashlib.sha256(b"x").hexdigest().encode()[:32]
    assert printed(data.replace(data[44:76], other, 1), key) != []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data())
def test_the_printed_verifier_and_ours_pass_the_same(office, printed, cli, data):
    """Two implementations: where ours passes an altered export, the other does, and the other way round."""
    good = office.log.read_bytes()
    where = data.draw(st.integers(0, len(good) - 2))
    new = data.draw(st.sampled_from([b"", b"0", b"a", b" ", b"\n", b"9", b"}"]))
    altered = good[:where] + new + good[where + data.draw(st.integers(0, 2)) :]
    file = office.log.with_name("altered.txt")
    file.write_bytes(altered)
    ours = cli("audit", "verify", file, "--key", office.key)[0] == 0
    try:
        theirs = printed(altered, load_pem_public_key(office.key.read_bytes())) == []
    except Exception:  # noqa: BLE001  # sixty lines need not be typed about garbage
        theirs = False
    if altered == good:
        assert ours
    assert theirs or not ours
