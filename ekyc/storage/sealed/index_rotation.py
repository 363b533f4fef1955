"""Rotation of the index's key: the entry of each person is made anew from the number, which lies sealed.

1. Unless an earlier rotation is unfinished, the next version of the key is made, while nobody enrols.
2. Entries under an older version are made anew, some hundreds in a transaction. Meanwhile numbers are looked for under
   every version. Where the process dies, the next call does the rest.
3. When none is left, older versions of the key are deleted: what they made is a number of nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, select, update

from ekyc.ports import WrappedKey
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.sealed.blind_index import INDEX_PURPOSE, add_index_key, index_keys, mark
from ekyc.storage.sealed.envelope import Place, open_sealed
from ekyc.storage.sealed.subjects import REFERENCE_KIND, hold_keys, key_context
from ekyc.storage.sealed.tables import subject_keys, subjects, tenant_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, KeyProvider, Random

_BATCH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRotation:
    """What a rotation of the index's key did."""

    tenant: str
    version: int
    remade: int
    """Entries that this call made anew."""
    resumed: bool


def rotate_index(
    engine: Engine,
    keys: KeyProvider,
    tenant: str,
    *,
    clock: Clock,
    random: Random,
    subject: str,
) -> IndexRotation:
    """Rotate the key of a tenant's index, or finish a rotation that was cut off.

    Raises:
        StorageError, BusyError: ``storage.key_missing``: the tenant has no index; a key or number does not open; the
            database failed. Call again.
    """
    with storage_errors(subject), engine.begin() as connection:
        hold_keys(connection, tenant, alone=True)
        known = index_keys(connection, keys, tenant)
        if not known:
            raise StorageError(
                "the tenant has no index", code="storage.key_missing", subject=tenant
            )
        resumed = len(known) > 1
        version, key = known[0]
        if not resumed:
            version += 1
            key = add_index_key(connection, keys, tenant, version, random=random, now=clock.now())
    remade = 0
    while count := _remake_batch(engine, keys, tenant, (version, key), subject):
        remade += count
    with storage_errors(subject), engine.begin() as connection:
        hold_keys(connection, tenant, alone=True)
        if not connection.execute(_older(tenant, version, func.count())).scalar_one():
            old = (tenant_keys.c.tenant_id == tenant, tenant_keys.c.purpose == INDEX_PURPOSE)
            connection.execute(delete(tenant_keys).where(*old, tenant_keys.c.version < version))
    return IndexRotation(tenant=tenant, version=version, remade=remade, resumed=resumed)


def _remake_batch(
    engine: Engine, keys: KeyProvider, tenant: str, newest: tuple[int, bytes], subject: str
) -> int:
    version, key = newest
    columns = (subject_keys.c.subject_id, subject_keys.c.kek_version, subject_keys.c.wrapped)
    query = _older(tenant, version, *columns).order_by(subject_keys.c.subject_id).limit(_BATCH)
    with storage_errors(subject), engine.begin() as connection:
        hold_keys(connection, tenant)
        rows = connection.execute(query.with_for_update()).all()
        for row in rows:
            entry = mark(key, _number(connection, keys, tenant, row))
            ours = subject_keys.c.subject_id == row.subject_id
            values = {"blind_index": entry, "index_version": version}
            connection.execute(update(subject_keys).where(ours).values(values))
        return len(rows)


def _older(tenant: str, version: int, *columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(subject_keys)
        .where(subject_keys.c.tenant_id == tenant, subject_keys.c.index_version < version)
    )


def _number(connection: Connection, keys: KeyProvider, tenant: str, row: Any) -> str:
    wrapped = WrappedKey(version=row.kek_version, wrapped=bytes(row.wrapped))
    key = keys.unwrap(tenant, wrapped, context=key_context(row.subject_id))
    query = select(subjects.c.reference).where(subjects.c.id == row.subject_id)
    sealed = bytes(connection.execute(query).scalar_one())
    place = Place(tenant=tenant, subject=row.subject_id, kind=REFERENCE_KIND, id=row.subject_id)
    return open_sealed(sealed, subject_key=key, place=place).decode("ascii")
