"""The ledger of attempts: when which pseudonym of which tenant opened a session.

What one tenant's portal orders uses up no attempt of another's, though both call a person by the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, insert, or_, select, text

from ekyc.storage.sealed.protections import NameKind, follow
from ekyc.storage.tables import liveness_attempts as _attempts

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ORDERS_LOCK: Final = 0x656B796C
"""Key of the PostgreSQL advisory lock under which attempts are counted and sessions ordered."""
_MOST_TIMES: Final = 200


def attempt_times(connection: Connection, tenant: str, pseudonym: bytes) -> tuple[datetime, ...]:
    """When the latest attempts of a subject or device were made, the latest first."""
    query = select(_attempts.c.made_at).where(_attempts.c.pseudonym == pseudonym, of_tenant(tenant))
    return tuple(
        connection.execute(query.order_by(_attempts.c.made_at.desc()).limit(_MOST_TIMES)).scalars()
    )


def count_attempt(
    connection: Connection,
    tenant: str,
    pseudonyms: Sequence[bytes],
    session_id: str,
    now: datetime,
) -> None:
    """Write a session down as an attempt of each; it is under the holds that they are under."""
    counted = [
        {"pseudonym": one, "session_id": session_id, "made_at": now, "tenant_id": tenant}
        for one in dict.fromkeys(pseudonyms)
    ]
    if counted:
        connection.execute(insert(_attempts), counted)
    tried = ((NameKind.TRIED, one.hex()) for one in pseudonyms)
    follow(connection, tenant, (NameKind.LIVENESS, session_id), *tried)


def of_tenant(tenant: str) -> ColumnElement[bool]:
    """Whether an attempt counts for a tenant."""
    return or_(_attempts.c.tenant_id == tenant, _attempts.c.tenant_id.is_(None))


def one_at_a_time(connection: Connection) -> None:
    """Orders are counted one after the other; SQLite's transactions are anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ORDERS_LOCK})
