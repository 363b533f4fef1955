"""Rows of the suite ``service`` about requests that are stored: each in turns with a commit as large beside it.

Beside SQLite commits a database of its own on the same disk. Beside PostgreSQL commits another connection to the same server,
and the clock runs during COMMIT alone: what comes before it are round trips, which are the request's own cost.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from ekyc.benchmarks.postgresql import connected, empty_database
from ekyc.benchmarks.service_client import Connection, session_request
from ekyc.benchmarks.service_process import Served, measured_service

if TYPE_CHECKING:
    import psycopg

    from ekyc.benchmarks.recorder import Recorder

_WARM_UP: Final = 50
_WATCHED: Final = 9
_PAGE_BYTES: Final = 4096
_FRAME_HEAD_BYTES: Final = 24
_WAL_HEAD_BYTES: Final = 32
_AROUND_A_ROW: Final = 300
"""Bytes that PostgreSQL writes about one row and its commit, about."""
_WRITTEN: Final = (
    "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)


class _Beside(Protocol):
    """A database of the kind that the service has."""

    unit: str

    def written(self) -> tuple[int, int]:
        """How much the service's database has written so far, in ``unit``, and in how many commits."""
        ...

    def commit(self, size: int) -> float:
        """Commit so much; seconds."""
        ...


def measure_stored(
    recorder: Recorder, folder: Path, *, count: int, database: str | None = None
) -> None:
    """A new session, again and again, on SQLite, and on PostgreSQL too where one is given.

    Args:
        recorder: takes the figures.
        folder: of the state.
        count: how often.
        database: as of :func:`~ekyc.benchmarks.postgresql.empty_database`.
    """
    with measured_service(folder) as served, _sqlite(folder) as beside:
        _measure(recorder, served, beside, "", count)
    if database is None:
        return
    home = folder / "postgresql"
    home.mkdir(mode=0o700)
    with (
        empty_database(database) as address,
        measured_service(home, state=address) as served,
        _postgresql(address) as own,
    ):
        recorder.samples("postgresql_round_trip_p50_ms", own.round_trips_ms(count), unit="ms")
        _measure(recorder, served, own, "postgresql_", count)


def _measure(recorder: Recorder, served: Served, beside: _Beside, prefix: str, count: int) -> None:
    with Connection(served.socket) as connection:
        for _ in range(_WARM_UP):
            connection.send(session_request(served.key)).require(201)
        size, commits = _written_by_one(connection, served, beside)
        requests_ms, commits_ms = [], []
        cpu_s = served.cpu_s()
        for _ in range(count):
            answer = connection.send(session_request(served.key))
            answer.require(201)
            requests_ms.append(answer.took_s * 1000)
            commits_ms.append(beside.commit(size) * 1000)
        cpu_ms = (served.cpu_s() - cpu_s) * 1000 / count
    recorder.exact(f"{prefix}stored_commits", commits, n=_WATCHED, unit="commits")
    recorder.exact(f"{prefix}stored_{beside.unit}", size, n=_WATCHED, unit=beside.unit)
    recorder.samples(f"{prefix}stored_p50_ms", requests_ms, unit="ms")
    recorder.samples(f"{prefix}stored_p99_ms", requests_ms, unit="ms", statistic=percentile_99)
    recorder.samples(f"{prefix}commit_p50_ms", commits_ms, unit="ms")
    recorder.exact(f"{prefix}stored_cpu_ms", cpu_ms, n=count, unit="ms")
    beyond_ms = [
        request - commits * commit for request, commit in zip(requests_ms, commits_ms, strict=True)
    ]
    recorder.samples(f"{prefix}stored_beyond_commits_ms", beyond_ms, unit="ms")
    recorder.must(f"{prefix}stored_beyond_commits_ms", at_most=4.0)
    recorder.observe(step=f"{prefix}stored", requests_ms=requests_ms, commits_ms=commits_ms)


def _written_by_one(connection: Connection, served: Served, beside: _Beside) -> tuple[int, int]:
    """Size and commits of a request; the median of some, since a server also writes for itself."""
    sizes, commits = [], []
    for _ in range(_WATCHED):
        before = beside.written()
        connection.send(session_request(served.key)).require(201)
        after = beside.written()
        sizes.append(after[0] - before[0])
        commits.append(after[1] - before[1])
    return round(median(sizes)), round(median(commits))


class _Sqlite:
    unit = "pages"

    def __init__(self, state: Path, connection: sqlite3.Connection) -> None:
        self._log, self._connection = state.with_name(f"{state.name}-wal"), connection

    def written(self) -> tuple[int, int]:
        """Pages and commits in the write-ahead log since it was last begun (sqlite.org/fileformat2.html §4.1)."""
        content = self._log.read_bytes()
        salt, pages, commits = content[16:24], 0, 0
        step = _FRAME_HEAD_BYTES + _PAGE_BYTES
        for place in range(_WAL_HEAD_BYTES, len(content) - step + 1, step):
            _, size_after_commit, frame_salt = struct.unpack_from(">II8s", content, place)
            if frame_salt != salt:
                break
            pages += 1
            commits += size_after_commit > 0
        return pages, commits

    def commit(self, size: int) -> float:
        began = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        for _ in range(max(1, size - 1)):
            self._connection.execute("INSERT INTO filled VALUES (zeroblob(4000))")
        self._connection.execute("COMMIT")
        return time.perf_counter() - began


@contextmanager
def _sqlite(folder: Path) -> Iterator[_Sqlite]:
    """Commits as durable as the service's, to a database of their own."""
    connection = sqlite3.connect(folder / "beside.sqlite3", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE filled (content BLOB)")
        yield _Sqlite(folder / "state.sqlite3", connection)
    finally:
        connection.close()


class _Postgresql:
    unit = "bytes"

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def written(self) -> tuple[int, int]:
        """Bytes of the write-ahead log, and transactions that wrote; what only read takes no number of a transaction."""
        row = self._connection.execute(_WRITTEN).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def commit(self, size: int) -> float:
        content = os.urandom(max(1, size - _AROUND_A_ROW))  # nothing in it can be made shorter
        self._connection.execute("BEGIN")
        self._connection.execute("INSERT INTO ekyc_bench_filled VALUES (%s)", (content,))
        began = time.perf_counter()
        self._connection.execute("COMMIT")
        return time.perf_counter() - began

    def round_trips_ms(self, count: int) -> list[float]:
        """How long the server takes to answer nothing."""
        took_ms = []
        for _ in range(count):
            began = time.perf_counter()
            self._connection.execute("SELECT 1")
            took_ms.append((time.perf_counter() - began) * 1000)
        return took_ms


@contextmanager
def _postgresql(address: str) -> Iterator[_Postgresql]:
    with connected(address) as connection:
        connection.execute("CREATE TABLE ekyc_bench_filled (content bytea)")
        yield _Postgresql(connection)


def percentile_99(values: np.ndarray, *, axis: int) -> np.ndarray:
    """As :meth:`~ekyc.benchmarks.recorder.Recorder.samples` takes a statistic."""
    return np.asarray(np.percentile(values, 99, axis=axis))
