"""Bodies of batches, as pydantic models: what the OpenAPI document is made of."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ekyc.api.forms import NAME_PATTERN, OutputModel
from ekyc.api.v1.schemas import ActorModel, CheckResource, ReasonShown
from ekyc.policy import Verdict
from ekyc.storage import BatchState, ItemState


class BatchCaseModel(OutputModel):
    """A case that waits for its batch; it is erased if no batch takes it."""

    id: str
    size: int
    created_at: datetime
    expires_at: datetime


class ItemCounts(OutputModel):
    """Items of a batch by state."""

    waiting: int
    done: int
    failed: int
    canceled: int


class BatchModel(OutputModel):
    """A batch."""

    id: str
    state: BatchState
    office: str | None
    actor: ActorModel
    items: int
    counts: ItemCounts
    created_at: datetime
    finished_at: datetime | None


class BatchList(OutputModel):
    """A page of batches, the newest first."""

    data: list[BatchModel]
    next: str | None


class ItemResult(OutputModel):
    """What the verification of an item found."""

    verification_id: str
    procedure: str
    verdict: Verdict
    reasons: list[ReasonShown]
    sample: bool
    case_sha256: str
    checks: list[CheckResource]


class BatchItemModel(OutputModel):
    """One item of a batch. Its result is for an officer or the portal to act on; nothing is decided by it."""

    number: int
    reference: str = Field(pattern=NAME_PATTERN)
    state: ItemState
    result: ItemResult | None
    error: ReasonShown | None = Field(
        description="Vì sao không kiểm tra được. / Why it could not be verified."
    )
    finished_at: datetime | None


class BatchItemList(OutputModel):
    """A page of items, in their order."""

    data: list[BatchItemModel]
    next: str | None
