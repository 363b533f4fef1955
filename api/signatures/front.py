"""What requests for signatures are carried on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ekyc.flows.signature_request import SignatureFlow
    from ekyc.signing.activation.enrolment import Enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFront:
    """The signing side, as requests reach it."""

    flow: SignatureFlow | None = None
    """Without one nothing can be signed here."""
    enrolment: Enrolment | None = None
    """Without one, or without its procedure, no second factor is enrolled here."""
    enrolment_procedure: str | None = None
    """Sessions of this procedure enrol a second factor, and sign nothing; those of all others enrol nothing."""
    samples: bool = False
    """A demonstration: sample people sign too, with sample keys."""
