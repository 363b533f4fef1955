"""The machine's clock, unless somebody tells a story: then the time stands in a file, and moves as the story does."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EpochClock:
    """Whole microseconds since 1970, as text in a file; without the file, the machine's time."""

    def __init__(self, path):
        self._path = path

    def now(self):
        try:
            return EPOCH + timedelta(microseconds=int(self._path.read_text()))
        except FileNotFoundError:
            return datetime.now(UTC)

    def set_to(self, moment):
        """Move the story forward; it never runs backwards."""
        wanted = max(moment, self.now() if self._path.exists() else moment)
        fresh = self._path.with_suffix(f".{os.getpid()}")
        fresh.write_text(str((wanted - EPOCH) // timedelta(microseconds=1)))
        fresh.replace(self._path)

    def end(self):
        """Whether the story is over: the machine's time has come up to it."""
        if datetime.now(UTC) < self.now():
            return False
        self._path.unlink()
        return True
