"""Files that are read within a bound, and written whole or not at all, also after a power cut.

Each is written beside its place and synced, then gets its name, then the folder is synced. Whoever is cut off or fails
leaves what was there before. Two cases remain: where only the sync of the folder fails, the file has its name already;
and where a file system has no links, a new file has its name, empty, a moment before its bytes.

Every function raises :class:`OSError` as it comes: which of our errors that is, only the caller knows.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ekyc.errors import LimitError

PRIVATE: Final = 0o600
"""Mode of a file that its owner alone reads. Whatever the mode, the umask takes away from it."""
PUBLIC: Final = 0o644
"""Mode of a file that anybody may read."""


def read_file(path: Path, most: int, *, code: str = "input.limit") -> bytes:
    """The whole of a file; of a larger one never more than a byte beyond the bound is read, and none is given.

    Args:
        path: the file.
        most: bytes that it may have.
        code: of the error.

    Raises:
        LimitError: it is larger.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise LimitError(f"larger than {most} bytes", code=code, subject=path.name)
    return data


def replace_file(path: Path, data: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file in place of an older one, or of none; the mode of the older one is not kept."""
    with replacing(path, mode=mode) as out:
        out.write(data)


def replacing(path: Path, *, mode: int = PRIVATE) -> contextlib.AbstractContextManager[BinaryIO]:
    """As :func:`replace_file`, for what is written piece by piece: in place once the block ends without an error."""
    return _drafted(path, mode, Path.replace)


def create_file(path: Path, data: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that must not be there yet; of many who create one, one wins.

    Raises:
        FileExistsError: there is something of this name; it is left as it is.
        OSError: it cannot be written.
    """
    with _drafted(path, mode, _name_new) as out:
        out.write(data)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on disk: what was named or removed stays so after a power cut."""
    if os.name == "posix":  # Windows has no such call and needs none
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _drafted(path: Path, mode: int, name: Callable[[Path, Path], object]) -> Iterator[BinaryIO]:
    draft = path.parent / f".ekyc-{secrets.token_hex(8)}"
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        name(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def _name_new(draft: Path, path: Path) -> None:
    """Give a draft its name unless something has it: a link fails there, where a rename would write over it."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except (
        OSError
    ):  # a file system without links: the name is taken, empty, then filled by one rename
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
        try:
            draft.replace(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
