"""A relayed reading between processes: the service in one, the card beside its client in another, a WebSocket between."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sent_once import once

from ekyc.chip import RecordedSession, verify_session

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(300)]

SERVER = Path(__file__).resolve().parents[1] / "support" / "relay_server.py"
PATIENCE_S = 60.0
OPTIONS_OF_CARD = {"pace": (), "bac": ("--bac-only",)}


def wait_for(question):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    return pytest.fail("no answer in time")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Place:
    """A card's client that waits for its session, and the service that trusts the card's issuer."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = []

    def start(self, arguments, **options):
        process = subprocess.Popen([sys.executable, *map(str, arguments)], text=True, **options)
        self.processes.append(process)
        return process

    def card(self, *options):
        """The client with its card, and the key that the card announced."""
        command = ("-m", "ekyc.cli", "chip", "relay", self.url, "--session", "-", "--simulated")
        anchor = self.folder / "anchor.pem"
        client = self.start(
            (*command, "--anchor", anchor, "--json", *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        words = client.stderr.readline().split()
        return client, words[words.index("--mrz") + 1].split(","), words[-1]

    def service(self):
        self.start((SERVER, self.port, self.folder / "state.sqlite3", self.folder / "anchor.pem"))
        wait_for(self.alive)

    def alive(self):
        try:
            return httpx.get(f"{self.url}/livez").is_success
        except httpx.TransportError:
            return False

    def order(self, **body):
        answer = httpx.post(f"{self.url}/v1/chip-sessions", json=body, headers=once())
        assert answer.status_code == 201, answer.text
        return answer.json()

    def fetch(self, session, what=""):
        headers = {"Authorization": f"Bearer {session['result_token']}"}
        return httpx.get(f"{self.url}/v1/chip-sessions/{session['id']}{what}", headers=headers)

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(timeout=30)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


@pytest.fixture
def place(tmp_path):
    opened = Place(tmp_path)
    yield opened
    opened.close()


def finish(client, session):
    handed_on = {name: value for name, value in session.items() if name != "result_token"}
    out, err = client.communicate(json.dumps(handed_on), timeout=PATIENCE_S)
    return client.returncode, json.loads(out), err


@pytest.mark.parametrize("access", OPTIONS_OF_CARD)
def test_a_card_is_read_over_the_network(place, validate_against, access):
    client, zone, can = place.card(*OPTIONS_OF_CARD[access])
    place.service()
    names = ("document_number", "birth", "expiry")
    key = {"can": can} if access == "pace" else {"mrz": dict(zip(names, zone, strict=True))}
    session = place.order(mode="full", **key)

    code, written, shown = finish(client, session)
    assert code == 0, shown
    validate_against("ekyc.chip-relay.1", written)
    result = place.fetch(session).json()
    validate_against("ekyc.chip-session.1", result)
    assert result["access"]["protocol"] == access.upper()
    assert result["passive_authentication"]["chain"]["verdict"] == "CHAINED"
    passed = {check["id"] for check in result["checks"] if check["outcome"] == "PASSED"}
    assert {"chip.hashes", "chip.active_authentication", "chip.chip_authentication"} <= passed
    assert result["transcript_sha256"] == written["transcript_sha256"]
    record = RecordedSession.decode(place.fetch(session, "/evidence").content)
    assert verify_session(record).access.protocol.value == access.upper()


def test_a_phone_that_opens_the_card_itself(place):
    _, zone, can = place.card()
    client, _, _ = place.card("--can", can)  # the same invented citizen, another issuer
    place.service()
    session = place.order(mode="hybrid")
    code, _, shown = finish(client, session)
    assert code == 0, shown
    result = place.fetch(session).json()
    assert result["access"]["name"] == "PACE, by the phone"
    assert result["passive_authentication"]["chain"]["verdict"] == "CHAINED"
    assert zone[0] not in json.dumps(result)


def test_the_wrong_key_is_told_on_both_sides(place):
    client, _, _ = place.card()
    place.service()
    session = place.order(can="999999")
    code, written, _ = finish(client, session)
    assert (code, written["reasons"]) == (1, ["chip.relay_refused"])
    assert written["error"]["subject"] == "chip.pace_refused"
    assert place.fetch(session).json()["error"]["code"] == "chip.pace_refused"


def test_a_client_that_is_killed_or_interrupted_before_its_session(place):
    client, _, _ = place.card()
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 130
    assert "interrupted" in err


def test_nobody_listens(place):
    client, _, can = place.card()
    session = {"id": "0" * 32, "token": "t" * 43, "relay_path": "/v1/x/relay", "mode": "full"}
    code, written, _ = finish(client, session)
    assert (code, written["reasons"]) == (1, ["chip.relay_unreachable"])
    assert can not in json.dumps(written)
