"""Blobs as files: the default behind :class:`ekyc.ports.BlobStore`.

``blobs/3f/3f…`` (mode 0600 in folders of 0700); a name is 16 random bytes and tells nothing. A blob is written under
``blobs/unfinished``, flushed to the disk and then renamed, and the folder is flushed too: a process or a machine that
dies leaves the whole blob or none. What lies in ``unfinished`` for an hour has no writer any more and is swept.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.files import sync_folder
from ekyc.storage.errors import StorageError, disk_errors

if TYPE_CHECKING:
    from ekyc.ports import Random

BLOBS_NAME: Final = "blobs"
"""Name of the default folder of blobs inside the state folder."""
_NAME: Final = re.compile(r"[0-9a-f]{32}\Z")
_UNFINISHED: Final = "unfinished"
_PIECE_BYTES: Final = 1 << 18


class FileBlobStore:
    """A :class:`ekyc.ports.BlobStore` over a folder. Safe across threads and processes."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._folder = folder
        self._random = random

    def put(self, chunks: Iterable[bytes]) -> str:
        """Store and return the name.

        Raises:
            StorageError: ``storage.full``, ``storage.read_only``, ``storage.unreachable``; then nothing is stored.
        """
        name = self._random.token_bytes(16).hex()
        with _blob_errors(name):
            unfinished = self._made(self._folder / _UNFINISHED) / name
            place = self._made(self._folder / name[:2]) / name
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
            handle = os.open(unfinished, flags, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    for chunk in chunks:
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.rename(place)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            sync_folder(place.parent)
        return name

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes, in pieces of 256 KiB.

        Raises:
            StorageError: ``blob.unknown``; ``storage.unreachable`` and others: the disk failed.
        """
        path = self._path(name)
        with _blob_errors(name):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece

    def delete(self, name: str) -> None:
        """Remove, lastingly; a name that is gone already is no error."""
        path = self._path(name)
        with _blob_errors(name):
            try:
                path.unlink()
            except FileNotFoundError:
                return
            sync_folder(path.parent)

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every blob and when it was stored."""
        with _blob_errors(self._folder.name):
            for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
                for file in sorted(folder.iterdir()):
                    if _NAME.match(file.name):
                        yield file.name, _time_of(file)

    def sweep_unfinished(self, before: datetime) -> int:
        """Remove what was begun before a moment and never finished; the number removed."""
        swept = 0
        with _blob_errors(self._folder.name):
            for file in (self._folder / _UNFINISHED).glob("*"):
                if _time_of(file) < before:
                    file.unlink(missing_ok=True)
                    swept += 1
        return swept

    def _made(self, folder: Path) -> Path:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)  # parents=True leaves it to the umask
            sync_folder(folder.parent)
        return folder

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise StorageError("not a name of a blob", code="blob.unknown")
        return self._folder / name[:2] / name


def _time_of(file: Path) -> datetime:
    return datetime.fromtimestamp(file.lstat().st_mtime, UTC)


@contextlib.contextmanager
def _blob_errors(subject: str) -> Iterator[None]:
    with disk_errors(subject):
        try:
            yield
        except FileNotFoundError as exc:
            raise StorageError("no such blob", code="blob.unknown", subject=subject) from exc
