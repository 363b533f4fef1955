from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.models import models_app

VOCABULARY = "asterocr-vocab"


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_MODELS", str(tmp_path / "store"))
    return lambda *arguments: CliRunner().invoke(models_app, list(arguments))


def test_list_shows_licence_and_disclosure(call):
    result = call("list", "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["schema"] == "ekyc.models-list/1"
    embedder = next(row for row in facts["models"] if row["id"] == "sface-2021dec")
    assert embedder["licence_weights"] == "Apache-2.0"
    assert embedder["disclosed"] is False
    assert embedder["installed"] is False


def test_list_for_people_names_every_model(call):
    result = call("list")
    assert result.exit_code == 0
    assert "sface-2021dec" in result.stdout
    assert "undisclosed" in result.stdout


def test_verify_tells_what_is_missing(call):
    result = call("verify", VOCABULARY, "--json")
    assert result.exit_code == 11
    facts = json.loads(result.stdout)
    assert facts["outcome"] == "FAILED"
    assert facts["reasons"] == ["model.not_installed"]
    assert facts["checks"][0]["subjects"] == [VOCABULARY]


def test_install_from_an_empty_folder_is_one_json_error(call, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    result = call("install", VOCABULARY, "--from", str(folder), "--json")
    assert result.exit_code == 1
    facts = json.loads(result.stdout)
    assert facts["error"]["code"] == "model.not_in_folder"
    assert facts["error"]["subject"] == VOCABULARY


def test_a_file_with_the_right_name_and_size_but_other_content_is_refused(call, tmp_path):
    (tmp_path / "vocab.json").write_bytes(b"x" * 2541)
    result = call("install", VOCABULARY, "--from", str(tmp_path), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "model.altered"


@pytest.mark.parametrize("command", ["install", "verify"])
def test_an_unknown_id_is_an_error(call, command):
    result = call(command, "no-such-model", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "model.unknown"


@pytest.mark.models
def test_install_verify_and_alter_a_real_file(models, call, tmp_path):
    source = models.store.asset_path(VOCABULARY)
    (tmp_path / "vocab.json").write_bytes(source.read_bytes())
    result = call("install", VOCABULARY, "--from", str(tmp_path), "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["models"][0]["id"] == VOCABULARY
    assert call("verify", VOCABULARY).exit_code == 0
    (installed,) = (tmp_path / "store").rglob("published.json")
    installed.write_bytes(b"{}")
    result = call("verify", VOCABULARY, "--json")
    assert result.exit_code == 11
    assert json.loads(result.stdout)["reasons"] == ["model.altered"]
