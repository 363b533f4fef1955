"""A backup becomes a database again, at a place where there is none.

1. The backup is read through; nothing is touched before.
2. The state is brought to the present schema beside its place.
3. The keys come from the newest keys' file, which must not be older than the backup. Every key-encryption key that they
   need must be there and fit.
4. A person whose key is in no keys' file was erased since: the row says so, and its blobs are not restored.
5. Blobs get new names. Only then does the database get its own; a restore that dies leaves blobs without rows, which
   retention sweeps, and is begun again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from ekyc.errors import EkycError, InputError
from ekyc.files import sync_folder
from ekyc.ports import WrappedKey
from ekyc.storage import migrate
from ekyc.storage.backup import (
    FORMAT,
    KEY_COLUMNS,
    KEY_TABLES,
    MANIFEST_NAME,
    STATE_NAME,
    Manifest,
    damaged,
    members,
    read_through,
)
from ekyc.storage.engine import make_engine, parse_target
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.evidence.events import Reference
from ekyc.storage.evidence.log import place_of
from ekyc.storage.sealed.subjects import key_context

if TYPE_CHECKING:
    from ekyc.ports import BlobStore, Clock, KeyProvider

_PIECE_BYTES: Final = 1 << 20
_INSTANT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore brought back."""

    id: str
    created_at: datetime
    """When the backup was made; what came later is not in it."""
    blobs: int
    erased_since: int
    """People who are not brought back: their keys were destroyed after the backup."""


def restore_backup(
    file: Path,
    *,
    keys_file: Path | None,
    database: Path,
    keys: KeyProvider,
    blobs: BlobStore,
    clock: Clock,
) -> Restored:
    """Restore a backup.

    Args:
        file: the backup.
        keys_file: the newest file of keys; needed if the backup has people in it.
        database: where the database is to be; nothing may be there.
        keys: the key-encryption keys, which are in no backup.
        blobs: where blobs go.
        clock: for when people who were erased since are said to be.

    Raises:
        InputError: ``backup.damaged``, ``backup.target_exists``, ``backup.keys_needed``, ``backup.keys_older``,
            ``backup.keys_invalid``.
        StorageError: ``storage.key_missing``, ``storage.unsealable``: key-encryption keys are missing or other ones;
            ``storage.newer_schema``; the disk failed.
    """
    if database.exists():
        raise InputError(
            "there is a database already", code="backup.target_exists", subject=database.name
        )
    manifest = read_through(file)
    with _disk_errors(database):
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=database.parent, prefix=".restore-") as folder:
            state = Path(folder) / STATE_NAME
            _extract_state(file, state)
            _migrate(state)
            with contextlib.closing(sqlite3.connect(state, isolation_level=None)) as connection:
                connection.execute("PRAGMA trusted_schema=OFF")
                if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                    raise damaged("its database is damaged")
                connection.execute("BEGIN")
                _require_own_schema(connection, Path(folder))
                _take_keys(connection, keys_file, manifest)
                _require_keys(connection, keys)
                erased = _mark_erased(connection, clock.now())
                _unlink_results(connection)
                restored = _restore_blobs(connection, file, blobs)
                connection.execute("COMMIT")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode=DELETE")
            with state.open("rb") as written:
                os.fsync(written.fileno())
            os.link(state, database)  # refuses where there is one by now
            sync_folder(database.parent)
    return Restored(
        id=manifest.id,
        created_at=manifest.created_at,
        blobs=restored,
        erased_since=erased,
    )


def _extract_state(file: Path, state: Path) -> None:
    handle = os.open(state, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as out:
        for name, content in members(file):
            if name == STATE_NAME:
                for piece in _pieces(content):
                    out.write(piece)
                break


def _migrate(state: Path) -> None:
    engine = make_engine(parse_target(state))
    try:
        with storage_errors(state.name), engine.begin() as connection:
            if migrate.current_revision(connection) is None:
                raise damaged("its database has no schema of ours")
            migrate.upgrade(connection, subject=state.name)
    finally:
        engine.dispose()


def _require_own_schema(connection: sqlite3.Connection, folder: Path) -> None:
    """Whatever acts by itself is ours: a trigger in a backup could keep copies of keys that are erased later."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"
    fresh = folder / "fresh.sqlite3"
    engine = make_engine(parse_target(fresh))
    try:
        with storage_errors(fresh.name), engine.begin() as made:
            migrate.upgrade(made, subject=fresh.name)
            ours = {tuple(row) for row in made.exec_driver_sql(query)}
    finally:
        engine.dispose()
    if not set(connection.execute(query)) <= ours:
        raise damaged("its database has triggers or views that are not ours")


def _take_keys(connection: sqlite3.Connection, keys_file: Path | None, manifest: Manifest) -> None:
    people = (
        "SELECT EXISTS (SELECT 1 FROM subjects WHERE erased_at IS NULL)"
        " OR EXISTS (SELECT 1 FROM evidence_entries WHERE event LIKE '%\"subject\":%')"
    )
    if keys_file is None:
        if connection.execute(people).fetchone()[0]:
            raise InputError(
                "there are people in the backup; name the newest file of keys",
                code="backup.keys_needed",
            )
        return
    try:
        with contextlib.closing(_open_keys(keys_file)) as source:
            _require_newer(dict(source.execute("SELECT name, value FROM about")), manifest)
            for table in KEY_TABLES:
                _copy(source, connection, table)
            for table, (names, kept) in KEY_COLUMNS.items():
                _fill(source, connection, table, names, kept)
    except (sqlite3.Error, ValueError, TypeError) as exc:
        raise InputError(
            "not a file of keys", code="backup.keys_invalid", subject=keys_file.name
        ) from exc
    connection.execute(
        "DELETE FROM subject_keys WHERE subject_id NOT IN"
        " (SELECT id FROM subjects WHERE erased_at IS NULL)"
    )
    # An attempt after the backup is none of its sessions', and its number is given out again.
    made_at = round(manifest.created_at.timestamp() * _INSTANT)
    connection.execute("DELETE FROM person_attempts WHERE at > ?", (made_at,))


def _open_keys(keys_file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{keys_file.absolute().as_uri()}?mode=ro", uri=True)


def _require_newer(about: dict[str, str], manifest: Manifest) -> None:
    if about.get("format") != FORMAT:
        raise ValueError("of another format")
    if datetime.fromisoformat(about["created_at"]) < manifest.created_at:
        raise InputError(
            "the keys are older than the backup: people who came between them would be lost",
            code="backup.keys_older",
        )


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    """Rows of a table, by the columns that both have."""
    theirs = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
    ours = [row[1] for row in target.execute(f"PRAGMA table_info({table})") if row[1] in theirs]
    if not ours:
        return
    columns, places = ", ".join(f'"{one}"' for one in ours), ", ".join("?" for _ in ours)
    target.execute(f"DELETE FROM {table}")  # noqa: S608  # names of ours; older backups of data have rows
    rows = source.execute(f"SELECT {columns} FROM {table}")  # noqa: S608  # names from our own schema
    target.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)  # noqa: S608  # same


def _fill(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    table: str,
    names: tuple[str, ...],
    kept: Mapping[str, str],
) -> None:
    """Put columns back into rows that were left without; a keys' file from before they were kept apart has none."""
    if not source.execute(f"PRAGMA table_info({table})").fetchall():
        return
    columns = ", ".join((*kept, *names))
    blanked = ", ".join(f"{one} = {instead}" for one, instead in kept.items())
    target.execute(f"UPDATE {table} SET {blanked}")  # noqa: S608  # names of ours; older backups of data have them
    values = ", ".join(f"{one} = ?" for one in kept)
    which = " AND ".join(f"{one} = ?" for one in names)
    rows = source.execute(f"SELECT {columns} FROM {table}")  # noqa: S608  # names of ours
    target.executemany(f"UPDATE {table} SET {values} WHERE {which}", rows)  # noqa: S608  # same


def _require_keys(connection: sqlite3.Connection, keys: KeyProvider) -> None:
    """One key of each version opens; else the folder of keys is another one, and nothing would."""
    query = (
        "SELECT tenant_id, kek_version, min(subject_id), wrapped FROM subject_keys GROUP BY 1, 2"
    )
    for tenant, version, person, wrapped in connection.execute(query).fetchall():
        known = WrappedKey(version=version, wrapped=wrapped)
        keys.unwrap(tenant, known, context=key_context(person))


def _mark_erased(connection: sqlite3.Connection, now: datetime) -> int:
    at = round(now.timestamp() * _INSTANT)
    gone = (
        "SELECT id FROM subjects WHERE erased_at IS NULL"
        " AND id NOT IN (SELECT subject_id FROM subject_keys)"
    )
    connection.execute(
        f"UPDATE artefacts SET removed_at = coalesce(removed_at, ?), digest = NULL, blob = NULL"  # noqa: S608  # ours
        f" WHERE subject_id IN ({gone})",
        (at,),
    )
    marked = connection.execute(
        f"UPDATE subjects SET erased_at = ?, reference = NULL WHERE id IN ({gone})",  # noqa: S608  # ours
        (at,),
    )
    return marked.rowcount


def _unlink_results(connection: sqlite3.Connection) -> None:
    """Results of whoever the evidence log has forgotten since are nobody's: a drawn value names their person."""
    known = {place for (place,) in connection.execute("SELECT reference FROM evidence_subjects")}
    named = connection.execute("SELECT DISTINCT subject FROM issued_results").fetchall()
    connection.executemany(
        "UPDATE issued_results SET subject = ? WHERE subject = ?",
        (
            (secrets.token_urlsafe(len(subject) * 3 // 4), subject)
            for (subject,) in named
            if place_of(Reference(kind="result", text=subject)) not in known
        ),
    )


def _restore_blobs(connection: sqlite3.Connection, file: Path, blobs: BlobStore) -> int:
    """Every blob that a row names, under a new name; and no row may be left without."""
    query = "SELECT blob FROM artefacts WHERE blob IS NOT NULL AND removed_at IS NULL"
    connection.execute("UPDATE artefacts SET blob = NULL WHERE removed_at IS NOT NULL")
    wanted = {name for (name,) in connection.execute(query)}
    renamed = 0
    for member, content in members(file):
        name = member.partition("/")[2]
        if member == MANIFEST_NAME or name not in wanted:
            continue
        fresh = blobs.put(_pieces(content))
        connection.execute("UPDATE artefacts SET blob = ? WHERE blob = ?", (fresh, name))
        wanted.discard(name)
        renamed += 1
    # Removed while the backup was made: the content is gone, and the row says so.
    at = "UPDATE artefacts SET removed_at = created_at, digest = NULL, blob = NULL WHERE blob = ?"
    connection.executemany(at, ((name,) for name in wanted))
    return renamed


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    while piece := content.read(_PIECE_BYTES):
        yield piece


@contextlib.contextmanager
def _disk_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except EkycError:
        raise
    except (OSError, sqlite3.Error) as exc:
        why = os.strerror(exc.errno or 0) if isinstance(exc, OSError) else type(exc).__name__
        raise StorageError(
            f"the backup cannot be restored ({why})",
            code="storage.unreachable",
            subject=database.name,
        ) from exc
