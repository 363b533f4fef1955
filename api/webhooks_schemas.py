"""Bodies of the operations of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from ekyc.api.forms import InputModel, OutputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.pages import Listing
from ekyc.storage import EVENT_KINDS, DeliveryState, DisabledBy, EndpointState

_MOST_OVERLAP_S: Final = 30 * 86_400


Url = Annotated[
    str,
    Field(
        min_length=9,
        max_length=2000,
        description="Địa chỉ https công khai, không kèm tài khoản. / A public https address, without user and password.",
    ),
]
EventType = Annotated[str, Field(json_schema_extra={"enum": [*EVENT_KINDS]})]
Events = Annotated[
    list[EventType],
    Field(
        max_length=len(EVENT_KINDS),
        description="Loại sự kiện; để trống là tất cả. / Event types; empty is all.",
    ),
]


class EndpointNew(InputModel):
    """An endpoint to be told of events."""

    url: Url
    events: Events = Field(default=[])


class EndpointEdit(InputModel):
    """What is to be changed of an endpoint; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    state: EndpointState | None = Field(
        default=None, description="Bật hoặc tắt. / Enable or disable."
    )


class KeysNew(InputModel):
    """New keys for an endpoint."""

    overlap_s: int = Field(
        default=86_400,
        ge=0,
        le=_MOST_OVERLAP_S,
        description="Khóa cũ còn ký song song bao lâu; 0 là kết thúc ngay. / For how long old keys sign beside the new "
        "ones; 0 ends them at once.",
    )


class WebhookKey(OutputModel):
    """A key that messages are verified with."""

    form: Literal["v1", "v1a"]
    key: str = Field(description="`whsec_…` (bí mật / secret) hoặc / or `whpk_…`")
    created_at: datetime
    expires_at: datetime | None


class EndpointModel(OutputModel):
    """An endpoint."""

    id: str
    url: str
    events: list[str]
    offices: list[str] | None = Field(
        description="Chỉ nhận sự kiện của các cơ quan này; `null` là cả đơn vị. / Told of the events of these offices alone; "
        "`null` is the whole tenant."
    )
    state: EndpointState
    disabled_by: DisabledBy | None
    created_at: datetime
    failing_since: datetime | None = Field(
        description="Lỗi đầu tiên kể từ lần gửi được gần nhất. / The first failure since the last success."
    )
    paused_until: datetime | None
    keys: list[WebhookKey] = Field(
        description="`whsec_…` chỉ hiện khi vừa tạo; `whpk_…` luôn hiện. / `whsec_…` is shown when it is made and never "
        "again; `whpk_…` always."
    )


class EndpointList(OutputModel):
    """All endpoints of a tenant; there are few."""

    data: list[EndpointModel]
    next: None


class AttemptModel(OutputModel):
    """What came of one attempt."""

    number: int
    at: datetime
    cause: str
    status: int | None
    duration_ms: int


class DeliveryModel(OutputModel):
    """One event on its way to one endpoint."""

    id: str
    endpoint_id: str
    event_id: str = Field(description="`webhook-id`")
    type: str
    state: DeliveryState
    attempts_made: int
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    replay_of: str | None
    attempts: list[AttemptModel] | None


class DeliveryList(OutputModel):
    """The newest first."""

    data: list[DeliveryModel]
    next: str | None


class DeliveryListing(Listing):
    """Which deliveries."""

    endpoint_id: str | None = Field(default=None, pattern=ID_PATTERN)
    state: DeliveryState | None = None
