"""Work that must end."""

import asyncio
import contextlib
import sys
import threading
import time

import pytest

from ekyc.signing.validation.bounded import OverdueError, within


def spin():
    while True:
        try:
            for _ in range(1000):
                pass
        except Exception:  # noqa: BLE001  # a parser that swallows everything
            pass


def test_a_result_comes_back():
    assert within(5, lambda: 42) == 42


def test_an_exception_comes_back():
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_an_endless_computation_is_stopped_even_if_it_swallows_exceptions():
    threads = threading.active_count()
    with pytest.raises(OverdueError):
        within(0.05, spin)
    assert threading.active_count() == threads


def test_a_computation_that_eats_memory_is_stopped():
    def eat():
        eaten = []
        while True:
            eaten.append(bytearray(1 << 20))

    with pytest.raises(OverdueError):
        within(60, eat, memory_bytes=64 << 20)


def test_deep_recursion_ends_in_its_own_error():
    def fall(depth):
        return fall(depth + 1) + 1

    with pytest.raises(RecursionError):
        within(5, lambda: fall(0))


def test_it_may_start_an_event_loop_though_the_caller_runs_one():
    async def inner():
        return await asyncio.sleep(0, "done")

    async def outer():
        return within(5, lambda: asyncio.run(inner()))

    assert asyncio.run(outer()) == "done"


def test_ending_at_the_very_moment_is_either_a_result_or_overdue():
    """Race the end of the function against the interruption; nothing may escape into the thread's hook."""
    escaped = []
    hook, threading.excepthook = threading.excepthook, escaped.append
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for n in range(150):
            until = time.perf_counter() + 0.001 + n * 1e-6

            def work(until=until):
                while time.perf_counter() < until:
                    pass
                return "done"

            with contextlib.suppress(OverdueError):
                assert within(0.001, work) == "done"
    finally:
        threading.excepthook = hook
        sys.setswitchinterval(interval)
    assert escaped == []
