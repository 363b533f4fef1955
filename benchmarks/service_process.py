"""Child processes for the suite ``service``: the service itself, watched from outside by what Linux tells of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ekyc.benchmarks.service_client import Connection
from ekyc.errors import UpstreamError

_START_S: Final = 120.0
_STOP_S: Final = 60.0
_POLL_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A service that answers on a Unix socket."""

    process: subprocess.Popen[str]
    folder: Path
    socket: Path
    key: str
    """Of the API client; empty where the service has none."""

    def order(self, **order: Any) -> dict[str, Any]:
        """Have the process do something beside the service, and wait for what it says of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return _told(self.process)

    def cpu_s(self) -> float:
        """Processor time of the process so far, of user and system."""
        fields = (
            Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> dict[str, float]:
        """Resident and proportional set of the process now, in MiB."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text("ascii").splitlines()
        sizes = dict(line.split(":", 1) for line in lines[1:])
        return {name: int(sizes[name].split()[0]) / 1024 for name in ("Rss", "Pss")}


@contextmanager
def measured_service(
    folder: Path, *, real: bool = False, workers: int = 2, traces: str = "", state: str = ""
) -> Iterator[Served]:
    """The service with resources and one client; its verifier does nothing, or is that of the installed models.

    Args:
        folder: of its state.
        real: whether it verifies.
        workers: verifications at once.
        traces: address of a collector, if there is one.
        state: address of a database instead of SQLite in the folder.

    Raises:
        UpstreamError: it did not start (``bench.service``).
    """
    command = ["ekyc.cli.bench_service", str(folder), "--workers", str(workers)]
    command += ["--real"] * real + ["--traces", traces] * bool(traces)
    command += ["--state", state] * bool(state)
    with _child(command, folder) as process:
        key = _told(process)["key"]
        yield _ready(process, folder, folder / "socket", key)


@contextmanager
def whole_service(folder: Path) -> Iterator[Served]:
    """``ekyc serve`` with its state in ``folder``, as it is installed.

    Raises:
        UpstreamError: it did not start (``bench.service``).
    """
    path = folder / "socket"
    with _child(["ekyc.cli", "serve", "--uds", str(path)], folder) as process:
        yield _ready(process, folder, path, "")


@contextmanager
def _child(command: list[str], home: Path) -> Iterator[subprocess.Popen[str]]:
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, "-m", *command],
            env={**os.environ, "EKYC_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise _failed()
    told: dict[str, Any] = json.loads(line)
    return told


def _ready(process: subprocess.Popen[str], folder: Path, path: Path, key: str) -> Served:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        if _says_ready(path):
            return Served(process=process, folder=folder, socket=path, key=key)
        time.sleep(_POLL_S)
    raise _failed()


def _says_ready(path: Path) -> bool:
    try:
        with Connection(path) as connection:
            return connection.ask("GET", "/readyz").status == 200
    except (ConnectionError, FileNotFoundError, TimeoutError):
        return False


def _failed() -> UpstreamError:
    return UpstreamError("the service did not start", code="bench.service")
