"""Under a legal hold liveness sessions, hashes of frames and cases of batches outlast their time, those too that come later; when
it ends, they go.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from ekyc.dossiers import Actor, ActorKind
from ekyc.dossiers.protections import HoldProposed, LiftAsked, ProtectionConfirmed
from ekyc.flows.protect_person import PersonProtector, Protected, load_protection
from ekyc.storage import BatchCase, BatchRow, BatchState, Jurisdiction, ServiceKey
from ekyc.storage.liveness.values import (
    DEFAULT_SESSION_BOUNDS,
    SessionBounds,
    token_digest,
)
from ekyc.storage.sealed.errors import ProtectedError
from ekyc.storage.work.batches import ItemPlace
from ekyc.values import Owner

KEY = ServiceKey(bytes(32))
NUMBER, OTHER = "079185001234", "001099000001"
LOGIN = "c" * 64
LONG = timedelta(days=400)
SUPERVISORS = [Actor(kind=ActorKind.OFFICER, id=one) for one in ("officer-1", "officer-2")]
SEEN = [7 << 240]


@pytest.fixture
def protector(storage, vault):
    return PersonProtector(storage, vault, KEY)


@pytest.fixture
def hold(storage, protector):
    """Have a hold in force; what ends it again."""
    desk = storage.dossiers(KEY)

    def place(**whom):
        names = protector.names_of("a", Protected(**whom))
        with desk.writing("a") as unit:
            event = HoldProposed(order="12/2026/QĐ")
            made = protector.place(unit, names, actor=SUPERVISORS[0], office=None, event=event)
            protector.move(unit, made, SUPERVISORS[1], ProtectionConfirmed())

        def lift():
            with desk.writing("a") as unit:
                found = load_protection(unit, made.row.id, within=Jurisdiction())
                ends = LiftAsked(reasons=("rights.order_over",))
                found = protector.move(unit, found, SUPERVISORS[0], ends)
                protector.move(unit, found, SUPERVISORS[1], ProtectionConfirmed())

        return lift

    return place


@pytest.fixture
def live(storage):
    """``live(number)``: a liveness session that is ordered for it, with a frame that is remembered."""

    def order(number, *, login=None, tenant="a", bounds=DEFAULT_SESSION_BOUNDS):
        made = storage.liveness(KEY, bounds=bounds).order(
            capture_digest=token_digest("c"),
            result_digest=token_digest("r"),
            binding=lambda _: b"",
            settings={},
            attempts_of=[("subject", number) if login is None else ("login", login)],
            wait_of=lambda times: timedelta(0),
            owner=Owner(tenant=tenant, subject=login),
        )
        storage.frames(KEY).remember(SEEN, session_id=bytes.fromhex(made.id))
        return made.id

    return order


def kept(storage, live, clock):
    """Ids of sessions, of attempts and of sessions with frames that are there long after; found when somebody else comes."""
    clock.advance(LONG)
    new = live(OTHER)
    with storage._engine.begin() as connection:

        def ids(column, table):
            query = text(f"SELECT {column} FROM {table}")
            return set(connection.execute(query).scalars()) - {new}

        return (
            ids("id", "liveness_sessions"),
            ids("session_id", "liveness_attempts"),
            ids("session_id", "liveness_frames"),
        )


@pytest.mark.parametrize("login", [None, LOGIN], ids=["number", "login"])
def test_liveness_sessions_and_frames_stay_while_a_hold_does(storage, clock, hold, live, login):
    named = {"number": NUMBER} if login is None else {"logins": (login,)}
    before = live(NUMBER, login=login)
    live("079185009999")
    live(NUMBER, login=login, tenant="b")
    lift = hold(**named)
    later = live(NUMBER, login=login)

    assert kept(storage, live, clock) == ({before, later},) * 3
    assert storage.frames(KEY).count_known(SEEN, session_id=bytes(16)) == 1  # the new one's alone

    lift()
    assert kept(storage, live, clock) == (set(),) * 3


def test_what_is_kept_under_a_hold_takes_no_place_of_those_who_come(storage, clock, hold, live):
    one = SessionBounds(open_sessions=1)
    hold(number=NUMBER)
    kept = [live(NUMBER, bounds=one)]
    clock.advance(LONG)
    kept.append(live(NUMBER, bounds=one))
    with storage._engine.begin() as connection:
        ids = connection.execute(text("SELECT id FROM liveness_sessions")).scalars()
        assert set(ids) == set(kept)


def test_nobody_erases_a_liveness_session_that_is_held(storage, hold, live):
    held, free = live(NUMBER), live(OTHER)
    lift = hold(number=NUMBER)
    store = storage.liveness(KEY)
    with pytest.raises(ProtectedError, match="protection") as caught:
        store.forget(held)
    assert caught.value.code == "subject.held"
    assert store.forget_reference("subject", NUMBER) == ()
    store.forget(free)
    assert store.load(held).state == "waiting"
    lift()
    assert store.forget_reference("subject", NUMBER) == (held,)


def test_what_is_held_too_long_counts_for_nothing(storage, clock, hold, live):
    live(NUMBER)
    hold(number=NUMBER)
    clock.advance(LONG)
    assert storage.frames(KEY).count_known(SEEN, session_id=bytes(16)) == 0


@pytest.fixture
def batch(storage, vault, clock):
    """A batch of two cases that was called off, and so is to be erased."""
    cases = []
    for number in range(2):
        subject = vault.subjects.create("a")
        stored = vault.artefacts.put("a", subject.id, "batch-case", b"x", retention="transient")
        cases.append(
            BatchCase(
                id=f"{number:032x}",
                office=None,
                artefact_id=stored.id,
                subject_id=subject.id,
                size=stored.size,
                created_at=clock.now(),
            )
        )
    row = BatchRow(
        id="e" * 32,
        state=BatchState.RUNNING,
        office=None,
        actor={"kind": "client", "id": "portal", "role": None, "office": None},
        items=2,
        created_at=clock.now(),
    )
    with storage.dossiers(KEY).writing("a") as unit:
        references = ((f"HS-{NUMBER}", "1" * 32), ("HS-2", "2" * 32))
        items = tuple(
            (name, text, case) for (text, name), case in zip(references, cases, strict=True)
        )
        unit.batches.add(row, items)
        unit.batches.cancel(unit.batches.get(row.id))
    return row.id


def due(storage):
    """Items whose case is to be erased."""
    return {one.item_id for one in storage.batches.to_be_erased(10)}


@pytest.mark.parametrize(
    ("named", "stays"),
    [({"batches": ("e" * 32,)}, {"1" * 32, "2" * 32}), ({"number": NUMBER}, {"1" * 32})],
    ids=["batch", "number"],
)
def test_cases_of_batches_stay_while_a_hold_does(storage, vault, batch, hold, named, stays):
    lift = hold(**named)
    everything = {"1" * 32, "2" * 32}
    assert due(storage) == everything - stays
    for name in everything:
        under = storage.batches.kept_under(ItemPlace(tenant="a", item_id=name))
        assert (under is None) is (name in stays)

    lift()
    assert due(storage) == everything


def test_a_batch_of_another_tenant_is_not_held(storage, batch, protector):
    assert protector.names_of("b", Protected(batches=(batch,))) == (("batch", batch),)
