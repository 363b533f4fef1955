"""DBOS as the engine of durable work.

What it was measured and made to do (3.4, on SQLite and PostgreSQL):

- It opens no port and asks nobody. A key or a variable that would have it report to its vendor is not passed on.
- Its tables hold ids: :mod:`ekyc.workflow.plain_json`. They lie beside our database and apart from our migrations, and may
  be deleted while no worker runs: whoever starts work starts it again.
- It logs through the process's own handlers, of which ours show no text of libraries.
- A process that dies keeps its runs: DBOS gives back those of the same executor only, when it starts again. Here every
  process has an executor id of its own and says every two seconds that it lives; those that went silent have their runs
  put back into the queue by any other.
- A step that fails is tried again here, with pauses. One that is interrupted by the end of its process, or by a shutdown
  that could wait no longer, is not written down at all, and another process does it again.
- There is one DBOS in a process, and its threads do not outlive a fork: nothing forks here after :meth:`DbosWork.open`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos._utils import GlobalParams

from ekyc.errors import EkycError, place_of
from ekyc.ports import SystemRandom
from ekyc.workflow.plain_json import PlainJson, refuse_pickle
from ekyc.workflow.work import Job, Step, WorkError, require_words

if TYPE_CHECKING:
    from ekyc.ports import Random
    from ekyc.storage import Storage, WorkerRegister

_LOG: Final = logging.getLogger("ekyc.worker")
_VERSION: Final = "1"
"""Of the jobs' forms: work that a version of this software began is carried on by any that has the same."""
_UNDER_WAY: Final = frozenset({"PENDING", "ENQUEUED", "DELAYED"})
_ENDED: Final = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_FORGET_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSettings:
    """How a worker works."""

    poll_s: float = 0.25
    """Between two looks into a queue, and so what an item costs beside its work at most."""
    beat_s: float = 2.0
    """Between two signs of life."""
    forget_s: float = 600.0
    """After which rows of what is over are deleted."""
    silent: timedelta = timedelta(seconds=15)
    """After which a worker is taken for dead."""
    tries: int = 8
    """Of one step, before its run is given up; with pauses of 1, 2, 4 … 60 seconds."""
    drain_s: int = 30
    """For which a shutdown waits for what is being done."""


_SETTINGS: Final = WorkSettings()


class DbosWork:
    """A :class:`~ekyc.workflow.DurableWork` that also does the work. Open it with :meth:`open`; one in a process."""

    def __init__(self, settings: WorkSettings, workers: WorkerRegister, worker_id: str) -> None:
        self._settings = settings
        self._workers = workers
        self._id = worker_id
        self._runs: dict[str, Any] = {}
        self._stop = threading.Event()

    @classmethod
    @contextmanager
    def open(
        cls,
        storage: Storage,
        *,
        jobs: tuple[Job, ...],
        settings: WorkSettings = _SETTINGS,
        random: Random | None = None,
    ) -> Iterator[Self]:
        """Do these jobs during the block; at its end nothing new is begun, and what is being done is waited for.

        Raises:
            WorkError: ``work.engine``: its tables cannot be made or read.
            StorageError, BusyError: the place of its tables cannot be made.
        """
        refuse_pickle()
        logging.getLogger("dbos").addHandler(logging.NullHandler())  # else it brings one of its own
        GlobalParams.dbos_cloud = (
            False  # whatever the environment says: it would report to its vendor
        )
        place = storage.work_place()
        worker_id = (random or SystemRandom()).token_bytes(16).hex()
        config: DBOSConfig = {
            "name": "ekyc",
            "system_database_url": place.url,
            "serializer": PlainJson(),
            "application_version": _VERSION,
            "executor_id": worker_id,
            "log_level": "WARNING",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": settings.poll_s,
        }
        if place.schema is not None:
            config["dbos_system_schema"] = place.schema
        work = cls(settings, storage.workers, worker_id)
        try:
            with _engine_errors():
                DBOS(config=config)
                for job in jobs:
                    work._register(job)
                storage.workers.seen(worker_id)
                DBOS.launch()
                for job in jobs:
                    DBOS.register_queue(
                        job.name,
                        worker_concurrency=job.at_once,
                        polling_interval_sec=settings.poll_s,
                        on_conflict="always_update",
                    )
            with work._beating():
                yield work
        finally:
            work._stop.set()
            DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=settings.drain_s)

    def start(self, job: str, work_id: str, ids: tuple[str, ...]) -> None:
        """See :class:`~ekyc.workflow.DurableWork`."""
        require_words(work_id, *ids)
        name = f"{job}:{work_id}"
        with _engine_errors():
            known = DBOS.get_workflow_status(name)
            if known is not None and known.status not in _UNDER_WAY:
                DBOS.delete_workflow(name)
            with SetWorkflowID(name):
                DBOS.enqueue_workflow(job, self._runs[job], *ids)

    def _register(self, job: Job) -> None:
        def run(*ids: str) -> None:
            for step in job.steps:
                DBOS.run_step({"name": step.name}, self._insist, step, ids)

        self._runs[job.name] = DBOS.workflow(name=job.name, max_recovery_attempts=None)(run)

    def _insist(self, step: Step, ids: tuple[str, ...]) -> None:
        """Do a step, again and again while it fails by what may pass."""
        for number in range(self._settings.tries):
            try:
                step.do(*ids)
            except EkycError as error:
                _LOG.warning("step %s failed: %s", step.name, error.code)
            except Exception as error:  # noqa: BLE001 - told by its type and place; its text may say too much
                _LOG.error(
                    "step %s: defect: %s at %s", step.name, type(error).__name__, place_of(error)
                )
            else:
                return
            if self._stop.wait(min(60.0, 2.0**number)):
                raise SystemExit  # no Exception: DBOS writes nothing down, and another worker does the step
        raise WorkError("a step failed for good", subject=step.name)

    @contextmanager
    def _beating(self) -> Iterator[None]:
        thread = threading.Thread(target=self._beat, name="ekyc-work-beat")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _beat(self) -> None:
        forgotten_at = time.monotonic()
        while True:
            try:
                self._workers.seen(self._id)
                for gone in self._workers.silent(self._settings.silent):
                    if gone != self._id:
                        with _engine_errors():
                            DBOS._recover_pending_workflows([gone])  # noqa: SLF001 - the call that its admin server made
                        self._workers.forget(gone)
                if time.monotonic() - forgotten_at >= self._settings.forget_s:
                    forgotten_at = time.monotonic()
                    _forget_ended()
            except EkycError as error:
                _LOG.warning("signs of life wait: %s", error.code)
            if self._stop.wait(self._settings.beat_s):
                return


def _forget_ended() -> None:
    """Delete the rows of runs that are over: whoever started them knows what came of them.

    Raises:
        WorkError: ``work.engine``.
    """
    while True:
        with _engine_errors():
            over = DBOS.list_workflows(
                status=list(_ENDED), limit=_FORGET_AT_ONCE, load_input=False, load_output=False
            )
            if over:
                DBOS.delete_workflows([one.workflow_id for one in over])
        if len(over) < _FORGET_AT_ONCE:
            return


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Whatever DBOS and its driver raise, as one error of ours that repeats nothing of it."""
    try:
        yield
    except EkycError:
        raise
    except Exception as exc:
        raise WorkError(f"the engine failed ({type(exc).__name__})", code="work.engine") from exc
