"""The index by which a number is found again without being stored: HMAC-SHA-256 under a key of the tenant.

The key has versions. The newest makes new entries; while a rotation of it is under way
(:mod:`ekyc.storage.sealed.index_rotation`) numbers are looked for under each.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select

from ekyc.ports import WrappedKey
from ekyc.storage.sealed.envelope import KEY_BYTES
from ekyc.storage.sealed.tables import tenant_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.ports import KeyProvider, Random

INDEX_PURPOSE: Final = "subject-index"


def mark(key: bytes, reference: str) -> bytes:
    """What stands for a number in the index."""
    return hmac.digest(key, b"identity number\0" + reference.encode("ascii"), "sha256")


def index_keys(
    connection: Connection, keys: KeyProvider, tenant: str
) -> tuple[tuple[int, bytes], ...]:
    """Version and key of a tenant's index, the newest first; none before the first number."""
    query = (
        select(tenant_keys)
        .where(tenant_keys.c.tenant_id == tenant, tenant_keys.c.purpose == INDEX_PURPOSE)
        .order_by(tenant_keys.c.version.desc())
    )
    found = []
    for row in connection.execute(query).all():
        wrapped = WrappedKey(version=row.kek_version, wrapped=bytes(row.wrapped))
        context = tenant_key_context(INDEX_PURPOSE, row.version)
        found.append((int(row.version), keys.unwrap(tenant, wrapped, context=context)))
    return tuple(found)


def add_index_key(
    connection: Connection,
    keys: KeyProvider,
    tenant: str,
    version: int,
    *,
    random: Random,
    now: datetime,
) -> bytes:
    """Make a version of the key and keep it, wrapped."""
    key = random.token_bytes(KEY_BYTES)
    context = tenant_key_context(INDEX_PURPOSE, version)
    wrapped = keys.wrap(tenant, key, context=context)
    connection.execute(
        insert(tenant_keys).values(
            tenant_id=tenant,
            purpose=INDEX_PURPOSE,
            version=version,
            kek_version=wrapped.version,
            wrapped=wrapped.wrapped,
            created_at=now,
        )
    )
    return key


def tenant_key_context(purpose: str, version: int) -> bytes:
    """What a key of a tenant is wrapped for."""
    return f"tenant|{purpose}|{version}".encode("ascii")
