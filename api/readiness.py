"""What must be there for the service to be ready: database and schema, key of the service, key provider, models.

Asked anew each time, except for what takes long: a model is hashed again when its file looks different, and once an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from ekyc.errors import EkycError

if TYPE_CHECKING:
    from pathlib import Path

Ask = Callable[[], object]
"""Returns if a part is there, else raises :class:`~ekyc.errors.EkycError`."""
NOTHING_MORE: Final[Mapping[str, Ask]] = MappingProxyType({})
OK: Final = "ok"
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
