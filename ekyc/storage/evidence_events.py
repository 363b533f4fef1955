"""What the evidence log can say: a closed set of events, each with a closed set of fields of bounded forms.

There is no field for free text, a name, a number of a person or an address. A person, and whatever an operator named
himself, is given as a :class:`Reference` and written as a pseudonym, whose key can be erased
(:meth:`ekyc.storage.EvidenceLog.forget`); everything else is a drawn identifier, a digest, a code or a choice. A digest is
one of something that nobody can guess: a whole submission, a report, a signed document.

An event is canonical JSON (RFC 8785): ``{"at": time, "facts": {…}, "kind": kind, "number": number}``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Self, get_type_hints

import rfc8785

from ekyc.errors import InputError
from ekyc.storage.merkle import MAX_SIZE

MAX_EVENT_BYTES: Final = 65_536
_MAX_CODES: Final = 200
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Somebody, or something that a person named, by whatever the caller knows it by. It is never written."""

    kind: str
    text: str

    def __repr__(self) -> str:
        return f"Reference({self.kind})"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a field on record."""

    name: str
    pattern: re.Pattern[str]
    several: bool = False

    def admits(self, value: object) -> bool:
        """Whether a value is of this form."""
        if self.several:
            return (
                isinstance(value, list | tuple)
                and len(value) <= _MAX_CODES
                and all(isinstance(part, str) and self.pattern.match(part) for part in value)
            )
        return isinstance(value, str) and self.pattern.match(value) is not None


# Nine digits in a row could be the number of an identity card or a telephone.
_CODE: Final = re.compile(r"(?!.*[0-9]{9})[a-z0-9][a-z0-9._-]{0,63}\Z")
ID: Final = Form("id", re.compile(r"[0-9a-f]{32}\Z"))
"""16 drawn bytes."""
DIGEST: Final = Form("digest", re.compile(r"[0-9a-f]{64}\Z"))
"""SHA-256."""
PSEUDONYM: Final = Form("pseudonym", re.compile(r"[0-9a-f]{32}\Z"))
CODE: Final = Form("code", _CODE)
CODES: Final = Form("codes", _CODE, several=True)
VERDICT: Final = Form("verdict", re.compile(r"(?:accept|review|reject)\Z"))
STATUS: Final = Form("status", re.compile(r"(?:valid|revoked|suspended|superseded)\Z"))
REVOCATION: Final = Form(
    "revocation",
    re.compile(
        r"(?:unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|cessationOfOperation|certificateHold|"
        r"removeFromCRL|privilegeWithdrawn|aACompromise)\Z"
    ),
)
"""RFC 5280 §5.3.1."""


def drawn(kind: str, name: str) -> str | Reference:
    """A name that was drawn stands as it is; any other could say something, and is a reference."""
    return name if ID.admits(name) else Reference(kind=kind, text=name)


class Event:
    """One of the kinds below."""

    __slots__ = ()
    kind: ClassVar[str]


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
class SubjectErased(Event):
    """From here on nobody can tell whom this pseudonym stood for."""

    kind: ClassVar[str] = "subject.erased"
    subject: Annotated[Reference, PSEUDONYM]


_KINDS: Final[tuple[type[Event], ...]] = (
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
    LivenessFinished,
    ConsentGiven,
    ConsentWithdrawn,
    AccessGranted,
    AccessEnded,
    SubjectErased,
)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    form: Form
    optional: bool


def _fields_of(kind: type[Event]) -> tuple[_Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _Field(field.name, hints[field.name].__metadata__[0], field.default is None)
        for field in fields(kind)  # type: ignore[arg-type]  # every kind is a dataclass
    )


_FIELDS: Final[Mapping[type[Event], tuple[_Field, ...]]] = {
    kind: _fields_of(kind) for kind in _KINDS
}
VOCABULARY: Final[Mapping[str, Mapping[str, tuple[Form, bool]]]] = MappingProxyType(
    {
        kind.kind: MappingProxyType({one.name: (one.form, one.optional) for one in known})
        for kind, known in _FIELDS.items()
    }
)
"""Kind → field → its form, and whether it may be missing."""


def encode(
    event: Event, *, number: int, at: datetime, pseudonym: Callable[[Reference], str]
) -> bytes:
    """Canonical JSON of an event.

    Args:
        event: of a known kind.
        number: its place in the log.
        at: aware.
        pseudonym: what is written for a reference.

    Raises:
        InputError: ``audit.event_form``: a field is not of its form; nothing of it is told.
    """
    facts: dict[str, Any] = {}
    for field in _FIELDS[type(event)]:
        value = getattr(event, field.name)
        if value is None and field.optional:
            continue
        if isinstance(value, Reference):
            value = pseudonym(value)
        if not field.form.admits(value):
            raise InputError(
                f"not a {field.form.name}: the evidence log holds nothing else",
                code="audit.event_form",
                subject=f"{event.kind}/{field.name}",
            )
        facts[field.name] = list(value) if isinstance(value, tuple) else value
    # What the forms admit needs no escape and no float: here json writes what RFC 8785 asks for, in a quarter of the time.
    content = {"at": time_text(at), "facts": facts, "kind": event.kind, "number": number}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> tuple[int, dict[str, Any]] | None:
    """Number and content of an event; ``None``: not canonical, of no known kind, or with a field of another form."""
    try:
        event = json.loads(data)
        if rfc8785.dumps(event) != data or not _is_event(event):
            return None
    except (ValueError, RecursionError, TypeError, rfc8785.CanonicalizationError):
        return None
    return event["number"], event


def _is_event(event: object) -> bool:
    if not isinstance(event, dict) or set(event) != {"at", "facts", "kind", "number"}:
        return False
    number, facts, kind, at = event["number"], event["facts"], event["kind"], event["at"]
    if not isinstance(facts, dict) or not isinstance(kind, str) or not isinstance(at, str):
        return False
    known = VOCABULARY.get(kind)
    return (
        type(number) is int
        and 0 <= number < MAX_SIZE
        and _TIME.match(at) is not None
        and known is not None
        and set(facts) <= set(known)
        and all(
            form.admits(facts[name]) if name in facts else optional
            for name, (form, optional) in known.items()
        )
    )


def time_text(at: datetime) -> str:
    """RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
