"""The actions of a verification session: what can happen to it, who did it, when and for which office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from ekyc.policy import Verdict


class ActorKind(StrEnum):
    """Who acts. A machine's finding never appears under an officer's name."""

    SYSTEM = "system"
    CLIENT = "client"
    """A portal, by its own credentials."""
    CAPTURE = "capture"
    """Whoever holds a capture token: the person's telephone."""
    OFFICER = "officer"
    CITIZEN = "citizen"
    AGENT = "agent"
    """Somebody who files for a citizen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted, in which role, for which office, as it was at that time."""

    kind: ActorKind
    id: str
    """A pseudonym or identifier of a client or an account; never a name or number of a person."""
    role: str | None = None
    office: str | None = None


SYSTEM: Final = Actor(kind=ActorKind.SYSTEM, id="ekyc")


class DecisionOutcome(StrEnum):
    """What a decision says to the portal."""

    APPROVED = "approved"
    REJECTED = "rejected"
    RESUBMIT = "resubmit"
    """Something can be mended by trying again."""
    NEEDS_REVIEW = "needs_review"


class LinkKind(StrEnum):
    """What else may belong to a session."""

    CHIP_SESSION = "chip-session"
    LIVENESS_SESSION = "liveness-session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The session was made."""

    procedure: str
    procedure_version: str
    """SHA-256 (hex) of the profile as it stood then."""
    attempts_allowed: int
    expires_at: datetime
    """Until when somebody must have submitted."""
    dossier_id: str | None = None
    review_only: bool = False
    """Nothing is decided by machine: the person objected to that, or the office wants it so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureOpened:
    """A capture token was handed out: somebody is asked for pictures now."""

    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A reading of a chip, or a test for a live person, was named as part of the session."""

    kind: LinkKind
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A case arrived and is being verified."""

    attempt: int
    """From 1."""
    deadline: datetime
    """After this the work is taken for lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """The verification ended with a verdict: the automatic decision."""

    attempt: int
    verdict: Verdict
    outcome: DecisionOutcome
    """See :func:`~ekyc.dossiers.conclude`."""
    reasons: tuple[str, ...]
    failed: tuple[str, ...]
    """Required checks that FAILED. Approving in spite of them takes two officers."""
    sample: bool
    """Sample material, or a demonstration: never final."""
    verification_id: str
    case_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The verification could not be carried out."""

    attempt: int
    code: str
    """Of the error."""
    counted: bool
    """False where the fault was ours: the attempt is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An officer decided."""

    outcome: DecisionOutcome
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceled:
    """The portal called the session off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Nobody submitted in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """What was kept of the person was erased. That there was a session, and its decisions, stay."""


Event = (
    Created
    | CaptureOpened
    | Linked
    | Submitted
    | Concluded
    | Interrupted
    | Decided
    | Canceled
    | Expired
    | Redacted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One line of a session's log."""

    sequence: int
    """From 1, without gaps."""
    at: datetime
    actor: Actor
    event: Event
