"""Relayed readings of the service: who may relay, who may ask for the result, and what is kept until then.

Everything lies in memory, bounded in number and bytes, and is gone after a while or with the process. Two tokens go out:
one for the client beside the card, which works once, one for whoever ordered the reading. Only their hashes are kept;
what an order with a key was answered is kept beside, so that it is answered alike as long as its session lasts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ekyc.chip import AccessKey
from ekyc.chip.active_auth import NONCE_BYTES
from ekyc.chip.relay import RelayLimits, RelayMode, RelayPlan
from ekyc.errors import BusyError, EkycError, InputError
from ekyc.ports import Clock, Random
from ekyc.storage import IdempotencyError
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Redacted

if TYPE_CHECKING:
    from ekyc.storage.dossiers.idempotency import KeyClaim

_ID_BYTES: Final = 16
_TOKEN_BYTES: Final = 32
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSessionLimits:
    """What relayed readings may cost the service."""

    sessions: int = 256
    """Kept at once, whatever their state."""
    of_citizen: int = 4
    """Of these, ordered by one login."""
    of_tenant: int = 192
    """Of these, ordered by one tenant: no portal takes every place."""
    evidence_bytes: int = 128 * _MEBIBYTE
    """Kept of all finished sessions together; above it, no new session begins."""
    evidence_bytes_of_tenant: int = 96 * _MEBIBYTE
    """Kept of those of one tenant; above it, no new session of theirs begins."""
    relays: int = 16
    """Relays that run at once."""
    relays_of_tenant: int = 12
    """Of these, of one tenant's sessions."""
    greetings: int = 32
    """Connections that have not greeted yet."""
    greeting_s: float = 10.0
    """Time until a connection must have greeted."""
    waiting_s: float = 300.0
    """Time until the client must have come."""
    keeping_s: float = 900.0
    """Time for which a result is kept."""
    relay: RelayLimits = field(default_factory=RelayLimits)
    """Of one reading."""


DEFAULT_CHIP_LIMITS: Final = ChipSessionLimits()


class ChipSessionState(StrEnum):
    """How far a session is."""

    WAITING = "waiting"
    RELAYING = "relaying"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class ChipSession:
    """One ordered reading. ``repr`` shows neither key nor result."""

    id: str
    plan: RelayPlan | None = field(repr=False)
    """Until the client comes: afterwards nobody needs the key to the chip."""
    mode: RelayMode
    owner: Owner
    relay_digest: bytes = field(repr=False)
    result_digest: bytes = field(repr=False)
    expires_at: datetime
    state: ChipSessionState = ChipSessionState.WAITING
    facts: dict[str, Any] = field(default_factory=dict, repr=False)
    """Of the result, without personal data."""
    evidence: bytes | None = field(default=None, repr=False)
    """The recorded session. **Keys and personal data.**"""
    error: EkycError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedReading:
    """A session with its two tokens, which are told once."""

    session: ChipSession
    expires_at: datetime
    """Until when the client must have come."""
    relay_token: Redacted[str]
    result_token: Redacted[str]
    replayed: bool = False
    """Whether it is told again, to the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeyedOrder:
    """What was answered to an order that came with a key."""

    claim: KeyClaim
    ordered: OrderedReading


class ChipSessions:
    """The sessions of one process. Lives in one event loop."""

    def __init__(self, limits: ChipSessionLimits, *, clock: Clock, random: Random) -> None:
        self.limits = limits
        self.clock = clock
        self.random = random
        self._sessions: dict[str, ChipSession] = {}
        self._orders: dict[bytes, _KeyedOrder] = {}
        self._relays: Counter[str] = Counter()

    def order(
        self,
        mode: RelayMode,
        access_key: AccessKey | None,
        *,
        owner: Owner = NOBODY_IN_PARTICULAR,
        claim: KeyClaim | None = None,
    ) -> OrderedReading:
        """A new session with a nonce of its own; or the one that was ordered with this claim, while it lasts.

        Raises:
            BusyError: ``busy.queue_full``.
            IdempotencyError: ``idempotency.other_request``.
            InputError: ``chip.relay_mode``: key and mode do not fit.
        """
        self._sweep()
        known = None if claim is None else self._orders.get(claim.digest)
        if claim is not None and known is not None:
            if not hmac.compare_digest(known.claim.fingerprint, claim.fingerprint):
                raise IdempotencyError("this key was sent with another request before")
            return replace(known.ordered, replayed=True)
        self._require_room(owner)
        number = self.random.token_bytes(_ID_BYTES).hex()
        plan = RelayPlan(
            session_id=number,
            mode=mode,
            access_key=access_key,
            nonce=self.random.token_bytes(NONCE_BYTES),
        )
        relay_token, result_token = (secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(2))
        session = ChipSession(
            id=number,
            plan=plan,
            mode=mode,
            owner=owner,
            relay_digest=_digest(relay_token),
            result_digest=_digest(result_token),
            expires_at=self.clock.now() + timedelta(seconds=self.limits.waiting_s),
        )
        self._sessions[number] = session
        ordered = OrderedReading(
            session=session,
            expires_at=session.expires_at,
            relay_token=Redacted(relay_token),
            result_token=Redacted(result_token),
        )
        if claim is not None:
            self._orders[claim.digest] = _KeyedOrder(claim=claim, ordered=ordered)
        return ordered

    def admit(self, number: str, token: Redacted[str]) -> tuple[ChipSession, RelayPlan]:
        """The session that a client may relay, once. :meth:`close` gives its place back.

        Raises:
            InputError: ``chip.session_unknown``: no such session, or not this token; ``chip.session_used``.
            BusyError: ``busy.queue_full``: the client may come again.
        """
        session = self._get(number)
        if not hmac.compare_digest(session.relay_digest, _digest(token.reveal())):
            raise unknown_session()
        plan = session.plan
        if plan is None:
            raise InputError("the token was used before", code="chip.session_used")
        if self._relays.total() >= self.limits.relays:
            raise BusyError("too many relays run", code="busy.queue_full")
        if self._relays[session.owner.tenant] >= self.limits.relays_of_tenant:
            raise BusyError("too many relays of one tenant run", code="busy.queue_full")
        self._relays[session.owner.tenant] += 1
        session.state, session.plan = ChipSessionState.RELAYING, None
        session.expires_at = self._later(self.limits.relay.total_s + self.limits.keeping_s)
        return session, plan

    def close(
        self,
        session: ChipSession,
        *,
        facts: dict[str, Any] | None = None,
        evidence: bytes | None = None,
        error: EkycError | None = None,
    ) -> None:
        """Keep how a relay ended, and give its place back."""
        self._relays[session.owner.tenant] -= 1
        session.state = ChipSessionState.FAILED if error else ChipSessionState.FINISHED
        session.facts, session.evidence = facts or {}, evidence
        session.error = error and _without_past(error)
        session.expires_at = self._later(self.limits.keeping_s)

    def result(self, number: str, token: str) -> ChipSession:
        """The session of whoever ordered it.

        Raises:
            InputError: ``chip.session_unknown``: no such session, or not this token.
        """
        session = self._get(number)
        if not hmac.compare_digest(session.result_digest, _digest(token)):
            raise unknown_session()
        return session

    def owner_of(self, number: str) -> Owner:
        """Whose a session is.

        Raises:
            InputError: ``chip.session_unknown``.
        """
        return self._get(number).owner

    def forget(self, session: ChipSession) -> None:
        """Let go of a session before its time. A relay that runs comes to its end and leaves nothing."""
        self._drop(session.id)

    def _require_room(self, owner: Owner) -> None:
        limits, kept = self.limits, tuple(self._sessions.values())
        theirs = [session for session in kept if session.owner.tenant == owner.tenant]
        if len(kept) >= limits.sessions or _bytes_of(kept) >= limits.evidence_bytes:
            raise BusyError("too many chip sessions", code="busy.queue_full")
        too_large = _bytes_of(theirs) >= limits.evidence_bytes_of_tenant
        if len(theirs) >= limits.of_tenant or too_large:
            raise BusyError("too many chip sessions of one tenant", code="busy.queue_full")
        if owner.subject is not None and self._of(owner) >= limits.of_citizen:
            raise BusyError("too many chip sessions of one person", code="busy.queue_full")

    def _of(self, owner: Owner) -> int:
        whose = (owner.tenant, owner.subject)
        return sum(
            (one.owner.tenant, one.owner.subject) == whose for one in self._sessions.values()
        )

    def _get(self, number: str) -> ChipSession:
        self._sweep()
        session = self._sessions.get(number)
        if session is None:
            raise unknown_session()
        return session

    def _sweep(self) -> None:
        now = self.clock.now()
        for session in tuple(_expired(self._sessions.values(), now)):
            self._drop(session.id)

    def _drop(self, number: str) -> None:
        self._sessions.pop(number, None)
        for digest in [k for k, one in self._orders.items() if one.ordered.session.id == number]:
            del self._orders[digest]

    def _later(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)


def _expired(sessions: Iterable[ChipSession], now: datetime) -> Iterable[ChipSession]:
    return (session for session in sessions if session.expires_at <= now)


def _bytes_of(sessions: Iterable[ChipSession]) -> int:
    return sum(len(session.evidence or b"") for session in sessions)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _without_past(error: EkycError) -> EkycError:
    """What the error says. Its traceback would keep all that the relay held: the key to the chip, keys, files."""
    return type(error)(error.message, code=error.code, subject=error.subject)


def unknown_session() -> InputError:
    """No such session, or not its token: which of both is not told."""
    return InputError("no such session, or not its token", code="chip.session_unknown")
