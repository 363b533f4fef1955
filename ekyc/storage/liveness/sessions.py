"""Sessions of the active challenge, durable: what was accepted is on disk before the client is told.

A session waits, runs, is finished and is used, each once; one UPDATE decides, so two processes never do it twice. Its
chunks, what was seen in them, its report and its best frame are sealed under a key that follows from the session's
secret, and the secret under the service's key. The row takes all of it along when it goes.

What the values mean is the business of :mod:`ekyc.flows`; nothing personal is in a column that can be read.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from ekyc.errors import InputError
from ekyc.storage.access.register import has_ended
from ekyc.storage.dossiers.idempotency import KeptAnswers
from ekyc.storage.drawn_ids import is_drawn_id
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import LivenessFinished
from ekyc.storage.liveness.attempts import (
    attempt_times,
    count_attempt,
    of_tenant,
    one_at_a_time,
)
from ekyc.storage.liveness.room import UNKEPT, erase, forget, purge, require_room
from ekyc.storage.liveness.rows import chunk_of, read_owner, sealer_of, session_of
from ekyc.storage.liveness.values import (
    AttemptsError,
    SessionBounds,
    SessionError,
    StoredChunk,
    StoredSession,
    token_digest,
    unknown_session,
)
from ekyc.storage.nonces import issue_within, redeem_within
from ekyc.storage.tables import liveness_attempts, liveness_chunks, liveness_sessions
from ekyc.storage.webhooks.outbox import LivenessDecided, Outbox
from ekyc.values import NOBODY_IN_PARTICULAR, Owner

if TYPE_CHECKING:
    from sqlalchemy import Engine, Row

    from ekyc.ports import Clock, Random
    from ekyc.storage.dossiers.idempotency import KeyClaim
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.service_key import Sealer, ServiceKey
    from ekyc.values import Receipt

ACTIVE_LIVENESS: Final = "active-liveness"
"""Purpose of a secret that a session is drawn from: 32 bytes that never leave the verifier."""
SECRET_BYTES: Final = 32

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
        owner: Owner = NOBODY_IN_PARTICULAR,
        claim: KeyClaim | None = None,
        answer: Callable[[str, datetime], bytes] = lambda *_: b"",
    ) -> StoredSession | bytes:
        """Make a session and count it as an attempt, both or neither.

        Args:
            capture_digest: SHA-256 of the token that the client will show.
            result_digest: of the token that whoever ordered it will show.
            binding: what the result will be bound to, from the session's id.
            settings: JSON, nothing personal.
            attempts_of: kind and reference of whatever has a limit of its own; kept as pseudonyms.
            wait_of: how long to wait after attempts made at these times.
            owner: whose it is; its tenant is told of the result, and has attempts and a share of the places of its own.
            claim: of the order; kept with the session, both or neither.
            answer: what is kept with it, from the session's id and end.

        Returns:
            The session; or what was kept, where the claim was made before.

        Raises:
            IdempotencyError: ``idempotency.other_request``.
            AttemptsError: ``liveness.too_many_attempts``.
            BusyError: ``busy.queue_full``: too many sessions are open.
            StorageError, BusyError: it could not be stored; then nothing was counted.
        """
        now = self._clock.now()
        pseudonyms = [self._key.pseudonym(kind, reference) for kind, reference in attempts_of]
        with storage_errors(self._subject), self._engine.begin() as connection:
            one_at_a_time(connection)
            keys = KeptAnswers(
                connection, owner.tenant, key=self._key, random=self._random, now=now
            )
            kept = None if claim is None else keys.claim(claim.digest, claim.fingerprint)
            if kept is not None:
                return kept
            purge(connection, now, self.bounds)
            waits = (wait_of(attempt_times(connection, owner.tenant, one)) for one in pseudonyms)
            wait = max(waits, default=timedelta(0))
            if wait > timedelta(0):
                raise AttemptsError(wait.total_seconds())
            require_room(connection, owner.tenant, self.bounds, now)
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
                    tenant_id=owner.tenant,
                    office=owner.office,
                    subject=owner.subject,
                )
            )
            count_attempt(connection, owner.tenant, pseudonyms, challenge.id, now)
            if claim is not None:
                keys.keep(claim.digest, answer(challenge.id, challenge.expires_at))
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

    def owner_of(self, session_id: str) -> Owner:
        """Whose a session is, unless its time is over.

        Raises:
            SessionError: ``liveness.session_unknown``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            return read_owner(connection, session_id, after=self._clock.now())

    def holds(self, session_id: str, token: str, *, of_result: bool) -> bool:
        """Whether a token is the session's, and its tenant stands; an unknown session takes as long and holds none."""
        if not is_drawn_id(session_id):
            return False
        query = select(
            _sessions.c.capture_digest, _sessions.c.result_digest, _sessions.c.tenant_id
        ).where(_sessions.c.id == session_id, _sessions.c.expires_at > self._clock.now())
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is not None and has_ended(connection, row.tenant_id):
                return False
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
        return tuple(chunk_of(row, sealer) for row in rows)

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
            owner = read_owner(connection, session.id)
            outbox = Outbox(connection, now=now, random=self._random, tenant=owner.tenant)
            outbox.put(LivenessDecided(id=session.id), office=owner.office)
            self._log.append(connection, LivenessFinished.of(session.id, report))
        return True

    def use(
        self,
        session_id: str,
        *,
        result_token: str,
        binding: bytes,
        receipt: Receipt | None = None,
    ) -> StoredSession:
        """Take a finished session's result, once, for what it was ordered for. Its best frame is kept no longer.

        With a ``receipt`` it is judged by when the case came, and is held for it: whoever has the receipt gets the result
        again, until :func:`~ekyc.storage.liveness.room.let_go_within`.

        Raises:
            SessionError: unknown, too late, not this token; used before; not finished; ordered for another case.
            StorageError, BusyError: the database failed. Whether the result is used up is then not known.
        """
        now = self._clock.now()
        came_at = now if receipt is None else min(now, receipt.received_at)
        query = (
            select(_sessions)
            .where(_sessions.c.id == session_id, _sessions.c.expires_at > came_at)
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
            if receipt is not None and row.held_for == receipt.id:
                return self._opened(row)
            if row.state == "used":
                raise SessionError("the result was used before", code="liveness.session_used")
            if row.state != "finished":
                raise SessionError("the session has no result", code="liveness.session_unfinished")
            spent: dict[str, Any] = {"state": "used"}
            spent |= {"best_frame": None} if receipt is None else {"held_for": receipt.id}
            connection.execute(
                update(_sessions).where(_sessions.c.id == session_id).values(**spent)
            )
            return self._opened(row)

    def forget(self, session_id: str) -> None:
        """Erase a session, or refuse, as :func:`~ekyc.storage.liveness.room.forget`; that there was an attempt stays."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            forget(connection, session_id)

    def forget_reference(
        self, kind: str, reference: str, *, tenant: str | None = None
    ) -> tuple[str, ...]:
        """Erase the sessions and attempts of a subject or device that no protection is on: a tenant's, or everybody's.

        Returns:
            Ids of the sessions that were its, for :meth:`~ekyc.storage.FrameStore.forget`.
        """
        pseudonym = self._key.pseudonym(kind, reference)
        query = select(_attempts.c.session_id).where(_attempts.c.pseudonym == pseudonym, UNKEPT)
        if tenant is not None:
            query = query.where(of_tenant(tenant))
        with storage_errors(self._subject), self._engine.begin() as connection:
            ids = tuple(connection.execute(query).scalars())
            erase(connection, ids)
            connection.execute(delete(_attempts).where(_attempts.c.session_id.in_(ids)))
        return ids

    def _opened(self, row: Row[Any]) -> StoredSession:
        return session_of(row, self._secrets, self._random)

    def _sealer(self, session: StoredSession) -> Sealer:
        if session.secret is None:
            raise InputError("the session has not begun", code="liveness.session_state")
        return sealer_of(session.secret, self._random)
