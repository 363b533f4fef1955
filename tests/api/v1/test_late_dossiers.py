"""What is late: in the queue, in the report of each office, and told to others once of each alert."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest

from ekyc.flows.dossier_clocks import ClockSweep
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage
from ekyc.testing import FixedClock

KEY = ServiceKey(bytes(32))
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # eight o'clock in Hanoi


@pytest.fixture
def clock():
    return FixedClock(MONDAY)


@pytest.fixture
def sweep(storage):
    return ClockSweep(storage.dossiers(KEY))


async def dossier(desk, caller="portal", *, submitted=True, **members):
    wanted = {"procedure": "identity"} | members
    made = await desk.post("/v1/dossiers", json=wanted, caller=caller)
    assert made.status_code == 201, made.text
    name = made.json()["id"]
    session = await desk.session(caller=caller, procedure=None, dossier_id=name, review_only=True)
    if submitted:
        answer = await desk.submit(session, caller=caller)
        assert answer.json()["state"] == "needs_review"
    return name, session


async def queue(desk, alert, caller="officer", limit=50):
    """Ids of the queue, page by page."""
    found, where = [], f"/v1/dossiers?alert={alert}&limit={limit}"
    while where:
        page = await desk.get(where, caller=caller)
        assert page.status_code == 200, page.text
        found += [one["id"] for one in page.json()["data"]]
        where = page.links["next"]["url"] if "next" in page.links else None
    return found


def told(tmp_path):
    """Events of the outbox."""
    rows = sqlite3.connect(tmp_path / "state.sqlite3").execute(
        "SELECT tenant_id, kind, body FROM outbox_events WHERE kind LIKE '%.sla_%' ORDER BY at, id"
    )
    return [(tenant, kind, json.loads(body)["data"]) for tenant, kind, body in rows]


def test_the_queue_has_what_is_late_now(talk, clock):
    async def conversation(desk):
        late, _ = await dossier(desk)
        await dossier(desk, submitted=False)
        none = await queue(desk, "not_received")
        clock.advance(timedelta(hours=5))  # one o'clock: noon does not count
        found = await queue(desk, "not_received")
        await dossier(desk)
        small = await queue(desk, "not_received", limit=1)
        listed = await desk.get("/v1/dossiers", caller="officer")
        return late, none, found, small, listed

    late, none, found, small, listed = talk(conversation)
    assert none == []
    assert found == small == [late]
    assert len(listed.json()["data"]) == 3


def test_what_is_decided_leaves_the_queue(talk, clock):
    async def conversation(desk):
        name, session = await dossier(desk)
        clock.advance(timedelta(days=2))
        before = await queue(desk, "stuck_in_review")
        etag = (await desk.get(session, caller="officer")).headers["etag"]
        await desk.decide(session, "approved", caller="officer", etag=etag)
        return name, before, await queue(desk, "stuck_in_review")

    name, before, after = talk(conversation)
    assert (before, after) == ([name], [])


def test_a_queue_ends_at_the_office_and_the_tenant(talk, clock):
    async def conversation(desk):
        await dossier(desk, office="hcm")
        mine, _ = await dossier(desk, caller="hanoi")
        await dossier(desk, caller="stranger")
        clock.advance(timedelta(days=2))
        return mine, await queue(desk, "not_received", caller="hanoi")

    mine, found = talk(conversation)
    assert found == [mine]


def test_each_alert_is_told_once(talk, clock, sweep, tmp_path):
    async def conversation(desk):
        name, _ = await dossier(desk)
        assert sweep.run(clock.now()) == 0
        clock.advance(timedelta(hours=5))
        first = [sweep.run(clock.now()) for _ in range(3)]
        clock.advance(timedelta(days=7))
        second = [sweep.run(clock.now()) for _ in range(3)]
        return name, first, second

    name, first, second = talk(conversation)
    assert first == [1, 0, 0]
    assert second == [2, 0, 0]
    breached = [(tenant, kind, data["alert"]) for tenant, kind, data in told(tmp_path)]
    assert breached[0] == ("a", "dossier.sla_breached", "not_received")
    assert {alert for _, _, alert in breached[1:]} == {"overdue", "stuck_in_review"}
    assert {data["id"] for _, _, data in told(tmp_path)} == {name}


def test_a_warning_comes_before_the_breach(talk, clock, sweep, tmp_path):
    async def conversation(desk):
        await dossier(desk)
        for _ in range(14):
            clock.advance(timedelta(hours=6))
            sweep.run(clock.now())

    talk(conversation)
    of_processing = [data["alert"] for _, _, data in told(tmp_path)]
    assert of_processing.index("due_soon") < of_processing.index("overdue")
    kinds = {data["alert"]: kind for _, kind, data in told(tmp_path)}
    assert kinds["due_soon"] == "dossier.sla_warning"


def test_sweeps_at_once_tell_once(talk, clock, tmp_path):
    async def conversation(desk):
        for _ in range(3):
            await dossier(desk)
        clock.advance(timedelta(days=2))

    talk(conversation)
    counts, ready = [], threading.Barrier(4)

    def run():
        with Storage.open(tmp_path / "state.sqlite3", clock=clock) as own:
            sweep = ClockSweep(own.dossiers(KEY))
            ready.wait()
            counts.append(sweep.run(clock.now()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = told(tmp_path)
    assert sum(counts) == len(events)
    assert len({(data["id"], data["alert"]) for _, _, data in events}) == len(events)


def test_a_damaged_log_keeps_nobody_else_waiting(talk, clock, sweep, tmp_path, caplog):
    async def conversation(desk):
        bad, _ = await dossier(desk)
        good, _ = await dossier(desk)
        clock.advance(timedelta(hours=5))
        return bad, good

    bad, good = talk(conversation)
    database = sqlite3.connect(tmp_path / "state.sqlite3")
    with database:
        database.execute("UPDATE dossier_actions SET kind = 'Nothing' WHERE file_id = ?", (bad,))
    assert sweep.run(clock.now()) == 1
    assert [data["id"] for _, _, data in told(tmp_path)] == [good]
    assert "dossier.log_damaged" in caplog.text


def test_requests_of_data_subjects_are_told_of_too(talk, clock, sweep, storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))

    async def conversation(desk):
        made = await desk.post(
            "/v1/data-subject-requests", json={"kind": "access"}, caller="citizen"
        )
        for days in (3, 9, 5):
            clock.advance(timedelta(days=days))
            sweep.run(clock.now())
            sweep.run(clock.now())
        return made.json()["id"]

    name = talk(conversation, vault=vault)
    assert [(kind, data["alert"]) for _, kind, data in told(tmp_path)] == [
        ("data_subject_request.sla_breached", "not_received"),
        ("data_subject_request.sla_warning", "due_soon"),
        ("data_subject_request.sla_breached", "overdue"),
    ]
    assert {data["id"] for _, _, data in told(tmp_path)} == {name}


async def report(desk, caller="supervisor", days=30):
    answer = await desk.get(f"/v1/reports/sla?days={days}", caller=caller)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_report_counts_by_office(talk, clock):
    async def conversation(desk):
        await dossier(desk, office="hcm")
        _, in_time = await dossier(desk, office="hn")
        _, late = await dossier(desk, office="hn")
        await decide(desk, in_time)
        clock.advance(timedelta(days=7))
        await decide(desk, late)
        return await report(desk)

    async def decide(desk, session):
        etag = (await desk.get(session, caller="officer")).headers["etag"]
        done = await desk.decide(session, "approved", caller="officer", etag=etag)
        assert done.status_code == 201, done.text

    told = talk(conversation)
    assert told["complete"] is True
    by_office = {one.pop("office"): one for one in told["data"]}
    assert by_office["hn"] == {
        "dossiers": 2,
        "open": 2,
        "decided": 2,
        "decided_in_time": 1,
        "decided_late": 1,
        "alerts": dict.fromkeys(by_office["hn"]["alerts"], 0),
    }
    assert by_office["hcm"]["alerts"]["overdue"] == 1
    assert by_office["hcm"]["decided"] == 0


def test_the_report_ends_at_the_office_and_the_tenant_and_names_nobody(talk, clock):
    async def conversation(desk):
        name, session = await dossier(desk, caller="citizen")
        await dossier(desk, office="hcm")
        await dossier(desk, caller="hanoi")
        await dossier(desk, caller="stranger")
        answers = {who: await report(desk, who) for who in ("hanoi", "supervisor", "stranger")}
        return answers, [name, session.rpartition("/")[2], "c" * 64, "portal", "key-a"]

    answers, names = talk(conversation)
    offices = {who: [one["office"] for one in told["data"]] for who, told in answers.items()}
    assert offices == {"hanoi": ["hn"], "supervisor": ["hcm", "hn", None], "stranger": [None]}
    assert not any(name in json.dumps(answers) for name in names)


def test_closed_dossiers_count_for_so_many_days_and_open_ones_always(talk, clock):
    async def conversation(desk):
        closed, _ = await dossier(desk)
        await dossier(desk)
        etag = (await desk.get(f"/v1/dossiers/{closed}")).headers["etag"]
        done = await desk.patch(
            f"/v1/dossiers/{closed}", json={"state": "closed"}, headers={"If-Match": etag}
        )
        assert done.status_code == 200, done.text
        soon = await report(desk)
        clock.advance(timedelta(days=40))
        return soon, await report(desk), await report(desk, days=60)

    soon, later, longer = talk(conversation)
    counts = [told["data"][0]["dossiers"] for told in (soon, later, longer)]
    assert counts == [2, 1, 2]


@pytest.mark.parametrize("caller", ["citizen", "officer"])
def test_reports_are_for_those_who_lead(talk, caller):
    answer = talk(lambda desk: desk.get("/v1/reports/sla", caller=caller))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
