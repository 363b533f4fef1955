"""Takes one named file out of a wheel or an npm tarball, within bounds, without unpacking anything to disk."""

from __future__ import annotations

import tarfile
import zipfile
from typing import IO, TYPE_CHECKING

from ekyc.errors import InputError, LimitError

if TYPE_CHECKING:
    from pathlib import Path

MAX_ARCHIVE_BYTES = 512 * 1024 * 1024
"""Largest package archive that is opened."""
MAX_MEMBERS = 20_000
"""Most entries that are looked at in one archive."""
MAX_TAR_BYTES = 2 * 1024 * 1024 * 1024
"""Most decompressed bytes that are read while searching a tarball."""
_CHUNK = 1 << 20


def read_member(archive: Path, member: str, *, size: int) -> bytes:
    """The content of ``member``, which must have exactly ``size`` bytes.

    The name is compared as a whole and never used as a path, so that names with ``..`` reach nothing.

    Raises:
        LimitError: ``archive.too_large`` when archive or member pass their bounds.
        InputError: ``archive.unreadable``, ``archive.member_missing``.
    """
    if archive.stat().st_size > MAX_ARCHIVE_BYTES:
        raise LimitError(
            f"archive has more than {MAX_ARCHIVE_BYTES} bytes",
            code="archive.too_large",
            subject=archive.name,
        )
    try:
        reader = _read_zip if zipfile.is_zipfile(archive) else _read_tar
        return reader(archive, member, size)
    except InputError:
        raise
    except (
        Exception
    ) as exc:  # damaged archives make the two libraries raise a dozen unrelated types
        raise InputError(
            "not a readable wheel or npm tarball", code="archive.unreadable", subject=archive.name
        ) from exc


def _read_zip(archive: Path, member: str, size: int) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        if len(opened.infolist()) > MAX_MEMBERS:
            raise _too_large(archive, f"more than {MAX_MEMBERS} entries")
        try:
            info = opened.getinfo(member)
        except KeyError as exc:
            raise _missing(archive, member) from exc
        with opened.open(info) as stream:
            return _read_exactly(stream, size, archive, member)


def _read_tar(archive: Path, member: str, size: int) -> bytes:
    with tarfile.open(archive, mode="r|gz") as opened:
        passed = 0
        for count, info in enumerate(opened):
            passed += info.size
            if count >= MAX_MEMBERS or passed > MAX_TAR_BYTES:
                raise _too_large(archive, "too many entries or too much content")
            if info.name == member and info.isfile():
                stream = opened.extractfile(info)
                assert stream is not None  # isfile
                return _read_exactly(stream, size, archive, member)
    raise _missing(archive, member)


def _read_exactly(stream: IO[bytes], size: int, archive: Path, member: str) -> bytes:
    """One byte more than expected is the most that is ever decompressed."""
    parts: list[bytes] = []
    left = size + 1
    while left and (part := stream.read(min(left, _CHUNK))):
        parts.append(part)
        left -= len(part)
    if not left:
        raise _too_large(archive, f"{member} has more than {size} bytes")
    return b"".join(parts)


def _too_large(archive: Path, why: str) -> LimitError:
    return LimitError(why, code="archive.too_large", subject=archive.name)


def _missing(archive: Path, member: str) -> InputError:
    return InputError(f"has no file {member}", code="archive.member_missing", subject=archive.name)
