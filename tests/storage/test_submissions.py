"""Who works on a submission: exactly one, by a lease; and whoever was overtaken writes nothing. On both engines."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ekyc.storage import (
    ACTIVE_AUTHENTICATION,
    Answered,
    FreshnessError,
    RunLostError,
    ServiceKey,
    Spent,
    SubmissionRun,
)
from ekyc.values import Receipt

LEASE = timedelta(seconds=30)
TENANT = "a"


@pytest.fixture
def desk(storage):
    return storage.dossiers(ServiceKey(bytes(32)))


@pytest.fixture
def run(desk):
    """One that was accepted just now."""
    with desk.writing(TENANT) as unit:
        made = SubmissionRun(
            tenant=TENANT,
            id=desk.new_id(),
            session_id="s1",
            attempt=1,
            answered=Answered.PORTAL,
            key_digest=b"k",
            received_at=unit.now,
            subject_id="p1",
            manifest=b"sealed",
        )
        unit.runs.add(made, lease=LEASE)
    return made


def finish(desk, run):
    with desk.writing(run.tenant) as unit:
        unit.runs.finish(run, Spent())


def test_what_is_worked_on_has_not_ended(desk, run, clock):
    clock.advance(LEASE - timedelta(seconds=1))
    assert desk.leases.ended(LEASE, 10) == ()
    desk.leases.renew((run,), LEASE)
    clock.advance(LEASE - timedelta(seconds=1))
    assert desk.leases.ended(LEASE, 10) == ()
    clock.advance(timedelta(seconds=1))
    (place,) = desk.leases.ended(LEASE, 10)
    assert (place.tenant, place.id, place.sealed, place.tries) == (TENANT, run.id, True, 0)


def test_of_many_that_claim_it_one_has_it(desk, run, clock):
    clock.advance(LEASE)
    (place,) = desk.leases.ended(LEASE, 10)
    won, begin = [], threading.Barrier(8)

    def claim():
        begin.wait()
        won.append(desk.leases.claim(place, LEASE))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (mine,) = [one for one in won if one is not None]
    assert mine == replace(run, fence=2)
    assert desk.leases.ended(LEASE, 10) == ()


@pytest.mark.parametrize("step", ["begin", "finish", "renew"])
def test_whoever_was_overtaken_does_nothing(desk, run, clock, step):
    clock.advance(LEASE)
    (place,) = desk.leases.ended(LEASE, 10)
    mine = desk.leases.claim(place, LEASE)
    if step == "renew":
        clock.advance(LEASE)
        desk.leases.renew((run,), LEASE)
        assert len(desk.leases.ended(LEASE, 10)) == 1
    else:
        with pytest.raises(RunLostError), desk.writing(TENANT) as unit:
            unit.runs.begin(run) if step == "begin" else unit.runs.finish(run, Spent())
    finish(desk, mine)


def test_what_is_done_is_done_once(desk, run):
    finish(desk, run)
    with pytest.raises(RunLostError):
        finish(desk, run)


def test_a_run_is_its_tenants(desk, run):
    with pytest.raises(RunLostError):
        finish(desk, replace(run, tenant="b"))
    finish(desk, run)


def test_tries_are_counted_and_what_was_begun_least_comes_first(desk, run, clock):
    with desk.writing(TENANT) as unit:
        unit.runs.begin(run)
        unit.runs.add(replace(run, id="0" * 32), lease=LEASE)
    clock.advance(LEASE)
    assert [place.tries for place in desk.leases.ended(LEASE, 10)] == [0, 1]


def test_a_lease_from_a_time_that_lies_ahead_has_ended(desk, run, clock):
    """It was given by a clock that had jumped: nobody waits for that day."""
    clock.advance(-timedelta(days=3))
    assert len(desk.leases.ended(LEASE, 10)) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_challenge_is_held_for_its_case_until_the_case_is_done(desk, run, storage, clock, known):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60)
    clock.advance(timedelta(seconds=59))
    receipt = Receipt(id=run.id, received_at=clock.now())
    clock.advance(timedelta(minutes=10))  # it came in time, whenever it is verified
    purposes = (ACTIVE_AUTHENTICATION,)
    first = storage.nonces.redeem_any(challenge.id, purposes, receipt=receipt)
    again = storage.nonces.redeem_any(challenge.id, purposes, receipt=receipt)
    assert first == again
    assert first.nonce == challenge.nonce
    other = Receipt(id="f" * 32, received_at=receipt.received_at)
    for stranger in (other, None):
        with pytest.raises(FreshnessError) as caught:
            storage.nonces.redeem_any(challenge.id, purposes, receipt=stranger)
        assert caught.value.code == "freshness.already_used"
    with desk.writing(TENANT) as unit:
        unit.runs.finish(run, Spent(challenge_id=challenge.id) if known else None)
    with storage._engine.connect() as connection:
        assert bytes(connection.execute(text("SELECT nonce FROM nonces")).scalar_one()) == b""
    with pytest.raises(FreshnessError):
        storage.nonces.redeem_any(challenge.id, purposes, receipt=receipt)


def test_a_case_that_came_too_late_is_too_late(storage, clock):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60)
    clock.advance(timedelta(seconds=60))
    receipt = Receipt(id="e" * 32, received_at=clock.now())
    with pytest.raises(FreshnessError) as caught:
        storage.nonces.redeem_any(challenge.id, (ACTIVE_AUTHENTICATION,), receipt=receipt)
    assert caught.value.code == "freshness.expired"


def test_purging_spares_what_is_held(desk, run, storage, clock):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60)
    receipt = run.receipt
    purposes = (ACTIVE_AUTHENTICATION,)
    storage.nonces.redeem_any(challenge.id, purposes, receipt=receipt)
    clock.advance(timedelta(hours=3))
    assert storage.nonces.purge() == 0
    assert storage.nonces.redeem_any(challenge.id, purposes, receipt=receipt)
    clock.advance(timedelta(days=1))
    assert storage.nonces.purge() == 1
