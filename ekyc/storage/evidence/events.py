"""What the evidence log can say: a closed set of events, each with a closed set of fields of bounded forms.

There is no field for free text, a name, a number of a person or an address. A person, and whatever an operator named
himself, is given as a :class:`Reference` and written as a pseudonym, whose key can be erased
(:meth:`ekyc.storage.EvidenceLog.forget`); everything else is a drawn identifier, a digest, a code or a choice. A digest is
one of something that nobody can guess: a whole submission, a report, a signed document.

How they are written is in :mod:`~ekyc.storage.evidence.canonical`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self

from ekyc.storage.evidence.factor_events import FactorEnded, FactorEnrolled
from ekyc.storage.evidence.forms import (
    CODE,
    CODES,
    DIGEST,
    ID,
    PSEUDONYM,
    REVOCATION,
    STATUS,
    VERDICT,
    Event,
    Reference,
    drawn,
)

__all__ = [
    "CODE",
    "CODES",
    "KINDS",
    "REVOCATION",
    "AccessEnded",
    "AccessGranted",
    "ActivationBurnt",
    "ActivationReleased",
    "CertificateIssued",
    "CertificateRevoked",
    "ConsentGiven",
    "ConsentWithdrawn",
    "DecisionRecorded",
    "Event",
    "FactorEnded",
    "FactorEnrolled",
    "KeyAdded",
    "KeyDisabled",
    "LivenessFinished",
    "LogOpened",
    "MediaViewed",
    "ProtectionMoved",
    "Reference",
    "RequestFiled",
    "RequestMoved",
    "ResultIssued",
    "ResultStatusChanged",
    "SessionDecided",
    "SubjectErased",
    "drawn",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOpened(Event):
    """The first event of every log: its name, drawn."""

    kind: ClassVar[str] = "log.opened"
    log: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecorded(Event):
    """A case was decided."""

    kind: ClassVar[str] = "decision.recorded"
    result: Annotated[str, ID]
    case: Annotated[str, DIGEST]
    report: Annotated[str, DIGEST]
    profile: Annotated[str, CODE]
    verdict: Annotated[str, VERDICT]
    reasons: Annotated[tuple[str, ...], CODES]
    subject: Annotated[Reference | None, PSEUDONYM] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultIssued(Event):
    """A result for a QR code or wallet was issued."""

    kind: ClassVar[str] = "result.issued"
    credential: Annotated[str, ID]
    schema: Annotated[str, CODE]
    digest: Annotated[str, DIGEST]
    subject: Annotated[Reference, PSEUDONYM]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultStatusChanged(Event):
    """A result was revoked, suspended, superseded or put back in force."""

    kind: ClassVar[str] = "result.status_changed"
    credential: Annotated[str, ID]
    status: Annotated[str, STATUS]
    successor: Annotated[str | None, ID] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationBurnt(Event):
    """An activation of a signing key was used up: a signature is about to be made."""

    kind: ClassVar[str] = "activation.burnt"
    activation: Annotated[str | Reference, ID]
    credential: Annotated[Reference, PSEUDONYM]
    evidence: Annotated[str | Reference, ID]
    hashes: Annotated[str, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationReleased(Event):
    """Signatures left."""

    kind: ClassVar[str] = "activation.released"
    activation: Annotated[str | Reference, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIssued(Event):
    """A certificate was issued."""

    kind: ClassVar[str] = "certificate.issued"
    issuer: Annotated[str, DIGEST]
    certificate: Annotated[str, DIGEST]
    profile: Annotated[str, CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRevoked(Event):
    """A certificate was revoked."""

    kind: ClassVar[str] = "certificate.revoked"
    issuer: Annotated[str, DIGEST]
    certificate: Annotated[str, DIGEST]
    reason: Annotated[str, REVOCATION]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdded(Event):
    """A signing key of a person was put on record."""

    kind: ClassVar[str] = "key.added"
    key: Annotated[Reference, PSEUDONYM]
    subject: Annotated[Reference, PSEUDONYM]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDisabled(Event):
    """A signing key of a person was switched off."""

    kind: ClassVar[str] = "key.disabled"
    key: Annotated[Reference, PSEUDONYM]


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessFinished(Event):
    """A liveness session came to its result."""

    kind: ClassVar[str] = "liveness.finished"
    session: Annotated[str | Reference, ID]
    report: Annotated[str, DIGEST]

    @classmethod
    def of(cls, session: str, report: bytes) -> Self:
        """The event of a session's report."""
        return cls(session=drawn("session", session), report=hashlib.sha256(report).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven(Event):
    """A citizen consented that an agent acts for them."""

    kind: ClassVar[str] = "consent.given"
    consent: Annotated[str, ID]
    text: Annotated[str, DIGEST]
    channel: Annotated[str, CODE]
    purposes: Annotated[tuple[str, ...], CODES]
    agent: Annotated[Reference, PSEUDONYM]
    subject: Annotated[Reference, PSEUDONYM]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """A consent was withdrawn."""

    kind: ClassVar[str] = "consent.withdrawn"
    consent: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGranted(Event):
    """A client was registered, or a key made for one."""

    kind: ClassVar[str] = "access.granted"
    client: Annotated[Reference, PSEUDONYM]
    key: Annotated[str | None, ID] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEnded(Event):
    """A client, or a key of one, was ended."""

    kind: ClassVar[str] = "access.ended"
    client: Annotated[Reference, PSEUDONYM]
    key: Annotated[str | None, ID] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDecided(Event):
    """A verification session was decided: by its profile, or by an officer, who is the actor then."""

    kind: ClassVar[str] = "session.decided"
    session: Annotated[str, ID]
    outcome: Annotated[str, CODE]
    reasons: Annotated[tuple[str, ...], CODES]
    result: Annotated[str | Reference | None, ID] = None
    actor: Annotated[Reference | None, PSEUDONYM] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaViewed(Event):
    """Somebody was given a person's file, statement or export to see."""

    kind: ClassVar[str] = "media.viewed"
    file: Annotated[str, ID]
    """Of the session or request that it belongs to."""
    what: Annotated[str, CODE]
    actor: Annotated[Reference, PSEUDONYM]
    subject: Annotated[Reference, PSEUDONYM]
    artefact: Annotated[str | None, ID] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFiled(Event):
    """A data subject claims a right."""

    kind: ClassVar[str] = "request.filed"
    request: Annotated[str, ID]
    right: Annotated[str, CODE]
    actor: Annotated[Reference, PSEUDONYM]
    subject: Annotated[Reference, PSEUDONYM]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMoved(Event):
    """Something was done about such a claim; without an actor by the service itself."""

    kind: ClassVar[str] = "request.moved"
    request: Annotated[str, ID]
    step: Annotated[str, CODE]
    actor: Annotated[Reference | None, PSEUDONYM] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionMoved(Event):
    """A restriction of processing or a legal hold was proposed, put in force or lifted; without an actor by the service."""

    kind: ClassVar[str] = "protection.moved"
    protection: Annotated[str, ID]
    protects: Annotated[str, CODE]
    """``restriction`` or ``legal-hold``."""
    step: Annotated[str, CODE]
    actor: Annotated[Reference | None, PSEUDONYM] = None
    request: Annotated[str | None, ID] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectErased(Event):
    """From here on nobody can tell whom this pseudonym stood for."""

    kind: ClassVar[str] = "subject.erased"
    subject: Annotated[Reference, PSEUDONYM]


KINDS: Final[tuple[type[Event], ...]] = (
    LogOpened,
    DecisionRecorded,
    ResultIssued,
    ResultStatusChanged,
    ActivationBurnt,
    ActivationReleased,
    CertificateIssued,
    CertificateRevoked,
    KeyAdded,
    KeyDisabled,
    FactorEnrolled,
    FactorEnded,
    LivenessFinished,
    ConsentGiven,
    ConsentWithdrawn,
    AccessGranted,
    AccessEnded,
    SessionDecided,
    MediaViewed,
    RequestFiled,
    RequestMoved,
    ProtectionMoved,
    SubjectErased,
)
