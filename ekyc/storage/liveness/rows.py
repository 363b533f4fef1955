"""Rows of sessions and their chunks, as values: what is sealed in them is opened."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ekyc.storage.liveness.values import StoredChunk, StoredSession, unknown_session
from ekyc.storage.service_key import Sealer
from ekyc.storage.tables import liveness_sessions
from ekyc.values import Owner

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from ekyc.ports import Random

_sessions = liveness_sessions


def sealer_of(secret: bytes, random: Random) -> Sealer:
    """Seals and opens what is kept of a session, by the session's own secret."""
    return Sealer(hashlib.sha256(b"ekyc active liveness: what is kept\0" + secret).digest(), random)


def session_of(row: Row[Any], secrets: Sealer, random: Random) -> StoredSession:
    """A session as it is kept.

    Args:
        row: of it.
        secrets: opens its secret.
        random: of sealers.

    Raises:
        StorageError: a sealed value does not open.
    """
    place = f"liveness_sessions/{row.id}"
    secret = None if row.secret is None else secrets.open(bytes(row.secret), f"{place}/secret")
    sealer = None if secret is None else sealer_of(secret, random)

    def opened(sealed: bytes | None, column: str) -> bytes | None:
        return sealer.open(bytes(sealed), f"{place}/{column}") if sealed and sealer else None

    return StoredSession(
        id=row.id,
        state=row.state,
        expires_at=row.expires_at,
        opened_at=row.opened_at,
        settings=json.loads(row.settings),
        binding=bytes(row.binding),
        chunks=row.chunks,
        byte_count=row.byte_count,
        stopped_by=tuple(json.loads(row.stopped_by or "[]")),
        secret=secret,
        report=opened(row.report, "report"),
        best_frame=opened(row.best_frame, "best_frame"),
    )


def chunk_of(row: Row[Any], sealer: Sealer) -> StoredChunk:
    """A chunk as it is kept; ``sealer`` is the session's.

    Raises:
        StorageError: a sealed value does not open.
    """
    place = f"liveness_chunks/{row.session_id}/{row.sequence}"
    return StoredChunk(
        sequence=row.sequence,
        arrived_at=row.arrived_at,
        body=sealer.open(bytes(row.body), f"{place}/body"),
        seen=sealer.open(bytes(row.seen), f"{place}/seen"),
    )


def read_owner(connection: Connection, session_id: str, *, after: datetime | None = None) -> Owner:
    """Whose a session is; with ``after``, one whose time ends later.

    Raises:
        SessionError: ``liveness.session_unknown``.
    """
    query = select(_sessions.c.tenant_id, _sessions.c.office, _sessions.c.subject).where(
        _sessions.c.id == session_id
    )
    if after is not None:
        query = query.where(_sessions.c.expires_at > after)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise unknown_session()
    return Owner(tenant=row.tenant_id, office=row.office, subject=row.subject)
