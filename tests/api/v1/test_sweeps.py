"""What time brings about in sessions happens by itself, once, and its webhooks are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from ekyc.api.v1.cases import create_session, load_session, record
from ekyc.api.v1.sweeps import sweep_sessions
from ekyc.dossiers import SYSTEM, Created, SessionState, Submitted
from ekyc.storage import Jurisdiction, ServiceKey, SessionRow, Storage
from ekyc.testing import FixedClock

ALL = Jurisdiction()
S1, S2, S3 = (number * 32 for number in "123")


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with Storage.open(tmp_path / "state.sqlite3", clock=clock) as opened:
        yield opened


@pytest.fixture
def desk(storage):
    return storage.dossiers(ServiceKey(bytes(32)))


def begun(desk, name, tenant="a", lasts=timedelta(hours=1)):
    with desk.writing(tenant) as unit:
        row = SessionRow(
            id=name,
            dossier_id=None,
            procedure="identity",
            state="created",
            office=None,
            subject=None,
            created_at=unit.now,
        )
        event = Created(
            procedure="identity",
            procedure_version="1",
            dossier_id=None,
            attempts_allowed=3,
            review_only=False,
            expires_at=unit.now + lasts,
        )
        create_session(unit, row, SYSTEM, event)


def submitted(desk, name, tenant="a", within=timedelta(minutes=10)):
    with desk.writing(tenant) as unit:
        loaded = load_session(unit, ALL, name, lock=True)
        record(unit, loaded, SYSTEM, Submitted(attempt=1, deadline=unit.now + within))


def seen(desk, name, tenant="a"):
    with desk.looking(tenant) as unit:
        return load_session(unit, ALL, name).view


def test_nothing_is_due_before_its_time(desk, clock):
    begun(desk, S1)
    assert sweep_sessions(desk) == 0
    assert seen(desk, S1).state is SessionState.CREATED


def test_sessions_of_every_tenant_expire_by_themselves(desk, clock, storage):
    begun(desk, S1, "a")
    begun(desk, S2, "b")
    begun(desk, S3, "a", lasts=timedelta(days=1))
    clock.advance(timedelta(seconds=3600))
    assert sweep_sessions(desk) == 2
    assert sweep_sessions(desk) == 0
    assert seen(desk, S1, "a").state is SessionState.EXPIRED
    assert seen(desk, S2, "b").state is SessionState.EXPIRED
    assert seen(desk, S3, "a").state is SessionState.CREATED
    with storage._engine.connect() as connection:
        told = connection.execute(text("SELECT body FROM outbox_events")).scalars().all()
    assert len(told) == 2
    assert all('"state":"expired"' in body for body in told)


def test_a_verification_whose_process_died_gives_its_attempt_back(desk, clock):
    begun(desk, S1)
    submitted(desk, S1)
    assert seen(desk, S1).attempts_left == 2
    clock.advance(timedelta(seconds=599))
    assert sweep_sessions(desk) == 0
    clock.advance(timedelta(seconds=1))
    assert sweep_sessions(desk) == 1
    view = seen(desk, S1)
    assert (view.state, view.attempts_left) == (SessionState.REQUIRES_INPUT, 3)
    assert view.last_error.code == "session.interrupted"
    clock.advance(timedelta(seconds=3600))
    assert sweep_sessions(desk) == 1
    assert seen(desk, S1).state is SessionState.EXPIRED


def test_sessions_from_before_the_index_are_swept_once_and_then_when_due(desk, clock, storage):
    begun(desk, S1)
    with storage._engine.begin() as connection:
        connection.execute(text("UPDATE verification_sessions SET due_at = NULL"))
    assert sweep_sessions(desk) == 1
    assert sweep_sessions(desk) == 0
    assert seen(desk, S1).state is SessionState.CREATED
    clock.advance(timedelta(seconds=3600))
    assert sweep_sessions(desk) == 1
    assert seen(desk, S1).state is SessionState.EXPIRED


def test_a_damaged_log_stops_no_other(desk, clock, storage):
    begun(desk, S1)
    begun(desk, S2)
    with storage._engine.begin() as connection:
        connection.execute(
            text("UPDATE dossier_actions SET sequence = 7 WHERE file_id = :id"), {"id": S1}
        )
    clock.advance(timedelta(seconds=3600))
    sweep_sessions(desk)
    assert seen(desk, S2).state is SessionState.EXPIRED
