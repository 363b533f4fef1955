"""The evidence log: in the transaction of what it tells of, in one line whoever writes, and about nobody once erased."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from ekyc.errors import InputError
from ekyc.policy import Verdict
from ekyc.storage import Person, ResultStatus, ServiceKey, Storage, StorageError
from ekyc.storage.evidence.canonical import decode
from ekyc.storage.evidence.events import KeyDisabled, LogOpened, Reference
from ekyc.storage.evidence.merkle import leaf_hash, verify_consistency, verify_inclusion
from ekyc.storage.evidence.notes import ServiceCheckpointSigner

DIGEST = "ab" * 32
HOLDER = "5e" * 32


def record(storage, **changes):
    facts = {
        "case_digest": DIGEST,
        "profile": "demo",
        "verdict": Verdict.ACCEPT,
        "reasons": (),
        "report_digest": "cd" * 32,
    }
    return storage.results.record(**(facts | changes))


def events(storage):
    return [json.loads(entry.event) for entry in storage.evidence.entries()]


def kinds(storage):
    return [event["kind"] for event in events(storage)]


def mth(entries):
    """RFC 9162 §2.1.1, once more."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def assert_whole(storage):
    """Chain, leaves, numbers and root, recomputed here from the events alone."""
    rows = list(storage.evidence.entries())
    before = bytes(32)
    for number, row in enumerate(rows):
        before = hashlib.sha256(before + row.event).digest()
        assert (row.number, row.chain) == (number, before)
        assert row.leaf == hashlib.sha256(b"\x00" + row.event).digest()
        assert decode(row.event)[0] == number
    state = storage.evidence.state()
    assert (state.size, state.chain) == (len(rows), before)
    assert state.root == mth([row.event for row in rows])
    return rows


def test_a_new_log_is_empty_and_says_so(storage):
    assert storage.evidence.size() == 0
    with pytest.raises(InputError) as caught:
        storage.evidence.state()
    assert caught.value.code == "audit.empty"


def test_a_decision_is_logged_with_its_person_as_a_pseudonym(storage, clock):
    stored = record(storage, person=Person(holder=HOLDER, session="77" * 32))
    opened, decided = events(storage)
    assert (opened["kind"], opened["number"]) == ("log.opened", 0)
    assert storage.evidence.state().origin == f"ekyc-evidence-log/{opened['facts']['log']}"
    assert decided["kind"] == "decision.recorded"
    assert decided["at"] == clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    pseudonym = storage.evidence.pseudonym("holder", HOLDER)
    assert decided["facts"] == {
        "result": stored.id,
        "case": DIGEST,
        "report": "cd" * 32,
        "profile": "demo",
        "verdict": "accept",
        "reasons": [],
        "subject": pseudonym,
    }
    assert HOLDER not in json.dumps(events(storage))
    assert_whole(storage)


def test_what_is_refused_is_neither_recorded_nor_logged(storage):
    record(storage)
    with pytest.raises(InputError):
        record(storage, profile="citizen-079185001234")
    assert len(storage.results.recent()) == 1
    assert storage.evidence.size() == 2
    record(storage)
    assert_whole(storage)


def test_a_transaction_that_is_taken_back_takes_its_entry_along(storage):
    record(storage)

    def fail():
        with storage._engine.begin() as connection:
            for key in ("a", "b"):
                disabled = KeyDisabled(key=Reference(kind="key", text=key))
                storage.evidence.append(connection, disabled)
            raise RuntimeError("the record could not be written")

    with pytest.raises(RuntimeError):
        fail()
    assert storage.evidence.pseudonym("key", "a") is None
    record(storage)
    assert kinds(storage) == ["log.opened", "decision.recorded", "decision.recorded"]
    assert_whole(storage)


def test_what_was_taken_back_here_and_written_there_is_not_confused(database, clock):
    """As many entries as this one remembers, and other ones."""
    key = Reference(kind="key", text="a")

    def fail(storage):
        with storage._engine.begin() as connection:
            storage.evidence.append(connection, KeyDisabled(key=key))
            raise RuntimeError("the record could not be written")

    with Storage.open(database, clock=clock) as here, Storage.open(database, clock=clock) as there:
        record(here)
        with pytest.raises(RuntimeError):
            fail(here)
        record(there)
        record(here)
        assert_whole(here)


def test_entries_of_their_own_are_written_all_or_not_at_all(storage):
    disabled = KeyDisabled(key=Reference(kind="key", text="a"))
    storage.evidence.append_alone(disabled, disabled)
    with pytest.raises(InputError):
        storage.evidence.append_alone(disabled, LogOpened(log="no such form"))
    assert kinds(storage) == ["log.opened", "key.disabled", "key.disabled"]
    assert_whole(storage)


def test_issued_results_and_what_becomes_of_them(storage):
    def issue(**changes):
        return storage.issued_results.issue(
            lambda drawn, *_: drawn.hex(),
            series="https://ketqua.mau.gov.vn/tt",
            schema="birth-extract",
            subject="cAFvXw7h2gk3t_-A",
            life=timedelta(days=1),
            **changes,
        )

    first = issue()
    second = issue(replaces=first)
    storage.issued_results.set_status(second, ResultStatus.SUSPENDED)
    storage.issued_results.set_status(second, ResultStatus.SUSPENDED)
    with pytest.raises(InputError):
        storage.issued_results.set_status("0" * 32, ResultStatus.REVOKED)
    _, issued, again, superseded, suspended = events(storage)
    pseudonym = storage.evidence.pseudonym("result", "cAFvXw7h2gk3t_-A")
    assert issued["facts"] == {
        "credential": first,
        "schema": "birth-extract",
        "digest": hashlib.sha256(first.encode()).hexdigest(),
        "subject": pseudonym,
    }
    assert (issued["kind"], again["facts"]["credential"]) == ("result.issued", second)
    assert superseded["facts"] == {
        "credential": first,
        "status": "superseded",
        "successor": second,
    }
    assert suspended["facts"] == {"credential": second, "status": "suspended"}
    assert_whole(storage)


def test_activations_certificates_and_keys(storage, clock):
    jti, soon = "9a" * 16, clock.now() + timedelta(minutes=2)
    storage.activations.burn(
        jti,
        credential="an-2026",
        evidence="12" * 16,
        hashes_digest=DIGEST,
        expires_at=soon,
    )
    left = {"sad_digest": DIGEST, "signatures": [b"value"]}
    storage.activations.release(jti, **left)
    for again in (
        lambda: storage.activations.release(jti, **left),
        lambda: storage.activations.burn(
            jti, credential="b", evidence="13" * 16, hashes_digest=DIGEST, expires_at=soon
        ),
    ):
        with pytest.raises(InputError):
            again()
    storage.certificates.issue(
        lambda serial: serial.to_bytes(20),
        issuer=DIGEST,
        profile="one-shot",
        credential="x",
        expires_at=soon,
    )
    key = ServiceKey(bytes(32))
    credentials = storage.credentials(key)
    credentials.add(
        "an-2026", holder=HOLDER, key_label="k", methods=("pin",), certificates=(b"\x30\x00",)
    )
    credentials.disable("an-2026")
    credentials.disable("an-2026")
    told = events(storage)[1:]
    assert [event["kind"] for event in told] == [
        "activation.burnt",
        "activation.released",
        "certificate.issued",
        "key.added",
        "key.disabled",
    ]
    assert told[0]["facts"]["activation"] == told[1]["facts"]["activation"] == jti
    assert told[0]["facts"]["credential"] == told[3]["facts"]["key"] == told[4]["facts"]["key"]
    assert "an-2026" not in json.dumps(told)
    assert_whole(storage)


def test_a_revoked_certificate_is_named_by_its_digest_once(storage, clock):
    made = []

    def make(serial):
        made.append(serial)
        return serial.to_bytes(20)

    der = storage.certificates.issue(
        make, issuer=DIGEST, profile="p", credential="x", expires_at=clock.now()
    )
    storage.certificates.revoke(DIGEST, made[0], "keyCompromise")
    storage.certificates.revoke(DIGEST, made[0], "superseded")
    assert events(storage)[-1]["facts"] == {
        "issuer": DIGEST,
        "certificate": hashlib.sha256(der).hexdigest(),
        "reason": "keyCompromise",
    }
    assert kinds(storage)[1:] == ["certificate.issued", "certificate.revoked"]


def test_erasure_breaks_nothing_and_leaves_a_pseudonym_of_nobody(storage):
    for _ in range(2):
        record(storage, person=Person(holder=HOLDER, session="77" * 32))
    before = storage.evidence.state()
    pseudonym = storage.evidence.pseudonym("holder", HOLDER)

    assert storage.evidence.forget("holder", HOLDER)
    assert not storage.evidence.forget("holder", HOLDER)
    assert storage.evidence.pseudonym("holder", HOLDER) is None
    assert events(storage)[-1]["facts"] == {"subject": pseudonym}
    record(storage, person=Person(holder=HOLDER, session="77" * 32))

    assert storage.evidence.pseudonym("holder", HOLDER) != pseudonym
    after = storage.evidence.state()
    assert_whole(storage)
    verify_consistency(
        old=before.size,
        old_root=before.root,
        new=after.size,
        new_root=after.root,
        proof=storage.evidence.consistency_proof(before.size, after.size),
    )


def test_an_erasure_within_a_transaction_leaves_no_key_either(storage):
    with storage._engine.begin() as connection:
        storage.evidence.forget_within(connection, Reference(kind="subject", text="s-1"))
    assert kinds(storage) == ["log.opened", "subject.erased"]
    assert storage.evidence.pseudonym("subject", "s-1") is None


def test_an_erased_key_is_in_no_file_any_more(sqlite_file, storage):
    @event.listens_for(storage._engine, "checkout")
    def _as_others_build_it(connection, *_):
        connection.execute("PRAGMA secure_delete = OFF")

    record(storage, person=Person(holder=HOLDER, session="77" * 32))
    with storage._engine.begin() as connection:
        row = connection.exec_driver_sql("SELECT key FROM evidence_subjects").one()
    key = bytes(row[0])

    def places():
        files = sqlite_file.parent.glob("*")
        return [file.name for file in files if file.is_file() and key in file.read_bytes()]

    assert places()
    assert storage.evidence.forget("holder", HOLDER)
    assert places() == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence_entries SET event = '{}' WHERE number = 1",
        "DELETE FROM evidence_entries",
        "DELETE FROM evidence_checkpoints",
        "UPDATE evidence_checkpoints SET note = ''",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(storage, change):
    record(storage)
    with storage._engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO evidence_checkpoints (size, note) VALUES (1, 'not a real one')"
        )
    with pytest.raises(DBAPIError), storage._engine.begin() as connection:
        connection.exec_driver_sql(change)
    assert_whole(storage)


def test_every_entry_of_every_size_is_proved(storage):
    for _ in range(12):
        record(storage)
    rows = assert_whole(storage)
    for size in range(1, len(rows) + 1):
        state = storage.evidence.state(size)
        for number in range(size):
            verify_inclusion(
                leaf=leaf_hash(rows[number].event),
                number=number,
                size=size,
                proof=storage.evidence.inclusion_proof(number, size),
                root=state.root,
            )
    for ask in (
        lambda: storage.evidence.inclusion_proof(0, len(rows) + 1),
        lambda: storage.evidence.consistency_proof(1, len(rows) + 1),
        lambda: storage.evidence.entry(len(rows)),
        lambda: storage.evidence.state(0),
        lambda: storage.evidence.state(len(rows) + 1),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == "audit.no_such_entry"


def test_entries_are_read_in_batches_without_a_gap(storage, monkeypatch):
    monkeypatch.setattr("ekyc.storage.evidence.log._BATCH", 3)
    for _ in range(9):
        record(storage)
    assert [entry.number for entry in storage.evidence.entries()] == list(range(10))
    assert [entry.number for entry in storage.evidence.entries(2, 8)] == list(range(2, 8))
    assert storage.evidence.state(7).root == mth(
        [entry.event for entry in storage.evidence.entries(0, 7)]
    )


def test_entries_that_vanished_underneath_are_typed(sqlite_file, storage):
    for _ in range(4):
        record(storage)
    with storage._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER evidence_entries_no_delete")
        connection.exec_driver_sql("DELETE FROM evidence_entries WHERE number = 3")
    with Storage.open(sqlite_file) as again:
        with pytest.raises(StorageError) as caught:
            again.evidence.state()
        assert caught.value.code == "storage.corrupted"


def test_threads_that_write_at_once_stand_in_one_line(storage):
    def work():
        for _ in range(10):
            record(storage)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(assert_whole(storage)) == 41


_WRITE = """
import sys
from ekyc.policy import Verdict
from ekyc.storage import Person, Storage
with Storage.open(sys.argv[1]) as storage:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[2])):
        stored = storage.results.record(
            case_digest="ab" * 32, profile="demo", verdict=Verdict.ACCEPT, reasons=(),
            report_digest="cd" * 32,
            person=Person(holder=f"{number % 5:064x}", session="77" * 32),
        )
        print(stored.id, flush=True)
"""


def start(database, count):
    worker = subprocess.Popen(
        [sys.executable, "-c", _WRITE, str(database), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def test_processes_that_write_at_once_make_no_fork(database):
    Storage.open(database).close()
    workers = [start(database, 25) for _ in range(3)]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    accepted = {line for worker in workers for line in worker.communicate()[0].split()}
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    with Storage.open(database) as storage:
        rows = assert_whole(storage)
        logged = {json.loads(row.event)["facts"].get("result") for row in rows[1:]}
        assert logged == accepted
        assert len(rows) == 76
        assert len({json.loads(row.event)["facts"]["subject"] for row in rows[1:]}) == 5


def test_nothing_accepted_is_lost_when_the_process_is_killed(database):
    """Killed at some point between an append and the next: every id that was told is logged, in a whole log."""
    Storage.open(database).close()
    worker = start(database, 10_000)
    worker.stdin.write("go\n")
    worker.stdin.flush()
    told = [worker.stdout.readline().strip() for _ in range(30)]
    os.kill(worker.pid, signal.SIGKILL)
    rest = worker.communicate()[0].split()
    assert worker.returncode == -signal.SIGKILL
    told += [line for line in rest if len(line) == 32]
    with Storage.open(database) as storage:
        logged = [json.loads(row.event)["facts"].get("result") for row in assert_whole(storage)]
        assert set(told) <= set(logged)
        recorded = {stored.id for stored in storage.results.recent(1000)}
        assert recorded == set(logged[1:])
        record(storage)
        assert_whole(storage)


_DIE_IN_CHECKPOINT = """
import os, signal, sys
from ekyc.storage import ServiceKey, Storage
from ekyc.storage.evidence.notes import ServiceCheckpointSigner
storage = Storage.open(sys.argv[1])
storage.checkpoints.make(
    signer=ServiceCheckpointSigner(ServiceKey(bytes(32))),
    ask_for_time=lambda digest: os.kill(os.getpid(), signal.SIGKILL),
)
"""


def test_a_kill_between_signing_a_checkpoint_and_keeping_it_loses_nothing(database):
    with Storage.open(database) as storage:
        for _ in range(3):
            record(storage)
    killed = subprocess.run(
        [sys.executable, "-c", _DIE_IN_CHECKPOINT, str(database)], check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL
    with Storage.open(database) as storage:
        assert len(assert_whole(storage)) == 4
        with pytest.raises(InputError):
            storage.checkpoints.latest()
        signer = ServiceCheckpointSigner(ServiceKey(bytes(32)))
        assert storage.checkpoints.make(signer=signer).size == 4


def test_two_logs_are_never_the_same(tmp_path, clock):
    origins = set()
    for name in ("a", "b"):
        with Storage.open(tmp_path / name, clock=clock) as storage:
            record(storage)
            origins.add(storage.evidence.state().origin)
    assert len(origins) == 2
    assert LogOpened.kind == "log.opened"
