"""The signing process (SAM, EN 419 241-2): the only one that reaches keys of people, behind a socket of its own.

Whoever takes over the portal takes over no key: this process believes a signed SAD and its own records, nothing else.
"""

from ekyc.signing.sam.client import SamClient, SamCredential, SamKey
from ekyc.signing.sam.credentials import SamCredentials, StoredDirectory, open_credential
from ekyc.signing.sam.module import SignatureActivationModule
from ekyc.signing.sam.server import SamServer, ServerLimits

__all__ = [
    "SamClient",
    "SamCredential",
    "SamCredentials",
    "SamKey",
    "SamServer",
    "ServerLimits",
    "SignatureActivationModule",
    "StoredDirectory",
    "open_credential",
]
