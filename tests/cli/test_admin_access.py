"""``ekyc admin``: an operator's way from nothing to a key that opens."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from joserfc.jwk import ECKey, OctKey
from referencing import Registry, Resource

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"


def validator():
    texts = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    pairs = [(name, Resource.from_contents(text)) for name, text in texts.items()]
    schema = texts["ekyc.admin-access.1.schema.json"]
    return jsonschema.Draft202012Validator(schema, registry=Registry().with_resources(pairs))


@pytest.fixture
def admin(cli_json):
    judge = validator()

    def run(*arguments):
        code, told = cli_json("admin", *arguments)
        judge.validate(told)
        return code, told

    return run


@pytest.fixture
def agency(admin):
    assert admin("tenant", "create", "tinh-a", "--name", "Tỉnh A")[0] == 0
    return ("--tenant", "tinh-a")


def test_from_nothing_to_a_key(admin, agency):
    admin("office", "create", "tinh", *agency, "--name", "Tỉnh")
    admin("office", "create", "phuong", *agency, "--name", "Phường", "--parent", "tinh")
    _, told = admin("office", "list", *agency)
    assert [one["path"] for one in told["offices"]] == ["/tinh/", "/tinh/phuong/"]
    _, told = admin(
        *("client", "create", "portal", *agency, "--name", "Cổng"),
        *("--scope", "tools:use", "--scope", "dossiers:read"),
        *("--office", "tinh", "--network", "10.0.0.0/8"),
    )
    assert told["clients"][0]["scopes"] == ["dossiers:read", "tools:use"]
    _, told = admin("api-key", "create", "--client", "portal", *agency, "--days", "30")
    secret, made = told["secret"], told["keys"][0]
    _, told = admin("api-key", "list", *agency, "--client", "portal")
    assert told["keys"] == [made]
    assert secret not in json.dumps(told)
    _, told = admin("api-key", "rotate", made["id"], *agency)
    assert told["secret"] != secret
    assert admin("api-key", "revoke", made["id"], *agency)[0] == 0
    _, told = admin("api-key", "list", *agency)
    assert [one["ended_at"] is None for one in told["keys"]].count(False) == 1
    for what, name in (("client", "portal"), ("office", "phuong")):
        assert admin(what, "revoke", name, *agency)[0] == 0
        assert admin(what, "list", *agency)[0] == 0
    assert admin("tenant", "revoke", "tinh-a")[0] == 0
    assert admin("tenant", "list")[1]["tenants"][0]["ended_at"]
    assert admin("token-key", "rotate")[1]["token_key"]


def test_keys_of_a_client_come_from_a_file(admin, agency, tmp_path):
    pair = ECKey.generate_key("P-256", parameters={"kid": "k"})
    file = tmp_path / "jwks.json"
    common = ("client", "create", "portal", *agency, "--name", "x", "--scope", "tools:use")
    for bad in (
        "{}",
        json.dumps({"keys": [pair.as_dict(private=True)]}),
        json.dumps({"keys": [OctKey.generate_key(256).as_dict()]}),
    ):
        file.write_text(bad)
        code, told = admin(*common, "--jwks", file)
        assert (code, told["reasons"]) == (1, ["jwt.keys"])
    file.write_text(json.dumps({"keys": [pair.as_dict(private=False)]}))
    code, told = admin(*common, "--jwks", file)
    assert (code, told["clients"][0]["has_keys"]) == (0, True)


@pytest.mark.parametrize("scope", ["decisions:write", "media:raed", ""])
def test_machines_get_scopes_of_machines(admin, agency, scope):
    code, told = admin("client", "create", "x", *agency, "--name", "x", "--scope", scope)
    assert (code, told["reasons"]) == (1, ["register.scope"])


def test_an_agent_records_no_consents(admin, agency):
    code, told = admin(
        "client", "create", "x", *agency, "--name", "x", "--scope", "consents:write", "--agent"
    )
    assert (code, told["reasons"]) == (1, ["register.scope"])


def test_the_secret_alone_goes_to_stdout_last(cli, admin, agency):
    admin("client", "create", "portal", *agency, "--name", "x", "--scope", "tools:use")
    code, out, _ = cli("admin", "api-key", "create", "--client", "portal", *agency)
    assert code == 0
    assert out.strip().splitlines()[-1].startswith("ekyc_")
