"""Digital signatures of PDFs: an embedded SAMPLE authority, signing (PAdES B-T), result pages, validation.

Law asks for a licensed authority and hardware keys; what the embedded one lacks stands in ``docs/signing.md``.
"""

from ekyc.signing.appearance import Appearance
from ekyc.signing.authority import EmbeddedAuthority, SigningIdentity
from ekyc.signing.keystore import DerivationCost
from ekyc.signing.pades import sign_pdf
from ekyc.signing.report import (
    Coverage,
    Indication,
    Integrity,
    Modifications,
    SignatureKind,
    SignatureReport,
    TimestampReport,
    ValidationReport,
)
from ekyc.signing.validate import ValidationLimits, inspect_pdf

__all__ = [
    "Appearance",
    "Coverage",
    "DerivationCost",
    "EmbeddedAuthority",
    "Indication",
    "Integrity",
    "Modifications",
    "SignatureKind",
    "SignatureReport",
    "SigningIdentity",
    "TimestampReport",
    "ValidationLimits",
    "ValidationReport",
    "inspect_pdf",
    "sign_pdf",
]
