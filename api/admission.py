"""How many requests are under way, and how many verifications run and wait. The rest are turned away at once, while the
service still answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread

from ekyc.errors import BusyError

_T = TypeVar("_T")


class Places:
    """Requests that may be under way at once, whatever they ask. Lives in one event loop.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self) -> Place | None:
        """A place, or ``None`` where all are taken."""
        if self._left < 1:
            return None
        self._left -= 1
        return Place(self._come_free)

    def _come_free(self) -> None:
        self._left += 1


class Place:
    """The place of one request, until it is left. What only waits for news from then on, as an event stream does, leaves early."""

    def __init__(self, come_free: Callable[[], None]) -> None:
        self._come_free: Callable[[], None] | None = come_free

    def leave(self) -> None:
        """Make room for another. Twice is once."""
        if self._come_free is not None:
            self._come_free()
            self._come_free = None


class _Bounds(Protocol):
    @property
    def workers(self) -> int: ...

    @property
    def waiting(self) -> int: ...


class Admission:
    """A bounded queue before a bounded set of worker threads. Lives in one event loop."""

    def __init__(self, limits: _Bounds) -> None:
        self._places = limits.workers + limits.waiting
        self._taken = 0
        self._workers = anyio.CapacityLimiter(limits.workers)
        self.turned_away = 0
        """How often there was no room."""

    @property
    def taken(self) -> int:
        """Work that runs or waits."""
        return self._taken

    @property
    def has_room(self) -> bool:
        """Whether more work would be taken."""
        return self._taken < self._places

    def require_room(self) -> None:
        """Return if more work would be taken; asked before an upload, so that refusal is cheap.

        Raises:
            BusyError: all places are taken (``busy.queue_full``).
        """
        if not self.has_room:
            self.turned_away += 1
            raise BusyError("too much work is waiting", code="busy.queue_full")

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run ``work`` on a worker thread as soon as one is free.

        A caller that goes away does not stop work that has begun: its files must outlive it.

        Raises:
            BusyError: all places are taken (``busy.queue_full``).
        """
        self.require_room()
        with self.place():
            return await self.carry(work)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place during the block for work that was accepted before: it is never turned away."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def carry(self, work: Callable[[], _T]) -> _T:
        """As :meth:`run`, for work that has its :meth:`place`."""
        return await anyio.to_thread.run_sync(work, limiter=self._workers)
