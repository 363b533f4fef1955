"""Connections. SQLite is told to be durable; PostgreSQL already is.

What SQLite gets, and why:

- WAL, so that readers do not wait for the writer.
- ``synchronous=FULL``, so that a redeemed challenge stays redeemed when the power fails. NORMAL would lose the
  last commits in WAL mode.
- A transaction begins with the write lock (``BEGIN IMMEDIATE``): one that reads first and then writes would
  otherwise fail at once with SQLITE_BUSY, whatever the time limit. Those of :func:`reading` do not take it.
- A busy time limit instead of an immediate refusal.

On both, errors of the driver do not repeat the values of a statement: some are secrets, and errors are logged. Nobody
waits long for one of the pool's connections, nor for PostgreSQL's answer (:mod:`~ekyc.storage.patience`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ekyc.errors import InputError
from ekyc.storage.errors import StorageError
from ekyc.storage.patience import bound_waiting

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BUSY_TIMEOUT_S = 5.0
_POOL_TIMEOUT_S = 5.0


def parse_target(target: str | Path) -> URL:
    """The database URL for a path or a URL.

    Raises:
        InputError: the URL cannot be read, or names a database in memory, which would not survive anything.
    """
    if isinstance(target, Path) or "://" not in target:
        return URL.create("sqlite", database=str(Path(target).expanduser().absolute()))
    try:
        url = make_url(target)
    except ArgumentError as exc:
        raise InputError("not a database URL", code="storage.url_invalid") from exc
    if url.get_backend_name() == "sqlite" and (
        url.database in {None, "", ":memory:"} or "mode" in url.query
    ):
        raise InputError(
            "a database in memory would forget which challenges were used",
            code="storage.url_invalid",
        )
    return url


def subject_of(url: URL) -> str:
    """Name of the database for messages: file name or database name, without credentials and folders."""
    return Path(url.database or "").name or url.get_backend_name()


def make_engine(url: URL, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> Engine:
    """An engine with a small pool; connects on first use.

    Raises:
        InputError: no driver for this kind of database (``storage.driver_missing``).
        StorageError: the folder of an SQLite file cannot be made or written (``storage.read_only``).
    """
    if url.get_backend_name() != "sqlite":
        try:
            engine = create_engine(
                url, pool_pre_ping=True, pool_timeout=_POOL_TIMEOUT_S, hide_parameters=True
            )
        except (ImportError, NoSuchModuleError) as exc:
            raise InputError(
                "no driver for this database; for PostgreSQL: pip install 'ekyc-vn[postgres]'",
                code="storage.driver_missing",
                subject=url.get_backend_name(),
            ) from exc
        if engine.driver == "psycopg":
            bound_waiting(engine)
        return engine
    make_private_file(Path(url.database or ""))
    engine = create_engine(
        url,
        connect_args={"timeout": busy_timeout_s},
        pool_timeout=_POOL_TIMEOUT_S,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def make_private_file(path: Path) -> None:
    """Create folder and file for the owner only; SQLite gives ``-wal`` and ``-shm`` the file's own mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as exc:
        raise StorageError(
            f"cannot be created or written ({os.strerror(exc.errno or 0)})",
            code="storage.read_only",
            subject=path.name,
        ) from exc


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # the driver's connection is untyped
    # The driver must not begin transactions by itself; _begin does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA trusted_schema=OFF")
    cursor.execute("PRAGMA secure_delete=ON")  # what was deleted is written over with zeros
    cursor.close()


def reading(engine: Engine) -> Engine:
    """The same connections for transactions that only read: they wait for no writer."""
    return engine.execution_options(ekyc_reading=True)


def _begin(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("ekyc_reading", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
