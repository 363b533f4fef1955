"""Properties of the batcher. Threads are held at gates, never by sleeping."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import BusyError, EkycError, ModelError
from ekyc.inference import Batcher, BatchPolicy, Cancellation

PATIENCE_S = 20.0


class Machine:
    """Doubles its input; can be held inside a run, and fails on items that hold a negative number."""

    def __init__(self, *, held=False):
        self.batches = []
        self.entered = threading.Semaphore(0)
        self._gate = threading.Event()
        self._lock = threading.Lock()
        self.most_at_once = self._now = 0
        if not held:
            self._gate.set()

    def release(self):
        self._gate.set()

    def __call__(self, batch):
        with self._lock:
            self.batches.append(batch.shape)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        self.entered.release()
        assert self._gate.wait(PATIENCE_S)
        with self._lock:
            self._now -= 1
        if (batch < 0).any():
            raise ValueError("a poisoned item")
        return [batch * 2, batch.sum(axis=tuple(range(1, batch.ndim)))]


def item(value, width=3):
    return np.full((width,), value, dtype=np.float32)


def started(batcher, machine, count=1, **terms):
    """Threads whose requests are inside the machine."""
    pool = ThreadPoolExecutor(max_workers=count)
    futures = [pool.submit(batcher.infer, item(1), **terms) for _ in range(count)]
    for _ in range(count):
        assert machine.entered.acquire(timeout=PATIENCE_S)
    pool.shutdown(wait=False)
    return futures


def queued(batcher, *items, **terms):
    """Threads whose requests wait, in this order."""
    pool = ThreadPoolExecutor(max_workers=len(items))
    futures = []
    for one in items:
        before = len(batcher._queue)
        futures.append(pool.submit(batcher.infer, one, **terms))
        until(lambda before=before: len(batcher._queue) > before)
    pool.shutdown(wait=False)
    return futures


def until(condition):
    """Wait for another thread's visible effect."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.001)):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("it never came")


def single_worker(machine, **changes):
    return Batcher(machine, BatchPolicy(**{"workers": 1, **changes}), batch_axes=(0, 0))


def test_an_idle_batcher_runs_in_the_callers_own_thread():
    seen = []

    def run(batch):
        seen.append(threading.get_ident())
        return [batch]

    (found,) = Batcher(run, BatchPolicy()).infer(item(5))
    np.testing.assert_array_equal(found, item(5))
    assert seen == [threading.get_ident()]


def test_what_queues_meanwhile_runs_as_one_batch():
    machine = Machine(held=True)
    batcher = single_worker(machine, max_batch=4)
    first = started(batcher, machine)
    rest = queued(batcher, *(item(n) for n in range(2, 8)))
    machine.release()
    for number, future in enumerate(first + rest, start=1):
        doubled, total = future.result(PATIENCE_S)
        np.testing.assert_array_equal(doubled, item(number * 2))
        assert total == number * 3
    assert machine.batches == [(1, 3), (4, 3), (2, 3)]


def test_only_equal_shapes_share_a_batch_and_nobody_is_overtaken_forever():
    machine = Machine(held=True)
    batcher = single_worker(machine, max_batch=3)
    first = started(batcher, machine)
    widths = (3, 5, 3, 5, 5, 3)
    rest = queued(batcher, *(item(1, width) for width in widths))
    machine.release()
    for width, future in zip((3, *widths), first + rest, strict=True):
        assert future.result(PATIENCE_S)[0].shape == (width,)
    assert machine.batches == [(1, 3), (3, 3), (3, 5)]


def test_each_answer_is_its_own_memory():
    machine = Machine(held=True)
    batcher = single_worker(machine, max_batch=2)
    started(batcher, machine)
    one, two = queued(batcher, item(1), item(2))
    machine.release()
    one.result(PATIENCE_S)[0][:] = 99
    np.testing.assert_array_equal(two.result(PATIENCE_S)[0], item(4))


def test_no_more_runs_at_once_than_workers():
    machine = Machine()
    batcher = single_worker(machine, workers=2, queue_limit=1000)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda n: batcher.infer(item(n)), range(400)))
    assert machine.most_at_once <= 2
    assert batcher._running == 0


@given(
    requests=st.lists(st.tuples(st.integers(-3, 20), st.integers(1, 4)), max_size=40),
    max_batch=st.integers(1, 5),
    workers=st.integers(1, 3),
)
def test_every_request_gets_the_answer_it_would_get_alone(requests, max_batch, workers):
    machine = Machine()
    policy = BatchPolicy(max_batch=max_batch, workers=workers, queue_limit=1000)
    batcher = Batcher(machine, policy, batch_axes=(0, 0))

    def ask(request):
        try:
            return batcher.infer(item(*request))
        except ModelError as exc:
            return exc.code

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(ask, requests))
    for (value, width), answer in zip(requests, found, strict=True):
        if value < 0:
            assert answer == "model.run_failed"
        else:
            np.testing.assert_array_equal(answer[0], item(value * 2, width))
            assert answer[1] == value * width
    assert all(shape[0] <= max_batch for shape in machine.batches)
    assert batcher._running == 0
    assert not batcher._queue


def test_a_poisoned_item_fails_alone():
    machine = Machine(held=True)
    batcher = single_worker(machine, max_batch=4)
    started(batcher, machine)
    good, bad, also_good = queued(batcher, item(1), item(-1), item(2))
    machine.release()
    np.testing.assert_array_equal(good.result(PATIENCE_S)[0], item(2))
    np.testing.assert_array_equal(also_good.result(PATIENCE_S)[0], item(4))
    with pytest.raises(ModelError) as caught:
        bad.result(PATIENCE_S)
    assert caught.value.code == "model.run_failed"
    assert isinstance(caught.value.__cause__, ValueError)
    assert machine.batches == [(1, 3), (3, 3), (1, 3), (1, 3), (1, 3)]


def test_an_output_that_loses_its_batch_axis_is_caught():
    batcher = Batcher(lambda batch: [batch[:1].repeat(2, axis=0)], BatchPolicy())
    with pytest.raises(ModelError):
        batcher.infer(item(1))


def test_the_batch_axis_of_an_output_may_be_the_second():
    machine_entered, gate = threading.Semaphore(0), threading.Event()

    def run(batch):
        machine_entered.release()
        assert gate.wait(PATIENCE_S)
        return [np.stack([batch, batch + 0.5])]

    batcher = Batcher(run, BatchPolicy(workers=1, max_batch=3), batch_axes=(1,))
    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(batcher.infer, item(1))
        assert machine_entered.acquire(timeout=PATIENCE_S)
        rest = queued(batcher, item(2), item(3))
        gate.set()
        for number, future in enumerate([first, *rest], start=1):
            (found,) = future.result(PATIENCE_S)
            np.testing.assert_array_equal(found, [item(number), item(number + 0.5)])


def test_a_full_queue_refuses_at_once_and_recovers():
    machine = Machine(held=True)
    batcher = single_worker(machine, queue_limit=2)
    running = started(batcher, machine)
    waiting = queued(batcher, item(1), item(2))
    with pytest.raises(BusyError) as caught:
        batcher.infer(item(3))
    assert caught.value.code == "busy.queue_full"
    assert caught.value.retryable
    machine.release()
    for future in running + waiting:
        future.result(PATIENCE_S)
    assert batcher.infer(item(3))


def test_a_queue_of_no_length_still_runs_what_has_a_worker():
    batcher = single_worker(Machine(), queue_limit=0)
    assert batcher.infer(item(1))


def test_a_passed_deadline_frees_the_place_in_the_queue():
    machine = Machine(held=True)
    batcher = single_worker(machine)
    running = started(batcher, machine)
    with pytest.raises(BusyError) as caught:
        batcher.infer(item(2), deadline_s=0.01)
    assert caught.value.code == "busy.deadline"
    assert not batcher._queue
    machine.release()
    running[0].result(PATIENCE_S)
    assert batcher.infer(item(3))
    assert machine.batches == [(1, 3)] * 2  # the late request was never run


def test_the_policys_deadline_holds_where_the_caller_has_none():
    machine = Machine(held=True)
    batcher = single_worker(machine, deadline_s=0.01)
    started(batcher, machine)
    with pytest.raises(BusyError) as caught:
        batcher.infer(item(2))
    assert caught.value.code == "busy.deadline"
    machine.release()


def test_cancellation_wakes_the_waiting_thread():
    machine = Machine(held=True)
    batcher = single_worker(machine)
    started(batcher, machine)
    cancellation = Cancellation()
    (waiting,) = queued(batcher, item(2), cancellation=cancellation)
    cancellation.cancel()
    with pytest.raises(BusyError) as caught:
        waiting.result(PATIENCE_S)
    assert caught.value.code == "busy.cancelled"
    assert not batcher._queue
    machine.release()


def test_what_is_cancelled_beforehand_is_not_run():
    machine = Machine()
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(BusyError) as caught:
        single_worker(machine).infer(item(1), cancellation=cancellation)
    assert caught.value.code == "busy.cancelled"
    assert machine.batches == []


def test_cancellation_of_one_leaves_its_batch_mates():
    machine = Machine(held=True)
    batcher = single_worker(machine, max_batch=4)
    started(batcher, machine)
    cancellation = Cancellation()
    (first,) = queued(batcher, item(2), cancellation=cancellation)
    (second,) = queued(batcher, item(3))
    cancellation.cancel()
    until(lambda: len(batcher._queue) == 1)
    machine.release()
    np.testing.assert_array_equal(second.result(PATIENCE_S)[0], item(6))
    with pytest.raises(BusyError):
        first.result(PATIENCE_S)


def test_a_cancellation_keeps_no_request_alive():
    machine = Machine(held=True)
    batcher = single_worker(machine)
    cancellation = Cancellation()
    started(batcher, machine)
    (waiting,) = queued(batcher, item(1), cancellation=cancellation)
    machine.release()
    waiting.result(PATIENCE_S)
    assert cancellation._callbacks == []


def test_an_interrupted_leader_hands_its_batch_on():
    """Ctrl-C in the thread that runs a batch must not strand the others."""
    entered, gate = threading.Semaphore(0), threading.Event()
    runs = []

    def run(batch):
        runs.append(len(batch))
        entered.release()
        assert gate.wait(PATIENCE_S)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return [batch]

    batcher = Batcher(run, BatchPolicy(workers=1, max_batch=3))
    pool = ThreadPoolExecutor(max_workers=1)
    first = pool.submit(batcher.infer, item(1))
    assert entered.acquire(timeout=PATIENCE_S)
    interrupted, *others = queued(batcher, item(2), item(3), item(4))
    gate.set()
    first.result(PATIENCE_S)
    with pytest.raises(KeyboardInterrupt):
        interrupted.result(PATIENCE_S)
    for number, future in enumerate(others, start=3):
        np.testing.assert_array_equal(future.result(PATIENCE_S)[0], item(number))
    assert runs == [1, 3, 2]
    assert batcher._running == 0
    pool.shutdown()


def test_closing_drains_what_waits_and_refuses_what_comes():
    machine = Machine(held=True)
    batcher = single_worker(machine)
    running = started(batcher, machine)
    waiting = queued(batcher, item(1), item(2))
    closing = ThreadPoolExecutor(max_workers=1).submit(batcher.close)
    until(lambda: batcher._closed)
    with pytest.raises(BusyError) as caught:
        batcher.infer(item(3))
    assert caught.value.code == "busy.closed"
    assert not closing.done()
    machine.release()
    closing.result(PATIENCE_S)
    for future in running + waiting:
        assert future.result(PATIENCE_S)


def test_closing_without_draining_fails_what_waits_and_finishes_what_runs():
    machine = Machine(held=True)
    batcher = single_worker(machine)
    running = started(batcher, machine)
    waiting = queued(batcher, item(1), item(2))
    closing = ThreadPoolExecutor(max_workers=1).submit(batcher.close, drain=False)
    for future in waiting:
        with pytest.raises(BusyError) as caught:
            future.result(PATIENCE_S)
        assert caught.value.code == "busy.closed"
    machine.release()
    closing.result(PATIENCE_S)
    assert running[0].result(PATIENCE_S)


def test_closing_twice_is_closing_once():
    batcher = single_worker(Machine())
    batcher.close()
    batcher.close(drain=False)


def test_errors_that_are_typed_already_pass_through():
    own = ModelError("mine", code="model.mine")

    def run(_batch):
        raise own

    with pytest.raises(EkycError) as caught:
        Batcher(run, BatchPolicy()).infer(item(1))
    assert caught.value is own


@pytest.mark.parametrize("wrong", [{"max_batch": 0}, {"workers": 0}, {"queue_limit": -1}])
def test_a_policy_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match="at least"):
        BatchPolicy(**wrong)
