"""Peers that send or read slowly, against the real server: they lose their connection, the others do not notice."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.system, pytest.mark.enable_socket]

HEAD_S, BODY_S, UPLOAD_S, READ_S = 1.0, 3.0, 1.5, 1.0
PART = b'--x\r\nContent-Disposition: form-data; name="case"\r\n\r\n'
_SERVER = f"""
import sys
from pathlib import Path
from ekyc.api import ServerAddress, ServiceLimits, create_app, serve
from ekyc.api.connections import PeerTimes
from ekyc.storage import Storage

home = Path(sys.argv[1])

class Idle:
    def verify_folder(self, folder, *, challenge_id, live=None, owner=None):
        return {{}}

    def require_ready(self):
        pass

with Storage.open(home / "state.sqlite3") as storage:
    app = create_app(Idle(), storage, limits=ServiceLimits(upload_s={UPLOAD_S}))
    times = PeerTimes(head_s={HEAD_S}, body_s={BODY_S}, read_s={READ_S})
    serve(app, ServerAddress(port=int(sys.argv[2])), times=times)
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("slow")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(folder), str(number)], stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while not answers(number):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield number
        lines = (folder / "log").read_text().splitlines()
        assert all(json.loads(line)["time"] for line in lines)  # nothing in the log but our lines
    finally:
        process.terminate()
        process.wait(60)


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def drip(peer, piece, *, every_s=0.2, most_s=15.0):
    """Send ``piece`` again and again until the connection ends; what came back, and after how long."""
    began, got = time.monotonic(), b""
    peer.settimeout(every_s)
    while time.monotonic() - began < most_s:
        try:
            peer.sendall(piece)
            got += (data := peer.recv(65536))
            if not data:
                return got, time.monotonic() - began
        except TimeoutError:
            continue
        except OSError:
            return got, time.monotonic() - began
    pytest.fail("the connection was kept")


def test_a_connection_that_says_nothing_is_ended(port):
    with connect(port) as peer:
        began = time.monotonic()
        assert peer.recv(1) == b""
        assert HEAD_S * 0.9 < time.monotonic() - began < HEAD_S + 5


def test_headers_byte_by_byte_are_not_waited_for(port):
    with connect(port) as peer:
        peer.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        got, took = drip(peer, b"X-A: b\r\n")
        assert got == b""
        assert HEAD_S * 0.9 < took < HEAD_S + 5


def test_the_second_head_of_a_connection_is_bounded_too(port):
    with connect(port) as peer:
        peer.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in peer.recv(4096)
        peer.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        got, took = drip(peer, b"X-A: b\r\n")
        assert b"200" not in got
        assert took < HEAD_S + 5


@pytest.mark.parametrize(
    ("path", "kind", "begin"),
    [
        ("/v1/challenges", "application/json", b"["),
        ("/v1/verifications", "multipart/form-data; boundary=x", PART),
    ],
)
def test_a_slow_body_is_told_so(port, path, kind, begin):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 60000"
    )
    with connect(port) as peer:
        peer.sendall(f"{head}\r\n\r\n".encode() + begin)
        got, took = drip(peer, b"-")
    assert b" 408 " in got.splitlines()[0]
    assert b"request.upload_time" in got
    assert UPLOAD_S * 0.9 < took < BODY_S + 5


def test_a_body_for_an_operation_that_has_answered_is_not_taken_for_ever(port):
    with connect(port) as peer:
        peer.sendall(b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n")
        got, took = drip(peer, b"-")
    assert b" 405 " in got.splitlines()[0]
    assert took < BODY_S + 5


def test_who_reads_nothing_is_left(port):
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.settimeout(20)
    peer.connect(("127.0.0.1", port))
    with peer:
        try:
            for _ in range(400):  # of answers larger than all buffers together
                peer.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        except OSError:
            return
        time.sleep(READ_S + 1)
        got = 0
        try:
            while data := peer.recv(1 << 20):
                got += len(data)
        except OSError:
            pass
        assert got < 400 * 100_000


def test_a_hundred_and_fifty_slow_peers_keep_nobody_out_for_long(port):
    held = []
    try:
        for _ in range(150):
            peer = connect(port)
            peer.sendall(b"POST /v1/challenges HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            held.append(peer)
        began = time.monotonic()
        assert answers(port)
        assert time.monotonic() - began < 2
        for peer in held:
            peer.settimeout(20)
            assert peer.recv(1) == b""
    finally:
        for peer in held:
            peer.close()


def test_a_body_of_two_lengths_hides_no_second_request(port):
    """A proxy that goes by the length took for a body what was answered here as a request that it never saw."""
    hidden = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /v1/challenges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    length = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % (5 + len(hidden))
    with connect(port) as peer:
        peer.settimeout(15)
        peer.sendall(head + length + b"0\r\n\r\n" + hidden)
        told = b""
        while piece := peer.recv(65536):
            told += piece
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b'"http.bad_request"' in told
    assert told.count(b"HTTP/1.1 ") == 1
