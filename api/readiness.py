"""What must be there for the service to be ready: database and schema, key of the service, key provider, models.

Asked anew each time, except for what takes long: a model is hashed again when its file looks different, and once an hour.
Whoever asks waits for a bounded time, and any number of them ask once: a database that hangs holds one thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

import anyio
import anyio.to_thread

from ekyc.errors import EkycError

if TYPE_CHECKING:
    from pathlib import Path

Ask = Callable[[], object]
"""Returns if a part is there, else raises :class:`~ekyc.errors.EkycError`."""
NOTHING_MORE: Final[Mapping[str, Ask]] = MappingProxyType({})
OK: Final = "ok"
SLOW: Final = "busy.slow"
"""A part that has not answered in time."""
_WAIT_S: Final = 5.0
_HASH_EVERY_S: Final = 3600.0


class _Found(Protocol):
    @property
    def path(self) -> Path: ...


class _Store(Protocol):
    def require(self, entry_id: str) -> _Found: ...

    def verify(self, entry_id: str) -> _Found: ...


class HashedModels:
    """Models that the service began with. Safe across threads: the worst is that a file is hashed twice.

    Args:
        store: a :class:`~ekyc.inference.ModelStore`.
        ids: which of its models.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self, store: _Store, ids: tuple[str, ...], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._ids = ids
        self._monotonic = monotonic
        self._hashed: dict[str, tuple[float, object]] = {}

    def require(self) -> None:
        """Return if each is there with the bytes that the registry pins.

        Raises:
            ModelError: ``model.not_installed``, ``model.altered``.
        """
        for entry_id in self._ids:
            looks = _looks_of(self._store.require(entry_id).path)
            at, before = self._hashed.get(entry_id, (0.0, None))
            now = self._monotonic()
            if looks is None or looks != before or now - at > _HASH_EVERY_S:
                self._store.verify(entry_id)
                self._hashed[entry_id] = (now, looks)


class Readiness:
    """The parts, asked together and by one thread at a time. Lives in one event loop.

    Args:
        parts: what is asked.
        wait_s: after which whoever asks is told what is known by then.
    """

    def __init__(self, parts: Mapping[str, Ask], *, wait_s: float = _WAIT_S) -> None:
        self._parts = parts
        self._wait_s = wait_s
        self._thread: anyio.CapacityLimiter | None = None
        self._asking: asyncio.Task[None] | None = None
        self._known: dict[str, str] = {}

    async def states(self) -> dict[str, str]:
        """Each part, and ``ok``, :data:`SLOW` or the code of what is wrong with it."""
        if self._asking is None or self._asking.done():
            self._known = dict.fromkeys(self._parts, SLOW)
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        done, _ = await asyncio.wait({self._asking}, timeout=self._wait_s)
        for asked in done:
            asked.result()  # raises what nobody foresaw
        return dict(self._known)

    async def _ask(self) -> None:
        known = self._known
        self._thread = self._thread or anyio.CapacityLimiter(1)

        def ask_all() -> None:
            for name, ask in self._parts.items():
                known[name] = _state(ask)

        # With a thread of its own: those of requests may all be waiting for the database.
        await anyio.to_thread.run_sync(ask_all, limiter=self._thread)


def states_of(parts: Mapping[str, Ask]) -> dict[str, str]:
    """Each part, and ``ok`` or the code of what is wrong with it."""
    return {name: _state(ask) for name, ask in parts.items()}


def _state(ask: Ask) -> str:
    try:
        ask()
    except EkycError as error:
        return error.code
    return OK


def _looks_of(path: Path) -> object:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
