"""Tokens by which a telephone may submit to one session: for a short time, a few times, for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from ekyc.errors import InputError
from ekyc.storage.dossiers.tables import capture_tokens

if TYPE_CHECKING:
    from sqlalchemy import Connection

_KEPT_AFTER_END: Final = timedelta(days=1)
"""So that whoever comes late is told that it is late."""


class CaptureTokenError(InputError):
    """A capture token does not let its holder do that.

    Codes: ``capture.unknown`` (no such token, or of another session), ``capture.expired``, ``capture.spent``.
    """

    default_code = "capture.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureToken:
    """A token as recorded. The token itself is nowhere."""

    session_id: str
    expires_at: datetime
    uses_left: int


class CaptureTokens:
    """Capture tokens of one tenant, by keyed digests."""

    def __init__(self, connection: Connection, tenant: str, *, now: datetime) -> None:
        self._connection = connection
        self._tenant = tenant
        self._now = now

    def replace(self, digest: bytes, *, session_id: str, lasts: timedelta, uses: int) -> datetime:
        """Record a new token, the only one of its session from now on; gives its end."""
        self.end(session_id)
        table = capture_tokens.c
        self._connection.execute(
            delete(capture_tokens).where(table.expires_at < self._now - _KEPT_AFTER_END)
        )
        expires_at = self._now + lasts
        self._connection.execute(
            insert(capture_tokens).values(
                digest=digest,
                tenant_id=self._tenant,
                session_id=session_id,
                issued_at=self._now,
                expires_at=expires_at,
                uses_left=uses,
            )
        )
        return expires_at

    def require(self, digest: bytes, *, session_id: str) -> CaptureToken:
        """The token, if it is this session's and its time is not over.

        Raises:
            CaptureTokenError: ``capture.unknown``, ``capture.expired``.
        """
        table = capture_tokens.c
        query = select(capture_tokens).where(
            table.tenant_id == self._tenant, table.digest == digest, table.session_id == session_id
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise CaptureTokenError("no such token for this session")
        if self._now >= row.expires_at:
            raise CaptureTokenError("the token has expired", code="capture.expired")
        return CaptureToken(
            session_id=row.session_id, expires_at=row.expires_at, uses_left=row.uses_left
        )

    def use(self, digest: bytes, *, session_id: str) -> None:
        """Count one submission.

        Raises:
            CaptureTokenError: ``capture.unknown``, ``capture.expired``, ``capture.spent``.
        """
        self.require(digest, session_id=session_id)
        table = capture_tokens.c
        changed = self._connection.execute(
            update(capture_tokens)
            .where(table.tenant_id == self._tenant, table.digest == digest, table.uses_left > 0)
            .values(uses_left=table.uses_left - 1)
        ).rowcount
        if changed != 1:
            raise CaptureTokenError(
                "the token was used as often as it may be", code="capture.spent"
            )

    def end(self, session_id: str) -> None:
        """Make all tokens of a session worthless."""
        table = capture_tokens.c
        self._connection.execute(
            delete(capture_tokens).where(
                table.tenant_id == self._tenant, table.session_id == session_id
            )
        )

    @staticmethod
    def place_of(connection: Connection, digest: bytes) -> tuple[str, str] | None:
        """Tenant and session of a token."""
        table = capture_tokens.c
        query = select(table.tenant_id, table.session_id).where(table.digest == digest)
        row = connection.execute(query).one_or_none()
        return None if row is None else (row.tenant_id, row.session_id)
