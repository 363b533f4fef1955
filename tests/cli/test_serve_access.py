"""How the service starts: never on a public address with nobody asked, and aloud where everybody may do everything."""

from __future__ import annotations

import pytest

from ekyc.api import ServerAddress
from ekyc.api.access.configuration import AccessSettings, load_access_settings
from ekyc.api.access.login_profiles import load_login_profile
from ekyc.api.access.proxy import ProxySettings
from ekyc.cli.serve_access import host_names, load_access, open_access
from ekyc.errors import InputError
from ekyc.storage import NewClient, ServiceKey, Storage

KEY = ServiceKey(bytes(32))
LOOPBACK = ServerAddress()


@pytest.fixture
def storage(tmp_path):
    with Storage.open(tmp_path / "state.sqlite3") as opened:
        yield opened


def make_client(storage):
    register = storage.access(KEY).register
    register.add_tenant("a", "A")
    register.add_client("a", NewClient(id="p", name="p", scopes=frozenset({"tools:use"})))


def test_without_clients_a_loopback_service_is_in_development(storage):
    assert open_access(None, storage, KEY, LOOPBACK) is None


def test_the_first_client_ends_development(storage):
    make_client(storage)
    assert open_access(None, storage, KEY, LOOPBACK) is not None


def test_a_revoked_client_does_not_bring_development_back(storage):
    make_client(storage)
    storage.access(KEY).register.end_client("a", "p")
    assert open_access(None, storage, KEY, LOOPBACK) is not None


def test_a_description_asks_everybody(storage):
    settings = AccessSettings(issuer="https://ekyc.example.vn")
    front = open_access(settings, storage, KEY, LOOPBACK)
    assert front is not None
    assert "ekyc.example.vn" in host_names(LOOPBACK, front)
    assert "ekyc.example.vn" not in host_names(LOOPBACK, None)


def test_a_public_address_wants_declared_tls():
    with pytest.raises(InputError) as caught:
        ServerAddress(host="0.0.0.0")
    assert caught.value.code == "serve.public_address"
    assert not ServerAddress(host="0.0.0.0", tls_declared=True).is_private


@pytest.mark.parametrize("options", [{"tls_declared": True}, {"insecure_public": True}])
def test_a_public_address_wants_callers_who_are_asked(storage, options):
    """Not even the consent to do without TLS opens an address to everybody."""
    address = ServerAddress(host="0.0.0.0", **options)
    with pytest.raises(InputError) as caught:
        open_access(None, storage, KEY, address)
    assert caught.value.code == "serve.public_address"
    make_client(storage)
    assert open_access(None, storage, KEY, address) is not None


ACCESS = """
schema = "ekyc.access/1"
issuer = "https://ekyc.example.vn"
logins = ["staff.toml"]
idle_minutes = 20

[proxy]
tls = true
trusted = ["unix", "10.0.0.0/8"]
address_header = "X-Forwarded-For"

[agents]
forbidden_procedures = ["marriage-registration"]
"""
STAFF = """
schema = "ekyc.login/1"
id = "staff"
name = "Cán bộ"
tenant = "a"
issuer = "https://login.example.vn"
client_id = "ekyc"
client_secret_variable = "EKYC_STAFF_SECRET"

[[roles]]
role = "officer"
claim = "groups"
value = "ekyc"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "access.toml").write_text(ACCESS)
    (tmp_path / "staff.toml").write_text(STAFF)
    return tmp_path


def test_a_description_is_read(folder):
    said = load_access_settings(folder / "access.toml", {"EKYC_STAFF_SECRET": "s3cret"})
    assert said.proxy == ProxySettings(
        tls=True, trusted=("unix", "10.0.0.0/8"), address_header="X-Forwarded-For"
    )
    assert said.no_agents == {"marriage-registration"}
    assert said.logins[0].client_secret == "s3cret"
    assert "s3cret" not in repr(said)
    assert load_access(None) is None


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (("https://ekyc.example.vn", "http://ekyc.example.vn"), "issuer"),
        (("https://ekyc.example.vn", "https://ekyc.example.vn/path"), "issuer"),
        (("ekyc.access/1", "ekyc.access/9"), "schema"),
        (('"unix", ', '"nowhere", '), "trusted"),
        (("tls = true", 'tls = "yes"'), "proxy.tls"),
        (("[agents]", "[agent]"), "agent"),
        (("staff.toml", "absent.toml"), "absent.toml"),
        (('["staff.toml"]', '["staff.toml", "staff.toml"]'), "logins"),
        (("idle_minutes = 20", "idle_minutes = 0"), "idle_minutes"),
        (("schema", "\x00"), "access.toml"),
    ],
)
def test_a_description_has_a_form(folder, change, subject):
    (folder / "access.toml").write_text(ACCESS.replace(*change, 1))
    with pytest.raises(InputError) as caught:
        load_access_settings(folder / "access.toml", {"EKYC_STAFF_SECRET": "s"})
    assert (caught.value.code, caught.value.subject) == ("access.config", subject)


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (("https://login", "http://login"), "issuer"),
        (('role = "officer"', 'role = "king"'), "roles"),
        (('role = "officer"', 'role = "agent"'), "roles"),
        (('claim = "groups"\nvalue = "ekyc"\n', ""), "roles"),
        (('value = "ekyc"\n', ""), "roles"),
        (("[[roles]]", 'algorithms = ["none"]\n[[roles]]'), "algorithms"),
        (("[[roles]]", 'algorithms = ["HS256"]\n[[roles]]'), "algorithms"),
        (("[[roles]]", 'scopes = ["profile"]\n[[roles]]'), "scopes"),
        (("[[roles]]", "surprise = 1\n[[roles]]"), "surprise"),
        (("ekyc.login/1", "x"), "schema"),
        (("EKYC_STAFF_SECRET", "EKYC_OTHER"), "EKYC_OTHER"),
    ],
)
def test_a_profile_has_a_form(folder, change, subject):
    (folder / "staff.toml").write_text(STAFF.replace(*change, 1))
    with pytest.raises(InputError) as caught:
        load_login_profile(folder / "staff.toml", {"EKYC_STAFF_SECRET": "s"})
    assert (caught.value.code, caught.value.subject) == ("access.config", subject)
