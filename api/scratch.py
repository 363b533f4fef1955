"""Private folders for uploads: made with mode 0700, gone when the request ends, swept after a crash.

Each process holds a lock on its own folder. A folder that nobody holds was left by a process that was killed, and
the next service that starts removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from ekyc.storage import disk_errors

_PREFIX = "ekyc-uploads-"
_LOCK = "lock"
_BEGINNING_S: Final = 3600.0
"""After which a folder without a lock is no longer just being made."""


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
        while True:
            root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            lock = os.open(root / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (root / _LOCK).exists():
                return cls(root, lock)
            os.close(lock)  # another process swept it just before it was locked

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A fresh folder for one request, removed with all its files whatever happens."""
        path = self.taken()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def taken(self) -> Path:
        """A fresh folder that outlives its request; whoever takes it removes it.

        Raises:
            StorageError: ``storage.full``; ``storage.unreachable`` and others: the disk failed.
        """
        with disk_errors("upload"):
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
    except (
        FileNotFoundError
    ):  # its process was killed before it made one, or is just making or removing it
        _sweep_old(folder)
        return
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # in use
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)  # which follows no link
    finally:
        os.close(lock)


def _sweep_old(folder: Path) -> None:
    try:
        old = time.time() - folder.lstat().st_mtime > _BEGINNING_S
    except OSError:
        return
    if old:
        shutil.rmtree(folder, ignore_errors=True)
