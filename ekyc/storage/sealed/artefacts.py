"""What was submitted about people: sealed blobs, and a row for each that says what it is and nothing of what it shows.

A blob is on disk before its row is committed, and gone after its row says so: a process that dies leaves at worst a blob
without a row, which :func:`ekyc.storage.sealed.retention.sweep` removes, or a row that says *removed* whose blob is removed by
the next run.

Embeddings and templates of faces are not kept: their kinds are refused. They are compared and dropped.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import insert, select, update

from ekyc.errors import InputError, LimitError
from ekyc.storage.engine import reading
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.sealed.envelope import MAX_BYTES, open_stream, seal_stream
from ekyc.storage.sealed.errors import ArtefactError, ProtectedError, SubjectError
from ekyc.storage.sealed.protections import NameKind, require_unprotected, require_unrestricted
from ekyc.storage.sealed.subjects import SubjectSealer, SubjectStore, get_within
from ekyc.storage.sealed.tables import artefacts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

    from ekyc.ports import BlobStore, Clock, Random

_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_RETENTION: Final = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_NEVER_KEPT: Final = frozenset({"embedding", "embeddings", "face-template", "template"})
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtefact:
    """One artefact, without its content."""

    id: str
    tenant: str
    subject_id: str
    kind: str
    retention: str
    """Class that says how long it is kept (:mod:`ekyc.storage.sealed.retention`)."""
    size: int
    """Bytes of the content."""
    digest: bytes | None = field(repr=False)
    """HMAC-SHA-256 of the content under a key that follows from the person's; ``None`` once it is removed.

    It tells whether two artefacts of one person are alike. Nobody can test a guess by it without the key.
    """
    created_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedArtefact:
    """A content that lies sealed on disk, and whose row is not written yet."""

    stored: StoredArtefact
    blob: str


class ArtefactStore:
    """The artefacts of all tenants. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        people: SubjectStore,
        blobs: BlobStore,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._people = people
        self._blobs = blobs
        self._clock = clock
        self._random = random
        self._subject = subject

    def put(
        self,
        tenant: str,
        subject_id: str,
        kind: str,
        content: bytes | Iterable[bytes],
        *,
        retention: str,
        max_bytes: int = MAX_BYTES,
    ) -> StoredArtefact:
        """Seal and keep a content, at hand or in pieces. It is on disk when this returns.

        Args:
            tenant: who keeps it.
            subject_id: whom it is about.
            kind: what it is, such as ``card-front``: lower case, digits and hyphens, at most 64 characters.
            content: the bytes.
            retention: class that says how long it is kept; at most 32 characters of the same kind.
            max_bytes: longest content, at most 1 GiB.

        Raises:
            ArtefactError: ``artefact.kind_refused``: embeddings and templates are not kept.
            SubjectError: ``subject.unknown``, ``subject.erased``, also where it is erased meanwhile.
            InputError, LimitError: a name is not of its form; ``storage.too_large``.
            StorageError, BusyError: it could not be stored; then nothing is, but perhaps a blob that is swept.
        """
        sealer = self._people.sealer(tenant, subject_id)
        sealed = self.seal(sealer, kind, content, retention=retention, max_bytes=max_bytes)
        try:
            with storage_errors(self._subject), self._engine.begin() as connection:
                record_within(connection, (sealed,))
        except (ProtectedError, SubjectError):
            self.discard((sealed,))
            raise
        return sealed.stored

    def seal(
        self,
        sealer: SubjectSealer,
        kind: str,
        content: bytes | Iterable[bytes],
        *,
        retention: str,
        max_bytes: int = MAX_BYTES,
    ) -> SealedArtefact:
        """Seal a content under a person's key and put it on disk; :func:`record_within` makes it an artefact.

        One that no row is written for is swept by retention, or removed by :meth:`discard`.

        Raises:
            ArtefactError, InputError, LimitError, StorageError: as :meth:`put`.
        """
        _require_names(kind, retention)
        if not 0 < max_bytes <= MAX_BYTES:
            raise LimitError("a content has at most 1 GiB", subject="max_bytes")
        artefact_id = self._random.token_bytes(16).hex()
        measured = _Measured((content,) if isinstance(content, bytes) else content, sealer.key)
        sealed = seal_stream(
            measured,
            subject_key=sealer.key,
            place=sealer.place(kind, artefact_id),
            random=self._random,
            max_bytes=max_bytes,
        )
        blob = self._blobs.put(sealed)
        stored = StoredArtefact(
            id=artefact_id,
            tenant=sealer.subject.tenant,
            subject_id=sealer.subject.id,
            kind=kind,
            retention=retention,
            size=measured.size,
            digest=measured.digest(),
            created_at=self._clock.now(),
            removed_at=None,
        )
        return SealedArtefact(stored=stored, blob=blob)

    def discard(self, sealed: Iterable[SealedArtefact]) -> None:
        """Remove contents that no row was written for.

        Raises:
            StorageError: the disk failed; retention sweeps what is left.
        """
        for one in sealed:
            self._blobs.delete(one.blob)

    def get(self, tenant: str, artefact_id: str) -> StoredArtefact:
        """What is known of an artefact, removed or not.

        Raises:
            ArtefactError: ``artefact.unknown``; also for one of another tenant.
        """
        return _from_row(self._row(tenant, artefact_id))

    def stream(
        self, tenant: str, artefact_id: str, *, despite_restriction: bool = False
    ) -> Iterator[bytes]:
        """The content in pieces; each is genuine, but a missing end is told only at the end.

        Args:
            tenant: who keeps it.
            artefact_id: which.
            despite_restriction: for the person's own requests, and for who answers them.

        Raises:
            ArtefactError: ``artefact.unknown``, ``artefact.removed``.
            SubjectError: ``subject.erased``.
            ProtectedError: ``subject.restricted``.
            StorageError: ``storage.unsealable``, ``blob.unknown``, and others.
        """
        row = self._row(tenant, artefact_id)
        if row.removed_at is not None or row.blob is None:
            raise ArtefactError("the artefact was removed", code="artefact.removed")
        sealer = self._people.sealer(
            tenant, row.subject_id, despite_restriction=despite_restriction
        )
        return open_stream(
            self._blobs.read(row.blob),
            subject_key=sealer.key,
            place=sealer.place(row.kind, row.id),
        )

    def read(self, tenant: str, artefact_id: str, *, despite_restriction: bool = False) -> bytes:
        """The whole content; raises what :meth:`stream` does, and ``storage.corrupted`` for one of another size."""
        content = b"".join(
            self.stream(tenant, artefact_id, despite_restriction=despite_restriction)
        )
        if len(content) != self.get(tenant, artefact_id).size:
            raise StorageError("the artefact has another size", code="storage.corrupted")
        return content

    def of_subject(self, tenant: str, subject_id: str) -> tuple[StoredArtefact, ...]:
        """The latest 1000 artefacts about a person, the newest first, removed ones among them."""
        query = (
            select(artefacts)
            .where(artefacts.c.tenant_id == tenant, artefacts.c.subject_id == subject_id)
            .order_by(artefacts.c.created_at.desc(), artefacts.c.id)
            .limit(_PAGE)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_from_row(row) for row in connection.execute(query))

    def remove(self, tenant: str, artefact_id: str) -> None:
        """Remove the content for good; the row says that there was one. Twice is once.

        Raises:
            ArtefactError: ``artefact.unknown``.
            ProtectedError: ``subject.restricted``, ``subject.held``.
        """
        row = self._row(tenant, artefact_id)
        with storage_errors(self._subject), self._reading.begin() as connection:
            require_unprotected(connection, tenant, [(NameKind.SUBJECT, row.subject_id)])
        self.remove_all((artefact_id,))

    def remove_all(self, ids: Iterable[str]) -> int:
        """Remove contents of any tenant; the number of blobs removed. Crash-safe: another call does what is left."""
        wanted = list(ids)
        ours = artefacts.c.id.in_(wanted)
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(
                update(artefacts)
                .where(ours, artefacts.c.removed_at.is_(None))
                .values(removed_at=self._clock.now(), digest=None)
            )
            query = select(artefacts.c.blob).where(ours, artefacts.c.blob.is_not(None))
            blobs = [str(blob) for blob in connection.execute(query).scalars()]
        for blob in blobs:
            self._blobs.delete(blob)
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(update(artefacts).where(ours).values(blob=None))
        return len(blobs)

    def _row(self, tenant: str, artefact_id: str) -> Row[Any]:
        query = select(artefacts).where(
            artefacts.c.tenant_id == tenant, artefacts.c.id == artefact_id
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise ArtefactError("no such artefact", code="artefact.unknown")
        return row


def record_within(connection: Connection, sealed: Sequence[SealedArtefact]) -> None:
    """Write the rows of contents of one person that lie on disk, in the caller's transaction.

    Raises:
        SubjectError: ``subject.unknown``, ``subject.erased``, also where it was erased meanwhile.
        ProtectedError: ``subject.restricted``, likewise.
    """
    first = sealed[0].stored
    subject = get_within(connection, first.tenant, first.subject_id, lock=True)
    if subject.erased_at is not None:
        raise SubjectError("the person was erased", code="subject.erased")
    require_unrestricted(connection, first.tenant, [(NameKind.SUBJECT, first.subject_id)])
    rows = [
        {
            "id": one.stored.id,
            "tenant_id": first.tenant,
            "subject_id": first.subject_id,
            "kind": one.stored.kind,
            "retention": one.stored.retention,
            "size": one.stored.size,
            "digest": one.stored.digest,
            "blob": one.blob,
            "created_at": one.stored.created_at,
        }
        for one in sealed
    ]
    connection.execute(insert(artefacts), rows)


def content_digest(sealer: SubjectSealer, content: bytes) -> bytes:
    """The digest that an artefact of this person with this content has."""
    return hmac.digest(_digest_key(sealer.key), content, "sha256")


class _Measured:
    """Pieces of a content as they pass, their size and keyed digest."""

    def __init__(self, chunks: Iterable[bytes], subject_key: bytes) -> None:
        self._chunks = chunks
        self._hmac = HMAC(_digest_key(subject_key), hashes.SHA256())
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            self._hmac.update(chunk)
            yield chunk

    def digest(self) -> bytes:
        return self._hmac.finalize()


def _digest_key(subject_key: bytes) -> bytes:
    info = b"ekyc subject key: digests of artefacts"
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(subject_key)


def _require_names(kind: str, retention: str) -> None:
    if not _KIND.match(kind):
        raise InputError("not a kind of artefact", subject="kind")
    if kind in _NEVER_KEPT:
        raise ArtefactError(
            "embeddings and templates are not kept", code="artefact.kind_refused", subject="kind"
        )
    if not _RETENTION.match(retention):
        raise InputError("not a class of retention", subject="retention")


def _from_row(row: Row[Any]) -> StoredArtefact:
    return StoredArtefact(
        id=row.id,
        tenant=row.tenant_id,
        subject_id=row.subject_id,
        kind=row.kind,
        retention=row.retention,
        size=row.size,
        digest=None if row.digest is None else bytes(row.digest),
        created_at=row.created_at,
        removed_at=row.removed_at,
    )
