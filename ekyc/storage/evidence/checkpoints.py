"""The checkpoints of the log of this installation: signed, timestamped if somebody is there to ask, and kept.

A checkpoint only reads the log. Whatever happens between an append and a checkpoint – a kill, a power cut, an authority
that does not answer – the entries are there, and the next checkpoint covers them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from ekyc.errors import InputError, TrustError
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.notes import CheckpointSigner, read_checkpoint, sign_checkpoint
from ekyc.storage.evidence.tables import evidence_checkpoints

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import Clock
    from ekyc.storage.evidence.log import EvidenceLog

_MOST: Final = 200
AskForTime = Callable[[bytes], bytes]
"""SHA-256 of a note → DER of an RFC 3161 timestamp token over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCheckpoint:
    """A checkpoint on record."""

    size: int
    note: str
    timestamp: bytes | None = field(repr=False)
    """DER of an RFC 3161 token over SHA-256 of the note in UTF-8."""


class CheckpointStore:
    """Makes and keeps checkpoints. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, log: EvidenceLog, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._log = log
        self._clock = clock
        self._subject = subject

    def make(
        self, *, signer: CheckpointSigner, ask_for_time: AskForTime | None = None
    ) -> KeptCheckpoint:
        """A checkpoint over everything that is logged now; the one that is kept, if nothing came since.

        Nobody waits for the key or for the time-stamping authority: neither is asked within a transaction.

        Raises:
            InputError: ``audit.empty``.
            TrustError: ``audit.fork``: the log contradicts its last checkpoint; nothing is signed.
            UpstreamError: no timestamp could be had; then there is no checkpoint.
            StorageError, BusyError: it could not be kept.
        """
        state = self._log.state()
        kept = self.at(state.size)
        self._require_consistent()
        if kept is not None:
            return kept
        note = sign_checkpoint(
            origin=state.origin,
            size=state.size,
            root=state.root,
            chain=state.chain,
            at=self._clock.now(),
            signer=signer,
        )
        token = (
            None if ask_for_time is None else ask_for_time(hashlib.sha256(note.encode()).digest())
        )
        made = KeptCheckpoint(size=state.size, note=note, timestamp=token)
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    connection.execute(
                        insert(evidence_checkpoints).values(
                            size=made.size, note=made.note, timestamp=made.timestamp
                        )
                    )
            except IntegrityError:  # another process made one of the same size: the first counts
                first = self.at(state.size)
                if first is None:
                    raise
                return first
        return made

    def _require_consistent(self) -> None:
        """Two checkpoints of one log never contradict each other: rather none than a second story."""
        try:
            last = read_checkpoint(self.latest().note)
        except InputError as exc:
            if exc.code == "audit.no_checkpoint":
                return
            raise
        if self._log.size() < last.size or self._log.state(last.size).root != last.root:
            raise TrustError(
                "the log is not the one that its last checkpoint was made of", code="audit.fork"
            )

    def at(self, size: int) -> KeptCheckpoint | None:
        """The checkpoint of a size."""
        query = select(evidence_checkpoints).where(evidence_checkpoints.c.size == size)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _kept(row)

    def latest(self) -> KeptCheckpoint:
        """The last one.

        Raises:
            InputError: ``audit.no_checkpoint``.
        """
        query = select(evidence_checkpoints).order_by(evidence_checkpoints.c.size.desc()).limit(1)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise InputError("there is no checkpoint yet", code="audit.no_checkpoint")
            return _kept(row)

    def before(self, size: int | None, limit: int) -> tuple[KeptCheckpoint, ...]:
        """Those of smaller sizes than this, all where it is ``None``, the largest first, at most 200."""
        column = evidence_checkpoints.c.size
        query = select(evidence_checkpoints).order_by(column.desc()).limit(min(limit, _MOST))
        if size is not None:
            query = query.where(column < size)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_kept(row) for row in connection.execute(query))

    def following(self, size: int, stop: int) -> KeptCheckpoint | None:
        """The first one beyond a size, and not beyond ``stop``."""
        column = evidence_checkpoints.c.size
        query = select(evidence_checkpoints).where(column > size, column <= stop)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query.order_by(column).limit(1)).one_or_none()
            return None if row is None else _kept(row)


def _kept(row: Any) -> KeptCheckpoint:
    timestamp = None if row.timestamp is None else bytes(row.timestamp)
    return KeptCheckpoint(size=row.size, note=row.note, timestamp=timestamp)
