"""A PostgreSQL of our own for the tests: fresh cluster, unix socket, no network, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
_WITHOUT_ROOT = ("postgres", "nobody")


def program(name: str) -> str | None:
    """Where a program of PostgreSQL lies. Debian keeps most off the path, and puts wrappers on it."""
    there = sorted(file for place in _PLACES for file in Path("/").glob(f"{place[1:]}/{name}"))
    found = str(there[-1]) if there else shutil.which(name)
    return None if found is None else str(Path(found).resolve())


def _user() -> str | None:
    """Whom the server runs as; ``None`` is whoever runs the tests. It refuses root."""
    if os.getuid():
        return None
    for name in _WITHOUT_ROOT:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("PostgreSQL refuses root, and there is no other user")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of the database ``postgres`` of a running server; skips with the reason where it cannot be had."""
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed (run scripts/install-judges)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (make setup)")
    user = _user()
    with tempfile.TemporaryDirectory(
        prefix="ekyc-pg-"
    ) as name:  # a socket's path is at most 107 bytes
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)

        def run(*command: str) -> None:
            done = subprocess.run(
                command, cwd=folder, user=user, capture_output=True, text=True, check=False, timeout=120
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr

        data = str(folder / "data")
        run(
            initdb, "-D", data, "-U", "ekyc", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        # The tests kill clients, never the server: it need not write through.
        settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        log = str(folder / "log")
        run(pg_ctl, "-D", data, "-l", log, "-w", "-t", "60", "-o", settings, "start")
        try:
            yield f"postgresql+psycopg://ekyc@/postgres?host={folder}"
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
