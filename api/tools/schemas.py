"""What the single tools answer. Every answer has an outcome, checks of the one form, and digests of what was looked at."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ekyc.api.forms import OutputModel
from ekyc.api.v1.schemas import CheckResource
from ekyc.outcomes import Outcome


class ToolAnswer(OutputModel):
    """What all answers have."""

    outcome: Outcome
    checks: list[CheckResource]
    files: dict[str, str] = Field(
        description="SHA-256 của từng tệp đã nhận. / SHA-256 of each file received."
    )


class FieldRead(OutputModel):
    """A field as it was read, never completed or corrected."""

    name: str
    kind: str
    value: str = Field(description="Trống khi không đọc được. / Empty where it cannot be read.")
    likely: str | None
    confidence: float
    standing: str
    page: int
    quads: list[list[list[float]]]


class SourceComparison(OutputModel):
    """What two sources on a card say about one field."""

    field: str
    between: list[str]
    verdict: str


class CardReadingModel(ToolAnswer):
    """A card, as it says. Nothing on it is signed."""

    kind: str
    fields: list[FieldRead]
    mrz: dict[str, Any] | None
    qr: dict[str, Any] | None
    sides: list[dict[str, Any]]
    cross_check: list[SourceComparison]


class DocumentReadingModel(ToolAnswer):
    """A paper, as it says."""

    kind: str
    fields: list[FieldRead]
    pages: list[dict[str, Any]]


class CopyComparisonModel(ToolAnswer):
    """What differs between an original and its copy."""

    kind: str
    originals: list[dict[str, int]]
    pages: list[dict[str, Any]]
    copy_pages: dict[str, Any]
    fields: list[dict[str, Any]]
    differences: list[dict[str, Any]]


class PortraitSource(OutputModel):
    """What the frames were held against."""

    source: str = Field(description="`picture`, `chip`")
    proven: bool = Field(
        description="Chữ ký trên chip bảo đảm ảnh này. / The chip's issuer vouches for it."
    )


class FaceComparisonModel(ToolAnswer):
    """Whether a portrait and frames show one person. It says nothing of a living person."""

    portrait: PortraitSource
    cosine: float | None
    thresholds: dict[str, float] | None
    best_frame: int | None
    frames: list[dict[str, Any]]


class LivenessInspectionModel(ToolAnswer):
    """Whether frames show a presentation attack."""

    assurance: str
    frames: list[dict[str, Any]]


class SignatureValidationModel(ToolAnswer):
    """The signatures of a file, as EN 319 102-1 has them. It names the signers."""

    signatures: list[dict[str, Any]]
    document_timestamps: list[dict[str, Any]]
    revisions: list[dict[str, Any]]


class ResultVerificationModel(ToolAnswer):
    """Whether an issued result is genuine and still stands. A code can be copied: hold its fields against the bearer."""

    at: str
    result: dict[str, Any] | None
    issuer: dict[str, str] | None
    trust_list: dict[str, Any]
    status: str | None
    status_list: dict[str, str] | None
