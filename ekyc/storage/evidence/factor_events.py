"""What the evidence log says of second factors: what counts from when to when, and on which decision; nothing of the factor itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ekyc.storage.evidence.forms import CODE, ID, PSEUDONYM, Event, Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEnrolled(Event):
    """A second factor of a person counts from here on."""

    kind: ClassVar[str] = "factor.enrolled"
    factor: Annotated[str, ID]
    method: Annotated[str, CODE]
    decision: Annotated[str | Reference, ID]
    subject: Annotated[Reference, PSEUDONYM]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEnded(Event):
    """A second factor of a person counts no more."""

    kind: ClassVar[str] = "factor.ended"
    factor: Annotated[str, ID]
