"""A clock whose hands stand in a file: client and server of a test live by it, and no machine is too slow for them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

BEGINNING = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)


class StoryClock:
    """Whole microseconds since :data:`BEGINNING`, as text in a file."""

    def __init__(self, path):
        self._path = path
        if not path.exists():
            self._write(0)

    def now(self):
        return BEGINNING + timedelta(microseconds=int(self._path.read_text()))

    def set_to(self, moment):
        """Move forward; it never runs backwards."""
        wanted = (moment - BEGINNING) // timedelta(microseconds=1)
        self._write(max(wanted, int(self._path.read_text()) if self._path.exists() else 0))

    def _write(self, microseconds):
        fresh = self._path.with_suffix(f".{os.getpid()}")
        fresh.write_text(str(microseconds))
        fresh.replace(self._path)
