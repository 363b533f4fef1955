"""What credentials are issued with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ekyc.signing.credentials.issuer import ResultIssuer
    from ekyc.signing.pdf.result_signer import ResultSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFront:
    """In whose name results are issued here, and who signs their pages."""

    issuer: ResultIssuer | None = None
    """Without one nothing is issued."""
    authority: ResultSigner | None = None
    """Without one there are no pages."""
    samples: bool = False
    """A demonstration: what rests on sample material is issued too, and marked as a sample."""
