"""Certificates and signatures of travel documents: CMS, paths to an operator's anchors, passive authentication.

``asn1crypto`` and a small DER walker parse, ``cryptography`` computes. Nothing here reads a network.
"""

from ekyc.pki.anchors import Anchor, Provenance, SourceKind, TrustAnchors
from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.cms import CmsEvidence, SignedData, parse_signed_data, verify_signed_data
from ekyc.pki.crl import Crl, parse_crl, verify_crl
from ekyc.pki.deviations import Deviation, DeviationList, verify_deviation_list
from ekyc.pki.masterlist import MasterList, verify_master_list
from ekyc.pki.passive_auth import (
    Coverage,
    PassiveAuthentication,
    SecurityObject,
    inspect_passive_authentication,
)
from ekyc.pki.path import Chain, ChainFlaw, ChainVerdict, inspect_chain
from ekyc.pki.revocation import Revocation
from ekyc.pki.trust_database import TrustDatabase
from ekyc.pki.trust_store import TrustStore

__all__ = [
    "Anchor",
    "Certificate",
    "Chain",
    "ChainFlaw",
    "ChainVerdict",
    "CmsEvidence",
    "Coverage",
    "Crl",
    "Deviation",
    "DeviationList",
    "MasterList",
    "PassiveAuthentication",
    "Provenance",
    "Revocation",
    "SecurityObject",
    "SignedData",
    "SourceKind",
    "TrustAnchors",
    "TrustDatabase",
    "TrustStore",
    "inspect_chain",
    "inspect_passive_authentication",
    "parse_certificate",
    "parse_crl",
    "parse_signed_data",
    "verify_crl",
    "verify_deviation_list",
    "verify_master_list",
    "verify_signed_data",
]
