"""Who waits to hear that a session moved: long polls and event streams of this process.

A notice says only *look again*. Whoever waits looks again after a while in any case, since another process may have
moved the session.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ekyc.errors import BusyError


class Notices:
    """Subscribers of one process. Lives in one event loop.

    Args:
        most: that may wait at once.
        of_citizen: of these, of one login.
    """

    def __init__(self, most: int, of_citizen: int = 8) -> None:
        self._most = most
        self._of_citizen = of_citizen
        self._waiting = 0
        self._citizens: Counter[str] = Counter()
        self._subscribers: defaultdict[tuple[str, str], set[Subscription]] = defaultdict(set)

    def has_room(self, citizen: str | None = None) -> bool:
        """Whether one more may wait; ``citizen`` is the login whose it is, if it is one's."""
        if citizen is not None and self._citizens[citizen] >= self._of_citizen:
            return False
        return self._waiting < self._most

    @contextmanager
    def subscribed(
        self, tenant: str, session_id: str, citizen: str | None = None
    ) -> Iterator[Subscription]:
        """Hear of one session for the length of the block.

        Raises:
            BusyError: ``busy.subscribers``: too many wait already.
        """
        if not self.has_room(citizen):
            raise BusyError("too many wait for events", code="busy.subscribers")
        key, subscription = (tenant, session_id), Subscription()
        self._waiting += 1
        self._citizens.update(filter(None, (citizen,)))
        self._subscribers[key].add(subscription)
        try:
            yield subscription
        finally:
            self._waiting -= 1
            self._citizens -= Counter(filter(None, (citizen,)))  # and forgets whoever has none left
            self._subscribers[key].discard(subscription)
            if not self._subscribers[key]:
                del self._subscribers[key]

    def tell(self, tenant: str, session_id: str) -> None:
        """The session moved."""
        for subscription in self._subscribers.get((tenant, session_id), ()):
            subscription.moved.set()


class Subscription:
    """One that waits."""

    def __init__(self) -> None:
        self.moved = anyio.Event()

    async def wait(self, seconds: float) -> bool:
        """Until the session moved since the last call, or ``seconds`` have passed; whether it moved."""
        with anyio.move_on_after(seconds):
            await self.moved.wait()
        moved = self.moved.is_set()
        if moved:
            self.moved = anyio.Event()
        return moved
