"""Erasure of a person: the key is destroyed, and with it whatever was sealed under it, wherever a copy lies.

1. In one transaction the person's key and index are deleted, the sealed number is emptied, the row says *erased*, and
   so does the evidence log; artefacts are marked as removed. From here on nothing about the person opens, whatever
   happens next.
2. The blobs are removed, and their rows keep only ids, kinds, sizes and times.
3. What the database still holds of the deleted bytes in its log and free pages is overwritten: SQLite writes zeros
   (``secure_delete``) and its log is emptied; PostgreSQL vacuums the tables.

Records of decisions stay: they hold digests, codes and the id of the person, which is a random number. Where a
process dies another call goes on, or the next run of retention.

A key is in no backup of :mod:`ekyc.storage.backup` unless one asked for keys; so the data in a backup made before are
noise as well, once the older copies of the keys are gone (docs/operations.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update

from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import Reference
from ekyc.storage.sealed.protections import NameKind, require_unprotected
from ekyc.storage.sealed.subjects import get_within
from ekyc.storage.sealed.tables import artefacts, subject_keys, subjects
from ekyc.storage.sealed.traces import overwrite_deleted

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import Clock
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.sealed.artefacts import ArtefactStore

_BATCH: Final = 200
_TABLES: Final = (subject_keys.name, subjects.name, artefacts.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What an erasure did."""

    subject_id: str
    erased_at: datetime
    blobs: int
    """Blobs that this call removed."""
    log_emptied: bool
    """Whether the log of the database was emptied too. A reader may hold SQLite's; the next call tries again."""


def erase(
    engine: Engine,
    *,
    log: EvidenceLog,
    artefact_store: ArtefactStore,
    clock: Clock,
    tenant: str,
    subject_id: str,
    subject: str,
) -> Erasure:
    """Erase a person. Twice is once; see the module.

    Raises:
        SubjectError: ``subject.unknown``.
        ProtectedError: ``subject.restricted``, ``subject.held``.
        StorageError, BusyError: the database or the blobs failed. Call again; the key may be gone already.
    """
    with storage_errors(subject), engine.begin() as connection:
        known = get_within(connection, tenant, subject_id, lock=True)
        require_unprotected(connection, tenant, [(NameKind.SUBJECT, subject_id)])
        erased_at = known.erased_at or clock.now()
        connection.execute(delete(subject_keys).where(subject_keys.c.subject_id == subject_id))
        connection.execute(
            update(subjects)
            .where(subjects.c.id == subject_id)
            .values(erased_at=erased_at, reference=None)
        )
        connection.execute(
            update(artefacts)
            .where(
                artefacts.c.tenant_id == tenant,
                artefacts.c.subject_id == subject_id,
                artefacts.c.removed_at.is_(None),
            )
            .values(removed_at=erased_at, digest=None)
        )
        if known.erased_at is None:
            log.forget_within(connection, Reference(kind="subject", text=subject_id), tenant=tenant)
    removed = 0
    while batch := _with_blobs(engine, tenant, subject_id, subject):
        removed += artefact_store.remove_all(batch)
    return Erasure(
        subject_id=subject_id,
        erased_at=erased_at,
        blobs=removed,
        log_emptied=overwrite_deleted(engine, _TABLES, subject=subject),
    )


def _with_blobs(engine: Engine, tenant: str, subject_id: str, subject: str) -> list[str]:
    query = (
        select(artefacts.c.id)
        .where(
            artefacts.c.tenant_id == tenant,
            artefacts.c.subject_id == subject_id,
            artefacts.c.blob.is_not(None),
        )
        .limit(_BATCH)
    )
    with storage_errors(subject), engine.begin() as connection:
        return [str(one) for one in connection.execute(query).scalars()]
