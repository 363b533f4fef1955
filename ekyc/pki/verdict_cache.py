"""Which anchor issued a document signer, remembered: one document signer signs thousands of documents."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Final

DEFAULT_CAPACITY: Final = 4096


class VerdictCache:
    """A bounded map, the least recently used entry leaving first. Safe to share between threads.

    Only findings that hold at any time belong in it, keyed by certificate and version of the trust store; validity,
    revocation and expiry are judged anew each time. Only certificates that an anchor really issued are kept, so that
    strangers cannot push genuine ones out.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._capacity = capacity
        self._found: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Hashable) -> Any | None:
        """What was put under ``key``, or None."""
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
            return found

    def put(self, key: Hashable, found: object) -> None:
        with self._lock:
            self._found[key] = found
            self._found.move_to_end(key)
            while len(self._found) > self._capacity:
                self._found.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._found.clear()
