"""What goes into and comes out of a liveness session of the service."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from ekyc.errors import InputError
from ekyc.liveness.active import Prompt
from ekyc.outcomes import Check
from ekyc.storage.liveness.values import token_digest
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Redacted

_REFERENCE: Final = re.compile(r"[!-~]{1,128}\Z")


class PassiveDetection(Protocol):
    """Passive detection of presentation attacks over frames of a session."""

    def check(self, pictures: Sequence[bytes]) -> Check:
        """Check ``liveness.passive`` of encoded frames; nothing about a picture raises.

        Raises:
            ModelError, BusyError: a model failed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBinding:
    """What a session is for. References are the portal's own; they are kept as pseudonyms only."""

    case: str = field(repr=False)
    """Of the case that the result will be part of: 1 to 128 printable characters without blanks."""
    subject: str = field(repr=False)
    """Of the person whose attempts are counted."""
    challenge_id: str | None = None
    """Of the challenge that the chip of the same case answers, where there is one."""

    def __post_init__(self) -> None:
        for name in ("case", "subject"):
            require_reference(name, getattr(self, name))

    def digest(self, session_id: str, result_token: str) -> bytes:
        """What the session is bound to: HMAC-SHA-256, under the token's hash, of session, case, subject, challenge.

        Whoever ordered the session can recompute it from ``bound_to`` of the signed report; nobody else can guess at
        the references.
        """
        told = [session_id, self.case, self.subject, self.challenge_id]
        text = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
        return hmac.digest(token_digest(result_token), text.encode(), "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOrder:
    """A session that is wanted."""

    binding: LiveBinding
    device: str | None = field(default=None, repr=False)
    """Of the device whose attempts are counted, where the portal knows it."""
    colours: bool = True
    """Whether the client can colour its screen. Without it, a clip for every step passes."""
    owner: Owner = NOBODY_IN_PARTICULAR
    """Who is told of its result."""

    def __post_init__(self) -> None:
        if self.device is not None:
            require_reference("device", self.device)

    @property
    def attempts_of(self) -> tuple[tuple[str, str], ...]:
        """Kind and reference of whatever has a limit of its own.

        A citizen's login counts by itself: whom its order names is its own word, by which it would get ever new attempts,
        and use up a stranger's.
        """
        login = self.owner.subject
        counted = (
            ("case", self.binding.case),
            ("subject", self.binding.subject) if login is None else ("login", login),
            ("device", self.device),
        )
        return tuple((kind, reference) for kind, reference in counted if reference is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedLiveSession:
    """A session with its two tokens, which are told once."""

    id: str
    capture_token: Redacted[str]
    """For the client."""
    result_token: Redacted[str]
    """For whoever ordered it."""
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunLiveSession:
    """What the client is told when it begins."""

    key: Redacted[bytes]
    """Seals its chunks."""
    attestation_challenge: bytes
    """What a statement of the platform about the client must name: 32 bytes."""
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAdvice:
    """All that the client is told in the end: passed or not, and how to capture better. No check, step or score."""

    passed: bool
    advice: tuple[str, ...]
    """Reason codes about light, distance, connection and the like; never about what was noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveResult:
    """What whoever ordered a session is told."""

    id: str
    state: str
    """``waiting``, ``running``, ``finished`` or ``used``."""
    expires_at: datetime
    signed: SignedLiveReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLiveReport:
    """A report, its bytes and the signature over them."""

    report: dict[str, Any] = field(repr=False)
    """Schema ``ekyc.active-liveness/1``."""
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvidence:
    """A session's result as the live part of one case."""

    checks: tuple[Check, ...]
    payload: bytes = field(repr=False, default=b"")
    """The signed report, or nothing where the session could not be used."""
    best_frame: bytes | None = field(repr=False, default=None)
    """The frame to compare with the chip, as the camera's encoder gave it."""
    other_frames: tuple[bytes, ...] = field(repr=False, default=())
    """More frames that look straight: that they are not made from the chip's portrait either is examined."""
    case: str | None = field(repr=False, default=None)
    """Reference of the case that the session was ordered for, or nothing where it could not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveUse:
    """A session that a case brings with it."""

    session_id: str
    result_token: Redacted[str]
    case: str = field(repr=False)
    subject: str = field(repr=False)


def require_reference(name: str, reference: str) -> None:
    """Refuse a reference of another form.

    Raises:
        InputError: ``liveness.reference_invalid``.
    """
    if not _REFERENCE.match(reference):
        raise InputError(
            "a reference is 1 to 128 printable ASCII characters without blanks",
            code="liveness.reference_invalid",
            subject=name,
        )
