"""Timers: one worker runs each, those that fail come again soon, and a clock that jumps stops none."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ekyc.errors import InputError
from ekyc.storage import Storage
from ekyc.testing import FixedClock
from ekyc.workflow import Timer, Timers, ticking

HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(database, clock):
    with Storage.open(database, clock=clock) as opened:
        yield opened


def steps(storage, *timers):
    """A function that makes one step and waits for what it began."""
    runner = Timers(storage.timers, timers)

    def step():
        with ThreadPoolExecutor(4) as pool:
            runner.step(pool)

    return step


def test_runs_at_once_and_then_when_due(storage, clock):
    ran = []
    step = steps(storage, Timer(name="one", every=HOUR, sweep=ran.append))
    step()
    step()
    assert ran == [clock.now()]
    clock.advance(HOUR)
    step()
    assert len(ran) == 2
    assert storage.timers.states()["one"].due_at == clock.now() + HOUR


def test_of_two_workers_one_runs_it(database, clock):
    ran = []
    with Storage.open(database, clock=clock) as one, Storage.open(database, clock=clock) as other:
        timer = Timer(name="one", every=HOUR, sweep=ran.append)
        together = threading.Barrier(8)

        def claim(storage):
            together.wait(30)
            return storage.timers.claim(timer.name, timer.every)

        with ThreadPoolExecutor(8) as pool:
            won = [at for at in pool.map(claim, [one, other] * 4) if at is not None]
    assert len(won) == 1


def test_a_restart_does_not_bring_it_forward(storage, clock):
    ran = []
    timer = Timer(name="daily", every=timedelta(days=1), sweep=ran.append)
    steps(storage, timer)()
    clock.advance(timedelta(minutes=1))
    steps(storage, timer)()
    assert len(ran) == 1


def test_a_failure_is_told_by_its_code_and_comes_again_within_a_minute(storage, clock, caplog):
    def failing(at):
        raise InputError("079185001234 stands in here", code="case.invalid")

    step = steps(storage, Timer(name="one", every=HOUR, sweep=failing))
    step()
    state = storage.timers.states()["one"]
    assert (state.failure, state.due_at) == ("case.invalid", clock.now() + timedelta(minutes=1))
    assert "079185001234" not in caplog.text


def test_a_defect_of_one_stops_no_other(storage):
    ran = []

    def defect(at):
        raise ZeroDivisionError

    step = steps(
        storage,
        Timer(name="broken", every=HOUR, sweep=defect),
        Timer(name="sound", every=HOUR, sweep=ran.append),
    )
    step()
    assert ran
    assert storage.timers.states()["broken"].failure == "internal"
    assert storage.timers.states()["sound"].failure is None


def test_a_clock_that_jumped_ahead_and_back_stops_no_timer(storage, clock):
    ran = []
    step = steps(storage, Timer(name="one", every=HOUR, sweep=ran.append))
    clock.advance(timedelta(days=365))
    step()
    clock.advance(timedelta(days=-365))
    step()
    assert len(ran) == 2


def test_what_runs_is_not_begun_again_and_is_waited_for(storage, clock):
    begun, go_on = threading.Semaphore(0), threading.Event()
    ended = []

    def slow(at):
        begun.release()
        assert go_on.wait(30)
        ended.append(at)

    timers = Timers(storage.timers, (Timer(name="slow", every=HOUR, sweep=slow),), poll_s=0.01)
    with ticking(timers):
        assert begun.acquire(timeout=30)
        clock.advance(2 * HOUR)
        assert not begun.acquire(timeout=0.2)
        go_on.set()
    assert ended


def test_dbos_is_not_loaded_before_there_is_work():
    program = "import sys, ekyc.api, ekyc.api.batches.work, ekyc.cli.serve, ekyc.cli.worker; print('dbos' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "False\n"


def test_names_are_of_one_timer_each(storage):
    timer = Timer(name="one", every=HOUR, sweep=print)
    with pytest.raises(ValueError, match="one name"):
        Timers(storage.timers, (timer, timer))
