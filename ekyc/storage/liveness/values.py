"""What the store of liveness sessions gives and takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from ekyc.errors import BusyError, InputError


class AttemptsError(BusyError):
    """Too many attempts of one subject or device (``liveness.too_many_attempts``)."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many attempts", code="liveness.too_many_attempts")
        self.wait_s = wait_s
        """Seconds after which another attempt is allowed."""


class SessionError(InputError):
    """A session cannot be used as asked; ``code`` says why and is also a reason code.

    Codes: ``liveness.session_unknown`` (or too late, or not its token), ``liveness.session_unfinished``,
    ``liveness.session_used``, ``liveness.session_other_case``.
    """

    default_code: ClassVar[str] = "liveness.session_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBounds:
    """What all sessions together may cost, and how long each is kept."""

    open_sessions: int = 256
    """Waiting or running at once."""
    open_bytes: int = 1024 * 1024 * 1024
    """Of the chunks of running sessions; above it no new session is ordered."""
    open_of_tenant: int = 192
    """Of the open sessions, those of one tenant: no portal takes every place."""
    bytes_of_tenant: int = 768 * 1024 * 1024
    """Of the chunks, those of one tenant; above it no new session of theirs is ordered."""
    waiting_s: float = 180.0
    """Until the client must have begun."""
    running_s: float = 180.0
    """Until a session that was begun is given up."""
    keeping_s: float = 900.0
    """For which a result is kept, and may be used."""
    attempts_kept: timedelta = timedelta(days=30)
    """How long the ledger remembers an attempt."""


DEFAULT_SESSION_BOUNDS: Final = SessionBounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk that was accepted."""

    sequence: int
    arrived_at: datetime
    body: bytes = field(repr=False)
    seen: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as it stands. ``repr`` shows no secret."""

    id: str
    state: str
    expires_at: datetime
    opened_at: datetime | None
    settings: Mapping[str, Any]
    binding: bytes = field(repr=False)
    """What the result will be bound to."""
    chunks: int
    byte_count: int
    stopped_by: tuple[str, ...]
    secret: bytes | None = field(repr=False)
    """32 bytes from the beginning on."""
    report: bytes | None = field(repr=False)
    best_frame: bytes | None = field(repr=False)


def token_digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def unknown_session() -> SessionError:
    """The one answer to a wrong session and a wrong token."""
    return SessionError("no such session, or not its token", code="liveness.session_unknown")
