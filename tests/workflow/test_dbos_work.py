"""DBOS behind our port: once for each id, ids only in its tables, no pickle, no port, nothing lost when it ends."""

from __future__ import annotations

import base64
import logging
import os
import pickle
import sqlite3
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from ekyc.errors import BusyError, InputError
from ekyc.ports import SystemRandom
from ekyc.storage import Storage
from ekyc.workflow import Job, Step, WorkError
from ekyc.workflow.dbos_work import DbosWork, WorkSettings
from ekyc.workflow.plain_json import PlainJson

QUICK = WorkSettings(poll_s=0.05, beat_s=0.05, drain_s=20)
NUMBER = "079185001234"
PERSON = "Nguyễn Thị Mẫu"


def new_id():
    return SystemRandom().token_bytes(16).hex()


def job(*steps, name="count", at_once=2):
    named = tuple(Step(name=f"s{number}", do=do) for number, do in enumerate(steps, 1))
    return Job(name=name, steps=named, at_once=at_once)


class Done:
    """Counts calls by id and lets a test wait for them."""

    def __init__(self):
        self.calls = []
        self._arrived = threading.Semaphore(0)

    def __call__(self, *ids):
        self.calls.append(ids)
        self._arrived.release()

    def wait(self, count=1):
        for _ in range(count):
            assert self._arrived.acquire(timeout=60)


def everything_in(storage):
    """All that stands in the engine's tables, as text."""
    place = storage.work_place()
    engine = create_engine(place.url)
    with engine.connect() as connection:
        names = inspect(connection).get_table_names(schema=place.schema)
        where = f'"{place.schema}".' if place.schema else ""
        rows = [
            (name, tuple(row))
            for name in names
            for row in connection.execute(text(f'SELECT * FROM {where}"{name}"'))
        ]
    engine.dispose()
    return repr(rows)


def test_steps_are_done_in_order_and_an_id_under_way_once(storage):
    first, second, go_on = Done(), Done(), threading.Event()

    def held(*ids):
        assert go_on.wait(60)
        second(*ids)

    one = new_id()
    with DbosWork.open(storage, jobs=(job(first, held),), settings=QUICK) as work:
        for _ in range(5):
            work.start("count", one, ("hanoi", one))
        first.wait()
        go_on.set()
        second.wait()
    assert first.calls == second.calls == [("hanoi", one)]


def test_one_that_is_over_is_done_anew(storage):
    done = Done()
    one = new_id()
    with DbosWork.open(storage, jobs=(job(done),), settings=QUICK) as work:
        for _ in range(3):
            work.start("count", one, (one,))
            done.wait()
            ended(work, 1)
    assert len(done.calls) == 3


def ended(work, count):
    """Wait until so many runs are over."""
    from dbos import DBOS

    for _ in range(600):
        if len(DBOS.list_workflows(status="SUCCESS")) >= count:
            return
        threading.Event().wait(0.05)
    raise AssertionError("did not end")


def test_what_is_over_is_forgotten(storage):
    done = Done()
    ids = [new_id() for _ in range(3)]
    soon = replace(QUICK, forget_s=0.1)
    with DbosWork.open(storage, jobs=(job(done),), settings=soon) as work:
        for one in ids:
            work.start("count", one, (one,))
        done.wait(3)
        for _ in range(600):
            told = everything_in(storage)
            if not any(one in told for one in ids):
                return
            threading.Event().wait(0.05)
    raise AssertionError("not forgotten")


def test_its_tables_hold_ids_and_no_word_of_what_went_wrong(storage, caplog, capfd):
    done = Done()

    def failing(*ids):
        done(*ids)
        raise InputError(f"{PERSON} {NUMBER}", code="case.invalid", subject=NUMBER)

    def broken(*ids):
        done(*ids)
        raise ValueError(f"{PERSON} {NUMBER}")

    jobs = (job(failing, name="failing"), job(broken, name="broken"))
    one = new_id()
    settings = replace(QUICK, tries=1)
    with caplog.at_level(logging.DEBUG):
        with DbosWork.open(storage, jobs=jobs, settings=settings) as work:
            work.start("failing", one, ("hanoi", one))
            work.start("broken", one, ("hanoi", one))
            done.wait(2)
        told = everything_in(storage)
    assert one in told
    assert "ekyc_json" in told
    assert "py_pickle" not in told
    written = told + caplog.text + "".join(capfd.readouterr())
    assert NUMBER not in written
    assert "Mẫu" not in written


def test_nothing_but_ids_is_taken(storage):
    with DbosWork.open(storage, jobs=(job(Done()),), settings=QUICK) as work:
        for bad in (NUMBER, PERSON, "", "Ada", "a b", "a" * 200, "0" * 31):
            with pytest.raises(InputError) as caught:
                work.start("count", new_id(), (bad,))
            assert caught.value.code == "work.not_an_id"
            assert not bad or bad not in str(caught.value)


@pytest.mark.parametrize("bad", [PERSON, NUMBER, b"x", {1, 2}, {"a": PERSON}, [[NUMBER]], object()])
def test_the_serializer_refuses_what_is_no_id(bad):
    with pytest.raises(ValueError, match="neither an id"):
        PlainJson().serialize(bad)


def test_a_planted_pickle_is_not_opened(storage, tmp_path):
    """DBOS unpickles a row that says so, whatever serializer it was given."""
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(trap),))

    place, done = storage.work_place(), Done()
    with DbosWork.open(storage, jobs=(job(done),), settings=QUICK) as work:
        work.start("count", new_id(), (new_id(),))
        done.wait()
        ended(work, 1)
    where = f"{place.schema}." if place.schema else ""
    body = base64.b64encode(pickle.dumps({"args": (Trap(),), "kwargs": {}})).decode()
    engine = create_engine(place.url)
    with engine.begin() as connection:
        for planted in (
            f"UPDATE {where}workflow_input SET inputs = :body",
            f"UPDATE {where}workflow_status SET status = 'ENQUEUED', serialization = 'py_pickle', inputs = :body",
        ):
            assert connection.execute(text(planted), {"body": body}).rowcount == 1
    with DbosWork.open(storage, jobs=(job(done),), settings=QUICK) as work:
        work.start("count", new_id(), (new_id(),))
        done.wait()
        query = text(f"SELECT status FROM {where}workflow_status WHERE serialization = 'py_pickle'")
        for _ in range(600):
            with engine.begin() as connection:
                if connection.execute(query).scalar_one() != "ENQUEUED":
                    break
            threading.Event().wait(0.05)
        else:
            raise AssertionError("nobody looked at it")
    engine.dispose()
    assert not trap.exists()


def test_a_step_that_fails_is_tried_again(storage):
    done = Done()

    def busy_once(*ids):
        done(*ids)
        if len(done.calls) == 1:
            raise BusyError("the database is away")

    with DbosWork.open(storage, jobs=(job(busy_once),), settings=QUICK) as work:
        work.start("count", new_id(), (new_id(),))
        done.wait(2)
    assert len(done.calls) == 2


def test_a_shutdown_waits_for_what_is_being_done_and_begins_nothing(storage):
    begun, go_on, ended_ids = threading.Semaphore(0), threading.Event(), []

    def slow(one):
        begun.release()
        assert go_on.wait(60)
        ended_ids.append(one)

    first, second = new_id(), new_id()
    one_at_a_time = (job(slow, at_once=1),)
    with DbosWork.open(storage, jobs=one_at_a_time, settings=QUICK) as work:
        work.start("count", first, (first,))
        work.start("count", second, (second,))
        assert begun.acquire(timeout=60)
        later = threading.Timer(0.5, go_on.set)
        later.start()
    later.join()
    assert ended_ids == [first]
    done = Done()
    with DbosWork.open(storage, jobs=(job(done, at_once=1),), settings=QUICK):
        done.wait()
    assert done.calls == [(second,)]


def test_what_a_shutdown_breaks_off_is_done_by_the_next(storage):
    """A step between two tries, when the process ends: written down nowhere, and done again."""
    begun = threading.Semaphore(0)

    def never(one):
        begun.release()
        raise BusyError("the database is away")

    one = new_id()
    with DbosWork.open(storage, jobs=(job(never),), settings=QUICK) as work:
        work.start("count", one, (one,))
        assert begun.acquire(timeout=60)
    done = Done()
    soon = replace(QUICK, silent=timedelta(seconds=0.2))
    with DbosWork.open(storage, jobs=(job(done),), settings=soon):
        done.wait()
    assert done.calls == [(one,)]


def test_it_opens_no_port_and_no_connection(storage):
    """Sockets of this process, by the kernel; a database's own connections are no listeners."""

    def sockets():
        tables = [Path(f"/proc/self/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
        lines = [line for table in tables for line in table.read_text("ascii").splitlines()[1:]]
        inodes = set()
        for file in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                inodes.add(str(file.readlink()).removeprefix("socket:[").removesuffix("]"))
        return [line for line in lines if line.split()[9] in inodes]

    before = sockets()
    done = Done()
    with DbosWork.open(storage, jobs=(job(done),), settings=QUICK) as work:
        work.start("count", new_id(), (new_id(),))
        done.wait()
        assert sockets() == before


def test_the_environment_does_not_make_it_report(storage, monkeypatch):
    from dbos._utils import GlobalParams

    monkeypatch.setattr(GlobalParams, "dbos_cloud", True)
    with DbosWork.open(storage, jobs=(job(Done()),), settings=QUICK):
        assert not GlobalParams.dbos_cloud


def test_its_threads_end_with_it(storage):
    before = set(threading.enumerate())
    with DbosWork.open(storage, jobs=(job(Done()),), settings=QUICK):
        assert set(threading.enumerate()) > before
    left = [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]
    assert not left


def test_its_file_is_the_owners_alone(tmp_path):
    with (
        Storage.open(tmp_path / "state.sqlite3") as storage,
        DbosWork.open(storage, jobs=(job(Done()),), settings=QUICK),
    ):
        pass
    file = tmp_path / "state.work.sqlite3"
    assert file.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(tmp_path / "state.sqlite3") as ours:
        names = {row[0] for row in ours.execute("SELECT name FROM sqlite_master")}
    ours.close()
    assert not any("workflow" in name for name in names)


def test_a_place_that_cannot_be_used_is_an_error_that_repeats_nothing(tmp_path):
    with Storage.open(tmp_path / "state.sqlite3") as storage:
        (tmp_path / "state.work.sqlite3").write_bytes(b"no database" * 500)
        with (
            pytest.raises(WorkError) as caught,
            DbosWork.open(storage, jobs=(job(Done()),), settings=QUICK),
        ):
            pass
    assert caught.value.code == "work.engine"
