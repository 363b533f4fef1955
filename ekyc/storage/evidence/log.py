"""The evidence log: what was decided, issued, signed and erased, in an order that nobody can change unnoticed.

Every entry is an event (:mod:`~ekyc.storage.evidence.events`) and is written in the transaction of what it tells of: both
are there, or neither. Its *chain* hash is SHA-256 over the chain hash before it and the event, its *leaf* hash goes into a
Merkle tree (:mod:`~ekyc.storage.evidence.merkle`); ``docs/audit.md`` gives both byte by byte. A database lock puts writers in one
line, from the append to the end of their transaction: append last.

People stand in it as pseudonyms: HMAC-SHA-256 under a key drawn for each person, which :meth:`EvidenceLog.forget` erases.
The log stays as it is and says, from then on, something about nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import DBAPIError

from ekyc.errors import InputError
from ekyc.storage.engine import reading
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.evidence import merkle
from ekyc.storage.evidence.canonical import decode, encode
from ekyc.storage.evidence.events import Event, LogOpened, Reference, SubjectErased
from ekyc.storage.evidence.merkle import HASH_BYTES, Frontier, Node
from ekyc.storage.evidence.places import place_row
from ekyc.storage.evidence.tables import evidence_entries, evidence_subjects

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random

FIRST_CHAIN: Final = bytes(HASH_BYTES)
"""The chain hash before the first entry."""
_LOCK: Final = 0x656B7961
"""Key of the PostgreSQL advisory lock that writers queue at."""
_KEY_BYTES: Final = 32
_PSEUDONYM: Final = b"ekyc evidence log, version 1"
_PSEUDONYM_BYTES: Final = 16
_BATCH: Final = 1000
_LOCKING: Final = "SELECT pg_advisory_xact_lock(?)"
_TAIL: Final = "SELECT number, chain FROM evidence_entries ORDER BY number DESC LIMIT 1"
_INSERT: Final = "INSERT INTO evidence_entries (number, event, chain, nodes) VALUES (?, ?, ?, ?)"
_KEY_OF: Final = "SELECT key FROM evidence_subjects WHERE reference = ?"
_NEW_KEY: Final = "INSERT INTO evidence_subjects (reference, key) VALUES (?, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the log."""

    number: int
    """From 0."""
    event: bytes
    """Canonical JSON, as it was hashed."""
    chain: bytes
    leaf: bytes
    """Both as stored; whether they follow from the event is the question of an audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What a log is at one size."""

    size: int
    root: bytes
    chain: bytes
    origin: str
    """Identifier of the log: of its first entry."""


def chain_hash(before: bytes, event: bytes) -> bytes:
    """The chain hash of an entry."""
    return hashlib.sha256(before + event).digest()


def origin_of(log: str) -> str:
    """Name of a log by the identifier in its first entry."""
    return f"ekyc-evidence-log/{log}"


class EvidenceLog:
    """The log of this installation. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, clock: Clock, random: Random, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._random = random
        self._subject = subject
        # Tree over all entries up to the one with this chain hash, which says everything about them: whatever another
        # process appended or a transaction took back, a tree is used only for the very entries it was made of.
        self._known: tuple[bytes, Frontier] = (FIRST_CHAIN, Frontier())

    def append(
        self,
        connection: Connection,
        event: Event,
        *,
        tenant: str | None = None,
        office: str | None = None,
    ) -> int:
        """Write an entry within the caller's transaction, which should end soon: others wait for it.

        Args:
            connection: of the transaction.
            event: what happened.
            tenant: whose auditors may read it; ``None``: the operator's alone.
            office: whose auditors may read it too; ``None``: those of the whole tenant alone.

        Returns:
            The number of the entry, if the transaction commits.

        Raises:
            InputError: ``audit.event_form``: the event is not what the log may hold.
        """
        _one_at_a_time(connection)
        size, chain = _tail(connection)
        frontier = self._frontier(connection, size, chain)
        if size == 0:
            opened = LogOpened(log=self._random.token_bytes(16).hex())
            chain, _ = self._write(connection, opened, frontier, chain)
        chain, data = self._write(connection, event, frontier, chain)
        self._known = (chain, frontier)
        if tenant is not None:
            connection.execute(place_row(frontier.size - 1, tenant, office, data))
        return frontier.size - 1

    def append_alone(self, *events: Event) -> None:
        """Write entries of what is recorded nowhere else, in a transaction of their own: all of them or none.

        Raises:
            InputError: ``audit.event_form``.
            StorageError, BusyError: they could not be written.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            for event in events:
                self.append(connection, event)

    def forget(self, kind: str, reference: str) -> bool:
        """Erase the key of a pseudonym, for good; the log says that it was. False: there was none.

        Args:
            kind: of the reference, as in the event that it was given to.
            reference: what the person or thing was known by.
        """
        one = Reference(kind=kind, text=reference)
        with storage_errors(self._subject), self._engine.begin() as connection:
            if not self.forget_known_within(connection, one):
                return False
        self._empty_journal()
        return True

    def forget_known_within(self, connection: Connection, one: Reference) -> bool:
        """The same within the caller's transaction, who empties the journal after the commit."""
        place = evidence_subjects.c.reference == place_of(one)
        _one_at_a_time(connection)
        if connection.execute(select(evidence_subjects.c.key).where(place)).first() is None:
            return False
        self.forget_within(connection, one)
        return True

    def forget_within(
        self, connection: Connection, one: Reference, *, tenant: str | None = None
    ) -> None:
        """As :meth:`forget_known_within`, but said in the log even of somebody who never stood in it.

        What SQLite's journal keeps of the key is for the caller to empty, after the commit.
        """
        self.append(connection, SubjectErased(subject=one), tenant=tenant)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        place = evidence_subjects.c.reference == place_of(one)
        connection.execute(delete(evidence_subjects).where(place))

    def pseudonym(self, kind: str, reference: str) -> str | None:
        """What a reference stands as in the log; ``None``: it does not, or its key was erased."""
        place = evidence_subjects.c.reference == place_of(Reference(kind=kind, text=reference))
        with storage_errors(self._subject), self._reading.begin() as connection:
            key = connection.execute(select(evidence_subjects.c.key).where(place)).scalar()
            return None if key is None else _pseudonym(key)

    def size(self) -> int:
        """How many entries there are."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return _tail(connection)[0]

    def state(self, size: int | None = None) -> LogState:
        """Root and chain of the log, now or at an earlier size.

        Raises:
            InputError: ``audit.no_such_entry``: it was never of this size; ``audit.empty``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            now = _tail(connection)[0]
            wanted = now if size is None else size
            if now == 0:
                raise InputError("nothing was logged yet", code="audit.empty")
            if not 0 < wanted <= now:
                raise InputError("the log never was of this size", code="audit.no_such_entry")
            opened = connection.execute(_entries(0, 1)).one()
            last = connection.execute(_entries(wanted - 1, 1)).one()
            root = merkle.root_of(wanted, lambda nodes: self._nodes(connection, nodes))
        return LogState(
            size=wanted, root=root, chain=last.chain, origin=origin_of(_log_of(opened.event))
        )

    def entry(self, number: int) -> Entry:
        """One entry.

        Raises:
            InputError: ``audit.no_such_entry``.
        """
        for found in self.entries(number, number + 1):
            if found.number == number:
                return found
        raise InputError("the log has no such entry", code="audit.no_such_entry")

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries in their order, read in batches; those that are there when they are asked for."""
        while stop is None or start < stop:
            most = _BATCH if stop is None else min(_BATCH, stop - start)
            with storage_errors(self._subject), self._reading.begin() as connection:
                rows = connection.execute(_entries(start, most)).all()
            for row in rows:
                if stop is not None and row.number >= stop:
                    return
                leaf = bytes(row.nodes)[:HASH_BYTES]
                yield Entry(
                    number=row.number, event=row.event.encode(), chain=bytes(row.chain), leaf=leaf
                )
            if len(rows) < most:
                return
            start = rows[-1].number + 1

    def inclusion_proof(self, number: int, size: int) -> tuple[bytes, ...]:
        """Hashes that lead from an entry to the root at a size.

        Raises:
            InputError: ``audit.no_such_entry``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            _require(size <= _tail(connection)[0])
            return merkle.inclusion_proof(number, size, lambda n: self._nodes(connection, n))

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Hashes that lead from the roots at two sizes to each other.

        Raises:
            InputError: ``audit.no_such_entry``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            _require(new <= _tail(connection)[0])
            return merkle.consistency_proof(old, new, lambda n: self._nodes(connection, n))

    def _write(
        self, connection: Connection, event: Event, frontier: Frontier, before: bytes
    ) -> tuple[bytes, bytes]:
        data = encode(
            event,
            number=frontier.size,
            at=self._clock.now(),
            pseudonym=lambda one: self._pseudonym_within(connection, one),
        )
        chain = chain_hash(before, data)
        number = frontier.size
        nodes = b"".join(frontier.append(merkle.leaf_hash(data)))
        _run(connection, _INSERT, (number, data.decode(), chain, nodes))
        return chain, data

    def _frontier(self, connection: Connection, size: int, chain: bytes) -> Frontier:
        known_chain, frontier = self._known
        if known_chain == chain and frontier.size == size:
            return frontier.copy()
        return Frontier(size, self._nodes(connection, merkle.perfect_parts(0, size)))

    def _nodes(self, connection: Connection, nodes: Sequence[Node]) -> list[bytes]:
        wanted = sorted({node.completed_by for node in nodes})
        found: dict[int, bytes] = {}
        for start in range(0, len(wanted), _BATCH):
            within = evidence_entries.c.number.in_(wanted[start : start + _BATCH])
            query = select(evidence_entries.c.number, evidence_entries.c.nodes).where(within)
            found |= {row.number: bytes(row.nodes) for row in connection.execute(query)}
        hashes = [
            found.get(node.completed_by, b"")[node.level * HASH_BYTES :][:HASH_BYTES]
            for node in nodes
        ]
        if any(len(one) != HASH_BYTES for one in hashes):
            raise StorageError(
                "entries of the evidence log are missing or cut",
                code="storage.corrupted",
                subject=self._subject,
            )
        return hashes

    def _empty_journal(self) -> None:
        """SQLite: what was erased lies in the -wal file until that is written anew."""
        if self._engine.dialect.name != "sqlite":
            return
        with storage_errors(self._subject):
            raw = self._engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def _pseudonym_within(self, connection: Connection, one: Reference) -> str:
        """The pseudonym of a reference, its key drawn if there is none; under the writers' lock."""
        place = place_of(one)
        row = _run(connection, _KEY_OF, (place,)).fetchone()
        if row is not None:
            return _pseudonym(row[0])
        key = self._random.token_bytes(_KEY_BYTES)
        _run(connection, _NEW_KEY, (place, key))
        return _pseudonym(key)


def _run(connection: Connection, sql: str, values: tuple[object, ...]) -> Any:
    """Run a statement by the driver itself, an eighth of the time: every decision of the service passes here."""
    dialect = connection.dialect
    assert dialect.dbapi is not None
    error: type[Exception] = dialect.dbapi.Error
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql if dialect.name == "sqlite" else sql.replace("?", "%s"), values)
    except error as exc:
        raise DBAPIError.instance(
            sql, None, exc, error, hide_parameters=True, dialect=dialect
        ) from exc
    return cursor


def _one_at_a_time(connection: Connection) -> None:
    """SQLite's writing transactions are one at a time anyway."""
    if connection.dialect.name == "postgresql":
        _run(connection, _LOCKING, (_LOCK,))


def _tail(connection: Connection) -> tuple[int, bytes]:
    """Size of the log and its last chain hash."""
    row = _run(connection, _TAIL, ()).fetchone()
    return (0, FIRST_CHAIN) if row is None else (row[0] + 1, bytes(row[1]))


def _entries(start: int, most: int) -> Select[Any]:
    return (
        select(evidence_entries)
        .where(evidence_entries.c.number >= start)
        .order_by(evidence_entries.c.number)
        .limit(most)
    )


def _log_of(event: str) -> str:
    """Identifier in the first entry; of a damaged one, nothing."""
    found = decode(event.encode())
    return "" if found is None else str(found[1]["facts"].get("log", ""))


def _require(there: bool) -> None:
    if not there:
        raise InputError("the log never was of this size", code="audit.no_such_entry")


def place_of(one: Reference) -> str:
    """Where the key of a reference lies."""
    return hashlib.sha256(f"{one.kind}\0{one.text}".encode()).hexdigest()


def _pseudonym(key: bytes) -> str:
    return hmac.digest(bytes(key), _PSEUDONYM, "sha256")[:_PSEUDONYM_BYTES].hex()
