"""People, as far as storage knows them: an id that says nothing, a key, and an index by which a number is found again.

The number itself lies sealed under the person's key. It is found by HMAC-SHA-256 under a key of the tenant (*blind
index*): a plain hash of a twelve-digit number is guessed in minutes. Whoever holds the database and not the key can tell
that two rows are of different people, and no more.

Keys of people lie in a table of their own, wrapped under the tenant's key (:class:`ekyc.ports.KeyProvider`), so that a
backup of everything else can leave them out (:mod:`ekyc.storage.backup`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from ekyc.errors import BusyError, EkycError
from ekyc.ports import WrappedKey
from ekyc.storage.engine import reading
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.sealed.blind_index import add_index_key, index_keys, mark
from ekyc.storage.sealed.envelope import KEY_BYTES, Place, open_sealed, seal
from ekyc.storage.sealed.errors import SubjectError
from ekyc.storage.sealed.protections import NameKind, require_unrestricted
from ekyc.storage.sealed.tables import subject_keys, subjects, tenant_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

    from ekyc.ports import Clock, KeyProvider, Random

_T = TypeVar("_T")
REFERENCE_KIND: Final = "subjects.reference"
"""Kind of the place where a person's number lies sealed."""
_REFERENCE: Final = re.compile(r"[0-9A-Z]{6,24}\Z")
_ATTEMPTS: Final = 5
_KEYS_LOCK: Final = 0x656B79
"""First half of the PostgreSQL advisory lock under which keys of a tenant are wrapped and destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person, without anything personal."""

    tenant: str
    id: str
    created_at: datetime
    erased_at: datetime | None


class SubjectSealer:
    """Seals and opens values about one person. ``repr`` shows no key."""

    def __init__(self, subject: Subject, key: bytes, random: Random) -> None:
        self.subject = subject
        self._key = key
        self._random = random

    def place(self, kind: str, place_id: str, version: int = 1) -> Place:
        """The place of a value about this person."""
        return Place(
            tenant=self.subject.tenant,
            subject=self.subject.id,
            kind=kind,
            id=place_id,
            version=version,
        )

    def seal(self, data: bytes, kind: str, place_id: str, version: int = 1) -> bytes:
        """Seal a value, for a column or a file.

        Raises:
            InputError: ``kind`` or ``place_id`` is no name that a sealed value can have.
            LimitError: ``storage.too_large``.
        """
        place = self.place(kind, place_id, version)
        return seal(data, subject_key=self._key, place=place, random=self._random)

    def open(self, sealed: bytes, kind: str, place_id: str, version: int = 1) -> bytes:
        """Open a value.

        Raises:
            StorageError: ``storage.unsealable``.
        """
        place = self.place(kind, place_id, version)
        return open_sealed(sealed, subject_key=self._key, place=place)

    @property
    def key(self) -> bytes:
        """The person's key, for :func:`ekyc.storage.sealed.envelope.seal_stream`. Never stored, never logged."""
        return self._key


class SubjectStore:
    """The people of all tenants. Safe across threads and processes."""

    def __init__(
        self, engine: Engine, *, keys: KeyProvider, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._keys = keys
        self._clock = clock
        self._random = random
        self._subject = subject

    def enrol(self, tenant: str, reference: str) -> Subject:
        """The person with this number, made if there is none yet; of racing callers all get the same one.

        Args:
            tenant: who keeps it.
            reference: number of the identity document: 6 to 24 digits and capital letters.

        Raises:
            SubjectError: ``subject.reference_invalid``.
            StorageError, BusyError: it could not be stored; ``storage.key_missing``: the tenant's keys are gone.
        """
        _require_reference(reference)
        for _ in range(
            _ATTEMPTS
        ):  # another process may be first, with the person or with the index
            known = self.find(tenant, reference) or self._make(tenant, reference)
            if known is not None:
                return known
        raise BusyError("others make the same person", code="storage.locked")

    def create(self, tenant: str) -> Subject:
        """A new person whose number is not known.

        Raises:
            StorageError, BusyError: it could not be stored; ``storage.key_missing``: the tenant's keys are gone.
        """
        made = self._make(tenant, None)
        if made is None:
            raise StorageError(
                "the source of randomness repeated an id", code="storage.serial_repeated"
            )
        return made

    def create_within(self, connection: Connection, tenant: str) -> Subject:
        """:meth:`create` inside the caller's transaction."""
        return self._make_within(connection, tenant, None)

    def find(self, tenant: str, reference: str) -> Subject | None:
        """The person with this number, unless there is none or it was erased.

        Raises:
            SubjectError: ``subject.reference_invalid``.
            StorageError, BusyError: the database failed, or a key is missing.
        """
        _require_reference(reference)
        return self._read(lambda connection: self._find_within(connection, tenant, reference))

    def get(self, tenant: str, subject_id: str) -> Subject:
        """The person with this id, erased or not.

        Raises:
            SubjectError: ``subject.unknown``; also for a person of another tenant.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            return get_within(connection, tenant, subject_id)

    def sealer(
        self, tenant: str, subject_id: str, *, despite_restriction: bool = False
    ) -> SubjectSealer:
        """What is about a person is sealed and opened by this.

        Args:
            tenant: who keeps it.
            subject_id: whom it is about.
            despite_restriction: for the person's own requests, and for who answers them.

        Raises:
            SubjectError: ``subject.unknown``, ``subject.erased``.
            ProtectedError: ``subject.restricted``.
            StorageError, BusyError: the database failed, or a key is missing.
        """
        return self._read(
            lambda connection: self.sealer_within(
                connection, tenant, subject_id, despite_restriction=despite_restriction
            )
        )

    def sealer_within(
        self,
        connection: Connection,
        tenant: str,
        subject_id: str,
        *,
        despite_restriction: bool = False,
    ) -> SubjectSealer:
        """:meth:`sealer` inside the caller's transaction."""
        subject = get_within(connection, tenant, subject_id)
        if not despite_restriction:
            require_unrestricted(connection, tenant, [(NameKind.SUBJECT, subject_id)])
        query = select(subject_keys).where(subject_keys.c.subject_id == subject_id)
        row = connection.execute(query).one_or_none()
        if row is None or subject.erased_at is not None:
            raise SubjectError("the person was erased", code="subject.erased")
        wrapped = WrappedKey(version=row.kek_version, wrapped=bytes(row.wrapped))
        key = self._keys.unwrap(tenant, wrapped, context=key_context(subject_id))
        return SubjectSealer(subject, key, self._random)

    def reference(self, tenant: str, subject_id: str) -> str | None:
        """The number of a person, if it is known.

        Raises:
            SubjectError: ``subject.unknown``, ``subject.erased``.
            StorageError, BusyError: the database failed, or a key is missing.
        """
        query = select(subjects.c.reference).where(
            subjects.c.tenant_id == tenant, subjects.c.id == subject_id
        )

        def opened(connection: Connection) -> str | None:
            sealer = self.sealer_within(connection, tenant, subject_id, despite_restriction=True)
            sealed = connection.execute(query).scalar_one()
            if sealed is None:
                return None
            return sealer.open(bytes(sealed), REFERENCE_KIND, subject_id).decode("ascii")

        return self._read(opened)

    def _read(self, work: Callable[[Connection], _T]) -> _T:
        """Read; anew where a rotation destroyed a key-encryption key between the row and its key."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._read_once(work)
            except EkycError as error:  # the provider's own kind of error
                if error.code != "storage.key_missing":
                    raise
        return self._read_once(work)

    def _read_once(self, work: Callable[[Connection], _T]) -> _T:
        with storage_errors(self._subject), self._reading.begin() as connection:
            return work(connection)

    def _make(self, tenant: str, reference: str | None) -> Subject | None:
        """The new person, or ``None`` where somebody made it, or the tenant's index, at the same moment."""
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    return self._make_within(connection, tenant, reference)
            except IntegrityError:
                return None

    def _make_within(self, connection: Connection, tenant: str, reference: str | None) -> Subject:
        made = Subject(
            tenant=tenant,
            id=self._random.token_bytes(16).hex(),
            created_at=self._clock.now(),
            erased_at=None,
        )
        key = self._random.token_bytes(KEY_BYTES)
        sealer = SubjectSealer(made, key, self._random)
        row: dict[str, Any] = {"id": made.id, "tenant_id": tenant, "created_at": made.created_at}
        secrets: dict[str, Any] = {"subject_id": made.id, "tenant_id": tenant}
        hold_keys(connection, tenant, alone=not self._keys.versions(tenant))
        self._require_key(connection, tenant)
        if reference is not None:
            # Under an older version of the index's key there may be one by now: then no UNIQUE would tell.
            known = self._find_within(connection, tenant, reference)
            if known is not None:
                return known
            version, index_key = self._made_index_key(connection, tenant)
            sealed = sealer.seal(reference.encode("ascii"), REFERENCE_KIND, made.id)
            row["reference"] = sealed
            secrets |= {"blind_index": mark(index_key, reference), "index_version": version}
        wrapped = self._keys.wrap(tenant, key, context=key_context(made.id))
        connection.execute(insert(subjects).values(row))
        secrets |= {"kek_version": wrapped.version, "wrapped": wrapped.wrapped}
        connection.execute(insert(subject_keys).values(secrets))
        return made

    def _require_key(self, connection: Connection, tenant: str) -> None:
        """The first key of a tenant is made here; but where keys were wrapped before, theirs is missing."""
        if self._keys.versions(tenant):
            return
        used = (
            select(func.count()).select_from(table).where(table.c.tenant_id == tenant)
            for table in (subject_keys, tenant_keys)
        )
        if not any(connection.execute(query).scalar_one() for query in used):
            self._keys.make_version(tenant)

    def _made_index_key(self, connection: Connection, tenant: str) -> tuple[int, bytes]:
        there = index_keys(connection, self._keys, tenant)
        if there:
            return there[0]
        made = add_index_key(
            connection, self._keys, tenant, 1, random=self._random, now=self._clock.now()
        )
        return 1, made

    def _find_within(self, connection: Connection, tenant: str, reference: str) -> Subject | None:
        marks = [mark(key, reference) for _, key in index_keys(connection, self._keys, tenant)]
        query = (
            select(subjects)
            .join(subject_keys, subject_keys.c.subject_id == subjects.c.id)
            .where(subject_keys.c.tenant_id == tenant, subject_keys.c.blind_index.in_(marks))
        )
        row = connection.execute(query).one_or_none() if marks else None
        if row is None:
            return None
        # The index is not bound to its row, the sealed number is: who can write rows could exchange two entries.
        try:
            sealer = self.sealer_within(connection, tenant, row.id, despite_restriction=True)
        except SubjectError:  # erased between the two queries
            return None
        if sealer.open(bytes(row.reference or b""), REFERENCE_KIND, row.id) != reference.encode():
            raise StorageError(
                "the index leads to another person", code="storage.corrupted", subject="index"
            )
        return _from_row(row)


def get_within(
    connection: Connection, tenant: str, subject_id: str, *, lock: bool = False
) -> Subject:
    """:meth:`SubjectStore.get` inside the caller's transaction, with the row held where it will be written."""
    query = select(subjects).where(subjects.c.tenant_id == tenant, subjects.c.id == subject_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise SubjectError("no such person", code="subject.unknown")
    return _from_row(row)


def key_context(subject_id: str) -> bytes:
    """What a person's key is wrapped for."""
    return b"subject|" + subject_id.encode("ascii")


def hold_keys(connection: Connection, tenant: str, *, alone: bool = False) -> None:
    """Until the transaction ends no key of the tenant is destroyed; ``alone``: nor is any wrapped.

    On SQLite transactions that write come one after the other anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        half = zlib.crc32(tenant.encode()) & 0x7FFFFFFF
        connection.execute(text(f"SELECT {lock}(:a, :b)"), {"a": _KEYS_LOCK, "b": half})


def _from_row(row: Row[Any]) -> Subject:
    return Subject(
        tenant=row.tenant_id, id=row.id, created_at=row.created_at, erased_at=row.erased_at
    )


def _require_reference(reference: str) -> None:
    if not _REFERENCE.match(reference):
        raise SubjectError(
            "a number has 6 to 24 digits and capital letters", code="subject.reference_invalid"
        )
