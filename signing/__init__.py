"""Digital signatures of PDFs: an embedded SAMPLE authority, signing (PAdES B-B to B-LTA), result pages, validation.

Law asks for a licensed authority and hardware keys; what the embedded one lacks stands in ``docs/signing.md``.
"""

from ekyc.signing.activation import ActivationError, ActivationModule, Credential
from ekyc.signing.appearance import Appearance
from ekyc.signing.augment import augment_pdf
from ekyc.signing.authority import ROOT_NAME, EmbeddedAuthority
from ekyc.signing.keystore import DerivationCost
from ekyc.signing.levels import Level, TimestampFailedError
from ekyc.signing.pades import PreparedPdf, complete_pdf, prepare_pdf, sign_pdf
from ekyc.signing.pdf_writing import ReservedField
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
from ekyc.signing.result_document import SIGNATURE_BOX_PT, ResultDocument, render_result_pdf
from ekyc.signing.sad import Evidence, ShownDocument
from ekyc.signing.sad_issuer import SadIssuer
from ekyc.signing.signatory import Party, SigningIdentity
from ekyc.signing.trust_material import TrustMaterial, read_trust_material
from ekyc.signing.validate import ValidationLimits, inspect_pdf

__all__ = [
    "ROOT_NAME",
    "SIGNATURE_BOX_PT",
    "ActivationError",
    "ActivationModule",
    "Appearance",
    "Coverage",
    "Credential",
    "DerivationCost",
    "EmbeddedAuthority",
    "Evidence",
    "Indication",
    "Integrity",
    "Level",
    "Modifications",
    "Party",
    "PreparedPdf",
    "ReservedField",
    "ResultDocument",
    "SadIssuer",
    "ShownDocument",
    "SignatureKind",
    "SignatureReport",
    "SigningIdentity",
    "TimestampFailedError",
    "TimestampReport",
    "TrustMaterial",
    "ValidationLimits",
    "ValidationReport",
    "augment_pdf",
    "complete_pdf",
    "inspect_pdf",
    "prepare_pdf",
    "read_trust_material",
    "render_result_pdf",
    "sign_pdf",
]
