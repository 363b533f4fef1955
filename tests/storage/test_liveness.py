"""Sessions of the active challenge: each step once, limits, what is sealed, what is erased."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import inspect, text

from ekyc.errors import BusyError, InputError
from ekyc.liveness.active import ACTIVE_LIVENESS as PURPOSE_OF_TICKETS
from ekyc.liveness.active import may_attempt
from ekyc.ports import SystemRandom
from ekyc.storage import (
    AttemptsError,
    FreshnessError,
    ServiceKey,
    SessionBounds,
    SessionError,
    Storage,
    StorageError,
)
from ekyc.storage.dossiers.idempotency import KeyClaim
from ekyc.storage.liveness.room import let_go_within
from ekyc.storage.liveness.sessions import ACTIVE_LIVENESS
from ekyc.storage.liveness.values import token_digest
from ekyc.values import Owner, Receipt

KEY = ServiceKey(bytes(range(32)))
SUBJECT = "079185001234"
TENANTS = ("tinh-a", "tinh-b", "default")


@pytest.fixture
def store(storage):
    return storage.liveness(KEY)


def order(store, subject=SUBJECT, **changes):
    wanted = {
        "capture_digest": token_digest("capture"),
        "result_digest": token_digest("result"),
        "binding": lambda _: b"case 1",
        "settings": {"colours": 6},
        "attempts_of": [("subject", subject)],
        "wait_of": lambda times: timedelta(0),
    }
    return store.order(**(wanted | changes))


def running(store, *, chunks=2, **changes):
    session = store.begin(order(store, **changes).id)
    for number in range(chunks):
        kept = store.append(
            session, number, arrived_at=session.opened_at, body=b"frames", seen=b"seen"
        )
        assert kept
    return store.load(session.id)


def finished(store, **changes):
    session = running(store, **changes)
    assert store.finish(session, report=b"the report", best_frame=b"a face")
    return session


def refusal(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_the_purpose_is_that_of_tickets():
    assert ACTIVE_LIVENESS == PURPOSE_OF_TICKETS


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_a_session_of_another_form_holds_no_token(store, name):
    assert not store.holds(name, "", of_result=True)


def test_a_result_is_held_for_its_case_until_the_case_is_done(store, storage, clock):
    """Whoever verifies the case again, because the first one died, finds the same result and the same frames."""
    session = finished(store)
    receipt = Receipt(id="e" * 32, received_at=clock.now())
    use = {"result_token": "result", "binding": b"case 1"}
    clock.advance(timedelta(hours=2))  # it came in time, whenever it is verified
    first = store.use(session.id, **use, receipt=receipt)
    again = store.use(session.id, **use, receipt=receipt)
    assert first.report == again.report == b"the report"
    assert first.best_frame == again.best_frame == b"a face"
    other = Receipt(id="f" * 32, received_at=receipt.received_at)
    assert refusal(store.use, session.id, **use, receipt=other) == "liveness.session_used"
    with storage._engine.begin() as connection:
        let_go_within(connection, session.id, other.id)
        let_go_within(connection, session.id, receipt.id)
    assert refusal(store.use, session.id, **use, receipt=receipt) == "liveness.session_used"
    with storage._engine.connect() as connection:
        faces = connection.execute(text("SELECT best_frame FROM liveness_sessions")).scalars()
        assert list(faces) == [None]


def test_a_session_waits_runs_is_finished_and_used_each_once(store):
    waiting = order(store)
    assert (waiting.state, waiting.secret, waiting.settings) == ("waiting", None, {"colours": 6})
    session = store.begin(waiting.id)
    assert (session.state, len(session.secret)) == ("running", 32)
    assert refusal(store.begin, waiting.id) == "freshness.already_used"

    use = {"result_token": "result", "binding": b"case 1"}
    assert refusal(store.use, session.id, **use) == "liveness.session_unfinished"
    assert store.finish(session, report=b"report", best_frame=b"face")
    assert not store.finish(session, report=b"another", best_frame=None)
    used = store.use(session.id, **use)
    assert (used.report, used.best_frame) == (b"report", b"face")
    assert refusal(store.use, session.id, **use) == "liveness.session_used"
    assert store.load(session.id).best_frame is None
    assert store.load(session.id).report == b"report"


def test_a_result_is_used_with_its_token_for_its_case_alone(store):
    session = finished(store)
    use = {"result_token": "result", "binding": b"case 1"}
    assert refusal(store.use, session.id, **(use | {"result_token": "capture"})) == (
        "liveness.session_unknown"
    )
    assert refusal(store.use, "0" * 32, **use) == "liveness.session_unknown"
    assert refusal(store.use, session.id, **(use | {"binding": b"case 2"})) == (
        "liveness.session_other_case"
    )
    assert store.use(session.id, **use).report == b"the report"


def test_tokens_are_held_apart(store):
    session = order(store)
    assert store.holds(session.id, "capture", of_result=False)
    assert store.holds(session.id, "result", of_result=True)
    assert not store.holds(session.id, "capture", of_result=True)
    assert not store.holds(session.id, "result", of_result=False)
    assert not store.holds("0" * 32, "capture", of_result=False)
    assert not store.holds(session.id, "\ud800", of_result=False)


def test_a_chunk_is_kept_in_its_place_once(store):
    session = running(store, chunks=2)
    again = {"arrived_at": session.opened_at, "body": b"others", "seen": b"else"}
    assert not store.append(session, 1, **again)
    assert not store.append(session, 3, **again)
    assert [chunk.body for chunk in store.chunks(session)] == [b"frames", b"frames"]
    assert [chunk.sequence for chunk in store.chunks(session, 1)] == [1]
    assert store.load(session.id).byte_count == 12


def test_a_stopped_session_takes_nothing_more_and_the_first_reason_stands(store):
    session = running(store)
    store.stop(session.id, ("liveness.order_violation",))
    store.stop(session.id, ("liveness.challenge_timeout",))
    assert not store.append(session, 2, arrived_at=session.opened_at, body=b"late", seen=b"")
    assert store.load(session.id).stopped_by == ("liveness.order_violation",)


def test_a_session_that_nobody_begins_expires(store, clock):
    session = order(store)
    clock.advance(timedelta(seconds=180))
    assert refusal(store.begin, session.id) == "freshness.expired"
    assert refusal(store.load, session.id) == "liveness.session_unknown"
    assert not store.holds(session.id, "capture", of_result=False)


def test_results_are_erased_in_time_with_all_that_was_kept(storage, store, clock):
    session = finished(store)
    clock.advance(timedelta(minutes=16))
    assert refusal(store.use, session.id, result_token="result", binding=b"case 1") == (
        "liveness.session_unknown"
    )
    order(store, "somebody else")
    assert rows(storage, "liveness_sessions") == 1
    assert rows(storage, "liveness_chunks") == 0


def rows(storage, table):
    with storage._engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()


# -- attempts


def test_attempts_are_limited_by_subject_across_sessions(store, clock):
    def wait(times):
        return may_attempt(times, clock.now()).wait

    waits = []
    for _ in range(7):
        while True:
            try:
                order(store, wait_of=wait)
            except AttemptsError as error:
                waits.append(error.wait_s)
                clock.advance(timedelta(seconds=error.wait_s))
            else:
                break
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[4] > 700  # the window is full
    order(store, "somebody else", wait_of=wait)


def test_a_refused_attempt_is_not_counted_and_makes_no_session(storage, store):
    order(store)
    for _ in range(3):
        with pytest.raises(AttemptsError):
            order(store, wait_of=lambda times: timedelta(seconds=len(times)))
    assert (rows(storage, "liveness_sessions"), rows(storage, "liveness_attempts")) == (1, 1)


def test_open_sessions_and_their_bytes_are_bounded(storage):
    few = storage.liveness(KEY, bounds=SessionBounds(open_sessions=2))
    order(few)
    finished(few, subject="b")
    order(few, "c")
    with pytest.raises(BusyError, match="open"):
        order(few, "d")
    small = storage.liveness(KEY, bounds=SessionBounds(open_bytes=10))
    running(small, subject="e")
    with pytest.raises(BusyError, match="open"):
        order(small, "f")


# -- what can be read


def test_nothing_in_the_database_can_be_read_or_moved(storage, store):
    session = running(store, chunks=1)
    other = running(store, chunks=1, subject="b")
    finished(store, subject="c")
    storage.frames(KEY).remember([2**200 + 7], session_id=b"x" * 16)
    dump = database_text(storage)
    for secret in (SUBJECT, "frames", "a face", "the report", session.secret.hex(), "capture"):
        assert secret not in dump

    with storage._engine.begin() as connection:
        swap = (
            "UPDATE liveness_chunks SET body ="
            " (SELECT body FROM liveness_chunks WHERE session_id = :mine) WHERE session_id = :other"
        )
        connection.execute(text(swap), {"mine": session.id, "other": other.id})
    with pytest.raises(StorageError) as caught:
        store.chunks(other)
    assert caught.value.code == "storage.unsealable"
    assert store.chunks(session)[0].body == b"frames"


def database_text(storage):
    with storage._engine.begin() as connection:
        cells = [
            cell
            for table in inspect(connection).get_table_names()
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
            for cell in row
        ]
    return "".join(
        cell.decode("latin-1") + cell.hex() if isinstance(cell, bytes) else f" {cell} "
        for cell in cells
    )


def test_another_key_opens_nothing(storage, store):
    session = running(store)
    with pytest.raises(StorageError) as caught:
        storage.liveness(ServiceKey(bytes(32))).load(session.id)
    assert caught.value.code == "storage.unsealable"


def test_representations_hide_what_is_secret(store):
    session = finished(store)
    shown = repr(store.load(session.id)) + repr(KEY) + repr(session)
    assert repr(session.secret) not in shown
    assert "report'" not in shown
    assert repr(bytes(range(32))) not in shown


def test_a_person_is_erased_with_everything(storage, store):
    session = finished(store)
    kept = running(store, subject="somebody else")
    frames = storage.frames(KEY)
    frames.remember([2**255 + 1], session_id=bytes.fromhex(session.id))
    ids = store.forget_reference("subject", SUBJECT)
    assert ids == (session.id,)
    frames.forget(ids)
    assert refusal(store.load, session.id) == "liveness.session_unknown"
    assert frames.count_known([2**255 + 1], session_id=b"other session!!!") == 0
    assert rows(storage, "liveness_attempts") == 1
    assert store.load(kept.id).state == "running"


# -- the key


def test_a_key_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "home" / "service.key"
    made = ServiceKey.load(path, SystemRandom())
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["service.key"]
    again = ServiceKey.load(path, SystemRandom())
    assert made.pseudonym("subject", "x") == again.pseudonym("subject", "x")
    assert made.pseudonym("subject", "x") != made.pseudonym("device", "x")


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_file_that_holds_no_key_is_refused(tmp_path, content):
    path = tmp_path / "service.key"
    path.write_bytes(content)
    path.chmod(0o600)
    assert refusal(ServiceKey.load, path, SystemRandom()) == "storage.key_invalid"


def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "service.key"
    ServiceKey.load(path, SystemRandom())
    path.chmod(0o644)
    assert refusal(ServiceKey.load, path, SystemRandom()) == "storage.key_invalid"


def test_a_key_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        ServiceKey.load(tmp_path / "file" / "service.key", SystemRandom())
    assert caught.value.code == "storage.read_only"


# -- several processes

_BEGIN = """
import sys
from ekyc.storage import FreshnessError, ServiceKey, Storage
with Storage.open(sys.argv[1]) as storage:
    store = storage.liveness(ServiceKey(bytes(range(32))))
    print("ready", flush=True)
    for session_id in sys.stdin.read().split():
        try:
            print(store.begin(session_id).secret.hex())
        except FreshnessError as error:
            print(error.code)
"""


def test_of_racing_processes_one_begins(database):
    with Storage.open(database) as storage:
        store = storage.liveness(KEY)
        ids = [order(store, str(number)).id for number in range(8)]
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", _BEGIN, str(database)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        answers = []
        for worker in workers:
            worker.stdin.write("\n".join(ids))
            worker.stdin.close()
            worker.stdin = None
        for worker in workers:
            answers.append(worker.communicate(timeout=60)[0].split())
            assert worker.returncode == 0
        for number, session_id in enumerate(ids):
            of_session = [answer[number] for answer in answers]
            assert sorted(of_session)[1:] == ["freshness.already_used"] * 2
            assert store.load(session_id).secret.hex() in of_session


def test_unknown_sessions_have_one_error(store):
    assert refusal(store.begin, "no such") == "freshness.unknown"
    assert refusal(store.load, "no such") == "liveness.session_unknown"
    assert SessionError("x").code == "liveness.session_unknown"
    assert issubclass(FreshnessError, InputError)


def test_the_tenant_that_ordered_a_session_is_told_of_its_result(storage, store):
    hooks = storage.webhooks(KEY)
    owner = Owner(tenant="tinh-a", office="phuong", subject="ab" * 32)
    ends = {name: hooks.endpoints.create(name, url="https://a.example/")[0] for name in TENANTS}
    session = finished(store, owner=owner)
    assert store.owner_of(session.id) == owner
    hooks.queue.spread()
    [claim] = hooks.queue.claim(9, per_endpoint=9, lease=timedelta(minutes=1))
    assert claim.endpoint.id == ends["tinh-a"].id
    assert session.id.encode() in claim.body


def test_a_session_that_is_gone_is_nobodys(store):
    assert refusal(store.owner_of, "0" * 32) == "liveness.session_unknown"


def test_attempts_are_counted_for_each_tenant(store):
    seen = []

    def wait_of(times):
        seen.append(len(times))
        return timedelta(0)

    for tenant in ("tinh-a", "tinh-a", "tinh-b", "tinh-a"):
        order(store, wait_of=wait_of, owner=Owner(tenant=tenant))
    assert seen == [0, 1, 0, 2]
    assert len(store.forget_reference("subject", SUBJECT, tenant="tinh-b")) == 1
    order(store, wait_of=wait_of, owner=Owner(tenant="tinh-a"))
    assert seen[-1] == 3


def test_an_attempt_of_nobody_known_counts_for_each_tenant(store, storage):
    order(store, owner=Owner(tenant="tinh-a"))
    with storage._engine.begin() as connection:
        connection.execute(text("UPDATE liveness_attempts SET tenant_id = NULL"))
    seen = []
    for tenant in ("tinh-a", "tinh-b"):
        order(
            store,
            wait_of=lambda times: seen.append(len(times)) or timedelta(0),
            owner=Owner(tenant=tenant),
        )
    assert seen == [1, 1]


def test_one_tenant_does_not_take_every_place(storage):
    store = storage.liveness(KEY, bounds=SessionBounds(open_sessions=3, open_of_tenant=2))
    for _ in range(2):
        order(store, owner=Owner(tenant="tinh-a"))
    with pytest.raises(BusyError):
        order(store, owner=Owner(tenant="tinh-a"))
    order(store, owner=Owner(tenant="tinh-b"))
    store = storage.liveness(KEY, bounds=SessionBounds(bytes_of_tenant=0))
    with pytest.raises(BusyError):
        order(store, owner=Owner(tenant="tinh-b"))


def test_an_order_and_its_claim_are_kept_together(store, storage):
    claim = KeyClaim(digest=b"d" * 32, fingerprint=b"f" * 32)
    answer = {"claim": claim, "answer": lambda name, _: name.encode()}
    with pytest.raises(AttemptsError):
        order(store, wait_of=lambda _: timedelta(hours=1), **answer)
    first = order(store, **answer)
    assert order(store, **answer) == first.id.encode()
    assert rows(storage, "liveness_sessions") == rows(storage, "liveness_attempts") == 1
    other = KeyClaim(digest=b"d" * 32, fingerprint=b"g" * 32)
    assert refusal(order, store, claim=other) == "idempotency.other_request"
    elsewhere = order(store, owner=Owner(tenant="tinh-b"), **answer)
    assert elsewhere.id != first.id
