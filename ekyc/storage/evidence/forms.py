"""Forms of what the evidence log and the outbox may say: identifiers, digests, codes and choices; no text, no person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final

_MAX_CODES: Final = 200


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


def time_text(at: datetime) -> str:
    """RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
