"""Groups requests of many threads into batches, without a thread of its own.

The caller's thread does the work. When fewer than ``workers`` runs are going on, a request runs at once in the
thread that made it: nothing waits, nothing hops. Otherwise it queues, and a thread that finishes a run takes what
has queued meanwhile - the oldest request and others of the same shape, at most ``max_batch`` - and wakes the thread
of that oldest request to run it. So batches form only under load ("natural batching"), and a batch never waits to
become larger.

What shares a batch never changes an answer: only equal shapes are grouped, nothing is padded, and a batch that
fails is run again item by item, so that the error reaches only the request that causes it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import BusyError, EkycError, ModelError

if TYPE_CHECKING:
    from ekyc.inference.policy import BatchPolicy
    from ekyc.values import FloatArray

Outputs = tuple["FloatArray", ...]
Run = Callable[["FloatArray"], Sequence["FloatArray"]]
"""Runs a stacked batch, axis 0 in front, and gives every output with its batch axis."""


class Cancellation:
    """Lets one thread call off what another thread is waiting for. A run that has begun is not interrupted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._callbacks: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call back once on cancellation, at once if it has happened."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


class _State(Enum):
    WAITING = auto()
    LEADING = auto()
    """Woken to run a batch."""
    IN_BATCH = auto()
    """Another thread runs it."""
    DONE = auto()
    ABANDONED = auto()
    """Its thread stopped waiting."""


class _Request:
    __slots__ = ("batch", "error", "gate", "item", "outputs", "state")

    def __init__(self, item: FloatArray) -> None:
        self.item = item
        self.state = _State.WAITING
        self.batch: list[_Request] = []
        self.outputs: Outputs = ()
        self.error: EkycError | None = None
        self.gate = threading.Lock()
        """Held while there is nothing to wake up for."""
        self.gate.acquire()

    def wake(self) -> None:
        # A cancellation and a result may both wake the same thread.
        try:
            self.gate.release()
        except RuntimeError:
            return


class Batcher:
    """Runs items of one model for many threads. See the module's text for how."""

    def __init__(self, run: Run, policy: BatchPolicy, *, batch_axes: Sequence[int] = (0,)) -> None:
        """``batch_axes`` gives the batch axis of each output."""
        self._run = run
        self._policy = policy
        self._batch_axes = tuple(batch_axes)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._queue: deque[_Request] = deque()
        self._running = 0
        self._closed = False

    def infer(
        self,
        item: FloatArray,
        *,
        deadline_s: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> Outputs:
        """Outputs for one item, each without its batch axis.

        Args:
            item: C-contiguous array without batch axis.
            deadline_s: seconds that this request may wait; the policy's where None.
            cancellation: calls the waiting off.

        Raises:
            BusyError: ``busy.queue_full``, ``busy.deadline``, ``busy.cancelled`` or ``busy.closed``.
            ModelError: whatever the run raised for this very item.
        """
        if cancellation is not None and cancellation.cancelled:
            raise BusyError("cancelled before the run", code="busy.cancelled")
        with self._lock:
            if self._closed:
                raise BusyError("the engine is closed", code="busy.closed")
            request = None
            if self._running < self._policy.workers and not self._queue:
                self._running += 1
            elif len(self._queue) >= self._policy.queue_limit:
                raise BusyError(
                    f"{self._policy.queue_limit} requests are waiting", code="busy.queue_full"
                )
            else:
                request = _Request(item)
                self._queue.append(request)
        if request is not None:
            return self._wait(request, deadline_s, cancellation)
        try:
            return self._run_single(item)
        finally:
            self._pass_on()

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Refuse new requests; finish those that wait, or fail them with ``busy.closed``. Idempotent.

        Runs that have begun are always waited for, at most ``timeout_s``.
        """
        with self._lock:
            self._closed = True
            if not drain:
                for request in self._queue:
                    self._finish(
                        request, error=BusyError("the engine is closed", code="busy.closed")
                    )
                self._queue.clear()
            self._idle.wait_for(lambda: not self._running and not self._queue, timeout_s)

    def _wait(
        self, request: _Request, deadline_s: float | None, cancellation: Cancellation | None
    ) -> Outputs:
        """Sleep until there is a result, or until this thread is the one to run the next batch."""
        limit_s = self._policy.deadline_s if deadline_s is None else deadline_s
        if cancellation is not None:
            cancellation.subscribe(request.wake)
        try:
            woken = request.gate.acquire(timeout=-1 if limit_s is None else max(0.0, limit_s))
            leads = self._stop_waiting(request, woken=woken, cancellation=cancellation)
        except BaseException:
            self._abandon(request)
            raise
        finally:
            if cancellation is not None:
                cancellation.unsubscribe(request.wake)
        if leads:
            try:
                self._run_batch(request.batch)
            finally:
                self._requeue(request.batch)
                self._pass_on()
        if request.error is not None:
            raise request.error
        return request.outputs

    def _stop_waiting(
        self, request: _Request, *, woken: bool, cancellation: Cancellation | None
    ) -> bool:
        """Whether this thread has to run a batch. Raises when the waiting ended without result or duty."""
        with self._lock:
            if request.state is _State.LEADING:
                return True
            if request.state is _State.DONE:
                return False
        if cancellation is not None and cancellation.cancelled:
            raise BusyError("cancelled while waiting", code="busy.cancelled")
        assert not woken  # nobody else opens the gate
        raise BusyError("no answer before the deadline", code="busy.deadline")

    def _abandon(self, request: _Request) -> None:
        """This thread stops waiting: leave the queue, and give a batch that it was to run to somebody else."""
        with self._lock:
            state, request.state = request.state, _State.ABANDONED
            if state is _State.WAITING:
                self._queue.remove(request)
                self._idle.notify_all()
        if state is _State.LEADING:
            self._requeue(request.batch)
            self._pass_on()

    def _requeue(self, batch: Sequence[_Request]) -> None:
        """Put requests that an interrupted thread took and did not finish back to the front."""
        with self._lock:
            for request in reversed(batch):
                if request.state is _State.IN_BATCH:
                    request.state = _State.WAITING
                    self._queue.appendleft(request)

    def _pass_on(self) -> None:
        """A run ended: wake the thread of the oldest request to run the next batch, or give the slot back."""
        with self._lock:
            if not self._queue:
                self._running -= 1
                if self._closed:
                    self._idle.notify_all()
                return
            leader = self._queue.popleft()
            leader.batch = [leader, *self._take_same_shape(leader)]
            leader.state = _State.LEADING
        leader.wake()

    def _take_same_shape(self, leader: _Request) -> list[_Request]:
        """Further requests of the leader's shape, oldest first; the others keep their order."""
        room = self._policy.max_batch - 1
        taken: list[_Request] = []
        if not room:
            return taken
        left: deque[_Request] = deque()
        for request in self._queue:
            if len(taken) < room and request.item.shape == leader.item.shape:
                request.state = _State.IN_BATCH
                taken.append(request)
            else:
                left.append(request)
        self._queue = left
        return taken

    def _run_batch(self, requests: Sequence[_Request]) -> None:
        """Run together; when that fails, one by one."""
        if len(requests) > 1:
            try:
                results = self._run_together([request.item for request in requests])
            except Exception:  # noqa: BLE001 -- whatever it is, each item gets its own chance below
                results = None
            if results is not None:
                for request, outputs in zip(requests, results, strict=True):
                    self._finish(request, outputs=outputs)
                return
        for request in requests:
            try:
                self._finish(request, outputs=self._run_single(request.item))
            except EkycError as exc:
                self._finish(request, error=exc)

    def _run_together(self, items: Sequence[FloatArray]) -> list[Outputs]:
        """Each item's own copy of its part of every output."""
        outputs = self._run(np.stack(items))
        pairs = list(zip(outputs, self._batch_axes, strict=True))
        if any(output.shape[axis] != len(items) for output, axis in pairs):
            raise ModelError("an output lost its batch axis", code="model.run_failed")
        return [
            tuple(np.asarray(output.take(index, axis=axis)) for output, axis in pairs)
            for index in range(len(items))
        ]

    def _run_single(self, item: FloatArray) -> Outputs:
        try:
            outputs = self._run(item[np.newaxis])
            return tuple(
                output.squeeze(axis) for output, axis in zip(outputs, self._batch_axes, strict=True)
            )
        except EkycError:
            raise
        except Exception as exc:
            raise ModelError("inference failed", code="model.run_failed") from exc

    def _finish(
        self, request: _Request, *, outputs: Outputs = (), error: EkycError | None = None
    ) -> None:
        if request.state is not _State.ABANDONED:
            request.outputs, request.error, request.state = outputs, error, _State.DONE
            request.wake()
