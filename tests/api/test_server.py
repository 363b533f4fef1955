"""The service as a process of its own, on a Unix socket."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import unix_connect

from ekyc.api.server import _private_socket
from ekyc.errors import InputError

_SERVER = """
import sys
from pathlib import Path
from ekyc.api import ServerAddress, create_app, serve
from ekyc.storage import Storage

home = Path(sys.argv[1])

class WaitsForALine:
    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        print("arrived", flush=True)
        sys.stdin.readline()
        return {"challenge_id": challenge_id}

    def require_ready(self):
        pass

with Storage.open(home / "state.sqlite3") as storage:
    (home / "scratch").mkdir()
    app = create_app(WaitsForALine(), storage, scratch_parent=home / "scratch")
    serve(app, ServerAddress(socket_path=home / "socket"))
print("closed", flush=True)
"""


@pytest.fixture
def server(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "startup complete" in line:
            break
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def client(server, tmp_path):
    transport = httpx.HTTPTransport(uds=str(tmp_path / "socket"))
    with httpx.Client(transport=transport, base_url="http://localhost") as opened:
        yield opened


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_is_finished_before_the_service_ends(server, client, tmp_path, stop):
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").json()["ready"] is True

    with ThreadPoolExecutor(1) as pool:
        parts = [
            ("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n')),
            ("challenge_id", (None, b"7")),
        ]
        answer = pool.submit(client.post, "/v1/verifications", files=parts)
        assert server.stdout.readline() == "arrived\n"
        server.send_signal(stop)
        server.stdin.write("go on\n")
        server.stdin.flush()

        assert answer.result().json() == {"challenge_id": "7"}
    assert server.stdout.readline() == "closed\n"
    assert server.wait() == 0
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "socket").exists()


def test_a_malformed_request_line_does_not_end_the_service(client, tmp_path):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(tmp_path / "socket"))
        raw.sendall(b"\x16\x03\x01 no http at all\r\n\r\n")
        assert b"400" in raw.recv(100)

    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("headers", [[("x-a", "b")] * 3000, [("x-a", "b" * 70_000)]])
def test_headers_are_bounded(client, headers):
    """The server's own answer where they come in pieces, ours where they come at once: neither reaches an operation."""
    assert client.get("/livez", headers=headers).status_code in {400, 431}
    few = [(f"x-{number}", "b" * 300) for number in range(80)]
    assert client.get("/livez", headers=few).status_code == 200


def test_headers_of_a_websocket_are_bounded(server, tmp_path):
    path = str(tmp_path / "socket")
    many = [(f"x-{number}", "b") for number in range(110)]
    place = "ws://localhost/v1/chip-sessions/none/relay"
    with pytest.raises(InvalidStatus) as caught, unix_connect(path, place, additional_headers=many):
        pass
    assert caught.value.response.status_code == 403


def test_the_log_names_no_address_and_no_query_of_a_websocket(server, tmp_path):
    path = str(tmp_path / "socket")
    with unix_connect(path, "ws://localhost/v1/chip-sessions/none/relay?token=secret"):
        pass
    with pytest.raises(InvalidStatus), unix_connect(path, "ws://localhost/nowhere?token=secret"):
        pass
    server.send_signal(signal.SIGTERM)
    _, log = server.communicate(timeout=30)
    assert "Shutting down" in log
    assert "secret" not in log
    assert "WebSocket" not in log


def test_the_socket_is_for_owner_and_group(server, tmp_path):
    assert stat.S_IMODE((tmp_path / "socket").stat().st_mode) == 0o660


def test_a_socket_that_is_served_is_not_taken_over(server, tmp_path):
    with pytest.raises(InputError) as caught:
        _private_socket(tmp_path / "socket")
    assert caught.value.code == "serve.socket"


def test_a_socket_left_by_a_killed_service_is_replaced(tmp_path):
    path = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    _private_socket(path).close()


def test_a_path_that_cannot_be_a_socket_is_typed(tmp_path):
    with pytest.raises(InputError) as caught:
        _private_socket(tmp_path / "nowhere" / "socket")
    assert caught.value.code == "serve.socket"
