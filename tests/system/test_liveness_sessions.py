"""Liveness sessions between processes: the service in one, a client without a camera in another, HTTP between them."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from liveness_client import ATTACKS
from sent_once import once

pytestmark = [
    pytest.mark.system,
    pytest.mark.enable_socket,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings(
        "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
    ),
]
SUPPORT = Path(__file__).resolve().parents[1] / "support"
PATIENCE_S = 180.0


class Place:
    """A service that may die, a portal (the test) and clients."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = None
        self.clients = []

    def serve(self, kind="numbers", death=""):
        command = [SUPPORT / "liveness_server.py", self.port, self.folder, kind, death]
        with (self.folder / "log").open("a") as log:
            self.server = subprocess.Popen([sys.executable, *map(str, command)], stderr=log)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/livez").is_success:
                    return
            except httpx.TransportError:
                assert self.server.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)
        pytest.fail("the service does not answer")

    def order(self, case="case-1"):
        body = {"case": case, "subject": f"subject of {case}".replace(" ", "-")}
        answer = httpx.post(f"{self.url}/v1/liveness-sessions", json=body, headers=once())
        assert answer.status_code == 201, answer.text
        return answer.json()

    def client(self, how, *sessions, seed=0, script="liveness_client.py"):
        """A client that has its sessions' capture tokens, and no more."""
        command = [SUPPORT / script, self.url, self.folder, how, seed]
        client = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.clients.append(client)
        handed = [{name: one[name] for name in ("id", "capture_token")} for one in sessions]
        client.stdin.write(json.dumps(handed))
        client.stdin.close()
        client.stdin = None
        return client

    def heard(self, client):
        out, err = client.communicate(timeout=15 * PATIENCE_S)
        assert client.returncode == 0, err
        return json.loads(out)

    def result(self, session):
        headers = {"Authorization": f"Bearer {session['result_token']}"}
        answer = httpx.get(f"{self.url}/v1/liveness-sessions/{session['id']}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self):
        for process in (*self.clients, self.server):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(timeout=30)
        for client in self.clients:
            for stream in (client.stdin, client.stdout, client.stderr):
                if stream:
                    stream.close()


@pytest.fixture
def place(tmp_path):
    opened = Place(tmp_path)
    yield opened
    opened.close()


def test_an_honest_client_passes(place, validate_against):
    place.serve()
    session = place.order()
    heard = place.heard(place.client("honest", session))
    assert heard["finish"] == heard["finish_again"]
    assert heard["finish"]["passed"], place.result(session)
    assert set(heard["answers"]) == {"continue", "done"}
    result = place.result(session)
    validate_against("ekyc.liveness-session.1", result)
    assert result["outcome"] == "PASSED"
    assert result["report"]["reasons"] == ["liveness.client_unattested"]


def test_openssl_verifies_the_signature_of_a_report(place):
    place.serve()
    session = place.order()
    place.heard(place.client("still_picture", session))
    signed = place.result(session)["signature"]
    command = ("-m", "ekyc.cli", "liveness", "sessions", "public-key")
    key = subprocess.run(
        [sys.executable, *command, "--service-key", place.folder / "service.key"],
        capture_output=True,
        check=True,
    ).stdout
    files = {
        "key.pem": key,
        "payload": base64.b64decode(signed["payload_base64"]),
        "signature": base64.b64decode(signed["signature_base64"]),
    }
    for name, data in files.items():
        (place.folder / name).write_bytes(data)
    assert verified_by_openssl(place.folder) == 0
    (place.folder / "payload").write_bytes(files["payload"].replace(b"INDETERMINATE", b"PASSED"))
    assert verified_by_openssl(place.folder) != 0


def verified_by_openssl(folder):
    command = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin")
    return subprocess.run(
        [*command, "-in", "payload", "-sigfile", "signature"],
        cwd=folder,
        capture_output=True,
        check=False,
    ).returncode


EXPECTED = {
    # of some hundred recordings one has the movements of the new plan; its colours are others
    "replay": {
        "liveness.challenge_wrong_answer",
        "liveness.challenge_timeout",
        "liveness.colours_not_seen",
    },
    "replay_remembered": {"liveness.replayed_session"},
    "reordered_chunks": {"liveness.order_violation"},
    "dropped_chunk": {"liveness.order_violation"},
    # a blink that was over before it was asked for is not seen at all: nothing answers, until the time is up
    "late_reveal": {
        "liveness.answered_before_asked",
        "liveness.stream_late",
        "liveness.challenge_timeout",
    },
    "spliced_subject": {"liveness.subject_switch"},
    "looped_frames": {"liveness.frames_looped"},
    "other_sessions_nonce": {"liveness.other_session"},
    "fixed_script": {"liveness.challenge_wrong_answer"},
    "still_picture": {"liveness.challenge_timeout"},
}
ADVISED = {"liveness.challenge_timeout", "liveness.stream_late", "liveness.colours_not_seen"}
"""What befalls honest people too, who are told what to do about it."""


def test_the_table_has_every_attack():
    assert set(EXPECTED) == set(ATTACKS)
    assert len(EXPECTED) == 10


@pytest.mark.parametrize("how", EXPECTED)
def test_an_attack_is_refused_for_its_own_reason_and_the_client_does_not_hear_it(place, how):
    place.serve()
    for seed in (0, 1):
        sessions = [place.order(f"{how}-{seed}-{number}") for number in range(2)]
        heard = place.heard(place.client(how, *sessions, seed=seed))
        result = place.result(sessions[-1])
        assert result["outcome"] in {"FAILED", "INDETERMINATE"}
        assert EXPECTED[how] & set(result["reasons"]), result["reasons"]
        assert not heard["finish"]["passed"]
        advised = {entry["code"] for entry in heard["finish"]["advice"]}
        noticed = EXPECTED[how] - ADVISED
        assert not advised & noticed


@pytest.mark.parametrize(
    "death", ["before:0", "before:7", "after:0", "after:7", "after:12", "finish"]
)
def test_a_service_that_is_killed_loses_nothing_and_counts_nothing_twice(place, death):
    place.serve(death=death)
    session = place.order()
    client = place.client("honest", session)
    assert place.server.wait(timeout=PATIENCE_S) == -9
    place.serve(death=death)
    heard = place.heard(client)
    assert heard["lost"] > 0
    assert heard["finish"]["passed"], place.result(session)
    report = place.result(session)["report"]
    assert report["outcome"] == "PASSED"
    assert report["chain_sha256"] == heard["sent"][-1]
    assert len(set(heard["sent"])) == len(heard["sent"])
    assert len(set(report["frames_sha256"])) == len(report["frames_sha256"])


@pytest.mark.models
@pytest.mark.timeout(3000)
def test_a_rendered_face_passes_the_protocol_and_its_recording_does_not(
    place, models, record_property
):
    """Real pictures, real models; only passive detection is the test's. What the default one says is recorded, whatever it is."""
    del models  # skips where they are not installed
    place.serve("rendered")
    sessions = [place.order(f"case-{number}") for number in range(2)]
    client = place.client("replay", *sessions, script="rendered_client.py")
    first, second = place.heard(client)["finish"]
    report, again = (place.result(session)["report"] for session in sessions)
    passive = json.loads((place.folder / "passive.json").read_text())
    record_property("default passive detection", passive)
    assert report["outcome"] == "PASSED", report["reasons"]
    assert first["passed"]
    assert again["outcome"] == "FAILED"
    assert "liveness.replayed_session" in again["reasons"]
    assert not second["passed"]


def test_two_services_share_one_session(place, tmp_path):
    """Chunks of one session alternate between two processes over one database."""
    place.serve()
    other = Place(tmp_path)
    other.serve()
    try:
        session = place.order()
        both = f"{place.url},{other.url}"
        place.url, alone = both, place.url
        client = place.client("honest", session)
        heard = place.heard(client)
        place.url = alone
        assert heard["finish"]["passed"], place.result(session)
        assert place.result(session) == other.result(session)
    finally:
        other.close()
