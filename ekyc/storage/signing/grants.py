"""Grants of an authorisation server (RFC 6749): requests under way, authorization codes, access tokens.

What leaves is an unguessable token; what is kept is its SHA-256 and a sealed body, so that whoever reads the database
can use neither. All that follows from one request is a *family*: a code that comes a second time ends everything that
came of the first (RFC 6749 §4.1.2, RFC 9700 §4.5).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import delete, insert, select, update

from ekyc import base64url
from ekyc.errors import InputError, LimitError
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.tables import grants

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey

_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_MAX_TTL_S: Final = 24 * 3600.0
_MAX_BODY_BYTES: Final = 512 << 10
_KEEP_ENDED: Final = timedelta(hours=1)
"""How long a dead grant still answers *expired* or *used* rather than *unknown*."""
_PURGE_BATCH: Final = 100
_ERASED: Final = b""


class GrantError(InputError):
    """A grant that gives nothing. Codes: ``grant.unknown``, ``grant.expired``, ``grant.ended``."""

    default_code: ClassVar[str] = "grant.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant that stands. ``repr`` hides what is in it."""

    kind: str
    family: str
    body: bytes = field(repr=False)
    expires_at: datetime


class GrantStore:
    """Issues, reads and ends grants. Safe across threads and processes."""

    def __init__(
        self, engine: Engine, *, key: ServiceKey, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine = engine
        self._sealer = key.sealer("grants", random)
        self._clock = clock
        self._random = random
        self._subject = subject

    def issue(self, kind: str, body: bytes, *, ttl_s: float, family: str | None = None) -> str:
        """Make and store a grant; the token that stands for it.

        Args:
            kind: what it is good for: lower case, digits and hyphens, at most 64 characters.
            body: what it says, at most 512 KiB.
            ttl_s: seconds until it expires, more than 0 and at most a day.
            family: of the grant that it follows from; a new one by default.

        Raises:
            InputError, LimitError: an argument out of these bounds.
            StorageError, BusyError: it could not be stored; then it was not issued.
        """
        if not _KIND.match(kind):
            raise InputError("a kind is lower-case letters, digits and hyphens", subject="kind")
        if not 0 < ttl_s <= _MAX_TTL_S:
            raise LimitError("time to live must be more than 0 s and at most a day")
        if len(body) > _MAX_BODY_BYTES:
            raise LimitError("too much for a grant", subject="body")
        token = base64url.encode(self._random.token_bytes(32))
        digest = _digest(token)
        sealed = self._sealer.seal(body, _place(kind, digest))
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            _purge(connection, now)
            connection.execute(
                insert(grants).values(
                    digest=digest,
                    kind=kind,
                    family=family or self._random.token_bytes(16).hex(),
                    body=sealed,
                    issued_at=now,
                    expires_at=now + timedelta(seconds=ttl_s),
                )
            )
        return token

    def read(self, token: str, kind: str) -> Grant:
        """A grant that stands; it stays as it is.

        Raises:
            GrantError: unknown or of another kind, expired, or ended.
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), reading(self._engine).begin() as connection:
            row = _row(connection, token, kind)
        if row is None or row.ended_at is not None or self._clock.now() >= row.expires_at:
            raise _refusal(row)
        return self._opened(row)

    def relative(self, family: str, kind: str) -> Grant | None:
        """The standing grant of a kind that followed from the same request; ``None`` where there is none yet.

        Raises:
            StorageError, BusyError: the database failed.
        """
        query = (
            select(grants)
            .where(grants.c.family == family, grants.c.kind == kind, grants.c.ended_at.is_(None))
            .order_by(grants.c.issued_at.desc())
            .limit(1)
        )
        with storage_errors(self._subject), reading(self._engine).begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or self._clock.now() >= row.expires_at:
            return None
        return self._opened(row)

    def redeem(self, token: str, kind: str) -> Grant:
        """Take a grant out of use and return it. Of any number of racing callers exactly one gets it.

        A second attempt ends the whole family: what the first caller was given is good no longer.

        Raises:
            GrantError: unknown or of another kind, expired, or ended.
            StorageError, BusyError: the database failed; whether it is used up is then not known.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            row = _row(connection, token, kind)
            taken = row is not None and self._end(connection, grants.c.digest == row.digest) == 1
            if not taken:
                row = _row(connection, token, kind)  # as whoever was first has left it
                if row is not None and row.ended_at is not None:
                    self._end(connection, grants.c.family == row.family)
        if not taken:
            raise _refusal(row)
        return self._opened(row)

    def revoke(self, token: str, kind: str) -> None:
        """End a grant; one that is unknown, or has ended, is left as it is (RFC 7009 §2.2)."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            row = _row(connection, token, kind)
            if row is not None:
                self._end(connection, grants.c.digest == row.digest)

    def end_naming(self, names: Iterable[str]) -> int:
        """End the grants whose bodies name one of these; the number ended."""
        wanted = [name.encode() for name in names]
        ended = 0
        with storage_errors(self._subject), self._engine.begin() as connection:
            standing = select(grants).where(grants.c.body != _ERASED)
            for row in connection.execute(standing).all() if wanted else ():
                body = self._sealer.open(row.body, _place(row.kind, row.digest))
                if any(name in body for name in wanted):
                    connection.execute(
                        update(grants)
                        .where(grants.c.digest == row.digest)
                        .values(ended_at=row.ended_at or self._clock.now(), body=_ERASED)
                    )
                    ended += 1
        return ended

    def _end(self, connection: Connection, which: ColumnElement[bool]) -> int:
        """End what stands of ``which``; how many."""
        now = self._clock.now()
        return connection.execute(
            update(grants)
            .where(which, grants.c.ended_at.is_(None), grants.c.expires_at > now)
            .values(ended_at=now, body=_ERASED)
        ).rowcount

    def _opened(self, row: Any) -> Grant:
        return Grant(
            kind=row.kind,
            family=row.family,
            body=self._sealer.open(row.body, _place(row.kind, row.digest)),
            expires_at=row.expires_at,
        )


def _refusal(row: Any) -> GrantError:
    if row is None:
        return GrantError("no such grant")
    if row.ended_at is not None:
        return GrantError("the grant was used or revoked", code="grant.ended")
    return GrantError("the grant has expired", code="grant.expired")


def _row(connection: Connection, token: str, kind: str) -> Any:
    if not _TOKEN.match(token):
        return None
    query = select(grants).where(grants.c.digest == _digest(token), grants.c.kind == kind)
    return connection.execute(query).one_or_none()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _place(kind: str, digest: str) -> str:
    return f"grants/{kind}/{digest}"


def _purge(connection: Connection, now: datetime) -> None:
    dead = (
        select(grants.c.digest)
        .where(grants.c.expires_at < now - _KEEP_ENDED)
        .order_by(grants.c.expires_at)
        .limit(_PURGE_BATCH)
    )
    connection.execute(delete(grants).where(grants.c.digest.in_(dead)))
