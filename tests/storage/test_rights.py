"""Whose entries are, which alerts were told, and what a request says: in one transaction, one tenant, and sealed."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy.event import listens_for, remove

from ekyc.errors import LimitError
from ekyc.storage import Jurisdiction, NewClient, PageOf, ServiceKey, SubjectError
from ekyc.storage.dossiers.subject_requests import PROCEDURE, SubjectRequestRow
from ekyc.storage.evidence.events import MediaViewed, Reference, RequestMoved
from ekyc.storage.evidence.places import EntriesOf
from ekyc.storage.webhooks.outbox import DossierBreached

KEY = ServiceKey(bytes(32))
NAME = "ab" * 16


@pytest.fixture
def desk(storage):
    return storage.dossiers(KEY)


def moved(name=NAME, step="acknowledged", actor="officer-1"):
    return RequestMoved(request=name, step=step, actor=Reference(kind="client", text=actor))


def append(desk, tenant, *events, office=None):
    with desk.writing(tenant) as unit:
        for event in events:
            unit.evidence.append(event, office=office)


def fail_after(desk, tenant, work):
    """Do ``work`` in a transaction that is taken back."""

    def fail():
        with desk.writing(tenant) as unit:
            work(unit)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def shown(storage, tenant, **wanted):
    return [
        (one.number, one.event is not None)
        for one in storage.evidence_reader.page(EntriesOf(tenant=tenant, **wanted))
    ]


def test_a_tenant_reads_its_own_and_leaves_of_the_rest(storage, desk):
    append(desk, "a", moved())
    assert shown(storage, "a") == [(0, True), (1, True)]  # alone, what is nobody's is its too
    append(desk, "b", moved(step="granted"))
    assert shown(storage, "a") == [(0, False), (1, True), (2, False)]
    assert shown(storage, "b") == [(0, False), (1, False), (2, True)]
    assert shown(storage, "c") == [(0, False), (1, False), (2, False)]
    assert readable(storage, "a") == [1]


def readable(storage, tenant, offices=None):
    """Numbers of entries that may be proved."""
    reader = storage.evidence_reader
    return [n for n in range(9) if reader.may_read(tenant, n, offices=offices)]


def test_an_office_reads_its_own_and_leaves_of_the_rest(storage, desk):
    append(desk, "a", moved(), office="hn")
    append(desk, "a", moved(step="granted"), office="hcm")
    append(desk, "a", moved(step="completed"))
    append(desk, "b", moved(), office="hn")

    def own(**wanted):
        return [number for number, is_own in shown(storage, "a", **wanted) if is_own]

    hanoi, both = frozenset({"hn"}), frozenset({"hn", "hcm"})
    assert own() == [1, 2, 3] == readable(storage, "a")
    assert own(offices=hanoi) == [1] == readable(storage, "a", hanoi)
    assert own(offices=both) == [1, 2] == readable(storage, "a", both)
    assert own(offices=frozenset()) == [] == readable(storage, "a", frozenset())
    assert own(offices=hanoi, kind="request.moved") == [1]
    assert len(shown(storage, "a", offices=hanoi)) == 5  # the leaves of all
    assert len(shown(storage, "a", offices=hanoi, file=NAME)) == 1


def test_what_is_nobodys_is_no_offices_either(storage, desk):
    append(desk, "a", moved(), office="hn")
    assert shown(storage, "a", offices=frozenset({"hn"})) == [(0, False), (1, True)]
    assert readable(storage, "a", frozenset({"hn"})) == [1]


def test_a_tenant_that_only_has_clients_is_another_tenant(storage, desk):
    append(desk, "a", moved())
    register = storage.access(KEY).register
    register.add_tenant("b", "Tỉnh B")
    register.add_client("b", NewClient(id="portal-b", name="Cổng", scopes=frozenset()))
    assert shown(storage, "a") == [(0, False), (1, True), (2, False)]


def test_what_is_taken_back_leaves_no_place(storage, desk):
    fail_after(desk, "a", lambda unit: unit.evidence.append(moved(), office=None))
    assert shown(storage, "a") == []
    append(desk, "a", moved())
    assert shown(storage, "a") == [(0, True), (1, True)]


def test_filters_find_ones_own_alone(storage, desk, clock):
    viewed = MediaViewed(
        file="cd" * 16,
        what="card-front",
        actor=Reference(kind="client", text="officer-2"),
        subject=Reference(kind="subject", text="s"),
    )
    append(desk, "a", moved(), viewed)
    clock.advance(timedelta(hours=1))
    append(desk, "b", viewed)
    append(desk, "a", viewed)
    actor = storage.evidence.pseudonym("client", "officer-2")
    assert shown(storage, "a", kind="media.viewed") == [(2, True), (4, True)]
    assert shown(storage, "a", actor=actor) == [(2, True), (4, True)]
    assert shown(storage, "a", file=NAME) == [(1, True)]
    assert shown(storage, "a", since=clock.now()) == [(4, True)]
    assert shown(storage, "a", until=clock.now()) == [(1, True), (2, True)]
    assert shown(storage, "a", kind="media.viewed", after=2, limit=1) == [(4, True)]
    assert "officer-2" not in repr(storage.evidence_reader.page(EntriesOf(tenant="a")))


@pytest.mark.parametrize("limit", [0, 201])
def test_pages_are_bounded(limit):
    with pytest.raises(LimitError):
        EntriesOf(tenant="a", limit=limit)


def test_an_alert_is_told_once_by_whoever_is_first(desk, clock):
    event = DossierBreached(id=NAME, alert="overdue")

    def tell(unit, **changes):
        given = {"file_id": NAME, "alert": "overdue", "origin": clock.now()}
        return unit.notices.tell(event, **(given | changes))

    with desk.writing("a") as unit:
        assert tell(unit)
        assert not tell(unit)
        assert tell(unit, alert="due_soon")
        assert tell(unit, origin=clock.now() + timedelta(seconds=1))
    with desk.writing("b") as unit:
        assert tell(unit)
    fail_after(desk, "c", tell)
    with desk.writing("c") as unit:
        assert tell(unit)


def made(desk, vault, clock, tenant="a", name=NAME, **changes):
    members = {
        "id": name,
        "kind": "access",
        "state": "received",
        "office": None,
        "subject": "c" * 64,
        "created_at": clock.now(),
    }
    with desk.writing(tenant) as unit:
        person = unit.requests.new_person(vault.subjects)
        row = SubjectRequestRow(**(members | {"person": person} | changes))
        unit.requests.add(row, "Nguyễn Văn An, 079185001234".encode(), vault.subjects)
    return row


def test_a_request_comes_back_and_what_it_says_is_sealed(desk, vault, clock, storage):
    row = made(desk, vault, clock)
    with desk.looking("a") as unit:
        assert unit.requests.get(NAME) == row
        assert (
            unit.requests.statement(NAME, vault.subjects) == "Nguyễn Văn An, 079185001234".encode()
        )
    with desk.looking("b") as unit:
        assert unit.requests.get(NAME) is None
        assert unit.requests.statement(NAME, vault.subjects) is None
    vault.erase_subject("a", row.person)
    with desk.looking("a") as unit, pytest.raises(SubjectError) as caught:
        unit.requests.statement(NAME, vault.subjects)
    assert caught.value.code == "subject.erased"
    with desk.writing("a") as unit:
        unit.requests.empty(NAME)
        assert unit.requests.statement(NAME, vault.subjects) is None


def test_lists_end_at_the_jurisdiction(desk, vault, clock):
    for index, (office, subject) in enumerate([("hn", "c"), ("hcm", "c"), ("hn", "d")]):
        made(desk, vault, clock, name=f"{index:032x}", office=office, subject=subject * 64)

    def listed(**within):
        with desk.looking("a") as unit:
            page = PageOf(limit=10, within=Jurisdiction(**within))
            return len(unit.requests.page(page))

    assert listed() == 3
    assert listed(offices=frozenset({"hn"})) == 2
    assert listed(subject="c" * 64) == 2
    assert listed(subject="c" * 64, procedures=frozenset({"identity"})) == 0
    assert listed(subject="c" * 64, procedures=frozenset({PROCEDURE})) == 2


def test_an_objection_stands_for_its_citizen_in_its_tenant(desk, vault, clock):
    made(desk, vault, clock, kind="object", state="granted")
    with desk.writing("a") as unit:
        assert not unit.requests.objects("c" * 64)
        unit.requests.index(NAME, state="fulfilled")
        assert unit.requests.objects("c" * 64)
        assert not unit.requests.objects("d" * 64)
    with desk.looking("b") as unit:
        assert not unit.requests.objects("c" * 64)


def test_an_erased_login_stands_in_no_request(desk, vault, clock, storage):
    made(desk, vault, clock)
    storage.traces.unlink_login("a", "c" * 64)
    with desk.looking("a") as unit:
        assert unit.requests.get(NAME).subject not in {None, "c" * 64}


def test_tenants_are_those_that_have_something(desk, vault, clock):
    assert desk.tenants() == ()
    made(desk, vault, clock, tenant="b")
    assert desk.tenants() == ("b",)


def test_writers_at_once_leave_places_without_a_gap(storage, desk):
    ready = threading.Barrier(4)

    def write(tenant):
        ready.wait()
        for _ in range(5):
            append(desk, tenant, moved())

    threads = [threading.Thread(target=write, args=(name,)) for name in "abab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {
        name: {number for number, own in shown(storage, name, limit=200) if own} for name in "ab"
    }
    assert seen["a"] | seen["b"] == set(range(1, 21))
    assert seen["a"] & seen["b"] == set()


def test_exports_that_are_over_are_found_a_few_at_a_time(desk, vault, clock):
    now = clock.now()
    for index, days in enumerate((3, 1, 2, -1)):
        until = now - timedelta(days=days)
        made(desk, vault, clock, name=f"{index:032x}", state="fulfilled")
        with desk.writing("a") as unit:
            unit.requests.set_export(f"{index:032x}", "e" * 32, until)

    def over(limit, tenant="a"):
        with desk.looking(tenant) as unit:
            return [int(one.id, 16) for one in unit.requests.exports_over(now, limit=limit)]

    assert (over(9), over(2), over(9, tenant="b")) == ([0, 2, 1], [0, 2], [])
    with desk.writing("a") as unit:
        unit.requests.forget_export(f"{0:032x}")
    assert over(9) == [2, 1]


def test_what_is_over_and_what_is_open_is_found_by_an_index(desk, vault, clock, storage):
    """The worker looks every five minutes: it would read every request that there ever was."""
    made(desk, vault, clock)
    seen = []

    @listens_for(storage._engine, "before_cursor_execute")
    def note(_, __, statement, parameters, ___, ____):
        seen.append((statement, parameters))

    with desk.looking("a") as unit:
        unit.requests.exports_over(clock.now(), limit=1)
        unit.requests.page(PageOf(limit=1, equal=(("state", "received"),)))
    remove(storage._engine, "before_cursor_execute", note)
    if storage._engine.dialect.name != "sqlite":
        return
    with storage._engine.connect() as connection:
        plans = [
            "".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", args))
            for sql, args in seen
            if "subject_requests" in sql
        ]
    assert "ix_subject_requests_export_until" in plans[0]
    assert "ix_subject_requests_state" in plans[1]
    assert all("SCAN" not in plan for plan in plans)
