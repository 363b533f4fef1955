"""``ekyc worker`` as a process: its timers run once over all workers, and SIGTERM ends it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

pytestmark = pytest.mark.system

TIMERS = {
    *("sessions", "clocks", "requests", "batches", "challenges", "retention", "checkpoint"),
    "calendar",
}


def timers(home):
    file = home / "ekyc.sqlite3"
    if not file.exists():
        return {}
    try:
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT name, ran_at, failure FROM work_timers").fetchall()
    except sqlite3.OperationalError:  # not migrated yet
        return {}
    return {name: (ran_at, failure) for name, ran_at, failure in rows}


def test_two_workers_sweep_once_and_end_when_told(tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-W", "error", "-m", "ekyc.cli", "worker"]
    logs = [tmp_path / name for name in ("one.log", "other.log")]
    workers = []
    for log in logs:
        with log.open("w") as file:
            environment = {**os.environ, "EKYC_HOME": str(home)}
            workers.append(subprocess.Popen(command, env=environment, stderr=file))
    try:
        for _ in range(600):
            ready = all("delivering" in log.read_text() for log in logs)
            if ready and timers(home).keys() >= TIMERS:
                break
            assert all(worker.poll() is None for worker in workers)
            threading.Event().wait(0.2)
        first = timers(home)
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(60)
    told = [log.read_text() for log in logs]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert first.keys() >= TIMERS
    assert {failure for _, failure in first.values()} == {None}
    assert {name: at for name, (at, _) in timers(home).items() if name != "sessions"} == {
        name: at for name, (at, _) in first.items() if name != "sessions"
    }
    assert not any("ERROR" in text or "defect" in text for text in told), told
    assert not (home / "ekyc.work.sqlite3").exists()  # no batch, no engine
