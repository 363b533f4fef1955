"""Workers at batches that die where they are told to. One process imports everything and forks the rest.

    python batch_nursery.py DATABASE KEYS BLOBS

Lines on stdin: ``hand-in POINT COUNT`` forks a process that hands in one batch of COUNT cases; ``work POINT COUNT`` forks a
worker that kills itself (SIGKILL) when it comes to that point for the COUNT-th time, or ends when nothing waits; ``term
POINT COUNT`` forks one that is told to end after COUNT items. After each child a line ``exit STATUS``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

from dbos import _sys_db
from webhook_nursery import Death

from ekyc.api.batches.intake import seal
from ekyc.api.batches.work import BatchFeeder, BatchParts, BatchWork, feeding, sweep_batches
from ekyc.ports import SystemClock, SystemRandom
from ekyc.storage import (
    BatchRow,
    BatchState,
    FileBlobStore,
    FileKeyProvider,
    ServiceKey,
    Storage,
)
from ekyc.storage.results.records import ResultStore
from ekyc.workflow.dbos_work import DbosWork, WorkSettings

TENANT = "hanoi"
SECRET = b"an unmistakable picture of Nguyen Van An 079185001234"
SETTINGS = WorkSettings(poll_s=0.05, beat_s=0.1, silent=timedelta(seconds=0.6), drain_s=20)


class ToldVerifier:
    """An in-memory CaseVerifier: accepts whatever holds the planted picture."""

    def __init__(self):
        self.verified = threading.Semaphore(0)

    def verify_folder(self, folder, *, challenge_id):
        assert (folder / "card" / "front.jpg").read_bytes() == SECRET
        self.verified.release()
        return {
            "reasons": [],
            "checks": [],
            "decision": {"verdict": "accept", "profile": "identity", "blocking": []},
            "case_digest": "0" * 64,
            "sample": True,
        }


def vault_of(storage, keys, blobs):
    random = SystemRandom()
    return storage.vault(FileKeyProvider(Path(keys), random), FileBlobStore(Path(blobs), random))


def hand_in(database, keys, blobs, count):
    with Storage.open(database) as storage, tempfile.TemporaryDirectory() as name:
        vault, desk = vault_of(storage, keys, blobs), storage.dossiers(ServiceKey(bytes(32)))
        folder = Path(name) / "case"
        (folder / "card").mkdir(parents=True)
        (folder / "case.toml").write_bytes(b'schema = "ekyc.case/1"\nprofile = "identity"\n')
        (folder / "card" / "front.jpg").write_bytes(SECRET)
        cases = [
            seal(desk, vault, TENANT, folder, office=None, now=desk.clock.now())
            for _ in range(count)
        ]
        with desk.writing(TENANT) as unit:
            batch = BatchRow(
                id=desk.new_id(),
                state=BatchState.RUNNING,
                office=None,
                actor={"kind": "client", "id": "portal", "role": None, "office": None},
                items=count,
                created_at=unit.now,
            )
            items = tuple((desk.new_id(), f"HS-{n}", one) for n, one in enumerate(cases))
            unit.batches.add(batch, items)


def instrument(storage, vault, death):
    """Points before and after every step that leaves something behind."""
    store = storage.batches
    for name in ("begin", "conclude", "erased", "started"):
        setattr(store, name, death.around(name, getattr(store, name)))
    ResultStore.record_within = death.around("record", ResultStore.record_within)
    vault.erase_subject = death.around("erase", vault.erase_subject)
    engine = _sys_db.SystemDatabase
    for name, method in (
        ("step", "record_operation_result"),
        ("outcome", "update_workflow_outcome"),
    ):
        setattr(engine, method, death.around(name, getattr(engine, method)))


def work(database, keys, blobs, death, *, stop_after=None):
    with Storage.open(database) as storage:
        vault = vault_of(storage, keys, blobs)
        instrument(storage, vault, death)
        verifier = ToldVerifier()
        verifier.verify_folder = death.around("verify", verifier.verify_folder)
        job = BatchWork(BatchParts(store=storage.batches, vault=vault, verifier=lambda: verifier))
        feeder = BatchFeeder(
            storage.batches,
            lambda: DbosWork.open(storage, jobs=(job.job(2),), settings=SETTINGS),
            poll_s=0.05,
        )
        with feeding(feeder):
            for _ in range(stop_after or 0):
                assert verifier.verified.acquire(timeout=60)
            while stop_after is None and (storage.batches.any_waits() or left(storage)):
                threading.Event().wait(0.05)
        sweep_batches(storage.batches, vault, SystemClock().now())


def left(storage):
    return storage.batches.to_be_erased(1)


def main():
    database, keys, blobs = sys.argv[1:4]
    for line in sys.stdin:
        kind, point, count = line.split()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if kind == "hand-in":
                    hand_in(database, keys, blobs, int(count))
                elif kind == "term":
                    work(database, keys, blobs, Death("never", 1), stop_after=int(count))
                else:
                    work(database, keys, blobs, Death(point, int(count)))
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        os.write(1, f"exit {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
