"""``ekyc trust``: exit codes, one JSON object by its schema, and the folder that the other commands take."""

import json

import pytest
from typer.testing import CliRunner


@pytest.fixture
def run(tmp_path, monkeypatch):
    from ekyc.cli.trust import trust_app

    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))

    def invoke(*arguments):
        result = CliRunner().invoke(trust_app, [*map(str, arguments), "--json"])
        return result.exit_code, json.loads(result.stdout)

    return invoke


@pytest.fixture
def files(make, now, tmp_path):
    csca, lister = make.party("CSCA"), make.party("Lister")
    root = make.issue(csca, csca, ca=True)
    other = make.issue(make.party("B", "DE"), make.party("B", "DE"), ca=True)
    listing = make.issue(lister, csca, ca=False, purposes=("2.23.136.1.1.3",))
    contents = {
        "root.cer": root.encoded,
        "list.ml": make.master_list(lister, listing, root, other),
        "empty.crl": make.crl(csca),
        "pkd.ldif": make.ldif(("cn=A,o=dsc,c=VN", "userCertificate;binary", b"noise")),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents} | {"fingerprint": root.fingerprint}


def test_import_list_remove(run, files, validate_against, tmp_path):
    code, written = run("import", files["list.ml"], files["empty.crl"], files["pkd.ldif"])
    assert code == 0
    validate_against("ekyc.trust-import.1", written)
    assert [item["kind"] for item in written["imported"]] == ["master-list", "crl", "pkd-ldif"]
    assert written["reasons"] == ["trust.entries_refused"]
    assert (written["anchors"], written["folder"]) == (2, str(tmp_path / "home" / "trust"))

    code, written = run("list")
    assert code == 0
    validate_against("ekyc.trust-list.1", written)
    assert {anchor["country"] for anchor in written["anchors"]} == {"VN", "DE"}
    assert [crl["revoked"] for crl in written["revocation_lists"]] == [0]
    assert len(run("list", "--country", "VN")[1]["anchors"]) == 1

    code, written = run("remove", files["fingerprint"][:10])
    assert code == 0
    validate_against("ekyc.trust-remove.1", written)
    assert written["anchors"] == 1
    _, listed = run("list")
    validate_against("ekyc.trust-list.1", listed)
    assert [item["sha256"] for item in listed["removed"]] == [files["fingerprint"]]
    assert [item["code"] for item in listed["without_authority"]] == ["pki.crl_no_authority"]


def test_diff(run, files, validate_against):
    code, written = run("diff", files["list.ml"], files["root.cer"])
    assert code == 0
    validate_against("ekyc.trust-diff.1", written)
    assert (written["common"], len(written["added"]), len(written["removed"])) == (1, 0, 1)
    assert written["removed"][0]["country"] == "DE"
    run("import", files["list.ml"])
    _, listed = run("list")
    _, same = run("diff", files["list.ml"], listed["folder"])
    assert (same["common"], same["added"], same["removed"]) == (2, [], [])


def test_the_same_again_is_said(run, files):
    run("import", files["root.cer"])
    code, written = run("import", files["root.cer"])
    assert (code, written["reasons"]) == (0, ["trust.already_imported"])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("import", "missing.cer"), "trust.unreadable"),
        (("import", "empty.crl"), "pki.crl_no_authority"),
        (("list",), "trust.not_a_trust_folder"),
        (("remove", "00000000"), "trust.not_a_trust_folder"),
        (("diff", "root.cer", "missing.cer"), "trust.unreadable"),
    ],
)
def test_errors(run, files, validate_against, arguments, error):
    command, *rest = arguments
    code, written = run(command, *(files.get(name, name) for name in rest))
    assert (code, written["error"]["code"]) == (1, error)
    validate_against(f"ekyc.trust-{command}.1", written)


def test_people_read_lines(files, tmp_path, monkeypatch):
    from ekyc.cli.trust import trust_app

    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))

    def read(*arguments):
        return CliRunner().invoke(trust_app, [*map(str, arguments)]).stdout

    assert "list.ml: master-list, 2 anchors (2 new)" in read("import", files["list.ml"])
    assert "DE 1  VN 1" in read("list")
    assert "CSCA" in read("list", "--country", "VN")
    assert "0 added, 1 removed, 1 in both" in read("diff", files["list.ml"], files["root.cer"])
    assert "removed anchor VN, CSCA" in read("remove", files["fingerprint"])
    assert "line 3, cn=A,o=dsc,c=VN" in read("import", files["pkd.ldif"])
