"""Logins: a random token in the browser, its keyed hash and a sealed body here. Idle and absolute ends."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from ekyc import base64url
from ekyc.errors import LimitError
from ekyc.storage.access.tables import sessions, tenants
from ekyc.storage.access.values import LoginSession
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.values import Redacted

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_MAX_BODY_BYTES: Final = 16 << 10
_SEEN_STEP: Final = timedelta(minutes=1)
"""How exactly it is noted when a session was last used."""
_PURGE_BATCH: Final = 100
_ERASED: Final = b""


class LoginSessionStore:
    """Opens, finds and ends logins. Safe across threads and processes.

    Args:
        engine: of the database.
        key: seals bodies, hashes tokens.
        idle: a session that was not used for so long has ended.
        clock: of both ends.
        random: of tokens.
        subject: name of the database in errors.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        key: ServiceKey,
        idle: timedelta,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._sealer = key.sealer("login sessions", random)
        self._hash_key = key.derive("login tokens")
        self._idle = idle
        self._clock = clock
        self._random = random
        self._subject = subject

    def open(self, tenant: str, body: bytes, *, life: timedelta) -> Redacted[str]:
        """Make a session; the token for its cookie.

        Raises:
            LimitError: a body of more than 16 KiB.
        """
        if len(body) > _MAX_BODY_BYTES:
            raise LimitError("too much for a session", subject="body")
        token = base64url.encode(self._random.token_bytes(32))
        session_id, now = self._random.token_bytes(16).hex(), self._clock.now()
        with storage_errors(self._subject), self._engine.begin() as connection:
            _purge(connection, now - self._idle)
            connection.execute(
                insert(sessions).values(
                    id=session_id,
                    tenant_id=tenant,
                    digest=self._digest(token),
                    body=self._sealer.seal(body, _place(session_id)),
                    created_at=now,
                    seen_at=now,
                    expires_at=now + life,
                )
            )
        return Redacted(token)

    def find(self, token: str, *, used: bool = True) -> LoginSession | None:
        """The standing session of a token; ``None`` for anything else. Using it keeps it from going idle."""
        if not _TOKEN.match(token):
            return None
        query = (
            select(sessions, tenants.c.ended_at.label("tenant_ended"))
            .join(tenants, tenants.c.id == sessions.c.tenant_id)
            .where(sessions.c.digest == self._digest(token))
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
        now = self._clock.now()
        if row is None or not self._stands(row, now):
            return None
        if used and now - row.seen_at >= _SEEN_STEP:
            seen = update(sessions).where(sessions.c.id == row.id).values(seen_at=now)
            with storage_errors(self._subject), self._engine.begin() as connection:
                connection.execute(seen)
        return LoginSession(
            id=row.id,
            tenant=row.tenant_id,
            body=self._sealer.open(row.body, _place(row.id)),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )

    def end(self, session_id: str) -> None:
        """End a session and erase what it held. Twice is once."""
        ended = update(sessions).where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(ended.values(ended_at=self._clock.now(), body=_ERASED))

    def end_naming(self, tenant: str, names: Iterable[str]) -> int:
        """End the sessions whose bodies name one of these; the number ended."""
        wanted = [name.encode() for name in names]
        query = select(sessions.c.id, sessions.c.body).where(
            sessions.c.tenant_id == tenant, sessions.c.ended_at.is_(None)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            rows = connection.execute(query).all() if wanted else []
        found = [
            row.id
            for row in rows
            if any(name in self._sealer.open(row.body, _place(row.id)) for name in wanted)
        ]
        for session_id in found:
            self.end(session_id)
        return len(found)

    def _stands(self, row: Any, now: datetime) -> bool:
        ended = row.ended_at is not None or row.tenant_ended is not None
        return not ended and now < row.expires_at and now - row.seen_at < self._idle

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._hash_key, token.encode(), "sha256")


def _place(session_id: str) -> str:
    return f"access_sessions/{session_id}"


def _purge(connection: Connection, before: datetime) -> None:
    dead = (
        select(sessions.c.id)
        .where(sessions.c.expires_at < before)
        .order_by(sessions.c.expires_at)
        .limit(_PURGE_BATCH)
    )
    connection.execute(delete(sessions).where(sessions.c.id.in_(dead)))
