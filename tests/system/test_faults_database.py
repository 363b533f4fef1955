"""The database is gone for a while: stopped, silent, or held by another process.

Whoever asks meanwhile is told soon to come again; what was promised stays; what was refused is done once, with its key, as
soon as the database is back. ``EKYC_GONE_S`` says for how long it is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time

import postgres_server
import pytest
from fault_house import Askers, House
from sqlalchemy import create_engine, text

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(600)]

GONE_S = float(os.environ.get("EKYC_GONE_S", "8"))
SLOWEST_S = 12.0
"""An answer: 10 s for a statement that had begun, and the rest for the machine."""
ASKERS = 8


@pytest.fixture
def server():
    with postgres_server.cluster() as made:
        yield made


@contextlib.contextmanager
def stopped(server):
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def silent(server):
    server.signal_all(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal_all(signal.SIGCONT)


@contextlib.contextmanager
def locked(path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.close()


def gone_and_back(house, gone):
    """Ask all the while; the answers of the time without, and what was refused."""
    with Askers(house, ASKERS) as asking:
        time.sleep(1)
        assert set(asking.statuses) == {201}
        with gone:
            house.until(lambda: asking.statuses[503], 15)  # who was inside is out, or waits
            first = len(asking.answers)
            until = time.monotonic() + GONE_S
            while time.monotonic() < until:
                began = time.monotonic()
                assert house.http.get("/livez").status_code == 200
                assert time.monotonic() - began < 2
                yield
                time.sleep(0.5)
            meanwhile = asking.answers[first:]
        house.until(house.is_ready, 15)
        ready = time.monotonic()  # whoever asked before may still be told of the time without
        time.sleep(1)
        assert {answer.status_code for answer, began, _ in asking.answers if began > ready} == {201}
    told(asking, meanwhile)
    made = [answer.json()["id"] for answer, *_ in asking.answers if answer.status_code == 201]
    again = [house.new_session(key) for key in asking.refused]
    assert {answer.status_code for answer in again} <= {201}
    house.made = {*made, *(answer.json()["id"] for answer in again)}
    assert len(house.made) == len(asking.answers)


def told(asking, meanwhile):
    assert {answer.status_code for answer, *_ in meanwhile} == {503}
    for answer, _, took in meanwhile:
        assert int(answer.headers["retry-after"]) <= 5
        assert answer.json()["code"] in {"storage.unreachable", "storage.locked"}
        assert answer.json()["retryable"] is True
        assert took < SLOWEST_S
    worst = max(took for *_, took in meanwhile)
    sys.stdout.write(f"{dict(asking.statuses)}, slowest 503 {worst:.2f} s\n")


def sessions_of(url):
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id FROM verification_sessions")).scalars().all()
    engine.dispose()
    return set(found)


@pytest.mark.parametrize("way", [stopped, silent])
def test_postgresql(server, tmp_path, way):
    with contextlib.closing(House(tmp_path, server.url)) as house:
        for _ in gone_and_back(house, way(server)):
            answer = house.http.get("/readyz")
            assert (answer.status_code, answer.json()["database"]) == (503, "storage.unreachable")
        assert sessions_of(server.url) == house.made


def test_sqlite_held_by_another_process(tmp_path):
    """Reading goes on: a service that can show what there is, is ready."""
    state = tmp_path / "state.sqlite3"
    with contextlib.closing(House(tmp_path, state)) as house:
        shown = house.new_session("before").json()["id"]
        for _ in gone_and_back(house, locked(state)):
            assert house.session(shown)["state"] == "created"
            assert house.is_ready()
        assert sessions_of(f"sqlite:///{state}") == {*house.made, shown}


def test_an_attempt_whose_end_could_not_be_written_is_given_back(server, tmp_path):
    """The database goes away while the case is verified, for longer than the attempt may take."""
    with contextlib.closing(House(tmp_path, server.url)) as house:
        name = house.new_session("one").json()["id"]
        assert house.submit(name, "first", wait_s=0, pad=os.urandom(3_000_000)).status_code == 202
        with stopped(server):
            time.sleep(1)
        house.until(house.is_ready)
        house.until(lambda: house.session(name)["state"] != "processing", 30)
        seen = house.session(name)
        assert seen["state"] in {"decided", "requires_input"}
        if seen["state"] == "requires_input":
            assert seen["attempts"]["left"] == 9
