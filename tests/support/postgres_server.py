"""A PostgreSQL of our own for the tests: fresh cluster, unix socket, no network, gone afterwards."""

import contextlib
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from ekyc.errors import InputError, UpstreamError

pytest.importorskip("psycopg", reason="psycopg is not installed (make setup)")

from ekyc.benchmarks.postgresql import Cluster, program

__all__ = ["Server", "cluster", "database", "program", "server"]

_STARTS = 100


class Server(Cluster):
    """One cluster in a folder of its own. Its processes may be killed, stopped and started again."""

    def start(self) -> None:
        """What the processes before left of memory may have to be given up first."""
        for _ in range(_STARTS - 1):
            with contextlib.suppress(UpstreamError):
                super().start()
                return
            time.sleep(0.1)
        super().start()

    def forget_log(self) -> None:
        """Give up what the log holds of the time before; only while the server is stopped."""
        self.run("pg_resetwal")

    def kill(self) -> None:
        """``kill -9`` of the postmaster; its children notice and end."""
        os.kill(self.processes()[0], signal.SIGKILL)

    def kill_backend(self) -> bool:
        """``kill -9`` of one process that serves a client, upon which all are restarted; whether there was one."""
        for number in self.processes()[1:]:
            with contextlib.suppress(OSError):
                if b"ekyc" in Path(f"/proc/{number}/cmdline").read_bytes():
                    os.kill(number, signal.SIGKILL)
                    return True
        return False

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the postmaster and every process of its, as they are now."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def processes(self) -> list[int]:
        """The postmaster, then its children."""
        first = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text()
        return [first, *map(int, children.split())]


@contextlib.contextmanager
def cluster(settings: str = "") -> Iterator[Server]:
    """A running server of our own, gone afterwards; skips with the reason where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="ekyc-pg-") as name:
        try:
            made = Server(Path(name), f"-c max_connections=60 {settings}")
        except InputError as error:
            pytest.skip(f"{error} (run scripts/install-judges)")
        made.make("--no-sync")
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """URL of a new and empty database on the server of that URL, gone afterwards with whoever still uses it."""
    name = f"ekyc_{secrets.token_hex(8)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of the database ``postgres`` of a running server; skips with the reason where it cannot be had."""
    # These tests kill clients, never the server: it need not write through.
    with cluster("-c fsync=off") as made:
        yield made.url
