"""The chip of identity cards and passports: ICAO 9303 files, passive and active authentication, identity.

Start with :func:`inspect_chip`. Everything works on bytes; nothing here talks to a reader or a network.
"""

from ekyc.chip.active_auth import (
    ActiveAuthenticationExchange,
    ActiveAuthenticationResult,
    VerifiedActiveAuthentication,
    verify_active_authentication,
)
from ekyc.chip.contents import AdditionalDetails, FileContents, details_as_json
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.identity import ChipIdentity
from ekyc.chip.inspect import inspect_chip
from ekyc.chip.report import (
    ChipReport,
    SignedFileReport,
    chip_report_as_json,
    identity_as_json,
    signed_file_as_json,
)
from ekyc.chip.signed_file import inspect_card_security, inspect_signed_file, inspect_sod
from ekyc.pki import ChainVerdict, Coverage

__all__ = [
    "ActiveAuthenticationExchange",
    "ActiveAuthenticationResult",
    "AdditionalDetails",
    "ChainVerdict",
    "ChipFiles",
    "ChipIdentity",
    "ChipReport",
    "Coverage",
    "ElementaryFile",
    "FileContents",
    "SignedFileReport",
    "VerifiedActiveAuthentication",
    "chip_report_as_json",
    "details_as_json",
    "identity_as_json",
    "inspect_card_security",
    "inspect_chip",
    "inspect_signed_file",
    "inspect_sod",
    "signed_file_as_json",
    "verify_active_authentication",
]
