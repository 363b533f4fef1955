"""Sessions of the active challenge, durable: what was accepted is on disk before the client is told.

A session waits, runs, is finished and is used, each once; one UPDATE decides, so two processes never do it twice. Its
chunks, what was seen in them, its report and its best frame are sealed under a key that follows from the session's
secret, and the secret under the service's key. The row takes all of it along when it goes.

What the values mean is the business of :mod:`ekyc.flows`; nothing personal is in a column that can be read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select, update

from ekyc.errors import BusyError, InputError
from ekyc.storage.attempts import attempt_times, count_attempt, one_at_a_time
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence_events import LivenessFinished
from ekyc.storage.liveness_values import (
    AttemptsError,
    SessionBounds,
    SessionError,
    StoredChunk,
    StoredSession,
    token_digest,
    unknown_session,
)
from ekyc.storage.nonces import issue_within, redeem_within
from ekyc.storage.outbox import LivenessDecided, Outbox
from ekyc.storage.service_key import Sealer
from ekyc.storage.tables import liveness_attempts, liveness_chunks, liveness_sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence_log import EvidenceLog
    from ekyc.storage.service_key import ServiceKey

ACTIVE_LIVENESS: Final = "active-liveness"
"""Purpose of a secret that a session is drawn from: 32 bytes that never leave the verifier."""
SECRET_BYTES: Final = 32
_PURGE_BATCH: Final = 50

_sessions, _chunks, _attempts = liveness_sessions, liveness_chunks, liveness_attempts


class LivenessStore:
    """Keeps sessions. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        key: ServiceKey,
        bounds: SessionBounds,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self.bounds = bounds
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._key = key
        self._secrets = key.sealer("secrets of sessions", random)
        self._clock = clock
        self._random = random
        self._subject = subject

    def order(
        self,
        *,
        capture_digest: bytes,
        result_digest: bytes,
        binding: Callable[[str], bytes],
        settings: Mapping[str, Any],
        attempts_of: Sequence[tuple[str, str]],
        wait_of: Callable[[Sequence[datetime]], timedelta],
    ) -> StoredSession:
        """Make a session and count it as an attempt, both or neither.

        Args:
            capture_digest: SHA-256 of the token that the client will show.
            result_digest: of the token that whoever ordered it will show.
            binding: what the result will be bound to, from the session's id.
            settings: JSON, nothing personal.
            attempts_of: kind and reference of whatever has a limit of its own; kept as pseudonyms.
            wait_of: how long to wait after attempts made at these times.

        Raises:
            AttemptsError: ``liveness.too_many_attempts``.
            BusyError: ``busy.queue_full``: too many sessions are open.
            StorageError, BusyError: it could not be stored; then nothing was counted.
        """
        now = self._clock.now()
        pseudonyms = [self._key.pseudonym(kind, reference) for kind, reference in attempts_of]
        with storage_errors(self._subject), self._engine.begin() as connection:
            one_at_a_time(connection)
            self._purge(connection, now)
            waits = (wait_of(attempt_times(connection, one)) for one in pseudonyms)
            wait = max(waits, default=timedelta(0))
            if wait > timedelta(0):
                raise AttemptsError(wait.total_seconds())
            self._require_room(connection)
            challenge = issue_within(
                connection,
                purpose=ACTIVE_LIVENESS,
                ttl_s=self.bounds.waiting_s,
                count=SECRET_BYTES,
                now=now,
                random=self._random,
            )
            connection.execute(
                insert(_sessions).values(
                    id=challenge.id,
                    state="waiting",
                    created_at=now,
                    expires_at=challenge.expires_at,
                    capture_digest=capture_digest,
                    result_digest=result_digest,
                    binding=binding(challenge.id),
                    settings=json.dumps(settings, sort_keys=True),
                    chunks=0,
                    byte_count=0,
                )
            )
            count_attempt(connection, pseudonyms, challenge.id, now)
        return self.load(challenge.id)

    def begin(self, session_id: str) -> StoredSession:
        """Spend the session's challenge; of any number of callers one begins.

        Raises:
            FreshnessError: unknown, expired, or begun before.
            StorageError, BusyError: the database failed.
        """
        now = self._clock.now()
        with storage_errors(self._subject), self._engine.begin() as connection:
            secret = redeem_within(connection, session_id, (ACTIVE_LIVENESS,), now).nonce
            connection.execute(
                update(_sessions)
                .where(_sessions.c.id == session_id)
                .values(
                    state="running",
                    opened_at=now,
                    expires_at=now + timedelta(seconds=self.bounds.running_s),
                    secret=self._secrets.seal(secret, f"liveness_sessions/{session_id}/secret"),
                )
            )
        return self.load(session_id)

    def load(self, session_id: str) -> StoredSession:
        """The session, unless its time is over.

        Raises:
            SessionError: ``liveness.session_unknown``.
            StorageError, BusyError: the database failed, or a sealed value does not open.
        """
        query = select(_sessions).where(
            _sessions.c.id == session_id, _sessions.c.expires_at > self._clock.now()
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise unknown_session()
            return self._opened(row)

    def holds(self, session_id: str, token: str, *, of_result: bool) -> bool:
        """Whether a token is the session's; an unknown session takes as long and holds none."""
        query = select(_sessions.c.capture_digest, _sessions.c.result_digest).where(
            _sessions.c.id == session_id, _sessions.c.expires_at > self._clock.now()
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
        kept = b"" if row is None else row.result_digest if of_result else row.capture_digest
        return hmac.compare_digest(bytes(kept), token_digest(token))

    def append(
        self,
        session: StoredSession,
        sequence: int,
        *,
        arrived_at: datetime,
        body: bytes,
        seen: bytes,
    ) -> bool:
        """Keep a chunk that the session accepted as its next; False where another process was first.

        When this returns True the chunk is on disk.

        Raises:
            StorageError, BusyError: the database failed. Whether the chunk is kept is then not known.
        """
        sealer = self._sealer(session)
        place = f"liveness_chunks/{session.id}/{sequence}"
        with storage_errors(self._subject), self._engine.begin() as connection:
            advanced = connection.execute(
                update(_sessions)
                .where(
                    _sessions.c.id == session.id,
                    _sessions.c.state == "running",
                    _sessions.c.chunks == sequence,
                    _sessions.c.stopped_by.is_(None),
                )
                .values(chunks=sequence + 1, byte_count=_sessions.c.byte_count + len(body))
            )
            if advanced.rowcount != 1:
                return False
            connection.execute(
                insert(_chunks).values(
                    session_id=session.id,
                    sequence=sequence,
                    arrived_at=arrived_at,
                    body=sealer.seal(body, f"{place}/body"),
                    seen=sealer.seal(seen, f"{place}/seen"),
                )
            )
        return True

    def stop(self, session_id: str, reasons: tuple[str, ...]) -> None:
        """Keep that a session is over for these reasons; the first word stands."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(
                update(_sessions)
                .where(
                    _sessions.c.id == session_id,
                    _sessions.c.state == "running",
                    _sessions.c.stopped_by.is_(None),
                )
                .values(stopped_by=json.dumps(reasons))
            )

    def chunks(self, session: StoredSession, since: int = 0) -> tuple[StoredChunk, ...]:
        """The accepted chunks from one on, in their order."""
        query = (
            select(_chunks)
            .where(_chunks.c.session_id == session.id, _chunks.c.sequence >= since)
            .order_by(_chunks.c.sequence)
        )
        sealer = self._sealer(session)
        with storage_errors(self._subject), self._reading.begin() as connection:
            rows = connection.execute(query).all()
        return tuple(_chunk(row, sealer) for row in rows)

    def finish(self, session: StoredSession, *, report: bytes, best_frame: bytes | None) -> bool:
        """Keep a session's result and let go of its chunks; False where it is finished already."""
        sealer = self._sealer(session)
        place = f"liveness_sessions/{session.id}"
        kept = None if best_frame is None else sealer.seal(best_frame, f"{place}/best_frame")
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            finished = connection.execute(
                update(_sessions)
                .where(_sessions.c.id == session.id, _sessions.c.state == "running")
                .values(
                    state="finished",
                    report=sealer.seal(report, f"{place}/report"),
                    best_frame=kept,
                    expires_at=now + timedelta(seconds=self.bounds.keeping_s),
                )
            )
            if finished.rowcount != 1:
                return False
            connection.execute(delete(_chunks).where(_chunks.c.session_id == session.id))
            Outbox(connection, now=now, random=self._random).put(LivenessDecided(id=session.id))
            self._log.append(connection, LivenessFinished.of(session.id, report))
        return True

    def use(self, session_id: str, *, result_token: str, binding: bytes) -> StoredSession:
        """Take a finished session's result, once, for what it was ordered for. Its best frame is kept no longer.

        Raises:
            SessionError: unknown, too late, not this token; used before; not finished; ordered for another case.
            StorageError, BusyError: the database failed. Whether the result is used up is then not known.
        """
        now = self._clock.now()
        query = (
            select(_sessions)
            .where(_sessions.c.id == session_id, _sessions.c.expires_at > now)
            .with_for_update()
        )
        with storage_errors(self._subject), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is None or not hmac.compare_digest(
                bytes(row.result_digest), token_digest(result_token)
            ):
                raise unknown_session()
            if not hmac.compare_digest(bytes(row.binding), binding):
                raise SessionError(
                    "the session was ordered for another case", code="liveness.session_other_case"
                )
            if row.state == "used":
                raise SessionError("the result was used before", code="liveness.session_used")
            if row.state != "finished":
                raise SessionError("the session has no result", code="liveness.session_unfinished")
            connection.execute(
                update(_sessions)
                .where(_sessions.c.id == session_id)
                .values(state="used", best_frame=None)
            )
            return self._opened(row)

    def forget(self, session_id: str) -> None:
        """Erase a session and all that is kept of it; the ledger keeps that there was an attempt."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            _erase(connection, [session_id])

    def forget_reference(self, kind: str, reference: str) -> tuple[str, ...]:
        """Erase the sessions and attempts of a subject or device.

        Returns:
            Ids of the sessions that were its, for :meth:`~ekyc.storage.FrameStore.forget`.
        """
        pseudonym = self._key.pseudonym(kind, reference)
        query = select(_attempts.c.session_id).where(_attempts.c.pseudonym == pseudonym)
        with storage_errors(self._subject), self._engine.begin() as connection:
            ids = tuple(connection.execute(query).scalars())
            _erase(connection, ids)
            connection.execute(delete(_attempts).where(_attempts.c.session_id.in_(ids)))
        return ids

    def _require_room(self, connection: Connection) -> None:
        open_now = connection.execute(
            select(func.count(), func.coalesce(func.sum(_sessions.c.byte_count), 0)).where(
                _sessions.c.state.in_(("waiting", "running"))
            )
        ).one()
        if open_now[0] >= self.bounds.open_sessions or open_now[1] >= self.bounds.open_bytes:
            raise BusyError("too many sessions are open", code="busy.queue_full")

    def _purge(self, connection: Connection, now: datetime) -> None:
        dead = (
            select(_sessions.c.id)
            .where(_sessions.c.expires_at <= now)
            .order_by(_sessions.c.expires_at)
            .limit(_PURGE_BATCH)
        )
        _erase(connection, connection.execute(dead).scalars().all())
        old = _attempts.c.made_at < now - self.bounds.attempts_kept
        connection.execute(delete(_attempts).where(old))

    def _opened(self, row: Row[Any]) -> StoredSession:
        place = f"liveness_sessions/{row.id}"
        secret = None
        if row.secret is not None:
            secret = self._secrets.open(bytes(row.secret), f"{place}/secret")
        sealer = None if secret is None else _sealer(secret, self._random)

        def opened(sealed: bytes | None, column: str) -> bytes | None:
            return sealer.open(bytes(sealed), f"{place}/{column}") if sealed and sealer else None

        return StoredSession(
            id=row.id,
            state=row.state,
            expires_at=row.expires_at,
            opened_at=row.opened_at,
            settings=json.loads(row.settings),
            binding=bytes(row.binding),
            chunks=row.chunks,
            byte_count=row.byte_count,
            stopped_by=tuple(json.loads(row.stopped_by or "[]")),
            secret=secret,
            report=opened(row.report, "report"),
            best_frame=opened(row.best_frame, "best_frame"),
        )

    def _sealer(self, session: StoredSession) -> Sealer:
        if session.secret is None:
            raise InputError("the session has not begun", code="liveness.session_state")
        return _sealer(session.secret, self._random)


def _sealer(secret: bytes, random: Random) -> Sealer:
    return Sealer(hashlib.sha256(b"ekyc active liveness: what is kept\0" + secret).digest(), random)


def _chunk(row: Row[Any], sealer: Sealer) -> StoredChunk:
    place = f"liveness_chunks/{row.session_id}/{row.sequence}"
    return StoredChunk(
        sequence=row.sequence,
        arrived_at=row.arrived_at,
        body=sealer.open(bytes(row.body), f"{place}/body"),
        seen=sealer.open(bytes(row.seen), f"{place}/seen"),
    )


def _erase(connection: Connection, ids: Sequence[str]) -> None:
    if ids:
        connection.execute(delete(_chunks).where(_chunks.c.session_id.in_(ids)))
        connection.execute(delete(_sessions).where(_sessions.c.id.in_(ids)))
