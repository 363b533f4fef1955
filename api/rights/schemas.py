"""Bodies of data subjects' requests. What was said in one is in none of the answers but the statement."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

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
from ekyc.dossiers.subject_requests import Identification, RequestKind, RequestState

MOST_TEXT: Final = 4000


class RequestNew(InputModel):
    """A right that is claimed. Text and number are sealed under a key of the request's own."""

    kind: RequestKind
    text: str = Field(
        default="",
        max_length=MOST_TEXT,
        repr=False,
        description="Nội dung yêu cầu. / What is asked for, in the person's words.",
    )
    number: str | None = Field(
        default=None,
        pattern=NUMBER_PATTERN,
        repr=False,
        description="Số định danh, khi cần tìm dữ liệu ngoài tài khoản đăng nhập; chỉ được dùng sau khi xác định danh "
        "tính. / Number of the identity document, where data beyond the login are meant; used only once it is shown whose "
        "it is.",
    )
    citizen: str | None = Field(
        default=None,
        pattern=LOGIN_PATTERN,
        repr=False,
        description="Bí danh của công dân, khi cán bộ hoặc cổng nộp thay. / Pseudonym of the citizen, where an officer or "
        "portal files.",
    )
    sessions: list[Annotated[str, Field(pattern=ID_PATTERN)]] = Field(
        default=[],
        max_length=20,
        description="Các phiên xác minh liên quan. / Verification sessions that it speaks of.",
    )
    office: Office = None


class RequestExtension(InputModel):
    """Why it takes longer: `rights.complex`."""

    reasons: ReasonCodes


class RequestRefusal(InputModel):
    """Why it is not done: `rights.identity`, `rights.law_keeps`, `rights.of_others`, `rights.nothing_kept`."""

    reasons: ReasonCodes


class RequestGrant(InputModel):
    """That it is done, and how the person was recognised."""

    identification: Identification = Field(
        description="`login`: theo tài khoản đã nộp; `session`: theo phiên xác minh; `counter`: cán bộ đã gặp người và giấy "
        "tờ. / By the login that filed it, by a verification session, or at the counter."
    )
    session_id: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Phiên xác minh đã được chấp nhận, khi `identification` là `session`. / The approved verification "
        "session, with `session`.",
    )


class RequestListing(Listing):
    """Which requests."""

    state: RequestState | None = None
    kind: RequestKind | None = None


class RequestModel(OutputModel):
    """A request, without what was said in it."""

    id: str
    version: int
    kind: RequestKind
    state: RequestState
    office: str | None
    citizen: str | None = Field(
        description="Bí danh đăng nhập mà yêu cầu sẽ tác động tới. / Pseudonym of the login that the request reaches."
    )
    sessions: list[str]
    filed_by: ActorModel
    filed_at: datetime
    updated_at: datetime
    acknowledge_by: datetime
    acknowledged_at: datetime | None
    answer_by: datetime
    extended: bool
    identification: Identification | None
    reasons: list[ReasonShown]
    done: dict[str, int]
    export_until: datetime | None
    alerts: list[str]


class RequestList(OutputModel):
    """A page of requests, the newest first."""

    data: list[RequestModel]
    next: str | None


class ExportToken(OutputModel):
    """Good for one download of one export by one person, as `Export-Token`."""

    token: str = Field(repr=False)
    expires_at: datetime


class StatementModel(OutputModel):
    """What was said in a request."""

    text: str
    number: str | None
