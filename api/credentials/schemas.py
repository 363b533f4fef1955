"""Bodies of the operations on credentials."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from ekyc.api.forms import InputModel, OutputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.pages import Listing
from ekyc.api.v1.schemas import NAME


class CredentialStatus(StrEnum):
    """Whether a result stands."""

    VALID = "valid"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"


class ChangeReason(StrEnum):
    """Why a result is taken back, or put in force again."""

    ISSUED_IN_ERROR = "issued_in_error"
    FACTS_CHANGED = "facts_changed"
    FRAUD = "fraud"
    HOLDER_REQUEST = "holder_request"
    UNDER_EXAMINATION = "under_examination"
    EXAMINATION_ENDED = "examination_ended"


class CredentialNew(InputModel):
    """Of which session the decision is to be issued."""

    session_id: str = Field(pattern=ID_PATTERN)


class RevocationNew(InputModel):
    """How a result is to stand from now on. `revoked` is for good."""

    status: Literal["revoked", "suspended", "valid"] = "revoked"
    reason: ChangeReason


class CredentialListing(Listing):
    """Which credentials."""

    status: CredentialStatus | None = None
    procedure: str | None = Field(default=None, pattern=NAME)
    session_id: str | None = Field(default=None, pattern=ID_PATTERN)
    reusable_for: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Phiên đã quyết định: chỉ những kết quả còn hiệu lực của chính người đó, cùng thủ tục. / A decided "
        "session: only results in force of that very person, for the same procedure.",
    )


class ChangeModel(OutputModel):
    """What became of a result."""

    status: CredentialStatus
    reason: ChangeReason
    actor: str
    at: datetime


class CredentialModel(OutputModel):
    """A result that was issued for a decision."""

    id: str
    schema_: str = Field(alias="schema")
    session_id: str
    decision: int = Field(description="Số thứ tự của quyết định. / Number of the decision.")
    procedure: str
    procedure_version: str | None = Field(
        description="Phiên bản thủ tục đã dùng để quyết định (SHA-256); null với kết quả cấp trước khi phiên bản được lưu. / "
        "Version of the procedure that it was decided by (SHA-256); null where it is older than the keeping of versions."
    )
    office: str | None
    sample: bool
    status: CredentialStatus
    code: str | None = Field(
        description="Nội dung mã QR, docs/credentials.md. / Text of the QR code; null once the person was erased."
    )
    document: str = Field(description="Đường dẫn của tệp PDF đã ký. / Path of the signed PDF.")
    changes: list[ChangeModel]
    issued_at: datetime
    expires_at: datetime


class CredentialList(OutputModel):
    """A page of credentials, the newest first."""

    data: list[CredentialModel]
    next: str | None
