"""Backups: one file with a consistent state of the database and its blobs, and another one, if asked for, with the keys.

The file is a tar (mode 0600): ``state.sqlite3``, ``blobs/<name>`` …, ``manifest.json`` last, which has the SHA-256 of
each. It is read through and checked before it gets its name. Blobs are copied as they lie, sealed.

What makes people readable is **not** in it: keys of people and tenants, the keys of pseudonyms in the evidence log, and
what is somebody's by a pseudonym alone – whose decision it was, signing keys, second factors – (:data:`KEY_TABLES`) go into a file of their own, still wrapped, and key-encryption keys and ``service.key`` into none.
So whoever is erased is erased in every earlier backup, as soon as the keys' file of that time is destroyed: keep the
newest one only. Running liveness sessions and challenges are left out; they would be over, or must not come back.

SQLite only: PostgreSQL has tools of its own (docs/operations.md).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Final

from ekyc.errors import InputError
from ekyc.files import sync_folder
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.migrate import current_revision

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import BlobStore, Clock, Random

FORMAT: Final = "ekyc-backup/1"
KEY_TABLES: Final = (
    "subject_keys",
    "tenant_keys",
    "evidence_subjects",
    "persons",
    "credentials",
    "factors",
    "liveness_attempts",
    "person_attempts",
)
"""What makes people readable or found again, or is theirs by a pseudonym; not in a backup of data."""
KEY_COLUMNS: Final = MappingProxyType(
    {
        "session_results": (
            ("tenant_id", "session_id", "attempt"),
            {"person": "NULL", "holder": "NULL", "signing_session": "NULL"},
        ),
        "session_credentials": (("tenant_id", "id"), {"code": "NULL"}),
        "issued_results": (("id",), {"subject": "lower(hex(randomblob(32)))"}),
    }
)
"""Table → its primary key, and columns likewise with what stands for them in a backup of data, where the rows stay."""
PASSING_TABLES: Final = (
    "access_sessions",
    "capture_tokens",
    "grants",
    "liveness_chunks",
    "liveness_sessions",
    "nonces",
)
"""What is over when a backup is restored, or must not come back: logins, tokens, challenges; in no backup."""
STATE_NAME: Final = "state.sqlite3"
MANIFEST_NAME: Final = "manifest.json"
_MEMBER: Final = re.compile(r"state\.sqlite3\Z|manifest\.json\Z|blobs/[0-9a-f]{32}\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_PIECE_BYTES: Final = 1 << 20
_IN_MEMORY_BYTES: Final = 8 << 20
_MOST_MANIFEST_BYTES: Final = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself."""

    id: str
    created_at: datetime
    schema: str
    files: Mapping[str, str]
    """Name → SHA-256, lower-case hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made and read through."""

    id: str
    created_at: datetime
    blobs: int
    bytes: int
    with_keys: bool


def make_backup(
    engine: Engine,
    file: Path,
    *,
    keys_file: Path | None,
    blobs: BlobStore,
    clock: Clock,
    random: Random,
    subject: str,
) -> Backup:
    """Write a backup, and the keys of people into a second file if one is named.

    Raises:
        InputError: ``backup.engine``: the database is not SQLite; ``backup.exists``: a file is there already.
        StorageError: the database, a blob or the disk failed; then no file of the given name is left.
    """
    if engine.dialect.name != "sqlite":
        raise InputError(
            "backups of PostgreSQL are made with its own tools: docs/operations.md",
            code="backup.engine",
        )
    for path in (file, keys_file):
        if path is not None and path.exists():
            raise InputError("the file exists", code="backup.exists", subject=path.name)
    home = Path(engine.url.database or "").parent
    backup_id, now = random.token_bytes(16).hex(), clock.now()
    with _disk_errors(file), tempfile.TemporaryDirectory(dir=home, prefix=".backup-") as folder:
        snapshot = Path(folder) / STATE_NAME
        schema = _snapshot(engine, snapshot, subject)
        if keys_file is not None:
            with _finished(keys_file) as unfinished:
                _split_keys(snapshot, unfinished, _about(backup_id, now, schema))
        _strip(snapshot)
        with _finished(file) as unfinished:
            about = _about(backup_id, now, schema)
            count = _write(unfinished, snapshot, blobs, about, engine=engine, subject=subject)
            read_through(unfinished)
        size = file.stat().st_size
    return Backup(
        id=backup_id,
        created_at=now,
        blobs=count,
        bytes=size,
        with_keys=keys_file is not None,
    )


def read_through(file: Path) -> Manifest:
    """Read a backup from end to end; every file in it is there and as the manifest has it, and nothing else is.

    Raises:
        InputError: ``backup.damaged``: cut off, altered, or no backup.
        StorageError: the file cannot be read.
    """
    seen: dict[str, str] = {}
    manifest: Manifest | None = None
    with _tar_errors(file):
        for name, content in members(file):
            if manifest is not None or name in seen:
                raise damaged("members are doubled or out of order")
            if name == MANIFEST_NAME:
                manifest = _manifest(content.read(_MOST_MANIFEST_BYTES))
            else:
                seen[name] = _digest(content)
    if manifest is None:
        raise damaged("it has no manifest; it is cut off or no backup")
    if STATE_NAME not in seen or dict(manifest.files) != seen:
        raise damaged("its files are not those of its manifest")
    return manifest


def members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each file in a backup; each content is read before the next is asked for.

    Raises:
        InputError: ``backup.damaged``.
        StorageError: the file cannot be read.
    """
    with _tar_errors(file), tarfile.open(file, mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or not _MEMBER.match(member.name):
                raise damaged("something in it belongs to no backup")
            yield member.name, content


def damaged(message: str) -> InputError:
    """The error of a backup that cannot be used."""
    return InputError(message, code="backup.damaged")


def _snapshot(engine: Engine, path: Path, subject: str) -> str:
    """A consistent copy of the whole database, and its schema."""
    with storage_errors(subject), engine.connect() as connection:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection), "the engine is SQLite's"
        path.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        return current_revision(connection) or ""


def _split_keys(snapshot: Path, keys_file: Path, about: Mapping[str, str]) -> None:
    with contextlib.closing(sqlite3.connect(keys_file, isolation_level=None)) as keys:
        keys.execute("PRAGMA synchronous=FULL")
        keys.execute("ATTACH ? AS state", (str(snapshot),))
        keys.execute("BEGIN")
        for table in KEY_TABLES:
            keys.execute(f"CREATE TABLE {table} AS SELECT * FROM state.{table}")  # noqa: S608  # names of ours
        for table, (names, kept) in KEY_COLUMNS.items():
            columns = ", ".join((*names, *kept))
            keys.execute(f"CREATE TABLE {table} AS SELECT {columns} FROM state.{table}")  # noqa: S608  # names of ours
        keys.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        keys.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        keys.execute("COMMIT")


def _strip(snapshot: Path) -> None:
    with contextlib.closing(sqlite3.connect(snapshot, isolation_level=None)) as state:
        state.execute("PRAGMA secure_delete=ON")
        for table in (*KEY_TABLES, *PASSING_TABLES):
            state.execute(f"DELETE FROM {table}")  # noqa: S608  # names of ours
        for table, (_, blanked) in KEY_COLUMNS.items():
            for column, instead in blanked.items():
                state.execute(f"UPDATE {table} SET {column} = {instead}")  # noqa: S608  # names of ours
        state.execute("VACUUM")


def _write(
    unfinished: Path,
    snapshot: Path,
    blobs: BlobStore,
    about: Mapping[str, str],
    *,
    engine: Engine,
    subject: str,
) -> int:
    digests: dict[str, str] = {}
    with unfinished.open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
        with snapshot.open("rb") as state:
            digests[STATE_NAME] = _add(tar, STATE_NAME, state)
        for blob in _blobs_of(snapshot):
            try:
                with _spooled(blobs, blob) as content:
                    digests[f"blobs/{blob}"] = _add(tar, f"blobs/{blob}", content)
            except StorageError as error:
                # Erased or removed since the snapshot: then it is meant to be gone.
                if error.code != "blob.unknown" or _still_kept(engine, blob, subject):
                    raise
        manifest = json.dumps({**about, "files": digests}, indent=1, sort_keys=True).encode()
        _add(tar, MANIFEST_NAME, io.BytesIO(manifest))
    return len(digests) - 1


def _blobs_of(snapshot: Path) -> Iterator[str]:
    query = "SELECT blob FROM artefacts WHERE blob IS NOT NULL AND removed_at IS NULL ORDER BY blob"
    with contextlib.closing(sqlite3.connect(snapshot)) as state:
        for (name,) in state.execute(query):
            yield name


def _still_kept(engine: Engine, blob: str, subject: str) -> bool:
    query = "SELECT 1 FROM artefacts WHERE blob = ? AND removed_at IS NULL"
    with storage_errors(subject), engine.connect() as connection:
        return connection.exec_driver_sql(query, (blob,)).first() is not None


@contextlib.contextmanager
def _spooled(blobs: BlobStore, name: str) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
        for piece in blobs.read(name):
            spool.write(piece)
        spool.seek(0)
        yield spool


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> str:
    """Add a file of the content's length; its digest."""
    entry = tarfile.TarInfo(name)
    entry.mode = 0o600
    entry.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    digest = _digest(content)
    content.seek(0)
    tar.addfile(entry, content)
    return digest


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := content.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _about(backup_id: str, now: datetime, schema: str) -> dict[str, str]:
    return {"format": FORMAT, "id": backup_id, "created_at": now.isoformat(), "schema": schema}


def _manifest(text: bytes) -> Manifest:
    try:
        parsed: Any = json.loads(text)
        if parsed["format"] != FORMAT:
            raise damaged("it has a format that this version does not know")
        files = {str(name): str(digest) for name, digest in parsed["files"].items()}
        created_at = datetime.fromisoformat(parsed["created_at"])
        known = Manifest(
            id=str(parsed["id"]),
            created_at=created_at,
            schema=str(parsed["schema"]),
            files=MappingProxyType(files),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise damaged("its manifest is none") from exc
    if created_at.tzinfo is None or not all(map(_DIGEST.match, files.values())):
        raise damaged("its manifest is none")
    return known


@contextlib.contextmanager
def _finished(file: Path) -> Iterator[Path]:
    """A path to write to, that gets its name once it is on disk; where writing fails nothing is left."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.rename(file)
        sync_folder(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _tar_errors(file: Path) -> Iterator[None]:
    try:
        with _disk_errors(file):
            yield
    except (tarfile.TarError, EOFError) as exc:
        raise damaged("it is no tar, or cut off") from exc


@contextlib.contextmanager
def _disk_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        why = os.strerror(exc.errno or 0) if isinstance(exc, OSError) else type(exc).__name__
        raise StorageError(
            f"the backup cannot be read or written ({why})",
            code="storage.unreachable",
            subject=file.name,
        ) from exc
