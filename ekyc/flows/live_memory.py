"""What one process remembers of liveness sessions, so that it reads nothing again that it took itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

from ekyc.errors import BusyError

if TYPE_CHECKING:
    from ekyc.liveness.active import Session

_MOST: Final = 64


class SessionsInMemory:
    """The sessions that were stepped last, and which of them a step is under way for. Safe across threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Session] = OrderedDict()
        self._busy: set[str] = set()
        self._lock = Lock()

    @contextmanager
    def alone(self, session_id: str) -> Iterator[None]:
        """One step of a session at a time in this process; between processes the store decides.

        Raises:
            BusyError: ``busy.session``.
        """
        with self._lock:
            if session_id in self._busy:
                raise under_way()
            self._busy.add(session_id)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(session_id)

    def get(self, session_id: str) -> Session | None:
        """The session after the last step that was taken here."""
        with self._lock:
            return self._held.get(session_id)

    def hold(self, session_id: str, session: Session) -> None:
        """Remember a session; what the store has is never older."""
        with self._lock:
            self._held[session_id] = session
            self._held.move_to_end(session_id)
            while len(self._held) > _MOST:
                self._held.popitem(last=False)

    def let_go(self, session_id: str) -> None:
        """Forget a session."""
        with self._lock:
            self._held.pop(session_id, None)


def under_way() -> BusyError:
    """The error of a step that comes while another one is taken."""
    return BusyError("a step of this session is under way", code="busy.session")
