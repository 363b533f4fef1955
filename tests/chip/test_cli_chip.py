"""``ekyc chip inspect``: exit codes, one JSON object, and no personal data where none was asked for."""

import json

import pytest
import typer
from typer.testing import CliRunner

from ekyc.chip import ElementaryFile
from ekyc.cli.chip import chip_app


@pytest.fixture
def run(tmp_path, issuer):
    csca = tmp_path / "csca.pem"
    csca.write_bytes(issuer.csca_certificate_pem)
    app = typer.Typer()
    app.add_typer(chip_app, name="chip")

    def invoke(path, *options, trusted=True):
        arguments = ["chip", "inspect", str(path), "--json", "--at", "2026-01-15T08:00:00"]
        arguments += ["--trust", str(csca)] if trusted else []
        result = CliRunner().invoke(app, [*arguments, *options])
        return result, json.loads(result.stdout)

    return invoke


@pytest.fixture
def folder(tmp_path, card):
    card.files.write_to(tmp_path / "chip")
    return tmp_path / "chip"


def test_honest_folder(run, folder):
    result, report = run(folder)
    assert result.exit_code == 0
    assert report["schema"] == "ekyc.chip-inspect/1"
    assert report["outcome"] == "PASSED"
    passive = report["passive_authentication"]
    assert passive["chain"]["verdict"] == "CHAINED"
    assert passive["chain"]["anchor"]["source"] == "csca.pem"
    assert passive["data_groups"] == {f"EF.DG{number}": "MATCH" for number in (1, 2, 13, 14, 15)}
    assert passive["signer"]["country"] == "VN"
    assert {"id", "outcome", "reasons", "duration_ms"} <= set(report["checks"][0])


def test_personal_data_only_on_request(run, folder, citizen):
    result, report = run(folder)
    assert "identity" not in report
    for secret in (citizen.personal_number, citizen.full_name, "NGUYEN"):
        assert secret not in result.output
    result, report = run(folder, "--show-identity")
    assert report["identity"]["full_name"] == citizen.full_name


def test_contents_and_details(run, folder, citizen):
    _, report = run(folder)
    assert report["contents"]["EF.DG13"]["count"] >= 10
    assert report["contents"]["EF.DG1"]["formats"] == ["TD1"]
    assert "details" not in report
    _, report = run(folder, "--show-identity")
    assert report["details"] == {}


@pytest.mark.shared_data
def test_specimen_with_additional_groups_tells_what_it_holds(run, shared_data):
    folder = shared_data / "chip/specimens/bsi_mustermann_more_dgs"
    result, report = run(folder, "--legacy", "--show-identity", trusted=False)
    assert result.exit_code == 10
    assert report["contents"]["EF.DG11"]["count"] == 12
    assert report["contents"]["EF.DG5"]["formats"] == ["JPEG2000"]
    assert report["details"] == {}, "nobody signed them"
    assert "William" not in result.output


def test_people_get_a_table_without_personal_data_off_the_terminal(folder, citizen):
    app = typer.Typer()
    app.add_typer(chip_app, name="chip")
    result = CliRunner().invoke(app, ["chip", "inspect", str(folder)])
    assert result.exit_code == 10
    assert "chip.chain" in result.output
    assert "NO_ANCHOR" in result.output
    assert "ISO/IEC 19794-5:2005; JPEG; 1 faces" in result.output
    assert citizen.full_name not in result.output


@pytest.mark.parametrize(
    ("change", "code", "verdict"),
    [
        (lambda card: card.with_changed_name(), 11, "CHAINED"),
        (lambda card: card.without(ElementaryFile.DG1), 10, "CHAINED"),
        (lambda card: card.without(ElementaryFile.SOD), 10, "NO_ANCHOR"),
    ],
)
def test_exit_codes_of_changed_folders(run, tmp_path, card, change, code, verdict):
    change(card).files.write_to(tmp_path / "changed")
    result, report = run(tmp_path / "changed")
    assert result.exit_code == code
    assert report["passive_authentication"]["chain"]["verdict"] == verdict


def test_no_anchor(run, folder):
    result, report = run(folder, trusted=False)
    assert (result.exit_code, report["outcome"]) == (10, "INDETERMINATE")
    assert report["passive_authentication"]["chain"]["verdict"] == "NO_ANCHOR"
    assert report["reasons"][0] == "chip.no_anchor"


@pytest.fixture
def sod(tmp_path, card):
    file = tmp_path / "EF.SOD"
    file.write_bytes(card.files.get(ElementaryFile.SOD))
    return file


def test_one_sod_file(run, sod):
    result, report = run(sod)
    assert (result.exit_code, report["outcome"]) == (0, "PASSED")
    assert report["listed_data_groups"] == [f"EF.DG{n}" for n in (1, 2, 13, 14, 15)]


def test_damaged_sod_file(run, sod):
    data = bytearray(sod.read_bytes())
    data[-1] ^= 1
    sod.write_bytes(bytes(data))
    result, report = run(sod)
    assert (result.exit_code, report["outcome"]) == (11, "FAILED")
    assert report["passive_authentication"]["chain"]["verdict"] == "FAILED"


def test_sod_file_damaged_inside_its_outer_tag(run, sod):
    data = bytearray(sod.read_bytes())
    data[25:60] = bytes(35)
    sod.write_bytes(bytes(data))
    result, report = run(sod)
    assert (result.exit_code, report["reasons"]) == (11, ["chip.file_malformed"])


@pytest.mark.parametrize("content", [b"", b"hello", b"\x77\x82\xff\xff", bytes(200_000)])
def test_unreadable_files_are_errors(run, tmp_path, content):
    file = tmp_path / "EF.SOD"
    file.write_bytes(content)
    result, report = run(file)
    assert (result.exit_code, report["outcome"]) == (1, "ERROR")
    assert report["error"]["code"] in {"chip.not_a_signed_file", "chip.file_too_large"}


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_missing_path_and_empty_folder(run, tmp_path, name):
    (tmp_path / "empty").mkdir()
    result, report = run(tmp_path / name)
    assert (result.exit_code, report["error"]["subject"]) == (1, name)


def test_unreadable_trust_file_is_named(run, folder, tmp_path):
    (tmp_path / "broken.pem").write_bytes(b"not a certificate")
    result, report = run(folder, "--trust", str(tmp_path / "broken.pem"))
    assert (result.exit_code, report["error"]["subject"]) == (1, "broken.pem")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("SOD_DE_1.bin", (), 0),
        ("CARDSEC_DE_1.bin", (), 0),
        ("SOD_DE_2.bin", (), 11),
        ("CARDSEC_DE_2.bin", (), 11),
        ("SOD_GB_3.bin", (), 11),
        ("SOD_RU_1.bin", (), 10),
        ("SOD_RU_1.bin", ("--legacy",), 0),
    ],
)
def test_real_files(run, shared_data, name, options, code):
    trust = shared_data / "chip/masterlists/DE_ML_2026-05-28-08-28-45.ml"
    result, _ = run(
        shared_data / "chip/sods" / name, "--trust", str(trust), "--at", "2026-06-15", *options
    )
    assert result.exit_code == code
