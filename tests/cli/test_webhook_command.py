"""``ekyc webhook``: the life of an endpoint, by its JSON."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.__main__ import app

URL = "https://portal.example.vn/hooks"


@pytest.fixture
def run(tmp_path, monkeypatch, validate_against):
    monkeypatch.setenv("EKYC_HOME", str(tmp_path))

    def invoke(*arguments):
        done = CliRunner().invoke(app, ["webhook", *map(str, arguments), "--json"])
        result = json.loads(done.stdout)
        validate_against("ekyc.webhook.1", result)
        return done.exit_code, result

    return invoke


def test_the_life_of_an_endpoint(run):
    code, made = run("create", URL, "--event", "verification.decided")
    assert code == 0
    [endpoint] = made["endpoints"]
    assert {key["form"]: key["key"].split("_")[0] for key in made["keys"]} == {
        "v1": "whsec",
        "v1a": "whpk",
    }
    assert endpoint["events"] == ["verification.decided"]
    assert run("list")[1]["endpoints"] == [endpoint]
    assert run("list", "--tenant", "other")[1]["endpoints"] == []

    [sent] = run("test", endpoint["id"])[1]["deliveries"]
    assert (sent["state"], sent["type"]) == ("waiting", "webhook_endpoint.tested")
    _, rotated = run("rotate", endpoint["id"], "--overlap", "1")
    assert not {key["key"] for key in rotated["keys"]} & {key["key"] for key in made["keys"]}

    assert run("disable", endpoint["id"])[1]["endpoints"][0]["disabled_by"] == "operator"
    [stopped] = run("deliveries", "--in", "stopped")[1]["deliveries"]
    assert stopped["id"] == sent["id"]
    code, refused = run("replay", sent["id"])
    assert (code, refused["error"]["code"]) == (1, "webhook.disabled")
    run("enable", endpoint["id"])
    assert run("replay-missed", endpoint["id"])[1]["replayed"] == 1
    [newest, _] = run("deliveries")[1]["deliveries"]
    [shown] = run("delivery", newest["id"])[1]["deliveries"]
    assert (shown["replay_of"], shown["attempts"]) == (sent["id"], [])
    assert run("delete", endpoint["id"])[0] == 0
    assert run("list")[1]["endpoints"] == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://portal.example.vn/", "link.url"),
        ("https://localhost/", "link.url"),
        ("https://127.0.0.1/", "link.address"),
        ("https://portal.example.vn:22/", "link.url"),
        ("https://user@portal.example.vn/", "link.url"),
    ],
)
def test_an_address_that_is_not_gone_to_makes_no_endpoint(run, url, code):
    exit_code, result = run("create", url)
    assert (exit_code, result["error"]["code"]) == (1, code)
    assert url not in json.dumps(result)
    assert run("list")[1]["endpoints"] == []


def test_for_development_this_machine_may_be_told(run):
    assert run("create", "http://127.0.0.1:8080/", "--webhook-loopback")[0] == 0


def test_what_is_not_there_is_said(run):
    for command in ("rotate", "disable", "enable", "delete", "test"):
        code, result = run(command, "0" * 32)
        assert (code, result["error"]["code"]) == (1, "webhook.unknown")
    code, result = run("create", URL, "--event", "no.such")
    assert (code, result["error"]["code"]) == (1, "webhook.kinds")


def test_people_read_lines(tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["webhook", "create", URL]).stdout
    assert "whsec_" in shown
    assert "whpk_" in shown
    assert "all events" in shown
