"""The chip of identity cards and passports: ICAO 9303 files, access, passive, active and chip authentication, identity.

Start with :func:`inspect_chip` for files, with :func:`read_chip` and :func:`run_program` for a card. Protocols are programs
that yield commands and take responses; only drivers talk to a reader or a network.
"""

from ekyc.chip.access_key import AccessKey, CanKey, MrzKey
from ekyc.chip.active_auth import (
    ActiveAuthenticationExchange,
    ActiveAuthenticationResult,
    VerifiedActiveAuthentication,
    verify_active_authentication,
)
from ekyc.chip.chip_auth import (
    ChipAuthChallenge,
    ChipAuthProtocolResult,
    VerifiedChipAuth,
)
from ekyc.chip.chip_auth_finding import ChipAuthExchange
from ekyc.chip.contents import AdditionalDetails, FileContents, details_as_json
from ekyc.chip.evidence import RecordedSession, record_chip, verify_session
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.identity import ChipIdentity
from ekyc.chip.inspect import inspect_chip
from ekyc.chip.options import ReadingOptions
from ekyc.chip.program import Program, run_program
from ekyc.chip.reader import AccessProtocol, AccessResult, ChipReading, read_chip
from ekyc.chip.report import (
    ChipReport,
    SignedFileReport,
    chip_report_as_json,
    identity_as_json,
    signed_file_as_json,
)
from ekyc.chip.signed_file import inspect_card_security, inspect_signed_file, inspect_sod
from ekyc.chip.upload_challenge import (
    ChipAuthRequest,
    chip_authentication_offer,
    derive_chip_authentication,
    derive_nonce,
)
from ekyc.pki import ChainVerdict, Coverage

__all__ = [
    "AccessKey",
    "AccessProtocol",
    "AccessResult",
    "ActiveAuthenticationExchange",
    "ActiveAuthenticationResult",
    "AdditionalDetails",
    "CanKey",
    "ChainVerdict",
    "ChipAuthChallenge",
    "ChipAuthExchange",
    "ChipAuthProtocolResult",
    "ChipAuthRequest",
    "ChipFiles",
    "ChipIdentity",
    "ChipReading",
    "ChipReport",
    "Coverage",
    "ElementaryFile",
    "FileContents",
    "MrzKey",
    "Program",
    "ReadingOptions",
    "RecordedSession",
    "SignedFileReport",
    "VerifiedActiveAuthentication",
    "VerifiedChipAuth",
    "chip_authentication_offer",
    "chip_report_as_json",
    "derive_chip_authentication",
    "derive_nonce",
    "details_as_json",
    "identity_as_json",
    "inspect_card_security",
    "inspect_chip",
    "inspect_signed_file",
    "inspect_sod",
    "read_chip",
    "record_chip",
    "run_program",
    "signed_file_as_json",
    "verify_active_authentication",
    "verify_session",
]
