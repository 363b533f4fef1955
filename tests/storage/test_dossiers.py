"""Dossiers, sessions and their logs: one transaction, one tenant, bounded pages, answers kept once."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta

import pytest

from ekyc.errors import LimitError
from ekyc.storage import (
    CaptureTokenError,
    DossierRow,
    IdempotencyError,
    Jurisdiction,
    LoggedAction,
    PageOf,
    ServiceKey,
    SessionRow,
    StorageError,
)

KEY = ServiceKey(bytes(32))


@pytest.fixture
def desk(storage):
    return storage.dossiers(KEY)


def session(clock, name="s1", **changes):
    members = {
        "id": name,
        "dossier_id": None,
        "procedure": "identity",
        "state": "created",
        "office": None,
        "subject": None,
        "created_at": clock.now(),
    }
    return SessionRow(**(members | changes))


def line(clock, sequence=1, kind="Created", **body):
    return LoggedAction(
        sequence=sequence, at=clock.now(), actor={"kind": "system", "id": "x"}, kind=kind, body=body
    )


def test_a_unit_is_written_whole_or_not_at_all(desk, clock):
    def fail():
        with desk.writing("a") as unit:
            unit.keys.claim(b"k", b"f")
            unit.sessions.add(session(clock))
            unit.logs.append("s1", line(clock))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with desk.writing("a") as unit:
        assert unit.sessions.get("s1") is None
        assert unit.logs.of("s1") == ()
        assert unit.keys.claim(b"k", b"f") is None


def test_rows_and_logs_come_back_as_they_were(desk, clock):
    row = session(clock, dossier_id="d1", office="hn", subject="ab")
    dossier = DossierRow(
        id="d1",
        procedure="identity",
        state="open",
        office=None,
        subject=None,
        created_at=clock.now(),
    )
    lines = (line(clock, 1, a="ạ"), line(clock, 2, kind="Canceled"))
    with desk.writing("a") as unit:
        unit.sessions.add(row)
        unit.dossiers.add(dossier)
        for one in lines:
            unit.logs.append("s1", one)
        unit.findings.put("s1", 1, [{"code": "x"}])

    with desk.looking("a") as unit:
        assert unit.sessions.get("s1") == row
        assert unit.dossiers.get("d1") == dossier
        assert unit.logs.of("s1") == lines
        assert unit.findings.get("s1", 1) == [{"code": "x"}]
        assert unit.findings.get("s1", 2) is None


def test_no_tenant_sees_or_moves_anything_of_another(desk, clock):
    with desk.writing("a") as unit:
        unit.sessions.add(session(clock))
        unit.logs.append("s1", line(clock))
        unit.findings.put("s1", 1, [])
        unit.tokens.replace(b"t", session_id="s1", lasts=timedelta(minutes=1), uses=1)
        unit.keys.claim(b"k", b"f")
        unit.keys.keep(b"k", b"answer")

    with desk.writing("b") as unit:
        assert unit.sessions.get("s1", lock=True) is None
        assert unit.sessions.page(PageOf(limit=10)) == ()
        assert unit.logs.of("s1") == ()
        assert unit.findings.get("s1", 1) is None
        with pytest.raises(CaptureTokenError):
            unit.tokens.require(b"t", session_id="s1")
        assert unit.keys.claim(b"k", b"f") is None
        unit.sessions.index("s1", state="decided")
        unit.findings.forget("s1")
        unit.tokens.end("s1")

    with desk.looking("a") as unit:
        assert unit.sessions.get("s1").state == "created"
        assert unit.findings.get("s1", 1) == []
        assert unit.tokens.require(b"t", session_id="s1").uses_left == 1
    assert desk.tenant_of_token(b"t") == ("a", "s1")


def test_a_line_of_the_log_stands_once(desk, clock):
    with desk.writing("a") as unit:
        unit.logs.append("s1", line(clock))
    with pytest.raises(StorageError), desk.writing("a") as unit:
        unit.logs.append("s1", line(clock, kind="Canceled"))


def test_pages_go_through_all_rows_once_newest_first(desk, clock):
    with desk.writing("a") as unit:
        for n in range(7):
            unit.sessions.add(session(clock, f"s{n}", office="hn" if n % 2 else "hcm"))
            if n % 3 == 0:  # some share their time
                clock.advance(timedelta(seconds=1))

    seen, after = [], None
    while True:
        with desk.looking("a") as unit:
            page = unit.sessions.page(PageOf(limit=2, after=after))
        if not page:
            break
        seen += [row.id for row in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]

    with desk.looking("a") as unit:
        hn = unit.sessions.page(
            PageOf(
                limit=9,
                within=Jurisdiction(offices=frozenset({"hn"})),
                equal=(("state", "created"),),
            )
        )
        none = unit.sessions.page(PageOf(limit=9, within=Jurisdiction(offices=frozenset())))
    assert [row.id for row in hn] == ["s5", "s3", "s1"]
    assert none == ()


@pytest.mark.parametrize("limit", [0, 201])
def test_pages_are_bounded(limit):
    with pytest.raises(LimitError):
        PageOf(limit=limit)


@pytest.mark.parametrize(
    ("within", "covered"),
    [
        (Jurisdiction(), True),
        (Jurisdiction(offices=frozenset({"hn"})), True),
        (Jurisdiction(offices=frozenset({"hcm"})), False),
        (Jurisdiction(offices=frozenset()), False),
        (Jurisdiction(subject="me"), True),
        (Jurisdiction(subject="you"), False),
        (Jurisdiction(offices=None, subject="you"), False),
    ],
)
def test_a_jurisdiction_covers_its_offices_or_ones_own(clock, within, covered):
    assert within.covers(session(clock, office="hn", subject="me")) is covered


def test_a_token_is_good_for_one_session_some_uses_and_some_time(desk, clock):
    with desk.writing("a") as unit:
        unit.tokens.replace(b"old", session_id="s1", lasts=timedelta(minutes=15), uses=2)
        unit.tokens.replace(b"t", session_id="s1", lasts=timedelta(minutes=15), uses=2)
        for digest, name in ((b"old", "s1"), (b"t", "s2")):
            with pytest.raises(CaptureTokenError) as caught:
                unit.tokens.use(digest, session_id=name)
            assert caught.value.code == "capture.unknown"
        unit.tokens.use(b"t", session_id="s1")
        unit.tokens.use(b"t", session_id="s1")
        with pytest.raises(CaptureTokenError) as caught:
            unit.tokens.use(b"t", session_id="s1")
        assert caught.value.code == "capture.spent"

    clock.advance(timedelta(minutes=15))
    with desk.looking("a") as unit, pytest.raises(CaptureTokenError) as caught:
        unit.tokens.require(b"t", session_id="s1")
    assert caught.value.code == "capture.expired"


def test_an_answer_is_given_again_for_a_day(desk, clock):
    with desk.writing("a") as unit:
        assert unit.keys.claim(b"k", b"f") is None
        unit.keys.keep(b"k", b"first")
        unit.keys.keep(b"k", b"last")
    with desk.writing("a") as unit:
        assert unit.keys.claim(b"k", b"f") == b"last"
        with pytest.raises(IdempotencyError) as caught:
            unit.keys.claim(b"k", b"g")
        assert caught.value.code == "idempotency.other_request"

    clock.advance(timedelta(hours=24))
    with desk.writing("a") as unit:
        assert unit.keys.claim(b"k", b"g") is None
        with pytest.raises(IdempotencyError) as caught:
            unit.keys.claim(b"k", b"g")
        assert caught.value.code == "idempotency.in_flight"  # the old answer is gone


def test_keys_that_are_over_are_forgotten_now_and_then(desk, clock, sqlite_file):
    with desk.writing("a") as unit:
        unit.keys.claim(b"\1 old", b"f")
    clock.advance(timedelta(hours=24))
    with desk.writing("b") as unit:
        unit.keys.claim(b"\1 new", b"f")
        unit.keys.claim(b"\0 new", b"f")

    kept = sqlite3.connect(sqlite_file).execute("SELECT digest FROM idempotency_keys").fetchall()
    assert {digest for (digest,) in kept} == {b"\1 new", b"\0 new"}


def test_kept_answers_lie_sealed(desk, sqlite_file):
    with desk.writing("a") as unit:
        unit.keys.claim(b"k", b"f")
        unit.keys.keep(b"k", b"a token of great worth")

    raw = sqlite3.connect(sqlite_file).execute("SELECT answer FROM idempotency_keys").fetchone()
    assert b"token" not in raw[0]


def test_of_many_that_claim_one_key_at_once_one_works(desk):
    done, ready = [], threading.Barrier(4)

    def claim():
        ready.wait()
        with desk.writing("a") as unit:
            kept = unit.keys.claim(b"k", b"f")
            if kept is None:
                unit.keys.keep(b"k", b"answer")
            done.append(kept)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (done.count(None), done.count(b"answer")) == (1, 3)
