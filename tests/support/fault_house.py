"""One API in a process of its own, and whoever asks it: for faults of what lies beneath it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from fault_campaign import Nursery

PORTAL = {"Authorization": "Bearer portal"}
OFFICER = {"Authorization": "Bearer officer"}
CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """A running API over a folder and a database."""

    def __init__(self, folder, database):
        self.folder, self.port = folder, free_port()
        (folder / "scratch").mkdir(exist_ok=True)
        self.nursery = Nursery(folder, database, self.port)
        self.number = self.nursery.fork("api", "never", 1)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.until(self.is_ready)

    def is_ready(self):
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/readyz").status_code == 200
        return False

    def until(self, comes, most_s=60.0):
        deadline = time.monotonic() + most_s
        while not comes():
            assert time.monotonic() < deadline, (self.folder / "api.log").read_text()[-3000:]
            time.sleep(0.05)

    def new_session(self, key):
        headers = {**PORTAL, "Idempotency-Key": key}
        wanted = {"procedure": "identity", "attempts": 9}
        return self.http.post("/v1/sessions", json=wanted, headers=headers)

    def submit(self, session_id, key, *, plan="accept", pad=b"x", wait_s=20):
        headers = {**PORTAL, "Idempotency-Key": key, "Prefer": f"wait={wait_s}"}
        files = [
            ("case", (None, CASE)),
            ("file", ("plan.txt", plan.encode())),
            ("file", ("pad.bin", pad)),
        ]
        return self.http.post(
            f"/v1/sessions/{session_id}/submissions", files=files, headers=headers
        )

    def session(self, session_id):
        return self.http.get(f"/v1/sessions/{session_id}", headers=PORTAL).json()

    def peak_mib(self):
        """Most memory that the API ever had."""
        for line in Path(f"/proc/{self.number}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0.0

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGTERM)
        self.nursery.wait(self.number)
        self.nursery.close()
        self.http.close()


class Askers:
    """Threads that make sessions, each with a key of its own, and note what was answered, asked when, after how long."""

    def __init__(self, house, count):
        self.house, self.answers, self.refused = house, [], []
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(count)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number):
        count = 0
        while not self._stop.is_set():
            key, began = f"asker-{number}-{count}", time.monotonic()
            answer = self.house.new_session(key)
            took = time.monotonic() - began
            with self._lock:
                self.answers.append((answer, began, took))
                if answer.status_code != 201:
                    self.refused.append(key)
            count += 1
            self._stop.wait(0.05)

    @property
    def statuses(self):
        return Counter(answer.status_code for answer, *_ in self.answers)


@contextlib.contextmanager
def small_disk(folder, size):
    """``folder`` on a disk of so many bytes; skips where nobody may mount one."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nobody may mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder, *, but):
    """``folder`` without room, but for so many bytes, during the block."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(max(0, file.tell() - but))
    try:
        yield
    finally:
        filler.unlink()
