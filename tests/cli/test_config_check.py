"""ekyc config check: each fault by its name, nothing made, no secret shown."""

from __future__ import annotations

import json
import os

import click
import pytest
import typer
from typer.testing import CliRunner

from ekyc.cli import config
from ekyc.cli.__main__ import app
from ekyc.errors import InputError
from ekyc.ports import SystemRandom
from ekyc.storage import FileKeyProvider, ServiceKey, Storage

ACCESS = 'schema = "ekyc.access/1"\nissuer = "https://ekyc.example.vn"\n'
TLS = "[proxy]\ntls = true\n"
SECRET = "c4n4ry-secret"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def check(tmp_path, home, validate_against):
    def run(**variables):
        file = tmp_path / "ekyc.env"
        lines = {"EKYC_HOME": home, **variables}
        file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        result = CliRunner().invoke(app, ["config", "check", str(file), "--json"])
        found = json.loads(result.stdout)
        validate_against("ekyc.config-check.1", found)
        shown = CliRunner().invoke(app, ["config", "check", str(file)])
        assert shown.exit_code == result.exit_code
        return result.exit_code, found, result.output + shown.output

    return run


def seen(found, reason):
    return [one["seen"] for one in found["checks"] if reason in one["reasons"]]


@pytest.fixture
def access(tmp_path):
    path = tmp_path / "access.toml"
    path.write_text(ACCESS + TLS)
    return path


def test_all_is_well_and_nothing_is_made(check, access, home):
    code, found, _ = check(EKYC_ACCESS=access, EKYC_HOST="0.0.0.0")
    assert (code, found["outcome"], found["reasons"]) == (0, "PASSED", [])
    assert list(home.iterdir()) == []


def test_a_service_without_callers_is_a_warning(check):
    code, found, _ = check()
    assert (code, found["reasons"]) == (10, ["config.nobody_asked"])


def test_a_typo_is_named_with_what_was_meant(check, access):
    code, found, _ = check(EKYC_ACESS=access, EKYC_SOMETHING_ELSE="1")
    assert code == 11
    assert seen(found, "config.unknown_variable") == [
        "EKYC_ACESS; did you mean EKYC_ACCESS?",
        "EKYC_SOMETHING_ELSE",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "EKYC_KEY_PASSPHRASE",
        "EKYC_TOKEN_PIN",
        "EKYC_ACESS",
        "EKYC_KEY_PASPHRASE",
        "EKYC_LOGIN_SECRET",
    ],
)
def test_values_of_secrets_and_of_the_unknown_are_not_shown(check, access, name):
    _, _, output = check(EKYC_ACCESS=access, **{name: SECRET})
    assert name in output
    assert SECRET not in output


def test_the_password_of_a_database_is_not_shown(check):
    state = f"postgresql+psycopg://ekyc:{SECRET}@127.0.0.1:1/ekyc?connect_timeout=1"
    code, found, output = check(EKYC_STATE=state)
    assert code == 11
    assert seen(found, "config.database_unreachable")[0].startswith("postgresql://127.0.0.1/ekyc ")
    assert SECRET not in output


def test_a_database_of_ours_is_told_from_another_and_not_changed(check, home, access):
    database = home / "ekyc.sqlite3"
    with Storage.open(database):
        pass
    before = database.read_bytes()
    code, found, _ = check(EKYC_ACCESS=access)
    assert (code, database.read_bytes()) == (0, before)
    database.write_bytes(b"no database at all" * 100)
    code, found, _ = check(EKYC_ACCESS=access)
    assert (code, found["reasons"]) == (11, ["config.database_unreachable"])


def test_keys_that_others_may_read(check, home, access):
    ServiceKey.load(home / "service.key", SystemRandom())
    FileKeyProvider(home / "keys", SystemRandom()).make_version("default")
    assert check(EKYC_ACCESS=access)[0] == 0
    one = next(path for path in (home / "keys").rglob("*") if path.is_file())
    one.chmod(0o640)
    (home / "service.key").chmod(0o604)
    code, found, _ = check(EKYC_ACCESS=access)
    assert code == 11
    assert seen(found, "config.key_readable") == [str(home / "service.key"), str(one)]


def test_files_that_are_named_must_be_of_use(check, tmp_path, access):
    code, found, _ = check(EKYC_ACCESS=access, EKYC_CSC=tmp_path / "absent.toml")
    assert (code, len(seen(found, "config.file_unusable"))) == (11, 1)
    access.write_text("schema = 7")
    code, found, _ = check(EKYC_ACCESS=access)
    assert code == 11
    assert "access.config" in seen(found, "config.file_unusable")[0]


def test_a_variable_that_a_file_names_must_be_set(check, tmp_path, access):
    token = tmp_path / "token.toml"
    token.write_text('[pkcs11]\nmodule = "x"\ntoken = "y"\npin_variable = "EKYC_OUR_PIN"\n')
    code, found, _ = check(EKYC_ACCESS=access, EKYC_KEYS=token)
    assert (code, found["reasons"]) == (11, ["config.variable_missing"])
    code, _, output = check(EKYC_ACCESS=access, EKYC_KEYS=token, EKYC_OUR_PIN=SECRET)
    assert code == 0
    assert SECRET not in output


@pytest.mark.parametrize("tls", ["", "[proxy]\ntls = false\n"])
def test_a_public_address_without_tls_is_refused_with_the_reason(check, access, tls):
    access.write_text(ACCESS + tls)
    code, found, _ = check(EKYC_ACCESS=access, EKYC_HOST="0.0.0.0")
    assert code == 11
    assert "serve.public_address" in seen(found, "config.address_refused")[0]


@pytest.mark.parametrize(
    ("address", "well"),
    [
        ("http://127.0.0.1:4318", True),
        ("https://collector.example.vn", True),
        ("http://collector.example.vn", False),
        ("https://user:hidden-word@collector.example.vn", False),
    ],
)
def test_the_address_of_a_collector_is_looked_at(check, access, address, well):
    code, found, output = check(EKYC_ACCESS=access, EKYC_TRACES=address)
    assert ("config.traces_refused" in found["reasons"]) is not well
    assert "hidden-word" not in output
    assert (code == 0) is well


def test_a_public_address_without_callers_is_refused(check):
    assert "config.address_refused" in check(EKYC_HOST="0.0.0.0")[1]["reasons"]


def test_an_environment_file_is_read_as_systemd_does(tmp_path):
    file = tmp_path / "e"
    file.write_text("# a\n; b\n\nA=1\nexport B=\"x y\"\nC=\n D='#' \n")
    assert config.read_environment(file) == {"A": "1", "B": "x y", "C": "", "D": "#"}
    file.write_text("A=1\nno assignment " + SECRET)
    result = CliRunner().invoke(app, ["config", "check", str(file), "--json"])
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["code"], error["subject"]) == (1, "config.file", "line 2")
    assert SECRET not in result.output


def test_an_environment_file_is_read_to_its_end_or_refused(tmp_path):
    file = tmp_path / "ekyc.env"
    file.write_text(f"EKYC_HOST=127.0.0.1\n{'# so' * (1 << 18)}\nEKYC_ACCESS=access.toml\n")
    with pytest.raises(InputError) as caught:
        config.read_environment(file)
    assert (caught.value.code, caught.value.subject) == ("config.file", "ekyc.env")


def variables_of(command):
    for option in command.params:
        named = option.envvar
        yield from [named] if isinstance(named, str) else named or ()
    if isinstance(command, click.Group) or hasattr(command, "commands"):
        for one in command.commands.values():
            yield from variables_of(one)


def test_every_variable_of_the_commands_is_known():
    asked = set(variables_of(typer.main.get_command(app)))
    assert {"EKYC_STATE", "EKYC_HOST", "EKYC_METRICS_PORT"} <= asked
    assert asked <= {*config._FILES, *config._PLAIN, *config._SECRET}


@pytest.fixture
def serve(home, monkeypatch):
    """Exit code and output of ``ekyc serve … --check``."""
    for name in [name for name in os.environ if name.startswith("EKYC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EKYC_HOME", str(home))

    def run(*options, command="serve"):
        # A terminal breaks long lines, and a name may stand on two of them.
        done = CliRunner().invoke(app, [command, *map(str, options), "--check"])
        return done.exit_code, done.output.replace("\n", " ")

    return run


def test_options_of_a_command_line_count_before_variables_and_nothing_is_started(
    serve, home, access, monkeypatch
):
    monkeypatch.setenv("EKYC_HOST", "127.0.0.1")
    monkeypatch.setenv("EKYC_ACCESS", str(access))
    assert serve()[0] == 0
    assert serve("--host", "0.0.0.0")[0] == 0
    plain = access.with_name("plain.toml")
    plain.write_text(ACCESS)
    code, told = serve("--host", "0.0.0.0", "--access", plain)
    assert (code, "serve.public_address" in told) == (11, True)
    assert serve("--host", "0.0.0.0", "--access", plain, "--insecure-public")[0] == 0
    assert list(home.iterdir()) == []


def test_a_database_and_files_of_a_command_line_are_looked_at(serve, access, tmp_path):
    database = tmp_path / "other.sqlite3"
    database.write_bytes(b"no database" * 100)
    code, told = serve("--access", access, "--state", database)
    assert (code, "no database of ours" in told) == (11, True)
    code, told = serve("--access", access, "--trust", tmp_path, "--trust", tmp_path / "away.pem")
    assert code == 11
    assert told.count("FAILED") == 1
    assert serve("--access", access, "--workers", "3")[0] == 0
    code, told = serve("--access", access, "--status-key", SECRET)
    assert (code, SECRET in told) == (0, False)


def test_a_worker_is_checked_likewise(serve, access, tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_ACCESS", str(access))
    assert serve("--batch-items", "2", command="worker")[0] == 0
    assert serve("--national-service", tmp_path / "away.toml", command="worker")[0] == 11
    assert serve("--traces", "http://10.0.0.1", command="worker")[0] == 11
