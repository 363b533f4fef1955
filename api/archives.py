"""A case as one zip archive, unpacked without trusting what its headers claim.

1. The central directory must be small and the only one: its entries are held in memory before the first one can be
   judged, and a zip64 record would take its place without a word.
2. Every entry is a plain file with a plain name, stored or deflated, not encrypted; folders are skipped.
3. Bytes are counted while they come out, so that a header that understates them gains nothing.
4. One folder around everything is taken off, since that is how folders are usually packed.
"""

from __future__ import annotations

import errno
import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath

from ekyc.api.limits import ServiceLimits
from ekyc.api.paths import case_path, comparison_key
from ekyc.errors import EkycError, InputError, LimitError

_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_LONGEST_COMMENT = 0xFFFF
_CHUNK = 64 * 1024
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_ZIP64_LOCATOR_BYTES = 20
_OF_ENTRIES = frozenset(
    {errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR}
)
"""What the file system says of hostile entries: a file where another wants a folder, long names, wild offsets."""


def unpack(archive: Path, folder: Path, limits: ServiceLimits, *, unwrap: bool = True) -> None:
    """Unpack ``archive`` into the existing, empty ``folder``; ``unwrap`` takes one folder around everything off.

    Raises:
        InputError: not an archive, or one with entries that a case cannot have (``request.archive``,
            ``request.path``).
        LimitError: too many entries or bytes (``request.too_many_parts``, ``request.too_large``).
    """
    _require_small_directory(archive, limits)
    try:
        with zipfile.ZipFile(archive) as opened:
            files = _plain_files(opened, limits)
            files = _without_wrapper(files) if unwrap else files
            left = limits.case_bytes
            for path, entry in files.items():
                left -= _unpack_entry(opened, entry, folder / path, min(left, limits.file_bytes))
    except EkycError:
        raise
    except OSError as exc:
        if exc.errno not in _OF_ENTRIES:  # our disk is full or broken
            raise
        raise InputError("an entry's name or place cannot be used", code="request.archive") from exc
    except Exception as exc:  # zipfile lets IndexError, OSError and more through on hostile bytes
        raise InputError("the archive is damaged", code="request.archive") from exc


def _require_small_directory(archive: Path, limits: ServiceLimits) -> None:  # (1)
    with archive.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _ZIP64_LOCATOR_BYTES - _END_OF_DIRECTORY.size - _LONGEST_COMMENT))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END_OF_DIRECTORY.size:
        raise InputError("not a zip archive", code="request.archive")
    *_, entries, directory_bytes, offset, _ = _END_OF_DIRECTORY.unpack_from(tail, at)
    zip64 = tail[max(0, at - _ZIP64_LOCATOR_BYTES) :].startswith(b"PK\6\7")
    if zip64 or 0xFFFFFFFF in {directory_bytes, offset} or entries == 0xFFFF:
        raise InputError("zip64 archives are not accepted", code="request.archive")
    if directory_bytes > limits.directory_bytes or entries > limits.parts:
        raise LimitError("too many files in the archive", code="request.too_many_parts")


def _plain_files(
    opened: zipfile.ZipFile, limits: ServiceLimits
) -> dict[PurePosixPath, zipfile.ZipInfo]:  # (2)
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if len(entries) > limits.parts:
        raise LimitError("too many files in the archive", code="request.too_many_parts")
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if (
            entry.flag_bits & _ENCRYPTED
            or entry.compress_type not in _METHODS
            or kind not in {0, stat.S_IFREG}
        ):
            raise InputError(
                "the archive holds something other than plain files", code="request.archive"
            )
        path = case_path(entry.filename)
        if comparison_key(path) in seen:
            raise InputError("the archive holds a file twice", code="request.archive")
        seen.add(comparison_key(path))
        files[path] = entry
    return files


def _without_wrapper(
    files: dict[PurePosixPath, zipfile.ZipInfo],
) -> dict[PurePosixPath, zipfile.ZipInfo]:  # (4)
    tops = {path.parts[0] for path in files}
    if len(tops) != 1 or any(len(path.parts) == 1 for path in files):
        return files
    return {PurePosixPath(*path.parts[1:]): entry for path, entry in files.items()}


def _unpack_entry(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, allowed: int
) -> int:  # (3)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    with opened.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > allowed:
                raise LimitError(
                    "the archive unpacks to more than a case may hold", code="request.too_large"
                )
            out.write(chunk)
    return written
