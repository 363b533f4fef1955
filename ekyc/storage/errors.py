"""What can go wrong with stored state, and the one place that reads errors of database drivers and of the disk.

Drivers are judged by their result codes, never by their texts: SQLite's primary result code
(https://www.sqlite.org/rescode.html) and PostgreSQL's SQLSTATE.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ekyc.errors import BusyError, EkycError, InputError


class StorageError(EkycError):
    """The database is damaged, full, not writable, not ours or from a newer version.

    Codes: ``storage.corrupted``, ``storage.full``, ``storage.read_only``, ``storage.foreign``, ``storage.newer_schema``,
    ``storage.unsealable``, ``storage.serial_repeated``, ``storage.failed``; of :class:`StorageAwayError`
    ``storage.unreachable``.
    """

    default_code: ClassVar[str] = "storage.failed"


class StorageAwayError(StorageError):
    """The database does not answer now, and may later. Whether what was being committed stands is not known."""

    default_code: ClassVar[str] = "storage.unreachable"
    retryable: ClassVar[bool] = True


class FreshnessError(InputError):
    """A challenge cannot be redeemed; ``code`` says why and is also a reason code.

    Codes: ``freshness.unknown``, ``freshness.expired``, ``freshness.already_used``, ``freshness.wrong_purpose``.
    """

    default_code: ClassVar[str] = "freshness.unknown"


_SQLITE_CODES = {
    sqlite3.SQLITE_CANTOPEN: ("storage.unreachable", "the database file cannot be opened"),
    sqlite3.SQLITE_CORRUPT: ("storage.corrupted", "the database file is damaged"),
    sqlite3.SQLITE_FULL: ("storage.full", "the disk or the database is full"),
    sqlite3.SQLITE_IOERR: ("storage.unreachable", "the disk cannot be read or written"),
    sqlite3.SQLITE_NOTADB: ("storage.corrupted", "the file is not an SQLite database"),
    sqlite3.SQLITE_PERM: ("storage.read_only", "the database file may not be written"),
    sqlite3.SQLITE_READONLY: ("storage.read_only", "the database file may not be written"),
}
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_SQLSTATES = {
    "25006": ("storage.read_only", "the database accepts no writes"),
    "53100": ("storage.full", "the disk of the database is full"),
    "57P01": ("storage.unreachable", "the database is ending"),
    "57P02": ("storage.unreachable", "the database is recovering"),
    "57P03": ("storage.unreachable", "the database is starting"),
    "XX001": ("storage.corrupted", "the database reports damaged data"),
    "XX002": ("storage.corrupted", "the database reports a damaged index"),
}
_SQLSTATES_BUSY = frozenset({"40001", "40P01", "53300", "55P03", "57014"})


@contextmanager
def storage_errors(subject: str) -> Iterator[None]:
    """Turn driver errors inside the block into ours, naming the database ``subject``.

    Raises:
        BusyError: another process holds the lock for longer than the time limit, or all connections are taken
            (``storage.locked``).
        StorageAwayError: the database does not answer (``storage.unreachable``).
        StorageError: everything else the database reports.
        InputError: ``request.invalid``: the driver cannot send a value, e.g. a lone surrogate.
    """
    try:
        yield
    except DBAPIError as exc:
        raise _translate(exc, subject) from exc
    except PoolTimeoutError as exc:
        raise BusyError(
            "all connections to the database are taken", code="storage.locked", subject=subject
        ) from exc
    except SQLAlchemyError as exc:
        raise StorageError("the database cannot be used", subject=subject) from exc
    except UnicodeEncodeError as exc:
        raise _not_sent() from exc
    except (OverflowError, TypeError, ValueError) as exc:
        # A damaged page still reads: text that is no UTF-8, a time beyond all calendars, a number in place of text.
        raise StorageError(
            "the database holds values of another form", code="storage.corrupted", subject=subject
        ) from exc


_ERRNOS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "storage.full"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "storage.read_only"),
}


@contextmanager
def disk_errors(subject: str) -> Iterator[None]:
    """Turn errors of the disk inside the block into ours, naming ``subject``.

    Raises:
        StorageError: ``storage.full``, ``storage.read_only``.
        StorageAwayError: everything else.
    """
    try:
        yield
    except OSError as exc:
        code = _ERRNOS.get(exc.errno or 0, StorageAwayError.default_code)
        raise _of_code(
            f"the disk cannot be read or written ({os.strerror(exc.errno or 0)})", code, subject
        ) from exc


def _of_code(message: str, code: str, subject: str) -> StorageError:
    kind = StorageAwayError if code == StorageAwayError.default_code else StorageError
    return kind(message, code=code, subject=subject)


def _not_sent() -> InputError:
    return InputError("a value that no database takes", code="request.invalid")


def _translate(error: DBAPIError, subject: str) -> EkycError:
    cause = error.orig
    busy = BusyError("another process holds the database", code="storage.locked", subject=subject)
    if isinstance(cause, sqlite3.Error):
        # Extended codes carry the primary one in their low byte; 3.11 sets none on interface errors.
        primary = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if primary in _SQLITE_BUSY:
            return busy
        known = _SQLITE_CODES.get(primary)
    else:
        state = getattr(cause, "sqlstate", None) or ""
        if state in _SQLSTATES_BUSY:
            return busy
        if (
            isinstance(error, DataError) and not state
        ):  # refused before it was sent: PostgreSQL takes no NUL
            return _not_sent()
        known = _SQLSTATES.get(state)
        if known is None and (error.connection_invalidated or state[:2] in {"", "08"}):
            known = ("storage.unreachable", "the database does not answer")
    code, message = known or ("storage.failed", "the database refused the operation")
    return _of_code(message, code, subject)
