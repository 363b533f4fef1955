"""What the service answers, as values. Members that a later service adds are left out and stand in ``raw``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason with texts that people may be shown."""

    code: str
    vi: str
    en: str
    retryable: bool

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Reason:
        """From its JSON."""
        texts = body["message"]
        return cls(code=body["code"], vi=texts["vi"], en=texts["en"], retryable=body["retryable"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check and what it found."""

    code: str
    outcome: str
    """``PASSED``, ``FAILED``, ``INDETERMINATE`` or ``NOT_PERFORMED``."""
    required: bool
    reasons: tuple[Reason, ...]
    score: float | None
    threshold: float | None
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Check:
        """From its JSON."""
        return cls(
            code=body["code"],
            outcome=body["outcome"],
            required=body["required"],
            reasons=tuple(map(Reason.of, body["reasons"])),
            score=body["score"],
            threshold=body["threshold"],
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision. Act on it only if it is ``final``."""

    number: int
    outcome: str
    """``approved``, ``rejected``, ``resubmit`` or ``needs_review``."""
    final: bool
    automatic: bool
    reasons: tuple[Reason, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Decision:
        """From its JSON."""
        return cls(
            number=body["number"],
            outcome=body["outcome"],
            final=body["final"],
            automatic=body["automatic"],
            reasons=tuple(map(Reason.of, body["reasons"])),
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A verification session."""

    id: str
    version: int
    state: str
    procedure: str
    dossier_id: str | None
    outcome: str | None
    final: bool
    attempts_left: int
    decision: Decision | None
    last_error: Reason | None
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def etag(self) -> str:
        """For ``If-Match``."""
        return f'"{self.version}"'

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Session:
        """From its JSON."""
        return cls(
            id=body["id"],
            version=body["version"],
            state=body["state"],
            procedure=body["procedure"]["id"],
            dossier_id=body["dossier_id"],
            outcome=body["outcome"],
            final=body["final"],
            attempts_left=body["attempts"]["left"],
            decision=Decision.of(body["decision"]) if body["decision"] else None,
            last_error=Reason.of(body["last_error"]) if body["last_error"] else None,
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A dossier."""

    id: str
    version: int
    state: str
    flags: tuple[str, ...]
    procedure: str
    reference: str | None
    office: str | None
    sessions: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def etag(self) -> str:
        """For ``If-Match``."""
        return f'"{self.version}"'

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Dossier:
        """From its JSON."""
        return cls(
            id=body["id"],
            version=body["version"],
            state=body["state"],
            flags=tuple(body["flags"]),
            procedure=body["procedure"]["id"],
            reference=body["reference"],
            office=body["office"],
            sessions=tuple(body["sessions"]),
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """A procedure and the checks that it requires."""

    id: str
    version: str
    title_vi: str
    title_en: str
    demonstration: bool
    required_checks: tuple[str, ...]

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Procedure:
        """From its JSON."""
        return cls(
            id=body["id"],
            version=body["version"],
            title_vi=body["title"]["vi"],
            title_en=body["title"]["en"],
            demonstration=body["demonstration"],
            required_checks=tuple(check["code"] for check in body["required_checks"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureToken:
    """A token for one telephone and one session."""

    token: str = field(repr=False)
    expires_at: str
    uses: int
    submit_to: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> CaptureToken:
        """From its JSON."""
        return cls(**{name: body[name] for name in ("token", "expires_at", "uses", "submit_to")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[_T]):
    """A page of a list."""

    items: tuple[_T, ...]
    next: str | None
    """Cursor of the page after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two parts of what was submitted to a session, held against each other. It changes no decision."""

    id: str
    kind: str
    """``copy`` or ``face``."""
    outcome: str
    checks: tuple[Check, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Comparison:
        """From its JSON."""
        return cls(
            id=body["id"],
            kind=body["kind"],
            outcome=body["outcome"],
            checks=tuple(map(Check.of, body["checks"])),
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened to a dossier or to one of its sessions."""

    file_id: str
    """Of the dossier, or of the session."""
    sequence: int
    type: str
    at: str
    actor: Mapping[str, Any]
    """``kind``, ``id`` (a pseudonym), ``role`` and ``office``."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> TimelineEntry:
        """From its JSON."""
        return cls(**{name: body[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that was submitted."""

    id: str
    attempt: int
    kind: str
    size: int
    created_at: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Artefact:
        """From its JSON."""
        return cls(**{name: body[name] for name in cls.__slots__})
