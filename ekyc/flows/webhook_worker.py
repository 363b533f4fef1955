"""Workers that deliver events. As many threads and processes as wanted, at one database.

One attempt is: sign, send, look at the status, write down what came of it. What is written down is true; what was sent
and could not be written down any more is sent again, under the same id.

A worker that is told to stop takes nothing new, and ends when what it has sent has been answered or its time is up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import ekyc
from ekyc.errors import EkycError, place_of
from ekyc.flows.webhook_schedule import Answer, after_failure, cause_of, is_success
from ekyc.flows.webhook_signatures import signature_headers
from ekyc.storage import DeliveryAttempt, DeliveryClaim, DeliveryQueue
from ekyc.threads import running

if TYPE_CHECKING:
    from ekyc.flows.guarded_link import GuardedLink
    from ekyc.ports import Clock, Random

_LOG: Final = logging.getLogger("ekyc.webhooks")
_PURGE_EVERY_S: Final = 600.0
_RECORD_TRIES: Final = 5
_PAUSE_S: Final = 1.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works."""

    at_once: int = 8
    """Deliveries on their way at a time."""
    per_endpoint: int = 4
    """Of these, to one endpoint; over all processes."""
    lease: timedelta = timedelta(seconds=60)
    """After which a delivery that was never concluded is another worker's; longer than an exchange may take."""
    poll_s: float = 1.0
    """Pause when there is nothing to do."""


class WebhookSender:
    """Makes one attempt. Safe to use from many threads."""

    def __init__(
        self,
        queue: DeliveryQueue,
        link: GuardedLink,
        *,
        clock: Clock,
        random: Random,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pause
        self._queue = queue
        self._link = link
        self._clock = clock
        self._random = random

    def attempt(self, claim: DeliveryClaim) -> DeliveryAttempt:
        """Send a delivery that this worker has, and record what came of it.

        Raises:
            StorageError, BusyError: it could not be recorded; it will be sent again.
        """
        began, at = time.monotonic(), self._clock.now()
        answer: Answer | None = None
        try:
            answer = self._send(claim)
            cause = cause_of(answer.status)
        except EkycError as error:
            cause = error.code.rpartition(".")[2][:32]
        attempt = DeliveryAttempt(
            number=claim.number,
            at=at,
            cause=cause,
            status=None if answer is None else answer.status,
            duration_ms=int((time.monotonic() - began) * 1000),
        )
        if answer is not None and is_success(answer.status):
            _insist(lambda: self._queue.succeeded(claim, attempt), self._pause)
            return attempt
        failure = after_failure(
            answer, number=claim.number, now=self._clock.now(), random=self._random
        )
        disabled = _insist(lambda: self._queue.failed(claim, attempt, failure), self._pause)
        if disabled is not None:
            _LOG.warning("endpoint %s disabled: %s", claim.endpoint.id, disabled.value)
        return attempt

    def _send(self, claim: DeliveryClaim) -> Answer:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"ekyc/{ekyc.__version__}",
            **signature_headers(claim.event_id, self._clock.now(), claim.body, claim.secrets),
        }
        answer = self._link.send("POST", claim.endpoint.url, claim.body, headers=headers)
        return Answer(status=answer.status, retry_after=answer.headers.get("retry-after"))


class Sender(Protocol):
    """Whatever makes one attempt, as :class:`WebhookSender` does."""

    def attempt(self, claim: DeliveryClaim) -> DeliveryAttempt:
        """As of :meth:`WebhookSender.attempt`."""
        ...


class DeliveryWorker:
    """Takes deliveries from the queue and sends them until it is told to stop."""

    def __init__(
        self, queue: DeliveryQueue, sender: Sender, settings: WorkerSettings | None = None
    ) -> None:
        self._queue = queue
        self._sender = sender
        self._settings = settings or WorkerSettings()
        self._under_way: set[Future[None]] = set()
        self._purged_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set and what is under way has ended. A database that fails is tried again."""
        with ThreadPoolExecutor(self._settings.at_once, thread_name_prefix="ekyc-webhook") as pool:
            while not stop.is_set():
                try:
                    moved = self.step(pool, stop)
                except EkycError as error:
                    _LOG.warning("deliveries wait: %s", error.code)
                    moved = False
                except Exception as error:  # noqa: BLE001 - a worker outlives a defect; its text may say too much
                    _LOG.error("defect: %s at %s", type(error).__name__, place_of(error))
                    moved = False
                if not moved:
                    self._rest(stop)

    def step(self, pool: ThreadPoolExecutor, stop: threading.Event) -> bool:
        """Spread what is new and start what is due; whether there may be more at once.

        Raises:
            StorageError, BusyError: the database failed.
        """
        self._under_way = {one for one in self._under_way if not one.done()}
        self._purge_at_times()
        free = self._settings.at_once - len(self._under_way)
        if free < 1 or not self._queue.has_work(self._settings.lease):
            return False
        spread = self._queue.spread()
        claims = self._queue.claim(
            free, per_endpoint=self._settings.per_endpoint, lease=self._settings.lease
        )
        for claim in claims:
            self._under_way.add(pool.submit(self._carry_out, claim, stop))
        return bool(spread or claims)

    def _rest(self, stop: threading.Event) -> None:
        """Wait for room, or for something to do."""
        if self._under_way:
            wait(self._under_way, timeout=self._settings.poll_s, return_when=FIRST_COMPLETED)
        else:
            stop.wait(self._settings.poll_s)

    def _carry_out(self, claim: DeliveryClaim, stop: threading.Event) -> None:
        try:
            if stop.is_set():
                self._queue.release(claim)
                return
            self._sender.attempt(claim)
        except EkycError as error:  # the lease ends, and it is sent again
            _LOG.warning("delivery %s not recorded: %s", claim.delivery_id, error.code)
        except Exception as error:  # noqa: BLE001 - as above
            _LOG.error("defect: %s at %s", type(error).__name__, place_of(error))

    def _purge_at_times(self) -> None:
        if time.monotonic() - self._purged_at >= _PURGE_EVERY_S:
            self._purged_at = time.monotonic()
            self._queue.purge()


def working(worker: DeliveryWorker) -> AbstractContextManager[None]:
    """A worker in a thread of its own, stopped and waited for at the end of the block."""
    return running(worker.run, name="ekyc-webhooks")


def _insist(record: Callable[[], _T], pause: Callable[[float], None]) -> _T:
    """Write down what came of an attempt, the database failing now and then."""
    for _ in range(_RECORD_TRIES - 1):
        try:
            return record()
        except EkycError:
            pause(_PAUSE_S)
    return record()
