"""What is done again and again: sessions that are over, retention, clocks that run out.

Each timer is claimed in the database when it is due, so that of several workers one runs it. A sweep must be able to run
twice, even at once: whoever is paused for long, or whose clock jumps, may believe what others no longer do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ekyc.errors import EkycError, place_of
from ekyc.threads import running

if TYPE_CHECKING:
    from ekyc.storage import TimerStore

_LOG: Final = logging.getLogger("ekyc.worker")
_AT_ONCE: Final = 4
_AGAIN_IN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A sweep and how often it is wanted."""

    name: str
    every: timedelta
    sweep: Callable[[datetime], object]
    """Called with the time at which it was due to run; what it gives is dropped."""


class Timers:
    """Runs timers until it is told to stop. As many of these as wanted, at one database.

    Args:
        store: when each is due.
        timers: each with a name of its own.
        poll_s: pause between two looks.
    """

    def __init__(
        self, store: TimerStore, timers: tuple[Timer, ...], *, poll_s: float = 1.0
    ) -> None:
        if len({timer.name for timer in timers}) != len(timers):
            raise ValueError("two timers of one name")
        self._store = store
        self._timers = timers
        self._poll_s = poll_s
        self._running: dict[str, Future[None]] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set and what runs has ended. A database that fails is tried again."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ekyc-timer") as pool:
            while not stop.is_set():
                try:
                    self.step(pool)
                except EkycError as error:
                    _LOG.warning("timers wait: %s", error.code)
                except Exception as error:  # noqa: BLE001 - a worker outlives a defect; its text may say too much
                    _LOG.error("defect: %s at %s", type(error).__name__, place_of(error))
                stop.wait(self._poll_s)

    def step(self, pool: ThreadPoolExecutor) -> None:
        """Begin every timer that is due and that no other worker has begun.

        Raises:
            StorageError, BusyError: the database failed.
        """
        states = self._store.states()
        for timer in self._timers:
            running = self._running.get(timer.name)
            if running is not None and not running.done():
                continue
            known = states.get(timer.name)
            # Two clocks may differ a little: the claim decides, this only saves a write.
            now = self._store.now()
            if known is not None and now < known.due_at <= now + timer.every:
                continue
            at = self._store.claim(timer.name, timer.every)
            if at is not None:
                self._running[timer.name] = pool.submit(self._carry_out, timer, at)

    def _carry_out(self, timer: Timer, at: datetime) -> None:
        failure: str | None = None
        try:
            timer.sweep(at)
        except EkycError as error:
            failure = error.code
            _LOG.warning("timer %s failed: %s", timer.name, failure)
        except Exception as error:  # noqa: BLE001 - one sweep's defect is not the others'
            failure = "internal"
            _LOG.error(
                "timer %s: defect: %s at %s", timer.name, type(error).__name__, place_of(error)
            )
        try:
            again_in = min(timer.every, _AGAIN_IN)
            self._store.ended(timer.name, failure=failure, again_in=again_in)
        except EkycError as error:
            _LOG.warning("timer %s not recorded: %s", timer.name, error.code)


def ticking(timers: Timers) -> AbstractContextManager[None]:
    """Timers run in a thread of their own during the block, and are waited for at its end."""
    return running(timers.run, name="ekyc-timers")
