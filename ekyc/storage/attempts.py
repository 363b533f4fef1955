"""The ledger of attempts: when which pseudonym opened a session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, text

from ekyc.storage.tables import liveness_attempts as _attempts

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ORDERS_LOCK: Final = 0x656B796C
"""Key of the PostgreSQL advisory lock under which attempts are counted and sessions ordered."""
_MOST_TIMES: Final = 200


def attempt_times(connection: Connection, pseudonym: bytes) -> tuple[datetime, ...]:
    """When the latest attempts of a subject or device were made, the latest first."""
    query = select(_attempts.c.made_at).where(_attempts.c.pseudonym == pseudonym)
    return tuple(
        connection.execute(query.order_by(_attempts.c.made_at.desc()).limit(_MOST_TIMES)).scalars()
    )


def count_attempt(
    connection: Connection, pseudonyms: Sequence[bytes], session_id: str, now: datetime
) -> None:
    """Write a session down as an attempt of each."""
    counted = [
        {"pseudonym": one, "session_id": session_id, "made_at": now}
        for one in dict.fromkeys(pseudonyms)
    ]
    if counted:
        connection.execute(insert(_attempts), counted)


def one_at_a_time(connection: Connection) -> None:
    """Orders are counted one after the other; SQLite's transactions are anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ORDERS_LOCK})
