"""``ekyc sign``: what it writes, what it refuses, and that nothing half-made is left."""

import json
from pathlib import Path

import pytest
from signing_pilot import make_pdf
from typer.testing import CliRunner

from ekyc.cli.__main__ import app
from ekyc.signing import DerivationCost, EmbeddedAuthority
from ekyc.signing.keys.port import ExternalKey
from ekyc.signing.signatory import public_key_der_of

PASSPHRASE = "mật khẩu"


@pytest.fixture
def authority(tmp_path):
    cost = DerivationCost(iterations=1, lanes=1, memory_kib=8)
    return EmbeddedAuthority.create(tmp_path / "authority", PASSPHRASE, cost=cost)


@pytest.fixture
def run(tmp_path, monkeypatch, authority):
    del authority
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))

    def invoke(*arguments):
        words = list(map(str, arguments))
        return CliRunner().invoke(app, [*words, "--authority", str(tmp_path / "authority")])

    return invoke


@pytest.fixture
def validate(tmp_path):
    root = tmp_path / "authority" / "root.pem"

    def invoke(*arguments):
        words = ["validate", *map(str, arguments), "--trust", str(root), "--json"]
        return json.loads(CliRunner().invoke(app, words).stdout)

    return invoke


def as_json(result, validate_against, schema="ekyc.sign.1"):
    written = json.loads(result.stdout)
    validate_against(schema, written)
    return written


@pytest.fixture
def files(tmp_path):
    found = {
        "đơn.pdf": make_pdf(),
        "hồ sơ.xml": "<hồSơ/>".encode(),
        "dữ liệu.json": b'{"a": 1}',
        "ảnh.bin": b"\x00\x01",
        "text.txt": b"{not json, and nobody says so}",
    }
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in found]


def test_every_kind_of_file_is_signed_and_validates(run, files, validate, validate_against):
    result = run("sign", "files", *files, "--json")
    assert result.exit_code == 0, result.output
    written = as_json(result, validate_against)
    forms = {entry["form"]: entry["level"] for entry in written["files"]}
    assert forms == {"pdf": "B-T", "xml": "B-LT", "json": "B-LT", "any": "B-LT"}
    for entry in written["files"]:
        content = ["--content", entry["file"]] if entry["form"] == "any" else []
        report = validate(entry["signed"], *content)
        assert report["outcome"] == "PASSED", entry
        validate_against("ekyc.validate.1", report)


def test_detached_of_a_pdf_leaves_the_pdf_alone(run, files, validate):
    before = files[0].read_bytes()
    assert run("sign", "files", files[0], "--detached").exit_code == 0
    assert files[0].read_bytes() == before
    signed = files[0].with_name("đơn.pdf.p7s")
    assert validate(signed, "--content", files[0])["outcome"] == "PASSED"
    assert validate(signed, "--content", files[1])["outcome"] == "FAILED"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("bad.pdf", b"%PDF-1.7 no", "signing.pdf.unreadable"),
        ("bad.xml", b"<a>", "signing.xml.unreadable"),
        ("bad.json", b'{"a":1,"a":2}', "signing.json.unreadable"),
    ],
)
def test_one_bad_file_and_none_is_written(
    run, files, tmp_path, validate_against, name, content, code
):
    (tmp_path / name).write_bytes(content)
    before = set(tmp_path.iterdir())
    result = run("sign", "files", *files, tmp_path / name, "--json")
    assert result.exit_code == 1
    written = as_json(result, validate_against)
    assert (written["reasons"], written["error"]["subject"]) == ([code], name)
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_written_over(run, files):
    assert run("sign", "files", files[0]).exit_code == 0
    signed = files[0].with_name("đơn.signed.pdf")
    before = signed.read_bytes()
    result = run("sign", "files", files[0])
    assert result.exit_code == 1
    assert "input.file_exists" in result.stderr
    assert signed.read_bytes() == before


def test_levels(run, files):
    assert run("sign", "files", files[0], "--level", "b-lta").exit_code == 0
    for name, level in ((files[1], "B-LTA"), (files[0], "B-X")):
        result = run("sign", "files", name, "--level", level, "--out", files[0].parent / "x")
        assert result.exit_code == 1
        assert "signing.level.unsupported" in result.stderr


def test_without_a_timestamp_the_signature_is_written_and_goes_on_later(
    run, files, validate, validate_against, monkeypatch
):
    def refuse(*_):
        raise ConnectionRefusedError

    monkeypatch.setattr("ekyc.signing.authority.http_exchange._dial", refuse)
    result = run("sign", "files", files[0], files[2], "--tsa", "http://127.0.0.1:9/", "--json")
    assert result.exit_code == 10
    written = as_json(result, validate_against)
    assert written["reasons"] == ["signature.level_not_reached"]
    assert [entry["level"] for entry in written["files"]] == ["B-B", "B-B"]
    for entry in written["files"]:
        result = run("sign", "augment", entry["signed"], "--json")
        assert result.exit_code == 0, result.output
        (further,) = as_json(result, validate_against)["files"]
        assert validate(further["signed"])["outcome"] == "PASSED"


def test_a_wrong_address_signs_nothing(run, files):
    for address in ("ftp://x/", "x"):
        result = run("sign", "files", files[0], "--tsa", address)
        assert "signing.fetch.address" in result.stderr
    assert not files[0].with_name("đơn.signed.pdf").exists()


class TestElsewhere:
    @pytest.fixture
    def prepared(self, run, files, authority, validate_against):
        certificate = files[0].with_name("certificate.der")
        certificate.write_bytes(authority.signer.certificate_der)
        result = run("sign", "prepare", files[0], "--certificate", certificate, "--json")
        assert result.exit_code == 0, result.output
        return as_json(result, validate_against, "ekyc.sign-prepare.1")

    @pytest.fixture
    def value(self, prepared, authority, tmp_path):
        place = tmp_path / "value.bin"
        place.write_bytes(authority.signer.key.sign_digest(bytes.fromhex(prepared["to_be_signed"])))
        return place

    def test_prepared_signed_and_completed(self, run, prepared, value, validate, validate_against):
        result = run("sign", "complete", prepared["state"], "--value", value, "--json")
        assert result.exit_code == 0, result.output
        (done,) = as_json(result, validate_against)["files"]
        assert done["signed"].endswith("đơn.signed.pdf")
        assert validate(done["signed"])["outcome"] == "PASSED"

    def test_a_changed_pdf_is_refused(self, run, prepared, value, files):
        with Path(prepared["pdf"]).open("ab") as stream:
            stream.write(b"\n")
        result = run("sign", "complete", prepared["state"], "--value", value)
        assert result.exit_code == 1
        assert "signing.prepared.changed" in result.stderr
        assert not files[0].with_name("đơn.signed.pdf").exists()

    def test_another_value_is_refused(self, run, prepared, value, files):
        value.write_bytes(value.read_bytes()[:-1] + b"\x00")
        result = run("sign", "complete", prepared["state"], "--value", value)
        assert "signing.key.mismatch" in result.stderr
        assert not files[0].with_name("đơn.signed.pdf").exists()

    def test_the_algorithm_is_named(self, prepared, authority):
        key = ExternalKey(public_key_der_of(authority.signer.certificate_der))
        assert prepared["algorithm"] == key.algorithm
