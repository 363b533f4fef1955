"""Bodies of requests and answers, as pydantic models: what the OpenAPI document is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ekyc.api.forms import InputModel
from ekyc.chip.upload_challenge import MAX_DG14_BYTES
from ekyc.storage import ACTIVE_AUTHENTICATION, CHIP_AUTHENTICATION

ID_PATTERN: Final = r"^[0-9a-f]{32}$"
"""An id that was drawn here: 128 random bits in lower-case hexadecimal digits."""


class ChallengeRequest(InputModel):
    """What a challenge is wanted for."""

    purpose: Literal["active-authentication", "chip-authentication"] = Field(
        default=ACTIVE_AUTHENTICATION,
        description="Mục đích sử dụng; `chip-authentication` phục vụ cả hai cách chứng minh và cần `dg14`. / "
        "What it may be redeemed for; `chip-authentication` serves both proofs of the chip and needs `dg14`.",
    )
    dg14: Base64Bytes | None = Field(
        default=None,
        max_length=MAX_DG14_BYTES,
        description="Tệp EF.DG14 của chip, mã hóa base64. / The chip's EF.DG14 in base64.",
    )
    ttl_s: int = Field(
        default=300,
        ge=30,
        le=3600,
        description="Thời hạn, tính bằng giây. / Seconds until it expires.",
    )

    @model_validator(mode="after")
    def _file_goes_with_purpose(self) -> Self:
        if (self.purpose == CHIP_AUTHENTICATION) != (self.dg14 is not None):
            raise PydanticCustomError(
                "together", "{members}", {"members": f"dg14, purpose {CHIP_AUTHENTICATION}"}
            )
        return self


class ChipAuthenticationRequest(BaseModel):
    """What the phone sends to the chip at the end of its session."""

    protocol: str
    agreement_commands_hex: list[str] = Field(
        description="Gửi trong phiên đang có, được phiên đó bảo vệ. / Sent under the session in force, protected by it."
    )
    first_command_hex: str = Field(
        description="Gửi nguyên văn; phản hồi kèm mã trạng thái được nộp cùng hồ sơ. / "
        "Sent as it is; the response with its status word goes into the case."
    )


class ChallengeCreated(BaseModel):
    """An issued challenge."""

    schema_: Literal["ekyc.challenge-new/1"] = Field(
        default="ekyc.challenge-new/1", alias="schema", serialization_alias="schema"
    )
    outcome: Literal["PASSED"] = "PASSED"
    reasons: tuple[()] = ()
    checks: tuple[()] = ()
    id: str = Field(description="Gửi lại khi xác minh. / Give it back with the verification.")
    purpose: str
    nonce_hex: str = Field(description="Chip phải ký giá trị này. / What the chip must sign.")
    expires_at: datetime
    chip_authentication: ChipAuthenticationRequest | None = Field(
        description="Các lệnh xác thực chip, nếu đã gửi `dg14`. / Commands of chip authentication, where `dg14` was given."
    )


class CheckModel(BaseModel):
    """One check and what it found."""

    id: str
    outcome: Literal["PASSED", "FAILED", "INDETERMINATE", "NOT_PERFORMED"]
    reasons: list[str]
    subjects: list[str]
    measurements: list[dict[str, Any]]
    duration_ms: float


class VerificationModel(BaseModel):
    """The result object of ``ekyc verify --json``; ``docs/schemas/ekyc.verify.1.schema.json`` says it all."""

    model_config = ConfigDict(extra="allow")

    schema_: Literal["ekyc.verify/1"] = Field(alias="schema")
    outcome: str
    reasons: list[str]
    checks: list[CheckModel]


class ReasonModel(BaseModel):
    """A reason code with its texts."""

    code: str
    vi: str
    en: str
    retryable: bool


class ReasonList(BaseModel):
    """The published registry of reason codes."""

    schema_: Literal["ekyc.reasons/1"] = Field(
        default="ekyc.reasons/1", alias="schema", serialization_alias="schema"
    )
    reasons: list[ReasonModel]


class Alive(BaseModel):
    """The process answers."""

    alive: Literal[True] = True


class Readiness(BaseModel):
    """What the service needs and whether it has it: ``ok`` or the code of the error."""

    ready: bool
    database: str
    models: str
    service_key: str | None = None
    keys: str | None = None


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    retryable: bool
    subject: str | None = None
    instance: str
