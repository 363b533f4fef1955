"""Workers at batches killed (SIGKILL) at every step, on both engines of storage.

What must hold: of every item there is one result, one record of its decision and one event, and of no other; every batch
ends once; nothing of what was handed in is left; the tables of the engine of durable work never held any of it.

``EKYC_BATCH_KILLS`` says how often on each engine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, select, text

from ekyc.storage import Storage
from ekyc.storage.tables import results
from ekyc.storage.webhooks.outbox_tables import outbox_events
from ekyc.storage.work.batch_tables import batch_items, batches

pytestmark = pytest.mark.system

SUPPORT = Path(__file__).resolve().parents[1] / "support"
KILLS = int(os.environ.get("EKYC_BATCH_KILLS", "20"))
POINTS = tuple(
    f"{when}-{step}"
    for step in ("started", "begin", "verify", "conclude", "record", "step")
    for when in ("before", "after")
) + tuple(
    f"{when}-{step}" for step in ("erase", "erased", "outcome") for when in ("before", "after")
)
PLANTED = ("unmistakable", "Nguyen Van An", "079185001234")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "state.sqlite3"
    return request.getfixturevalue("postgresql")


class Nursery:
    """Forks workers that die."""

    def __init__(self, database, folder):
        program = SUPPORT / "batch_nursery.py"
        places = (database, folder / "keys", folder / "blobs")
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(program), *map(str, places)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, kind, point="never", count=1):
        """How the child ended."""
        self.process.stdin.write(f"{kind} {point} {count}\n")
        self.process.stdin.flush()
        word, value = self.process.stdout.readline().split()
        assert word == "exit"
        return int(value)

    def close(self):
        self.process.communicate()


@pytest.fixture
def nursery(tmp_path, database):
    with contextlib.closing(Nursery(database, tmp_path)) as running:
        yield running


def rows(database, query):
    with Storage.open(database) as storage, storage._engine.connect() as connection:
        return connection.execute(query).all()


def engine_tables(database):
    """All that stands in the tables of the engine, as text."""
    with Storage.open(database) as storage:
        place = storage.work_place()
    engine = create_engine(place.url)
    where = f'"{place.schema}".' if place.schema else ""
    with engine.connect() as connection:
        names = inspect(connection).get_table_names(schema=place.schema)
        told = repr(
            [connection.execute(text(f'SELECT * FROM {where}"{name}"')).all() for name in names]
        )
    engine.dispose()
    return told


def waiting(database):
    query = select(batch_items.c.id).where(batch_items.c.state == "waiting")
    return len(rows(database, query))


@pytest.mark.timeout(3000)
def test_nothing_is_lost_and_nothing_done_twice(database, nursery, tmp_path):
    killed = Counter()
    for number in range(max(KILLS, len(POINTS))):
        if waiting(database) < 4:
            assert nursery.run("hand-in", count=8) == 0
        point = POINTS[number % len(POINTS)]
        status = nursery.run("work", point, 1 + number % 3)
        assert status in {0, -signal.SIGKILL}, point
        killed[status] += 1
    assert nursery.run("work") == 0

    items = rows(database, select(batch_items.c.id, batch_items.c.state, batch_items.c.erased_at))
    assert {item.state for item in items} == {"done"}
    assert all(item.erased_at is not None for item in items)
    assert len(rows(database, select(results.c.id))) == len(items)
    told = Counter(row.kind for row in rows(database, select(outbox_events.c.kind)))
    ended = rows(database, select(batches.c.state))
    assert {batch.state for batch in ended} == {"done"}
    assert told["verification.decided"] == len(items)
    assert told["batch.state_changed"] == 2 * len(ended)
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    written = engine_tables(database)
    assert not any(word in written for word in PLANTED)
    assert killed[-signal.SIGKILL] >= max(KILLS, len(POINTS)) * 3 // 4, killed
    sys.stderr.write(f"killed {killed[-signal.SIGKILL]}, items {len(items)}\n")


def test_one_that_is_told_to_end_leaves_the_rest_to_the_next(database, nursery):
    assert nursery.run("hand-in", count=12) == 0
    assert nursery.run("term", count=2) == 0
    left = waiting(database)
    assert 0 < left <= 10
    assert nursery.run("work") == 0
    assert waiting(database) == 0
    assert len(rows(database, select(results.c.id))) == 12


def test_two_workers_share_a_batch(database, tmp_path):
    with (
        contextlib.closing(Nursery(database, tmp_path)) as one,
        contextlib.closing(Nursery(database, tmp_path)) as other,
    ):
        assert one.run("hand-in", count=16) == 0
        other.process.stdin.write("work never 1\n")
        other.process.stdin.flush()
        assert one.run("work") == 0
        assert other.process.stdout.readline() == "exit 0\n"
    assert len(rows(database, select(results.c.id))) == 16
    attempts = rows(database, select(batch_items.c.attempts))
    assert sum(row.attempts for row in attempts) == 16
