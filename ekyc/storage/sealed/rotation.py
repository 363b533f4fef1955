"""Rotation of key-encryption keys: keys are wrapped anew, nothing else is touched.

1. Unless an earlier rotation is unfinished, the provider makes the next version. From then on it wraps.
2. Keys under an older version are unwrapped and wrapped anew, some hundreds in a transaction. Where the process dies
   the rest is done by the next call: which keys are left is seen from their version, no progress is kept.
3. When none is left, and only then, older versions may be destroyed: under a lock, since a key that is wrapped at that
   moment would be lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from ekyc.ports import WrappedKey
from ekyc.storage.engine import reading
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.sealed.blind_index import tenant_key_context
from ekyc.storage.sealed.subjects import hold_keys, key_context
from ekyc.storage.sealed.tables import subject_keys, tenant_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import KeyProvider

_BATCH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """A version of a tenant's key-encryption key, and how many keys it still opens."""

    tenant: str
    version: int
    present: bool
    """Whether the provider has it; ``False`` with keys under it: these cannot be opened."""
    newest: bool
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation did."""

    tenant: str
    version: int
    """The newest version, which wraps everything now."""
    rewrapped: int
    """Keys that this call wrapped anew."""
    resumed: bool
    """Whether it finished an earlier rotation instead of beginning one."""
    destroyed: tuple[int, ...]


def key_versions(engine: Engine, keys: KeyProvider, *, subject: str) -> tuple[KeyVersion, ...]:
    """Every version that some key of the database needs, or that a tenant of the database has."""
    counted: dict[tuple[str, int], int] = {}
    with storage_errors(subject), reading(engine).begin() as connection:
        for table in (subject_keys, tenant_keys):
            query = select(table.c.tenant_id, table.c.kek_version, func.count()).group_by(
                table.c.tenant_id, table.c.kek_version
            )
            for tenant, version, count in connection.execute(query):
                counted[tenant, version] = counted.get((tenant, version), 0) + count
    return tuple(
        one
        for tenant in sorted({tenant for tenant, _ in counted})
        for one in _of_tenant(tenant, keys.versions(tenant), counted)
    )


def rotate(
    engine: Engine, keys: KeyProvider, tenant: str, *, destroy_old: bool, subject: str
) -> Rotation:
    """Rotate the key of a tenant, or finish a rotation that was cut off.

    Args:
        engine: the database.
        keys: the provider.
        tenant: whose key.
        destroy_old: also destroy older versions. Copies of wrapped keys that were made before do not open any more.
        subject: name of the database, for messages.

    Raises:
        StorageError: ``storage.key_missing``: the tenant has no key; a key is missing or does not open; the database
            failed. Call again.
    """
    version, resumed = _begin(engine, keys, tenant, subject)
    rewrapped = 0
    while count := _rewrap_batch(engine, keys, tenant, version, subject):
        rewrapped += count
    destroyed = _destroy_old(engine, keys, tenant, version, subject) if destroy_old else ()
    return Rotation(
        tenant=tenant,
        version=version,
        rewrapped=rewrapped,
        resumed=resumed,
        destroyed=destroyed,
    )


def _of_tenant(
    tenant: str, present: tuple[int, ...], counted: Mapping[tuple[str, int], int]
) -> Iterator[KeyVersion]:
    for version in sorted({*present, *(v for t, v in counted if t == tenant)}):
        yield KeyVersion(
            tenant=tenant,
            version=version,
            present=version in present,
            newest=version == max(present, default=0),
            keys=counted.get((tenant, version), 0),
        )


def _begin(engine: Engine, keys: KeyProvider, tenant: str, subject: str) -> tuple[int, bool]:
    """The version to wrap under, and whether a rotation to it was begun before; one process at a time."""
    with storage_errors(subject), engine.begin() as connection:
        hold_keys(connection, tenant, alone=True)
        versions = keys.versions(tenant)
        if not versions:
            raise StorageError("the tenant has no key", code="storage.key_missing", subject=tenant)
        if _count_older(connection, tenant, max(versions)):
            return max(versions), True
        return keys.make_version(tenant), False


def _count_older(connection: Connection, tenant: str, version: int) -> int:
    return sum(
        connection.execute(
            select(func.count())
            .select_from(table)
            .where(table.c.tenant_id == tenant, table.c.kek_version < version)
        ).scalar_one()
        for table in (subject_keys, tenant_keys)
    )


def _rewrap_batch(
    engine: Engine, keys: KeyProvider, tenant: str, version: int, subject: str
) -> int:
    with storage_errors(subject), engine.begin() as connection:
        hold_keys(connection, tenant)
        older = (
            select(subject_keys)
            .where(subject_keys.c.tenant_id == tenant, subject_keys.c.kek_version < version)
            .order_by(subject_keys.c.subject_id)  # two rotations at once lock in one order
            .limit(_BATCH)
            .with_for_update()
        )
        rows = connection.execute(older).all()
        for row in rows:
            again = _again(keys, tenant, row, key_context(row.subject_id))
            ours = subject_keys.c.subject_id == row.subject_id
            connection.execute(update(subject_keys).where(ours).values(**again))
        if rows:
            return len(rows)
        older_of_tenant = select(tenant_keys).where(
            tenant_keys.c.tenant_id == tenant, tenant_keys.c.kek_version < version
        )
        rows = connection.execute(older_of_tenant.with_for_update()).all()
        for row in rows:
            again = _again(keys, tenant, row, tenant_key_context(row.purpose, row.version))
            connection.execute(
                update(tenant_keys)
                .where(
                    tenant_keys.c.tenant_id == tenant,
                    tenant_keys.c.purpose == row.purpose,
                    tenant_keys.c.version == row.version,
                )
                .values(**again)
            )
        return len(rows)


def _again(keys: KeyProvider, tenant: str, row: Any, context: bytes) -> dict[str, object]:
    old = WrappedKey(version=row.kek_version, wrapped=bytes(row.wrapped))
    new = keys.wrap(tenant, keys.unwrap(tenant, old, context=context), context=context)
    return {"kek_version": new.version, "wrapped": new.wrapped}


def _destroy_old(
    engine: Engine, keys: KeyProvider, tenant: str, version: int, subject: str
) -> tuple[int, ...]:
    with storage_errors(subject), engine.begin() as connection:
        hold_keys(connection, tenant, alone=True)
        if _count_older(connection, tenant, version):
            raise StorageError(
                "keys are still under an older version; call again",
                code="storage.key_in_use",
                subject=tenant,
            )
        old = tuple(one for one in keys.versions(tenant) if one < version)
        for one in old:
            keys.destroy(tenant, one)
        return old
