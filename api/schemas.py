"""Bodies of requests and answers, as pydantic models: what the OpenAPI document is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ekyc.storage import ACTIVE_AUTHENTICATION


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ChallengeRequest(_Input):
    """What a challenge is wanted for."""

    purpose: Literal["active-authentication"] = Field(
        default=ACTIVE_AUTHENTICATION,
        description="Mục đích sử dụng. / What it may be redeemed for.",
    )
    ttl_s: int = Field(
        default=300,
        ge=30,
        le=3600,
        description="Thời hạn, tính bằng giây. / Seconds until it expires.",
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
