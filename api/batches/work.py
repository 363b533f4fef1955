"""What a worker does for batches.

1. Items that wait are given to the engine of durable work, which knows their ids and nothing else.
2. Its job has two steps: *verify* reads the sealed case, verifies it and writes down what came of it, once; *erase*
   destroys the key of the case.
3. Whoever dies in between is followed by another worker, which does the step again: an item that is over stays as it is.
4. An item that was begun too often, because whoever verifies it dies, fails and is not begun again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ekyc.api.batches.intake import unseal
from ekyc.api.limits import DEFAULT_LIMITS
from ekyc.api.scratch import Scratch
from ekyc.api.v1.procedures import require_procedure
from ekyc.api.v1.views import check_as_resource
from ekyc.errors import EkycError, InputError, place_of
from ekyc.flows.result import digest_of_report
from ekyc.policy import Verdict
from ekyc.storage import ArtefactError, ItemPlace, ItemRecord, SubjectError
from ekyc.threads import running
from ekyc.values import Sha256Hex
from ekyc.workflow import Job, Step

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from ekyc.api.ports import CaseVerifier
    from ekyc.storage import BatchStore, Vault
    from ekyc.workflow import DurableWork

_LOG: Final = logging.getLogger("ekyc.worker")
JOB: Final = "batch-item"
_MOST_ATTEMPTS: Final = 20
_AT_ONCE: Final = 100
_AGAIN_AFTER: Final = timedelta(minutes=10)
_UNUSED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchParts:
    """What batches are worked on with."""

    store: BatchStore
    vault: Vault
    verifier: Callable[[], CaseVerifier]
    """Opens what verifies, when the first item is there. It must record nothing itself: an item is recorded once."""
    scratch: Path | None = None
    """Parent of the private folder of a case; the system's temporary folder by default."""


class BatchWork:
    """The steps of an item. Safe across threads and processes."""

    def __init__(self, parts: BatchParts) -> None:
        self._parts = parts

    def job(self, at_once: int) -> Job:
        """The job that :class:`BatchFeeder` starts."""
        steps = (Step(name="verify", do=self.verify), Step(name="erase", do=self.erase))
        return Job(name=JOB, steps=steps, at_once=at_once)

    def verify(self, tenant: str, item_id: str) -> None:
        """Verify an item that waits, and write down what came of it.

        Raises:
            EkycError: something of ours failed; the item still waits.
        """
        place = ItemPlace(tenant=tenant, item_id=item_id)
        item = self._parts.store.begin(place)
        if item is None:
            return
        if item.attempts > _MOST_ATTEMPTS:
            self._fail(place, "batch.given_up")
            return
        try:
            told = self._verified(tenant, item.artefact_id)
        except (InputError, ArtefactError, SubjectError) as error:
            self._fail(place, error.code)
            return
        decision = told["decision"]
        record = ItemRecord(
            case_digest=Sha256Hex(told["case_digest"]),
            profile=decision["profile"],
            verdict=Verdict(decision["verdict"]),
            reasons=tuple(told["reasons"]),
            report_digest=digest_of_report(told),
        )
        self._parts.store.conclude(place, body=_body(told), record=record)

    def erase(self, tenant: str, item_id: str) -> None:
        """Destroy the key of the case of an item that is over. Twice is once.

        Raises:
            StorageError, BusyError: the database or the blobs failed.
        """
        erase_case(self._parts.store, self._parts.vault, ItemPlace(tenant=tenant, item_id=item_id))

    def _verified(self, tenant: str, artefact_id: str) -> Mapping[str, Any]:
        scratch = Scratch.open(self._parts.scratch)  # removes what killed processes left
        try:
            with scratch.folder() as place:
                folder = unseal(self._parts.vault, tenant, artefact_id, place, DEFAULT_LIMITS)
                return self._parts.verifier().verify_folder(folder, challenge_id=None)
        finally:
            scratch.close()

    def _fail(self, place: ItemPlace, code: str) -> None:
        self._parts.store.conclude(place, body={"error": code}, record=None)


def erase_case(store: BatchStore, vault: Vault, place: ItemPlace) -> None:
    """Destroy the key of the case of an item that is over. Twice is once.

    Raises:
        StorageError, BusyError: the database or the blobs failed.
    """
    subject_id = store.kept_under(place)
    if subject_id is not None:
        vault.erase_subject(place.tenant, subject_id)
        store.erased(place)


def sweep_batches(store: BatchStore, vault: Vault, now: datetime) -> int:
    """Erase the cases of items that were called off, and uploads that no batch wanted; how many, 100 of each at most.

    Raises:
        StorageError, BusyError: the database or the blobs failed. Call again.
    """
    over = store.to_be_erased(_AT_ONCE)
    for place in over:
        erase_case(store, vault, place)
    unused = store.unused_cases(now - _UNUSED, _AT_ONCE)
    for tenant, case in unused:
        if store.strike_case(tenant, case.id):
            vault.erase_subject(tenant, case.subject_id)
    return len(over) + len(unused)


class BatchFeeder:
    """Gives items that wait to the engine, which is opened when there are any.

    Args:
        store: of the batches.
        engine: opens the engine.
        poll_s: pause between two looks.
    """

    def __init__(
        self,
        store: BatchStore,
        engine: Callable[[], AbstractContextManager[DurableWork]],
        *,
        poll_s: float = 1.0,
    ) -> None:
        self._store = store
        self._engine = engine
        self._poll_s = poll_s

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then what is being done is waited for."""
        with ExitStack() as stack:
            work: DurableWork | None = None
            while not stop.is_set():
                try:
                    if work is None and self._store.any_waits():
                        work = stack.enter_context(self._engine())
                    if work is not None:
                        self._feed(work)
                except EkycError as error:
                    _LOG.warning("batches wait: %s", error.code)
                except Exception as error:  # noqa: BLE001 - a worker outlives a defect; its text may say too much
                    _LOG.error("defect: %s at %s", type(error).__name__, place_of(error))
                stop.wait(self._poll_s)

    def _feed(self, work: DurableWork) -> None:
        for place in self._store.to_be_started(_AT_ONCE, again_after=_AGAIN_AFTER):
            work.start(JOB, place.item_id, (place.tenant, place.item_id))
            self._store.started(place)


def feeding(feeder: BatchFeeder) -> AbstractContextManager[None]:
    """Batches are worked on during the block, in a thread of their own."""
    return running(feeder.run, name="ekyc-batches")


def _body(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a result: no personal data."""
    required = require_procedure(told["decision"]["profile"]).required
    return {
        "verdict": told["decision"]["verdict"],
        "procedure": told["decision"]["profile"],
        "reasons": list(told["reasons"]),
        "sample": bool(told["sample"]),
        "case_sha256": told["case_digest"],
        "checks": [
            check_as_resource(
                check,
                required=check["id"] in required,
                evidence_sha256=told["case_digest"],
                models=told.get("models", {}),
            )
            for check in told["checks"]
        ],
    }
