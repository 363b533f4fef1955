"""A login between three processes: the service, an OpenID provider over TLS, and this one as the browser."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from identity_provider import SECRET, make_certificate

from ekyc.ports import SystemRandom
from ekyc.storage import NewClient, ServiceKey, Storage

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(180)]
SUPPORT = Path(__file__).resolve().parents[1] / "support"
ACCESS = """
schema = "ekyc.access/1"
issuer = "http://127.0.0.1:{service}"
logins = ["staff.toml", "unguarded.toml"]
"""
PROFILE = """
schema = "ekyc.login/1"
id = "{id}"
name = "Cán bộ"
tenant = "a"
issuer = "https://localhost:{provider}"
client_id = "ekyc"
client_secret_variable = "EKYC_STAFF_SECRET"
port = {provider}
ca_file = "cert.pem"
networks = {networks}

[[roles]]
role = "officer"
claim = "groups"
value = "ekyc-officers"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url, process, log, **options):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(url, **options)
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    pytest.fail("does not answer")


class Sides:
    """The service and the provider, running."""

    def __init__(self, folder):
        self.folder = folder
        self.service_port, self.provider_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.service_port}"
        self.provider = f"https://localhost:{self.provider_port}"
        self.callback = f"{self.url}/login/staff/callback"
        make_certificate(folder)
        (folder / "access.toml").write_text(ACCESS.format(service=self.service_port))
        for name, networks in (
            ("staff", '["127.0.0.0/8", "::1/128"]'),
            ("unguarded", '["10.9.8.0/24"]'),
        ):
            told = PROFILE.format(id=name, provider=self.provider_port, networks=networks)
            (folder / f"{name}.toml").write_text(told)
        key = ServiceKey.load(folder / "service.key", SystemRandom())
        with Storage.open(folder / "state.sqlite3") as storage:
            register = storage.access(key).register
            register.add_tenant("a", "Tỉnh A")
            register.add_client("a", NewClient(id="c", name="c", scopes=frozenset({"tools:use"})))
        self.processes = []

    def start(self):
        commands = {
            "provider": ("identity_provider.py", self.provider_port, self.folder, self.callback),
            "service": ("access_server.py", self.service_port, self.folder),
        }
        for name, (script, *arguments) in commands.items():
            log = self.folder / f"{name}.log"
            with log.open("w") as out:
                command = [sys.executable, str(SUPPORT / script), *map(str, arguments)]
                environment = {**os.environ, "EKYC_STAFF_SECRET": SECRET}
                process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
            self.processes.append(process)
        provider, service = self.processes
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        self.tls = {"verify": context}
        answers(f"{self.provider}/jwks", provider, self.folder / "provider.log", **self.tls)
        answers(f"{self.url}/livez", service, self.folder / "service.log")

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)

    def become(self, fault=None, **claims):
        told = {"claims": json.dumps({"sub": "staff-1", "groups": ["ekyc-officers"]} | claims)}
        told |= {} if fault is None else {"fault": fault}
        assert httpx.get(f"{self.provider}/become", params=told, **self.tls).status_code == 204

    def begin(self):
        answer = httpx.get(f"{self.url}/login/staff")
        assert answer.status_code == 302, answer.text
        return answer.headers["location"], answer.headers["set-cookie"].split(";")[0]

    def consent(self, location):
        answer = httpx.get(location, **self.tls)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def back(self, place, cookie):
        return httpx.get(place, headers={"Cookie": cookie})


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    made = Sides(tmp_path_factory.mktemp("login"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_an_officer_logs_in_works_and_leaves(sides):
    sides.become()
    location, cookie = sides.begin()
    answer = sides.back(sides.consent(location), cookie)
    assert answer.status_code == 303
    session = {"Cookie": answer.headers.get_list("set-cookie")[0].split(";")[0]}
    told = httpx.get(f"{sides.url}/login/session", headers=session).json()
    assert told["roles"] == ["officer"]
    assert httpx.post(f"{sides.url}/v1/challenges", headers=session).status_code == 403
    forged_not = session | {"X-CSRF-Token": told["csrf_token"]}
    assert httpx.post(f"{sides.url}/v1/challenges", headers=forged_not).status_code == 201
    assert httpx.post(f"{sides.url}/logout", headers=forged_not).status_code == 200
    assert httpx.get(f"{sides.url}/login/session", headers=session).status_code == 401


@pytest.mark.parametrize(
    "fault",
    ["nonce", "issuer mix-up", "token of another issuer", "audience", "expired", "alg none"],
)
def test_what_is_wrong_logs_nobody_in(sides, fault):
    sides.become(fault)
    location, cookie = sides.begin()
    answer = sides.back(sides.consent(location), cookie)
    assert (answer.status_code, answer.json()["code"]) == (403, "access.login")
    assert "set-cookie" not in answer.headers


def test_a_replayed_return_and_a_replayed_code_are_refused(sides):
    sides.become()
    location, cookie = sides.begin()
    place = sides.consent(location)
    assert sides.back(place, cookie).status_code == 303
    assert sides.back(place, cookie).json()["code"] == "access.login"
    code = parse_qs(urlsplit(place).query)["code"][0]
    fresh, other = sides.begin()
    state = parse_qs(urlsplit(sides.consent(fresh)).query)["state"][0]
    replayed = f"{sides.callback}?code={code}&state={state}&iss={sides.provider}"
    assert sides.back(replayed, other).json()["code"] == "access.login"


def test_a_fresh_code_of_another_login_is_worth_nothing_without_its_verifier(sides):
    """RFC 7636: a code that was caught on its way and never used, brought back in a login of the catcher's own."""
    sides.become()
    location, _ = sides.begin()
    asked = parse_qs(urlsplit(location).query)
    assert asked["code_challenge_method"] == ["S256"]
    caught = parse_qs(urlsplit(sides.consent(location)).query)["code"][0]
    fresh, cookie = sides.begin()
    mine = parse_qs(urlsplit(sides.consent(fresh)).query)
    injected = f"{sides.callback}?code={caught}&state={mine['state'][0]}&iss={sides.provider}"
    answer = sides.back(injected, cookie)
    assert (answer.status_code, answer.json()["code"]) == (403, "access.login")
    assert "set-cookie" not in answer.headers


def test_the_provider_sends_nobody_to_another_address(sides):
    location, _ = sides.begin()
    elsewhere = location.replace("%2Fcallback", "%2Felsewhere")
    assert elsewhere != location
    assert httpx.get(elsewhere, **sides.tls).status_code == 400


def test_a_provider_within_our_network_is_not_gone_to_unless_named(sides):
    answer = httpx.get(f"{sides.url}/login/unguarded")
    assert (answer.status_code, answer.json()["code"]) == (403, "access.login")
    assert "link.address" in answer.json()["detail"]


def test_nothing_secret_is_in_the_logs(sides):
    logged = (sides.folder / "service.log").read_text()
    assert '"event": "request"' in logged
    for word in (SECRET, "code=", "state=", "staff-1", "ekyc-session", "127.0.0.1:"):
        assert word not in logged.replace(f"http://127.0.0.1:{sides.service_port}", "")
