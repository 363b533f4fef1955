"""From the command line: keys, a trust list, a result on paper, its verification, its revocation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from credential_desk import BIRTH, COPY

from ekyc.imaging.decode import decode_image
from ekyc.imaging.encode import encode_jpeg
from ekyc.signing import DerivationCost
from ekyc.signing.keys.software import EmbeddedKeys

ISSUER = "https://ketqua.mau.gov.vn"
LIST = f"{ISSUER}/tt/1"
TODAY = datetime.now(UTC)


@pytest.fixture
def office(cli, tmp_path, monkeypatch):
    """A folder with three keys and the signed trust list; the state lies in EKYC_HOME."""
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "mật khẩu")
    folder = tmp_path / "keys"
    cheap = DerivationCost(iterations=1, lanes=1, memory_kib=8)
    EmbeddedKeys.create(folder, "mật khẩu", cost=cheap)
    for label in ("operator", "results", "status"):
        assert cli("credential", "new-key", folder, label)[0] == 0
    begins, ends = (f"{TODAY + timedelta(days=days):%Y-%m-%d}" for days in (-1, 400))
    (folder / "trust.toml").write_text(
        f'operator = "https://tincay.mau.gov.vn"\nnumber = 1\ndays = 30\n'
        f'[[issuers]]\nid = "{ISSUER}"\nname_vi = "Cơ quan mẫu"\nname_en = "Sample office"\n'
        f'[[issuers.keys]]\nfile = "results.pem"\nuses = ["result"]\nfrom = {begins}\nuntil = {ends}\n'
        f'[[issuers.keys]]\nfile = "status.pem"\nuses = ["status"]\nfrom = {begins}\nuntil = {ends}\n',
        encoding="utf-8",
    )
    signed = ("--keys", folder, "--key", "operator", "--out", folder / "trust.jwt")
    assert cli("credential", "trust-list", folder / "trust.toml", *signed)[0] == 0
    return folder


def fields(folder, values=BIRTH, name="fields.json"):
    path = folder / name
    path.write_text(json.dumps({"person": "048185012345", "fields": values}), encoding="utf-8")
    return path


def issue(cli_json, office, out="qr.png", *more, kind="birth-extract", values=BIRTH):
    code, made = cli_json(
        *("credential", "issue", kind, fields(office, values), "--keys", office),
        *("--key", "results", "--issuer", ISSUER, "--out", office / out, *more),
    )
    assert code == 0, made
    return made


def publish(cli, office, name="list.cwt", *more):
    signed = ("--keys", office, "--key", "status", "--out", office / name)
    assert cli("credential", "status-list", LIST, *signed, *more)[0] == 0
    return office / name


def verify(cli_json, office, *arguments):
    trust = ("--trust-list", office / "trust.jwt", "--operator-key", office / "operator.pem")
    return cli_json("verify-result", *arguments, *trust)


def test_issue_verify_revoke_verify(cli, cli_json, office, validate_against):
    made = issue(cli_json, office)
    validate_against("ekyc.credential.1", made)
    listed = publish(cli, office)
    code, found = verify(cli_json, office, office / "qr.png", "--status-list", listed)
    validate_against("ekyc.verify-result.1", found)
    assert (code, found["outcome"], found["reasons"]) == (0, "PASSED", [])
    assert found["result"]["fields"] == BIRTH
    assert found["result"]["id"] == made["id"]
    assert found["status"] == "valid"

    assert cli("credential", "revoke", made["id"])[0] == 0
    assert cli("credential", "reinstate", made["id"])[0] == 1
    listed = publish(cli, office)
    code, found = verify(cli_json, office, office / "qr.png", "--status-list", listed)
    assert (code, found["reasons"]) == (11, ["credential.revoked"])


def test_without_a_list_with_a_stale_one_without_the_operators_key(cli, cli_json, office):
    issue(cli_json, office, "qr.txt")
    listed = publish(cli, office, "list.jwt", "--jwt", "--ttl-hours", "1")
    assert verify(cli_json, office, office / "qr.txt")[0] == 10
    later = f"{TODAY + timedelta(days=2):%Y-%m-%dT%H:%M:%S}"
    code, found = verify(
        cli_json, office, office / "qr.txt", "--status-list", listed, "--at", later
    )
    assert (code, found["reasons"]) == (10, ["credential.status_stale"])
    patient = ("--status-list", listed, "--at", later, "--max-status-age", "72")
    assert verify(cli_json, office, office / "qr.txt", *patient)[0] == 0
    unpinned = ("--trust-list", office / "trust.jwt", "--status-list", listed)
    code, found = cli_json("verify-result", office / "qr.txt", *unpinned)
    assert (code, found["reasons"]) == (10, ["credential.trust_list_unpinned"])


def test_suspended_reinstated_replaced(cli, cli_json, office):
    first = issue(cli_json, office, "a.txt")
    outcomes = []
    for command in ("suspend", "reinstate"):
        assert cli("credential", command, first["id"])[0] == 0
        listed = publish(cli, office)
        outcomes.append(verify(cli_json, office, office / "a.txt", "--status-list", listed)[0])
    issue(cli_json, office, "b.txt", "--replaces", first["id"])
    listed = publish(cli, office)
    outcomes += [
        verify(cli_json, office, office / name, "--status-list", listed)[0]
        for name in ("a.txt", "b.txt")
    ]
    assert outcomes == [11, 0, 11, 0]


def test_people_read_it_in_both_languages(cli, cli_json, office):
    issue(cli_json, office, "qr.txt", kind="certified-copy", values=COPY)
    listed = publish(cli, office)
    trust = ("--trust-list", office / "trust.jwt", "--operator-key", office / "operator.pem")
    arguments = ("verify-result", office / "qr.txt", *trust, "--status-list", listed)
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "Kết quả thật và đang có hiệu lực" in out
    assert "Số trang: 2" in out
    assert "Danh sách tin cậy: số 1, 0 ngày" in out
    code, out, _ = cli(*arguments, "--language", "en")
    assert "Genuine and in force" in out
    assert "Pages: 2" in out


def test_an_altered_text_is_refused(cli_json, office):
    issue(cli_json, office, "qr.txt")
    path = office / "qr.txt"
    text = path.read_text()
    path.write_text(text[:100] + ("A" if text[100] != "A" else "B") + text[101:])
    assert verify(cli_json, office, path)[0] == 11


def test_a_picture_of_a_picture(cli_json, office):
    issue(cli_json, office)
    png = decode_image((office / "qr.png").read_bytes(), name="qr")
    (office / "qr.jpg").write_bytes(encode_jpeg(png, quality=60))
    assert verify(cli_json, office, office / "qr.jpg")[1]["result"]["fields"] == BIRTH


def test_the_verifier_page_is_written(cli, cli_json, office):
    issue(cli_json, office)
    listed = publish(cli, office)
    pinned = ("--trust-list", office / "trust.jwt", "--operator-key", office / "operator.pem")
    page = office / "verifier.html"
    assert (
        cli("credential", "verifier-page", *pinned, "--status-list", listed, "--out", page)[0] == 0
    )
    assert "Content-Security-Policy" in page.read_text(encoding="utf-8")


def test_bad_calls(cli, cli_json, office, tmp_path):
    made = issue(cli_json, office)
    for arguments, code in (
        (("verify-result", tmp_path / "none.png", "--trust-list", office / "trust.jwt"), 1),
        (("verify-result", office / "trust.toml", "--trust-list", office / "trust.jwt"), 1),
        (("verify-result", office / "qr.png", "--trust-list", office / "trust.toml"), 1),
        (("verify-result", office / "qr.png"), 2),
        (("credential", "revoke", "00" * 16), 1),
        (
            (
                "credential",
                "status-list",
                f"{LIST}9",
                "--keys",
                office,
                "--key",
                "status",
                "--out",
                office / "x",
            ),
            1,
        ),
        (("credential", "new-key", office, "results"), 1),
    ):
        assert cli(*arguments)[0] == code, arguments
    for out in ("qr.png", "qr.gif"):
        done = cli(
            *("credential", "issue", "birth-extract", office / "fields.json", "--keys", office),
            *("--key", "results", "--issuer", ISSUER, "--out", office / out),
        )
        assert done[0] == 1
    assert cli("credential", "suspend", made["id"])[0] == 0


def test_nothing_personal_in_an_error(cli, cli_json, office):
    bad = fields(office, BIRTH | {"birth_date": "ngày 15"}, "bad.json")
    code, out, err = cli(
        *("credential", "issue", "birth-extract", bad, "--keys", office, "--key", "results"),
        *("--issuer", ISSUER, "--out", office / "z.txt"),
    )
    assert code == 1
    assert "birth_date" in err
    assert "ngày 15" not in out + err
    assert not (office / "z.txt").exists()
