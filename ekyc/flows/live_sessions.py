"""Liveness sessions of a service: from an order to a signed result, durable at every step.

1. :meth:`LiveSessions.order`: the portal orders a session for one case and one subject; attempts are counted.
2. :meth:`begin`: the client begins; its challenge is spent.
3. :meth:`take`: a chunk. What the session accepts is on disk before the client is told; the same chunk sent again gets
   the same answer and counts once.
4. :meth:`finish`: judged once, signed, hashes of its frames remembered; the client hears *passed* or not, and advice.
5. :meth:`use`: the result becomes the live part of the case that it was ordered for, once.

Any process may take any step: what one of them holds in memory is only what the store has anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ekyc import base64url
from ekyc.flows.live_material import (
    hashes_of,
    instant_of,
    join_pictures,
    kept_chunk,
    kept_pictures,
    pictures_of,
    seconds_of,
    split_pictures,
    straight_frames,
)
from ekyc.flows.live_memory import SessionsInMemory, under_way
from ekyc.flows.live_package import LivePackage, decode_package, make_package
from ekyc.flows.live_values import (
    BegunLiveSession,
    LiveAdvice,
    LiveBinding,
    LiveEvidence,
    LiveOrder,
    LiveResult,
    OrderedLiveSession,
)
from ekyc.liveness.active import (
    DEFAULT_ACTIVE,
    DEFAULT_ATTEMPTS,
    ActivePolicy,
    AttemptLimits,
    FrameMemory,
    FrameObserver,
    Reply,
    ReplyKind,
    ReportSigner,
    Session,
    SessionEvidence,
    attestation_challenge,
    check_client,
    encode_seen,
    may_attempt,
    open_session,
    report_session,
    resume_session,
    sign_report,
    take_chunk,
    tick,
)
from ekyc.liveness.active.memory import count_replayed
from ekyc.liveness.active.session import stop
from ekyc.liveness.active.ticket import chunk_key
from ekyc.storage import SessionError
from ekyc.storage.liveness.values import token_digest
from ekyc.values import Redacted

if TYPE_CHECKING:
    from ekyc.flows.live_values import PassiveDetection
    from ekyc.liveness.active import AttestationKind, Attestor
    from ekyc.outcomes import Check
    from ekyc.ports import Clock, Random
    from ekyc.storage import LivenessStore, StoredChunk, StoredSession
    from ekyc.storage.dossiers.idempotency import KeyClaim
    from ekyc.values import Owner, Receipt

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveParts:
    """What sessions are judged with."""

    observer: FrameObserver
    passive: PassiveDetection | None
    """Without it ``liveness.passive`` is absent, and no profile that asks for it accepts."""
    signer: ReportSigner
    models: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the models behind both, by id."""
    attestor: Attestor | None = None
    """Without it the result says ``liveness.client_unattested``."""
    policy: ActivePolicy = DEFAULT_ACTIVE
    attempts: AttemptLimits = DEFAULT_ATTEMPTS


class LiveSessions:
    """Runs sessions. Safe to call from many threads; several processes may share one database."""

    def __init__(
        self,
        store: LivenessStore,
        memory: FrameMemory,
        parts: LiveParts,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self.store = store
        self._memory = memory
        self._parts = parts
        self._clock = clock
        self._random = random
        self._held = SessionsInMemory()

    # --- (1) to (5) ---

    def order(
        self,
        wanted: LiveOrder,
        *,
        claim: KeyClaim | None = None,
        answer: Callable[[OrderedLiveSession], bytes] = lambda _: b"",
    ) -> OrderedLiveSession | bytes:
        """Order a session.

        Args:
            wanted: what for.
            claim: of the order, where it is to be carried out once.
            answer: what is kept with the claim.

        Returns:
            The session; or what was kept, where the claim was made before.

        Raises:
            IdempotencyError: ``idempotency.other_request``.
            AttemptsError: ``liveness.too_many_attempts``; ``wait_s`` says how long.
            BusyError: too many sessions are open, or the database is held.
            StorageError: it could not be stored; then nothing was counted.
        """
        capture, result = (self._token() for _ in range(2))
        now = self._clock.now()

        def ordered(session_id: str, expires_at: datetime) -> OrderedLiveSession:
            return OrderedLiveSession(
                id=session_id,
                capture_token=Redacted(capture),
                result_token=Redacted(result),
                expires_at=expires_at,
            )

        stored = self.store.order(
            capture_digest=token_digest(capture),
            result_digest=token_digest(result),
            binding=lambda session_id: wanted.binding.digest(session_id, result),
            settings={"colours": self._parts.policy.shape.colours if wanted.colours else 0},
            attempts_of=wanted.attempts_of,
            wait_of=lambda times: may_attempt(times, now, self._parts.attempts).wait,
            owner=wanted.owner,
            claim=claim,
            answer=lambda *made: answer(ordered(*made)),
        )
        return stored if isinstance(stored, bytes) else ordered(stored.id, stored.expires_at)

    def owner_of(self, session_id: str) -> Owner:
        """Whose a session is.

        Raises:
            SessionError: ``liveness.session_unknown``.
        """
        return self.store.owner_of(session_id)

    def require_client(self, session_id: str, token: str) -> None:
        """Return if a token is the client's.

        Raises:
            SessionError: ``liveness.session_unknown``.
        """
        self._require(session_id, token, of_result=False)

    def require_owner(self, session_id: str, token: str) -> None:
        """Return if a token is that of whoever ordered the session.

        Raises:
            SessionError: ``liveness.session_unknown``.
        """
        self._require(session_id, token, of_result=True)

    def begin(self, session_id: str) -> BegunLiveSession:
        """Spend the challenge and reveal the first prompt.

        Raises:
            FreshnessError: unknown, expired, or begun before.
        """
        session = self._opened(self.store.begin(session_id))
        prompt = session.reply.prompt
        assert prompt is not None  # a session begins with one
        return BegunLiveSession(
            key=Redacted(session.key),
            attestation_challenge=attestation_challenge(session.id, session.key),
            prompt=prompt,
        )

    def take(self, session_id: str, body: bytes, arrived_at: datetime) -> Reply:
        """Take a chunk, whatever it is.

        Args:
            session_id: of a session that was begun.
            body: what arrived.
            arrived_at: when all of it had arrived.

        Raises:
            SessionError: ``liveness.session_unknown``, ``liveness.session_unfinished``: it was not begun.
            BusyError: a chunk of this session is being looked at, or a model is busy: send it again.
            ModelError: a model failed.
        """
        with self._held.alone(session_id):
            stored = self.store.load(session_id)
            if stored.state == "waiting":
                raise _not_begun()
            if stored.state != "running":
                return Reply(kind=ReplyKind.OVER)
            session = self._session(stored)
            if session.ended is None and hashlib.sha256(body).digest() != session.chain:
                session = self._taken(stored, session, body, arrived_at)
            return session.reply

    def finish(
        self, session_id: str, statement: tuple[AttestationKind, bytes] | None = None
    ) -> LiveAdvice:
        """Judge the session, once; asked again, the answer is the same.

        Args:
            session_id: of a session that was begun.
            statement: of the platform about the client.

        Raises:
            SessionError: unknown, or not begun.
            BusyError: it is being judged, or a model is busy: ask again.
            LimitError: the statement is too large.
            ModelError: a model failed.
        """
        with self._held.alone(session_id):
            stored = self.store.load(session_id)
            if stored.state == "waiting":
                raise _not_begun()
            if stored.report is not None:
                return decode_package(stored.report).told
            package, face = self._judged(stored, statement)
            if not self.store.finish(stored, report=package.encode(), best_frame=face):
                kept = self.store.load(session_id).report  # another process was first
                return decode_package(kept).told if kept else package.told
            self._held.let_go(session_id)
            return package.told

    def result(self, session_id: str) -> LiveResult:
        """How far a session is, and its signed report once it is finished.

        Raises:
            SessionError: ``liveness.session_unknown``.
        """
        stored = self.store.load(session_id)
        return LiveResult(
            id=stored.id,
            state=stored.state,
            expires_at=stored.expires_at,
            signed=None if stored.report is None else decode_package(stored.report).signed,
        )

    def use(
        self,
        session_id: str,
        result_token: str,
        binding: LiveBinding,
        receipt: Receipt | None = None,
    ) -> LiveEvidence:
        """Take the result for the case that it was ordered for; with its receipt, again.

        Raises:
            SessionError: unknown, unfinished, used before, or ordered for another case, subject or challenge.
        """
        used = self.store.use(
            session_id,
            result_token=result_token,
            binding=binding.digest(session_id, result_token),
            receipt=receipt,
        )
        assert used.report is not None  # finished sessions have one
        package = decode_package(used.report)
        pictures = split_pictures(used.best_frame)
        return LiveEvidence(
            checks=package.checks,
            payload=package.signed.payload,
            best_frame=pictures[0] if pictures else None,
            other_frames=pictures[1:],
        )

    def forget(self, session_id: str) -> None:
        """Erase a session and all that is kept of it, besides the hashes that replays are known by."""
        self.store.forget(session_id)
        self._held.let_go(session_id)

    # --- inside ---

    def _require(self, session_id: str, token: str, *, of_result: bool) -> None:
        if not self.store.holds(session_id, token, of_result=of_result):
            raise SessionError("no such session, or not its token")

    def _token(self) -> str:
        return base64url.encode(self._random.token_bytes(_TOKEN_BYTES))

    def _opened(self, stored: StoredSession) -> Session:
        assert stored.secret is not None  # there from the beginning on
        policy = self._parts.policy
        shape = replace(policy.shape, colours=stored.settings["colours"])
        return open_session(
            session_id=bytes.fromhex(stored.id),
            secret=stored.secret,
            key=chunk_key(stored.secret),
            policy=replace(policy, shape=shape),
            now_s=0.0,
        )

    def _session(self, stored: StoredSession) -> Session:
        """The session as the store has it; chunks that this process took itself are not read again."""
        session = self._held.get(stored.id) or self._opened(stored)
        if session.chunks < stored.chunks:
            session = resume_session(
                session,
                [kept_chunk(chunk, stored) for chunk in self.store.chunks(stored, session.chunks)],
            )
        if stored.stopped_by and session.ended is None:
            session = stop(session, *stored.stopped_by)
        return session

    def _taken(
        self, stored: StoredSession, before: Session, body: bytes, arrived_at: datetime
    ) -> Session:
        """The state after a chunk, kept before it is returned."""
        now_s = max(seconds_of(stored, arrived_at), before.now_s)
        session = take_chunk(before, body, self._parts.observer, now_s)
        if session.chunks > before.chunks:
            kept = self.store.append(
                stored,
                before.chunks,
                arrived_at=instant_of(stored, now_s),
                body=body,
                seen=encode_seen(session.frames[len(before.frames) :]),
            )
            if not kept:  # another process took a chunk meanwhile
                self._held.let_go(stored.id)
                raise under_way()
        elif session.ended is not None:
            self.store.stop(stored.id, session.stopped_by)
        if session.ended is not None:
            self._memory.remember(hashes_of(session), session_id=session.id)
        self._held.hold(stored.id, session)
        return session

    def _judged(
        self, stored: StoredSession, statement: tuple[AttestationKind, bytes] | None
    ) -> tuple[LivePackage, bytes | None]:
        now = self._clock.now()
        session = self._session(stored)
        session = tick(session, max(seconds_of(stored, now), session.now_s))
        client = check_client(
            self._parts.attestor, statement, session_id=session.id, key=session.key
        )
        chunks = self.store.chunks(stored)
        known = count_replayed(self._memory, hashes_of(session), session_id=session.id)
        report = report_session(
            session,
            client=client,
            evidence=SessionEvidence(known_frames=known),
            passive=self._passive(session, chunks),
            models=self._parts.models,
            bound_to=stored.binding.hex(),
            judged_at=now.isoformat(),
        )
        self._memory.remember(hashes_of(session), session_id=session.id)
        kept = join_pictures(kept_pictures(session, chunks))
        return make_package(report, session, sign_report(report, self._parts.signer)), kept

    def _passive(self, session: Session, chunks: Sequence[StoredChunk]) -> Check | None:
        """Passive detection on frames that look straight, where everything was asked."""
        passive = self._parts.passive
        if passive is None or session.ended is not ReplyKind.DONE:
            return None
        return passive.check(pictures_of(session, chunks, straight_frames(session)))


def _not_begun() -> SessionError:
    return SessionError("the session was not begun", code="liveness.session_unfinished")
