"""How many verifications run and wait. The rest are turned away at once, while the service still answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread

from ekyc.errors import BusyError

_T = TypeVar("_T")


class _Places(Protocol):
    @property
    def workers(self) -> int: ...

    @property
    def waiting(self) -> int: ...


class Admission:
    """A bounded queue before a bounded set of worker threads. Lives in one event loop."""

    def __init__(self, limits: _Places) -> None:
        self._places = limits.workers + limits.waiting
        self._taken = 0
        self._workers = anyio.CapacityLimiter(limits.workers)
        self.turned_away = 0
        """How often there was no room."""

    @property
    def taken(self) -> int:
        """Work that runs or waits."""
        return self._taken

    def require_room(self) -> None:
        """Return if more work would be taken; asked before an upload, so that refusal is cheap.

        Raises:
            BusyError: all places are taken (``busy.queue_full``).
        """
        if self._taken >= self._places:
            self.turned_away += 1
            raise BusyError("too much work is waiting", code="busy.queue_full")

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run ``work`` on a worker thread as soon as one is free.

        A caller that goes away does not stop work that has begun: its files must outlive it.

        Raises:
            BusyError: all places are taken (``busy.queue_full``).
        """
        self.require_room()
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._workers)
        finally:
            self._taken -= 1
