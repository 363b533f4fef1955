"""``ekyc validate``: exit codes and the JSON object."""

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.__main__ import app
from ekyc.signing import sign_pdf


@pytest.fixture
def run(tmp_path):
    def invoke(pdf, *arguments):
        path = tmp_path / "file.pdf"
        if pdf is not None:
            path.write_bytes(pdf)
        return CliRunner().invoke(app, ["validate", str(path), *map(str, arguments)])

    return invoke


@pytest.fixture
def root(tmp_path, authority):
    path = tmp_path / "root.der"
    path.write_bytes(authority.root_certificate_der)
    return path


def as_json(result, validate_against):
    written = json.loads(result.stdout)
    validate_against("ekyc.validate.1", written)
    return written


def test_a_trusted_signature_passes(run, signed_pdf, root, validate_against):
    result = run(signed_pdf, "--trust", root, "--json")
    written = as_json(result, validate_against)
    assert result.exit_code == 0
    assert written["outcome"] == "PASSED"
    assert [s["indication"] for s in written["signatures"]] == ["TOTAL-PASSED"]
    assert written["signatures"][0]["timestamp"]["indication"] == "TOTAL-PASSED"


def test_without_an_anchor_it_is_undecided(run, signed_pdf, validate_against):
    result = run(signed_pdf, "--json")
    assert result.exit_code == 10
    assert as_json(result, validate_against)["signatures"][0]["indication"] == "INDETERMINATE"


def test_a_changed_file_fails(run, signed_pdf, root, validate_against):
    changed = signed_pdf.replace(b"ReportLab", b"ReportLub", 1)
    result = run(changed, "--trust", root, "--json")
    written = as_json(result, validate_against)
    assert result.exit_code == 11
    assert written["reasons"] == ["signature.digest_mismatch"]
    assert written["signatures"][0]["indication"] == "TOTAL-FAILED"


def test_an_unsigned_file_is_undecided(run, plain_pdf, validate_against):
    result = run(plain_pdf, "--json")
    assert result.exit_code == 10
    assert as_json(result, validate_against)["reasons"] == ["signature.none"]


def test_a_missing_file_is_an_error(run, validate_against):
    result = run(None, "--json")
    assert result.exit_code == 1
    assert as_json(result, validate_against)["reasons"] == ["input.file_unreadable"]


def test_an_anchor_that_is_none_is_named(run, signed_pdf, tmp_path, validate_against):
    (tmp_path / "notes.txt").write_text("hello")
    result = run(signed_pdf, "--trust", tmp_path / "notes.txt", "--json")
    written = as_json(result, validate_against)
    assert result.exit_code == 1
    assert written["error"]["code"] == "signing.trust.unreadable"
    assert written["error"]["subject"] == "notes.txt"


def test_a_revocation_list_may_be_handed_over_as_trust_too(
    run, signed_pdf, root, tmp_path, authority
):
    (tmp_path / "root.crl").write_bytes(authority.crl_der())
    result = run(signed_pdf, "--trust", root, "--trust", tmp_path / "root.crl")
    assert result.exit_code == 0, result.output


def test_as_of_a_past_day_it_does_not_pass(run, signed_pdf, root):
    assert run(signed_pdf, "--trust", root, "--at", "2020-01-01").exit_code == 10


def test_people_see_signer_anchor_and_time(run, plain_pdf, authority, root):
    result = run(sign_pdf(plain_pdf, authority), "--trust", root)
    assert "TOTAL-PASSED" in result.output
    assert "SAMPLE result service" in result.output
    assert "SAMPLE root" in result.output


def test_the_kind_of_the_anchor_is_printed(run, signed_pdf, root, validate_against):
    anchors = root.with_name("anchors.toml")
    anchors.write_text(
        f'schema = "ekyc.anchors/1"\n[[anchor]]\nkind = "test"\nfile = "{root.name}"\n'
    )
    assert "test root" in run(signed_pdf, "--anchors", anchors).output
    written = as_json(run(signed_pdf, "--anchors", anchors, "--json"), validate_against)
    assert written["signatures"][0]["anchor_kind"] == "test"
    assert len(written["signatures"][0]["criteria"]) == 9


def test_a_report_goes_into_a_new_folder(run, signed_pdf, root, tmp_path):
    folder = tmp_path / "report"
    assert run(signed_pdf, "--trust", root, "--report", folder).exit_code == 0
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run(signed_pdf, "--trust", root, "--report", folder).exit_code == 1


def test_a_gigabyte_is_refused_unread(tmp_path, validate_against):
    with (tmp_path / "large.pdf").open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(1 << 30)
    result = CliRunner().invoke(app, ["validate", str(tmp_path / "large.pdf"), "--json"])
    assert result.exit_code == 1
    assert as_json(result, validate_against)["error"]["subject"] == "large.pdf"


def test_unknown_options_are_a_usage_error(run, plain_pdf):
    assert run(plain_pdf, "--nope").exit_code == 2
