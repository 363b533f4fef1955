"""Signatures that were let out, kept for a while: one that died on its way is had again without its key.

A row is written in the transaction of the release and names the very activation data that it answered. It is bounded in
time and in number for each credential, and is no secret; whoever reads it back checks every value against certificate and
digest, so that nothing of use can be put in its place.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Index, LargeBinary, String, Table, delete, insert, or_, select

from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

KEPT_FOR: Final = timedelta(days=7)
MAX_KEPT: Final = 100
"""Releases of one credential; the oldest make way."""
_PURGE_BATCH: Final = 100

released_signatures: Final = Table(
    "released_signatures",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("credential", String(64), nullable=False),
    Column("sad_digest", String(64), nullable=False),
    Column("signatures", LargeBinary, nullable=False),
    Column("released_at", Instant, nullable=False),
    Index("ix_released_signatures_credential", "credential", "released_at"),
    Index("ix_released_signatures_released_at", "released_at"),
)


def keep(
    connection: Connection,
    jti: str,
    *,
    credential: str,
    sad_digest: str,
    signatures: Sequence[bytes],
    now: datetime,
) -> None:
    """Keep what leaves, and clear away what was kept for long enough."""
    table = released_signatures
    connection.execute(
        insert(table).values(
            jti=jti,
            credential=credential,
            sad_digest=sad_digest,
            signatures=json.dumps([b64encode(one).decode() for one in signatures]).encode(),
            released_at=now,
        )
    )
    newest = (
        select(table.c.jti)
        .where(table.c.credential == credential)
        .order_by(table.c.released_at.desc(), table.c.jti)
    )
    crowded_out = newest.offset(MAX_KEPT).limit(_PURGE_BATCH).with_for_update(skip_locked=True)
    old = (
        select(table.c.jti)
        .where(table.c.released_at <= now - KEPT_FOR)
        .order_by(table.c.released_at)
        .limit(_PURGE_BATCH)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(table).where(or_(table.c.jti.in_(crowded_out), table.c.jti.in_(old))))


def kept(
    connection: Connection, jti: str, *, sad_digest: str, now: datetime
) -> tuple[bytes, ...] | None:
    """What left under this activation data, in the order in which it was kept; ``None`` where it is kept no longer."""
    table = released_signatures.c
    query = select(table.signatures).where(
        table.jti == jti, table.sad_digest == sad_digest, table.released_at > now - KEPT_FOR
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else tuple(map(b64decode, json.loads(found)))
