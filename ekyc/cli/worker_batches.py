"""The part of a worker that verifies batches. Neither models nor the engine are loaded before there is an item."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

from ekyc.cli.serve_traces import traced

if TYPE_CHECKING:
    from ekyc.api.ports import CaseVerifier
    from ekyc.api.tracing import Tracing
    from ekyc.chip.authority import Authority
    from ekyc.pki import TrustStore
    from ekyc.storage import Storage, Vault


@contextmanager
def batching(
    storage: Storage,
    vault: Vault,
    *,
    trust: TrustStore,
    authority: Authority | None,
    at_once: int,
    tracing: Tracing | None = None,
) -> Iterator[None]:
    """Batches are verified during the block, so many items at once; none if that is nought."""
    if not at_once:
        yield
        return
    from ekyc.api.batches.work import BatchFeeder, BatchParts, BatchWork, feeding
    from ekyc.api.wiring import FlowVerifier
    from ekyc.flows import Verifier
    from ekyc.workflow import DurableWork

    with (
        ExitStack() as verifiers
    ):  # closed last: what verifies ends with the worker, and not under it

        def opened() -> CaseVerifier:
            # Without storage: what an item is decided by is recorded with the item, once.
            verifier = Verifier.open(trust=trust, authority=authority)
            stages = None if tracing is None else tracing.stages
            return traced(FlowVerifier(verifiers.enter_context(verifier), stages=stages), tracing)

        parts = BatchParts(store=storage.batches, vault=vault, verifier=_once(opened))
        job = BatchWork(parts).job(at_once)
        if tracing is not None:
            from ekyc.api.tracing_worker import traced_job

            job = traced_job(job, tracing)

        def engine() -> AbstractContextManager[DurableWork]:
            from ekyc.workflow.dbos_work import DbosWork

            return DbosWork.open(storage, jobs=(job,))

        with feeding(BatchFeeder(storage.batches, engine)):
            yield


def _once(opened: Callable[[], CaseVerifier]) -> Callable[[], CaseVerifier]:
    """Open a verifier with the first call, whichever thread makes it."""
    first = cache(opened)
    lock = threading.Lock()

    def verifier() -> CaseVerifier:
        with lock:
            return first()

    return verifier
