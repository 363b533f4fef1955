"""Relayed readings of the service: who may relay, who may ask for the result, and what is kept until then.

Everything lies in memory, bounded in number and bytes, and is gone after a while or with the process. Two tokens go out:
one for the client beside the card, which works once, one for whoever ordered the reading. Only their hashes are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ekyc.chip import AccessKey
from ekyc.chip.active_auth import NONCE_BYTES
from ekyc.chip.relay import RelayLimits, RelayMode, RelayPlan
from ekyc.errors import BusyError, EkycError, InputError
from ekyc.ports import Clock, Random
from ekyc.values import Redacted

_ID_BYTES: Final = 16
_TOKEN_BYTES: Final = 32
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSessionLimits:
    """What relayed readings may cost the service."""

    sessions: int = 256
    """Kept at once, whatever their state."""
    evidence_bytes: int = 128 * _MEBIBYTE
    """Kept of all finished sessions together; above it, no new session begins."""
    relays: int = 16
    """Relays that run at once."""
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
    relay_token: Redacted[str]
    result_token: Redacted[str]


class ChipSessions:
    """The sessions of one process. Lives in one event loop."""

    def __init__(self, limits: ChipSessionLimits, *, clock: Clock, random: Random) -> None:
        self.limits = limits
        self.clock = clock
        self.random = random
        self._sessions: dict[str, ChipSession] = {}
        self._relays = 0

    def order(self, mode: RelayMode, access_key: AccessKey | None) -> OrderedReading:
        """A new session with a nonce of its own.

        Raises:
            BusyError: ``busy.queue_full``.
            InputError: ``chip.relay_mode``: key and mode do not fit.
        """
        self._sweep()
        kept = sum(len(session.evidence or b"") for session in self._sessions.values())
        if len(self._sessions) >= self.limits.sessions or kept >= self.limits.evidence_bytes:
            raise BusyError("too many chip sessions", code="busy.queue_full")
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
            relay_digest=_digest(relay_token),
            result_digest=_digest(result_token),
            expires_at=self.clock.now() + timedelta(seconds=self.limits.waiting_s),
        )
        self._sessions[number] = session
        return OrderedReading(
            session=session,
            relay_token=Redacted(relay_token),
            result_token=Redacted(result_token),
        )

    def admit(self, number: str, token: Redacted[str]) -> tuple[ChipSession, RelayPlan]:
        """The session that a client may relay, once. :meth:`close` gives its place back.

        Raises:
            InputError: ``chip.session_unknown``: no such session, or not this token; ``chip.session_used``.
            BusyError: ``busy.queue_full``: the client may come again.
        """
        session = self._get(number)
        if not hmac.compare_digest(session.relay_digest, _digest(token.reveal())):
            raise _unknown()
        plan = session.plan
        if plan is None:
            raise InputError("the token was used before", code="chip.session_used")
        if self._relays >= self.limits.relays:
            raise BusyError("too many relays run", code="busy.queue_full")
        self._relays += 1
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
        self._relays -= 1
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
            raise _unknown()
        return session

    def forget(self, session: ChipSession) -> None:
        """Let go of a session before its time. A relay that runs comes to its end and leaves nothing."""
        self._sessions.pop(session.id, None)

    def _get(self, number: str) -> ChipSession:
        self._sweep()
        session = self._sessions.get(number)
        if session is None:
            raise _unknown()
        return session

    def _sweep(self) -> None:
        now = self.clock.now()
        for session in tuple(_expired(self._sessions.values(), now)):
            del self._sessions[session.id]

    def _later(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)


def _expired(sessions: Iterable[ChipSession], now: datetime) -> Iterable[ChipSession]:
    return (session for session in sessions if session.expires_at <= now)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _without_past(error: EkycError) -> EkycError:
    """What the error says. Its traceback would keep all that the relay held: the key to the chip, keys, files."""
    return type(error)(error.message, code=error.code, subject=error.subject)


def _unknown() -> InputError:
    return InputError("no such session, or not its token", code="chip.session_unknown")
