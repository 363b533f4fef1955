"""The signing process goes when it is told to, whatever its clients do."""

import contextlib
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from sam_desk import code_of, short_folder

from ekyc.signing.sam import SamClient, SamServer
from ekyc.signing.sam import server as server_module
from ekyc.signing.sam.server import ServerLimits

MINE = frozenset({os.getuid()})
PATIENCE_S = 20
"""A hang shows as a failure, not as a test that never ends."""
HEADER = struct.Struct(">I")


def pong(_message):
    return {"version": 1}


@contextlib.contextmanager
def served(folder, answer=pong, **limits):
    """A server in a thread of its own."""
    server = SamServer(answer, folder / "s", users=MINE, limits=ServerLimits(**limits))
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server, thread
    finally:
        server.stop()


def require_ended(server, thread):
    server.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def connected(folder):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(folder / "s"))
    return connection


SILENT = {
    "says nothing": b"",
    "half a header": b"\0\0",
    "a header alone": HEADER.pack(100),
    "half a message": HEADER.pack(100) + b"{",
}


@pytest.mark.parametrize("said", SILENT.values(), ids=list(SILENT))
def test_a_client_that_waits_holds_nobody(said):
    with short_folder() as folder, served(folder, idle_s=3600, frame_s=3600) as (server, thread):
        with connected(folder) as connection, SamClient(folder / "s") as client:
            connection.sendall(said)
            client.ping()  # the server has taken both
            require_ended(server, thread)
            assert connection.recv(1) == b""
        assert not (folder / "s").exists()


def test_a_client_that_never_reads_is_left_after_the_grace():
    """Its buffer takes one answer or two, not six."""
    begun = [Event() for _ in range(6)]
    waiting = iter(begun)

    def much(_message):
        next(waiting).set()
        return {"much": "x" * (200 << 10)}

    body = b"{}"
    with (
        short_folder() as folder,
        served(folder, much, frame_s=3600, grace_s=0.2) as (server, thread),
        connected(folder) as connection,
    ):
        connection.sendall(len(begun) * (HEADER.pack(len(body)) + body))
        assert begun[1].wait(PATIENCE_S)
        require_ended(server, thread)
    assert not begun[-1].is_set()


def test_work_that_never_ends_is_left_after_one_grace_for_all():
    never, begun = Event(), [Event() for _ in range(30)]
    waiting = iter(begun)

    def stuck(_message):
        next(waiting).set()
        never.wait()
        return {}

    try:
        with (
            short_folder() as folder,
            served(folder, stuck, grace_s=1) as (server, thread),
            ThreadPoolExecutor(len(begun)) as pool,
        ):
            asked = [pool.submit(code_of, ping, folder) for _ in begun]
            assert all(event.wait(PATIENCE_S) for event in begun)
            require_ended(server, thread)  # thirty graces would be longer
            assert {future.result() for future in asked} == {"signing.sam.lost"}
    finally:
        never.set()


def test_a_client_that_asks_on_and_on_gets_whole_answers_until_the_end():
    answered = Event()

    def count(_message):
        answered.set()
        return {"version": 1}

    def ask_on(folder):
        with SamClient(folder / "s") as client:
            while True:
                client.ping()

    with short_folder() as folder, served(folder, count) as (server, thread):
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(code_of, ask_on, folder) for _ in range(4)]
            assert answered.wait(PATIENCE_S)
            require_ended(server, thread)
            codes = {future.result() for future in asked}
        assert codes <= {"signing.sam.lost", "signing.sam.unreachable"}


def test_nobody_is_taken_after_the_word():
    with short_folder() as folder, served(folder) as (server, thread):
        require_ended(server, thread)
        assert code_of(ping, folder) == "signing.sam.unreachable"


def test_a_system_without_threads_turns_away_and_goes_on(monkeypatch):
    class NoThread(Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    with short_folder() as folder, served(folder) as (server, thread):
        with monkeypatch.context() as scarce:
            scarce.setattr(server_module, "Thread", NoThread)
            assert code_of(ping, folder) == "signing.sam.busy"
        ping(folder)
        require_ended(server, thread)


def ping(folder):
    with SamClient(folder / "s") as client:
        client.ping()
