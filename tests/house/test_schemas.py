"""docs/schemas: sound themselves, and true of what the commands write."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator, ValidationError
from typer.testing import CliRunner

from ekyc.outcomes import reason_registry
from ekyc.policy import profile_ids

_NAME = re.compile(r"ekyc\.(?P<command>[a-z-]+)\.(?P<version>\d+)\.schema\.json\Z")


@pytest.fixture(scope="module")
def documents(repository_root):
    folder = repository_root / "docs" / "schemas"
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command with ``--json``: exit code and the one object on stdout."""
    from ekyc.cli.__main__ import app

    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))

    def invoke(*arguments):
        result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
        return result.exit_code, json.loads(result.stdout)

    return invoke


def test_every_schema_is_one(documents):
    assert documents
    for name, document in documents.items():
        assert _NAME.match(name), name
        assert document["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
        assert document["$id"] == name
        assert document["title"]
        Draft202012Validator.check_schema(document)


def test_every_schema_names_its_own_version(documents):
    for name, document in documents.items():
        found = _NAME.match(name)
        assert found
        consts = set(re.findall(r'"const": "(ekyc\.[^"]+)"', json.dumps(document)))
        if found["command"] not in {"common", "problem"}:
            assert consts == {f"ekyc.{found['command']}/{found['version']}"}, name


def test_every_reference_leads_somewhere(documents):
    for document in documents.values():
        for target in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
            file, _, pointer = target.partition("#")
            found = documents[file or document["$id"]]
            for step in pointer.strip("/").split("/"):
                found = found[step]


def test_the_case_schema_is_the_one_that_cases_are_read_by(documents):
    from ekyc.flows.case import CaseManifest

    document = dict(documents["ekyc.case.1.schema.json"])
    for added in ("$schema", "$id", "title", "description"):
        document.pop(added, None)
    generated = CaseManifest.model_json_schema(by_alias=True)
    for added in ("title", "description"):
        generated.pop(added, None)

    assert document == generated


def test_reason_codes_and_schema_agree(documents):
    pattern = documents["ekyc.common.1.schema.json"]["$defs"]["reasonCode"]["pattern"]

    assert all(re.match(pattern, code) for code in reason_registry())


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (("challenge", "new"), "ekyc.challenge-new.1"),
        (("case", "profiles"), "ekyc.case-profiles.1"),
        (("models", "list"), "ekyc.models-list.1"),
        (("models", "verify"), "ekyc.models-verify.1"),
        (("bench", "list"), "ekyc.bench-list.1"),
        (("doctor",), "ekyc.doctor.1"),
    ],
)
def test_the_command_writes_what_its_schema_says(run, validate_against, arguments, schema):
    _, written = run(*arguments)

    validate_against(schema, written)


def test_a_challenge_for_a_chip_and_its_refusal(run, validate_against, tmp_path):
    from ekyc.chip import ElementaryFile
    from ekyc.chip.sim import SimulatedIssuer
    from ekyc.samples import SampleCitizen
    from ekyc.samples.case import citizen_data

    card = SimulatedIssuer.create().issue_card(citizen_data(SampleCitizen.default()), b"\xff\xd8")
    file = tmp_path / "EF.DG14"
    file.write_bytes(card.files.get(ElementaryFile.DG14))
    code, written = run("challenge", "new", "--dg14", file)
    assert code == 0
    validate_against("ekyc.challenge-new.1", written)
    assert written["chip_authentication"]["first_command_hex"].startswith("0ca4020c")

    file.write_bytes(b"\x6e\x02\x31\x00")
    code, written = run("challenge", "new", "--dg14", file)
    assert (code, written["reasons"]) == (1, ["chip.ca_not_supported"])
    validate_against("ekyc.challenge-new.1", written)


def test_a_new_case_and_its_refusal(run, validate_against, tmp_path):
    code, written = run("case", "new", tmp_path / "case")
    assert code == 0
    validate_against("ekyc.case-new.1", written)

    code, written = run("case", "new", tmp_path / "case")
    assert code == 1
    assert written["outcome"] == "ERROR"
    validate_against("ekyc.case-new.1", written)


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (("verify", "no-such-case"), "ekyc.verify.1"),
        (("chip", "inspect", "no-such-folder"), "ekyc.chip-inspect.1"),
        (("face", "compare", "no.jpg", "no.jpg"), "ekyc.face-compare.1"),
        (("liveness", "check", "no.jpg"), "ekyc.liveness-check.1"),
        (("ocr", "compare", "no.jpg", "no.jpg"), "ekyc.ocr-compare.1"),
        (("ocr", "read", "no.jpg"), "ekyc.ocr-read.1"),
        (("ocr", "card", "no.jpg"), "ekyc.ocr-card.1"),
        (("validate", "no.pdf"), "ekyc.validate.1"),
        (("models", "verify", "no-such-model"), "ekyc.models-verify.1"),
        (("bench", "run", "no-such-suite", "--out", "x.json"), "ekyc.bench-run.1"),
        (("bench", "generate", "no-such-material", "--out", "x"), "ekyc.bench-generate.1"),
    ],
)
def test_a_failure_has_one_form_everywhere(run, validate_against, arguments, schema):
    code, written = run(*arguments)

    assert code == 1
    assert written["outcome"] == "ERROR"
    assert written["error"]["code"]
    validate_against(schema, written)


def test_chip_inspect_on_a_real_file(run, validate_against, shared_data):
    sods = sorted((shared_data / "chip").rglob("*SOD*"))
    sod = next(path for path in sods if path.is_file() and path.suffix in {"", ".bin"})

    code, written = run("chip", "inspect", sod)

    assert code in {10, 11}
    validate_against("ekyc.chip-inspect.1", written)
    assert written["passive_authentication"]["chain"]["verdict"] in {"NO_ANCHOR", "FAILED"}


@pytest.mark.models
def test_faces_on_real_pictures(run, validate_against, models):
    from ekyc.inference import ModelStore

    portrait = ModelStore().asset_path("portrait-astronaut")

    code, written = run("face", "compare", portrait, portrait)
    assert code in {0, 10}
    validate_against("ekyc.face-compare.1", written)

    _, written = run("liveness", "check", portrait)
    validate_against("ekyc.liveness-check.1", written)


def test_the_helper_refuses_what_is_not_described(validate_against):
    sound = {
        "schema": "ekyc.case-new/1",
        "outcome": "PASSED",
        "reasons": [],
        "checks": [],
        "path": "case",
    }
    validate_against("ekyc.case-new.1", sound)

    with pytest.raises(AssertionError, match="describe"):
        validate_against("ekyc.case-new.1", sound | {"surprise": 1})
    for broken in ({"outcome": "MAYBE"}, {"path": 7}, {"schema": "ekyc.case-new/2"}):
        with pytest.raises(ValidationError):
            validate_against("ekyc.case-new.1", sound | broken)


def test_profiles_are_listed_in_full(run):
    _, written = run("case", "profiles")

    assert [profile["id"] for profile in written["profiles"]] == list(profile_ids())
