"""Digital signatures of PDF (PAdES B-B to B-LTA), XML, JSON and any file; keys, authorities, result pages, validation.

Law asks for a licensed authority and hardware keys; what the embedded one lacks stands in ``docs/signing.md``.
"""

from ekyc.signing.activation.batch import (
    BatchDocument,
    BatchIncompleteError,
    PreparedBatch,
    complete_batch,
    prepare_batch,
)
from ekyc.signing.activation.module import ActivationError, ActivationModule, Credential
from ekyc.signing.activation.sad import Evidence, ShownDocument
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.authority.embedded import ROOT_NAME, EmbeddedAuthority
from ekyc.signing.authority.http_exchange import ExchangeLimits, HttpExchange
from ekyc.signing.authority.status_client import StatusClient
from ekyc.signing.authority.timestamp_client import HttpTimestampAuthority
from ekyc.signing.formats.cades import (
    PreparedCades,
    augment_cades,
    complete_cades,
    digest_stream,
    prepare_cades,
    sign_cades,
)
from ekyc.signing.formats.jades import (
    PreparedJws,
    augment_json,
    complete_json,
    prepare_json,
    sign_json,
)
from ekyc.signing.formats.xades import PreparedXml, augment_xml, complete_xml, prepare_xml, sign_xml
from ekyc.signing.keys.keystore import DerivationCost
from ekyc.signing.levels import Level, TimestampFailedError
from ekyc.signing.pdf.appearance import Appearance
from ekyc.signing.pdf.augment import augment_pdf
from ekyc.signing.pdf.external import external_identity, keep, take_up
from ekyc.signing.pdf.pades import PreparedPdf, complete_pdf, prepare_pdf, sign_pdf
from ekyc.signing.pdf.result_document import SIGNATURE_BOX_PT, ResultDocument, render_result_pdf
from ekyc.signing.pdf.writing import ReservedField
from ekyc.signing.signatory import Party, SigningIdentity
from ekyc.signing.validation.anchors import Anchor, read_anchor_list
from ekyc.signing.validation.any_file import validate_file
from ekyc.signing.validation.cades import inspect_cades
from ekyc.signing.validation.criteria import Criterion, CriterionFinding, nine_criteria
from ekyc.signing.validation.jades import inspect_jws
from ekyc.signing.validation.page_pictures import PagePictures, picture_changes
from ekyc.signing.validation.pdf import ValidationLimits, inspect_pdf
from ekyc.signing.validation.report import (
    AnchorKind,
    CertificateFacts,
    Change,
    ChangeKind,
    Coverage,
    Indication,
    Integrity,
    Modifications,
    Revision,
    Shown,
    SignatureKind,
    SignatureReport,
    TimestampReport,
    ValidationReport,
)
from ekyc.signing.validation.report_page import report_files
from ekyc.signing.validation.trust_material import TrustMaterial, read_trust_material
from ekyc.signing.validation.xades import inspect_xml

__all__ = [
    "ROOT_NAME",
    "SIGNATURE_BOX_PT",
    "ActivationError",
    "ActivationModule",
    "Anchor",
    "AnchorKind",
    "Appearance",
    "BatchDocument",
    "BatchIncompleteError",
    "CertificateFacts",
    "Change",
    "ChangeKind",
    "Coverage",
    "Credential",
    "Criterion",
    "CriterionFinding",
    "DerivationCost",
    "EmbeddedAuthority",
    "Evidence",
    "ExchangeLimits",
    "HttpExchange",
    "HttpTimestampAuthority",
    "Indication",
    "Integrity",
    "Level",
    "Modifications",
    "PagePictures",
    "Party",
    "PreparedBatch",
    "PreparedCades",
    "PreparedJws",
    "PreparedPdf",
    "PreparedXml",
    "ReservedField",
    "ResultDocument",
    "Revision",
    "SadIssuer",
    "Shown",
    "ShownDocument",
    "SignatureKind",
    "SignatureReport",
    "SigningIdentity",
    "StatusClient",
    "TimestampFailedError",
    "TimestampReport",
    "TrustMaterial",
    "ValidationLimits",
    "ValidationReport",
    "augment_cades",
    "augment_json",
    "augment_pdf",
    "augment_xml",
    "complete_batch",
    "complete_cades",
    "complete_json",
    "complete_pdf",
    "complete_xml",
    "digest_stream",
    "external_identity",
    "inspect_cades",
    "inspect_jws",
    "inspect_pdf",
    "inspect_xml",
    "keep",
    "nine_criteria",
    "picture_changes",
    "prepare_batch",
    "prepare_cades",
    "prepare_json",
    "prepare_pdf",
    "prepare_xml",
    "read_anchor_list",
    "read_trust_material",
    "render_result_pdf",
    "report_files",
    "sign_cades",
    "sign_json",
    "sign_pdf",
    "sign_xml",
    "take_up",
    "validate_file",
]
