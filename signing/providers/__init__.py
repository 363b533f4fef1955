"""Keys that a provider holds: adapters that ask one to sign, and believe nothing that does not verify.

:class:`CscProvider` speaks version 1 of the CSC API, as MySign-like services do; :class:`SpProvider` the shape of
``sp_id``/``sp_password`` with a person who confirms on a phone, as SmartCA-like services do; :class:`NationalGateway` only
says what is missing. They are tested against servers of our own making: no contract and no test account was at hand.
"""

from ekyc.signing.providers.csc import CscAccount, CscProvider
from ekyc.signing.providers.gateway import NationalGateway
from ekyc.signing.providers.link import ProviderAnswer, ProviderLink
from ekyc.signing.providers.port import (
    ProviderCertificate,
    ProviderError,
    SigningProvider,
    identity_of,
)
from ekyc.signing.providers.sp import Notice, PendingSignature, SpAccount, SpProvider

__all__ = [
    "CscAccount",
    "CscProvider",
    "NationalGateway",
    "Notice",
    "PendingSignature",
    "ProviderAnswer",
    "ProviderCertificate",
    "ProviderError",
    "ProviderLink",
    "SigningProvider",
    "SpAccount",
    "SpProvider",
    "identity_of",
]
