"""Results that a stranger can check: a QR code on paper, a credential in a wallet, and lists that take them back.

- :mod:`~ekyc.signing.credentials.result`: the QR code, a CWT in COSE_Sign1;
- :mod:`~ekyc.signing.credentials.status_list`: revoked, suspended, superseded; signed, cacheable;
- :mod:`~ekyc.signing.credentials.trust_list`: whose keys count, and since when;
- :mod:`~ekyc.signing.credentials.judging`: all of it put together, offline.

``docs/credentials.md`` gives the formats byte by byte.
"""

from ekyc.signing.credentials.judging import (
    ResultReport,
    TrustAnchor,
    inspect_presentation,
    inspect_result,
)
from ekyc.signing.credentials.keys import (
    CredentialAlgorithm,
    CredentialKey,
    CredentialSigner,
    EcSigner,
    Ed25519Signer,
)
from ekyc.signing.credentials.result import (
    Result,
    StatusReference,
    UnverifiedResult,
    encode_result,
    read_result,
)
from ekyc.signing.credentials.schemas import Field, FieldKind, Schema, schema_of, schemas
from ekyc.signing.credentials.status_list import (
    StatusArray,
    StatusList,
    StatusType,
    encode_cwt,
    encode_jwt,
    read_status_list,
)
from ekyc.signing.credentials.trust_list import (
    KeyUse,
    TrustedIssuer,
    TrustedKey,
    TrustList,
    encode_trust_list,
    read_trust_list,
)

__all__ = [
    "CredentialAlgorithm",
    "CredentialKey",
    "CredentialSigner",
    "EcSigner",
    "Ed25519Signer",
    "Field",
    "FieldKind",
    "KeyUse",
    "Result",
    "ResultReport",
    "Schema",
    "StatusArray",
    "StatusList",
    "StatusReference",
    "StatusType",
    "TrustAnchor",
    "TrustList",
    "TrustedIssuer",
    "TrustedKey",
    "UnverifiedResult",
    "encode_cwt",
    "encode_jwt",
    "encode_result",
    "encode_trust_list",
    "inspect_presentation",
    "inspect_result",
    "read_result",
    "read_status_list",
    "read_trust_list",
    "schema_of",
    "schemas",
]
