"""Private folders for uploads: made with mode 0700, gone when the request ends, swept after a crash.

Each process holds a lock on its own folder. A folder that nobody holds was left by a process that was killed, and
the next service that starts removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_PREFIX = "ekyc-uploads-"
_LOCK = "lock"


class Scratch:
    """The upload folders of one process."""

    def __init__(self, root: Path, lock: int) -> None:
        self._root = root
        self._lock = lock

    @classmethod
    def open(cls, parent: Path | None = None) -> Self:
        """Make this process's folder inside ``parent`` (the system's temporary folder), sweeping old ones."""
        parent = parent or Path(tempfile.gettempdir())
        for old in parent.glob(f"{_PREFIX}*"):
            _sweep(old)
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = os.open(root / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(root, lock)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A fresh folder for one request, removed with all its files whatever happens."""
        path = Path(tempfile.mkdtemp(dir=self._root))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def taken(self) -> Path:
        """A fresh folder that outlives its request; whoever takes it removes it."""
        return Path(tempfile.mkdtemp(dir=self._root))

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._root, ignore_errors=True)
        os.close(self._lock)


def _sweep(folder: Path) -> None:
    """Remove ``folder`` if it is ours and nobody holds it."""
    try:
        if folder.lstat().st_uid != os.getuid():
            return
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # another process is just making or removing it
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # in use
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)  # which follows no link
    finally:
        os.close(lock)
