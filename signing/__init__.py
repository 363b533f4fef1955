"""Digital signatures of PDFs: an embedded SAMPLE authority, signing (PAdES B-T), result pages, validation.

Law asks for a licensed authority and hardware keys; what the embedded one lacks stands in ``docs/signing.md``.
"""

from ekyc.signing.appearance import Appearance
from ekyc.signing.authority import EmbeddedAuthority, SigningIdentity
from ekyc.signing.keystore import DerivationCost
from ekyc.signing.pades import sign_pdf

__all__ = [
    "Appearance",
    "DerivationCost",
    "EmbeddedAuthority",
    "SigningIdentity",
    "sign_pdf",
]
