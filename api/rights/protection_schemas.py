"""Bodies of protections: restrictions of processing, and legal holds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ekyc.api.forms import (
    LOGIN_PATTERN,
    NUMBER_PATTERN,
    InputModel,
    Office,
    OutputModel,
    ReasonCodes,
)
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.pages import Listing
from ekyc.api.v1.schemas import ActorModel, ReasonShown
from ekyc.dossiers.protections import ORDER_PATTERN, ProtectionKind, ProtectionState

_NINE_DIGITS: Final = re.compile(r"[0-9]{9}")
_Ids = Annotated[list[Annotated[str, Field(pattern=ID_PATTERN)]], Field(max_length=20)]


def _of_nobody(order: str) -> str:
    """Nine digits in a row could be the number of a person, and orders are kept as they are."""
    if _NINE_DIGITS.search(order):
        raise PydanticCustomError("personal_number", "could hold the number of a person")
    return order


class HoldNew(InputModel):
    """An authority's order that nothing about somebody be erased, and whom or what it names."""

    order: Annotated[str, AfterValidator(_of_nobody)] = Field(
        pattern=ORDER_PATTERN,
        description="Số của văn bản yêu cầu, ví dụ `12/2026/QĐ-CQĐT`; không ghi tên hoặc số định danh. / Number of the order; "
        "no name, and nothing with nine digits in a row.",
    )
    number: str | None = Field(
        default=None,
        pattern=NUMBER_PATTERN,
        repr=False,
        description="Số định danh của người liên quan; không được lưu lại. / Number of the identity document; it is not kept.",
    )
    citizen: str | None = Field(
        default=None,
        pattern=LOGIN_PATTERN,
        description="Bí danh đăng nhập. / Pseudonym of the login.",
    )
    sessions: _Ids = Field(default=[])
    dossiers: _Ids = Field(default=[])
    office: Office = None


class LiftNew(InputModel):
    """Why it ends: `rights.person_lifts`, `rights.dispute_over`, `rights.order_over`."""

    reasons: ReasonCodes


class ProtectionListing(Listing):
    """Which protections."""

    state: ProtectionState | None = None
    kind: ProtectionKind | None = None


class ProtectionModel(OutputModel):
    """A restriction or a legal hold; whom it is about is said by its sessions and dossiers alone."""

    id: str
    version: int
    kind: ProtectionKind
    state: ProtectionState
    office: str | None
    order: str | None = Field(description="Số văn bản. / Number of the order.")
    request: str | None = Field(
        description="Yêu cầu của chủ thể dữ liệu đã dẫn đến việc hạn chế. / The data subject's request that it follows from."
    )
    sessions: list[str] = Field(
        description="Trống khi đã gỡ bỏ. / None once it was lifted or declined."
    )
    dossiers: list[str]
    begun_by: ActorModel
    begun_at: datetime
    confirmed_by: ActorModel | None
    lift_by: ActorModel | None
    reasons: list[ReasonShown]
    lifted_by: ActorModel | None
    lifted_at: datetime | None
    updated_at: datetime


class ProtectionList(OutputModel):
    """A page of protections, the newest first."""

    data: list[ProtectionModel]
    next: str | None
