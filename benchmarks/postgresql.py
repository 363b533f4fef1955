"""A PostgreSQL to measure on: one that was named and is empty, or a cluster of our own on a Unix socket, gone afterwards.

The cluster writes through as PostgreSQL does when it is installed; nothing is set for speed.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg

from ekyc.errors import InputError, UpstreamError

OF_OUR_OWN: Final = "postgresql"
"""Given instead of an address: make a cluster."""
_PLACES: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_WITHOUT_ROOT: Final = ("postgres", "nobody")
_PROGRAM_S: Final = 120
_TOLD: Final = 400
_CONNECT_S: Final = 5
_TABLES: Final = (
    "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
)


@contextmanager
def empty_database(given: str) -> Iterator[str]:
    """Address of an empty database, as the service takes it.

    Args:
        given: such an address, or :data:`OF_OUR_OWN`. A named database keeps the tables that are made in it.

    Raises:
        InputError: ``bench.database``: no address of PostgreSQL, or not empty; ``bench.no_postgresql``: its programs are
            not installed.
        UpstreamError: ``bench.database``: it does not answer, or does not start.
    """
    if given != OF_OUR_OWN:
        _require_empty(given)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="ekyc-pg-") as name:  # a socket's path is short
        cluster = Cluster(Path(name))
        cluster.make()
        cluster.start()
        try:
            yield cluster.url
        finally:
            cluster.stop()


@contextmanager
def connected(address: str) -> Iterator[psycopg.Connection]:
    """A connection of its own, each statement committed by itself.

    Raises:
        UpstreamError: ``bench.database``.
    """
    try:
        connection = psycopg.connect(
            re.sub(r"\+\w+(?=://)", "", address, count=1),
            connect_timeout=_CONNECT_S,
            autocommit=True,
        )
    except psycopg.Error as exc:
        raise UpstreamError("the database does not answer", code="bench.database") from exc
    with connection:
        yield connection


def _require_empty(address: str) -> None:
    if not re.match(r"postgresql(\+psycopg)?://", address):
        raise InputError(
            f"give postgresql://… or {OF_OUR_OWN}", code="bench.database", subject="--database"
        )
    with connected(address) as connection:
        row = connection.execute(_TABLES).fetchone()
    if row is None or row[0]:
        raise InputError(
            "holds tables already; measuring takes an empty one",
            code="bench.database",
            subject="--database",
        )


class Cluster:
    """A server of our own in a folder: reached by a Unix socket there and by no network, by the user ``ekyc``.

    Args:
        folder: empty; its path is short, since a socket's is at most 107 bytes.
        settings: further options of the server, ``-c name=value``.

    Raises:
        InputError: ``bench.no_postgresql``; ``bench.database``: we are root, which it refuses, and nobody else is there.
    """

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        self.url = f"postgresql+psycopg://ekyc@/postgres?host={folder}"
        """Address of its first database, as the service takes it."""
        self.data = folder / "data"
        self._settings = f"-k {folder} -c listen_addresses='' {settings}"
        initdb = program("initdb")
        if initdb is None:
            raise InputError("PostgreSQL's programs are not installed", code="bench.no_postgresql")
        self._programs, self._user = initdb.parent, _user()

    def make(self, *options: str) -> None:
        """Write its first files. This and what follows raise :class:`UpstreamError`, ``bench.database``."""
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self.run("initdb", "-U", "ekyc", "-A", "trust", "-E", "UTF8", "--locale=C", *options)

    def start(self) -> None:
        """Return when it takes connections."""
        log = str(self.folder / "log")
        self.run("pg_ctl", "-w", "-t", "60", "-l", log, "-o", self._settings, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Return when it has ended."""
        self.run("pg_ctl", "-w", "-m", mode, "stop")

    def run(self, name: str, *arguments: str) -> None:
        """Run a program of PostgreSQL on the files of this server."""
        with (
            tempfile.TemporaryFile() as said
        ):  # a pipe would be inherited by the server and never end
            done = subprocess.run(  # noqa: S603 -- programs of PostgreSQL's own folder
                [str(self._programs / name), "-D", str(self.data), *arguments],
                cwd=self.folder,
                user=self._user,
                stdout=said,
                stderr=said,
                check=False,
                timeout=_PROGRAM_S,
            )
            said.seek(0)
            if done.returncode != 0:
                told = said.read().decode(errors="replace").strip()
                raise UpstreamError(f"{name} failed: {told[-_TOLD:]}", code="bench.database")


def program(name: str) -> Path | None:
    """Where a program of PostgreSQL lies, the newest. Debian keeps most off the path, and puts wrappers on it."""
    found = sorted(file for place in _PLACES for file in Path("/").glob(f"{place}/{name}"))
    there = str(found[-1]) if found else shutil.which(name)
    return None if there is None else Path(there).resolve()


def _user() -> str | None:
    """Whom the server runs as, which refuses root; ``None`` is whoever measures."""
    if os.getuid():
        return None
    for name in _WITHOUT_ROOT:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise InputError("PostgreSQL refuses root, and there is no other user", code="bench.database")
