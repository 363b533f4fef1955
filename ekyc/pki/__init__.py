"""Certificates and signatures of travel documents: CMS, paths to an operator's anchors, passive authentication.

``asn1crypto`` and a small DER walker parse, ``cryptography`` computes. Nothing here reads a network.
"""

from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.cms import CmsEvidence, SignedData, parse_signed_data, verify_signed_data
from ekyc.pki.masterlist import MasterList, verify_master_list
from ekyc.pki.passive_auth import (
    Coverage,
    PassiveAuthentication,
    SecurityObject,
    inspect_passive_authentication,
)
from ekyc.pki.path import Chain, ChainFlaw, ChainVerdict, inspect_chain
from ekyc.pki.trust_store import Anchor, TrustStore

__all__ = [
    "Anchor",
    "Certificate",
    "Chain",
    "ChainFlaw",
    "ChainVerdict",
    "CmsEvidence",
    "Coverage",
    "MasterList",
    "PassiveAuthentication",
    "SecurityObject",
    "SignedData",
    "TrustStore",
    "inspect_chain",
    "inspect_passive_authentication",
    "parse_certificate",
    "parse_signed_data",
    "verify_master_list",
    "verify_signed_data",
]
