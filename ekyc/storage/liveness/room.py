"""Room for sessions: what is over goes, and what is open has its bounds, of all tenants together and of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, case, delete, func, or_, select, update

from ekyc.errors import BusyError
from ekyc.storage.sealed.protections import NameKind, is_kept, require_unprotected
from ekyc.storage.tables import liveness_attempts, liveness_chunks, liveness_sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.storage.liveness.values import SessionBounds

_PURGE_BATCH: Final = 50
_KEEP_HELD: Final = timedelta(days=1)
"""How long one lasts that is held for a case which is not done with yet."""

_sessions, _chunks, _attempts = liveness_sessions.c, liveness_chunks.c, liveness_attempts.c
UNKEPT: Final = ~is_kept(NameKind.LIVENESS, _attempts.session_id)
"""Attempts whose session is under no restriction or hold."""


def require_room(connection: Connection, tenant: str, bounds: SessionBounds, now: datetime) -> None:
    """Return if a tenant may open one more. What is over takes no place, though a hold may keep it.

    Raises:
        BusyError: ``busy.queue_full``.
    """
    theirs = _sessions.tenant_id == tenant
    open_now = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(_sessions.byte_count), 0),
            func.coalesce(func.sum(case((theirs, 1), else_=0)), 0),
            func.coalesce(func.sum(case((theirs, _sessions.byte_count), else_=0)), 0),
        ).where(_sessions.state.in_(("waiting", "running")), _sessions.expires_at > now)
    ).one()
    if open_now[0] >= bounds.open_sessions or open_now[1] >= bounds.open_bytes:
        raise BusyError("too many sessions are open", code="busy.queue_full")
    if open_now[2] >= bounds.open_of_tenant or open_now[3] >= bounds.bytes_of_tenant:
        raise BusyError("too many sessions of one tenant are open", code="busy.queue_full")


def purge(connection: Connection, now: datetime, bounds: SessionBounds) -> None:
    """Erase some of what is over, and attempts that nobody counts any more; not what a protection is on."""
    dead = (
        select(_sessions.id)
        .where(
            _sessions.expires_at <= now,
            or_(_sessions.held_for.is_(None), _sessions.expires_at <= now - _KEEP_HELD),
            ~is_kept(NameKind.LIVENESS, _sessions.id),
        )
        .order_by(_sessions.expires_at)
        .limit(_PURGE_BATCH)
    )
    erase(connection, connection.execute(dead).scalars().all())
    old = and_(_attempts.made_at < now - bounds.attempts_kept, UNKEPT)
    connection.execute(delete(liveness_attempts).where(old))


def forget(connection: Connection, session_id: str) -> None:
    """Erase a session that somebody wants erased.

    Raises:
        ProtectedError: ``subject.restricted``, ``subject.held``.
    """
    query = select(_sessions.tenant_id).where(_sessions.id == session_id)
    tenant = connection.execute(query).scalar_one_or_none()
    if tenant is not None:
        require_unprotected(connection, tenant, [(NameKind.LIVENESS, session_id)])
    erase(connection, [session_id])


def erase(connection: Connection, ids: Sequence[str]) -> None:
    """Erase sessions with their chunks."""
    if ids:
        connection.execute(delete(liveness_chunks).where(_chunks.session_id.in_(ids)))
        connection.execute(delete(liveness_sessions).where(_sessions.id.in_(ids)))


def let_go_within(connection: Connection, session_id: str | None, receipt_id: str) -> None:
    """Forget the frames of a result that was held for a case: it is done with. Without an id, whichever it was."""
    held = update(liveness_sessions).where(_sessions.held_for == receipt_id)
    if session_id is not None:
        held = held.where(_sessions.id == session_id)
    connection.execute(held.values(best_frame=None, held_for=None))
