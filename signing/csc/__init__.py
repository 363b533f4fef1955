"""The signing interface of the Cloud Signature Consortium, free of HTTP: versions 1.0.4 and 2 over one service.

:class:`CscService` does what the operations do, :class:`AuthorizationServer` gives out codes and tokens,
:class:`Consent` asks persons. Keys, decisions and second factors lie behind :class:`ekyc.signing.activation.remote.RemoteSigning`.
"""

from ekyc.signing.csc.assembly import open_remote_signing
from ekyc.signing.csc.authorization import (
    AuthorizationRequest,
    CredentialRequest,
    Scope,
    documents_of,
)
from ekyc.signing.csc.clients import ClientRegister, CscClient
from ekyc.signing.csc.configuration import (
    CscConfiguration,
    CscSettings,
    SigningSide,
    load_csc_configuration,
)
from ekyc.signing.csc.consent import Consent, Question
from ekyc.signing.csc.descriptions import (
    AUTHENTICATOR,
    ONE_TIME_CODE,
    Certificates,
    auth_v1,
    auth_v2,
    common_part,
)
from ekyc.signing.csc.documents import WantedDocument, read_document, require_few
from ekyc.signing.csc.errors import AuthorizationRefusedError, CscError, invalid, missing
from ekyc.signing.csc.hashes import read_hashes, require_count, require_sha256, text
from ekyc.signing.csc.oauth import (
    PUSHED_LIFE_S,
    Access,
    Activation,
    AuthorizationServer,
    Token,
    challenge_of,
)
from ekyc.signing.csc.refusals import in_csc
from ekyc.signing.csc.service import CscService, SadToken

__all__ = [
    "AUTHENTICATOR",
    "ONE_TIME_CODE",
    "PUSHED_LIFE_S",
    "Access",
    "Activation",
    "AuthorizationRefusedError",
    "AuthorizationRequest",
    "AuthorizationServer",
    "Certificates",
    "ClientRegister",
    "Consent",
    "CredentialRequest",
    "CscClient",
    "CscConfiguration",
    "CscError",
    "CscService",
    "CscSettings",
    "Question",
    "SadToken",
    "Scope",
    "SigningSide",
    "Token",
    "WantedDocument",
    "auth_v1",
    "auth_v2",
    "challenge_of",
    "common_part",
    "documents_of",
    "in_csc",
    "invalid",
    "load_csc_configuration",
    "missing",
    "open_remote_signing",
    "read_document",
    "read_hashes",
    "require_count",
    "require_few",
    "require_sha256",
    "text",
]
