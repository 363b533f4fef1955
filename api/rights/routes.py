"""Operations on requests of data subjects: filed, answered in time, and done. docs/api.md.

1. A citizen files for themselves, an officer or portal for a citizen, an agent only by a consent that names it.
2. Officers acknowledge, extend, decide; never whoever filed it, and nobody about themselves.
3. What was said is sealed, and reading it is logged, as is every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from ekyc.api.access import Principal
from ekyc.api.rights import examples
from ekyc.api.rights.schemas import (
    RequestExtension,
    RequestGrant,
    RequestList,
    RequestListing,
    RequestModel,
    RequestNew,
    RequestRefusal,
    StatementModel,
)
from ekyc.api.rights.work import (
    Rights,
    filed,
    moved,
    request_as_json,
    require_granting,
    require_own,
    require_reasons,
    require_time_left,
    rights_of,
    seen,
)
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.documents import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    OFFICE_REFUSALS,
    described,
    links_to,
    refusals,
)
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.pages import page_response
from ekyc.api.v1.wire import require_match
from ekyc.dossiers.subject_requests import (
    EXTENSIONS,
    REFUSALS,
    Acknowledged,
    CalledOff,
    Extended,
    Fulfilled,
    Granted,
    Refused,
    RequestEvent,
)
from ekyc.flows.answer_request import LoadedRequest, load_request

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, PageOf

RequestId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("subject-requests:read")]
_Writer = Annotated[Principal, allowed("subject-requests:write")]
_Decider = Annotated[Principal, allowed("subject-requests:decide")]
_Viewer = Annotated[Principal, allowed("media:read")]
_UNKNOWN: Final = ("rights.unknown", "rights.not_offered")
_MOVING: Final = (*_UNKNOWN, "rights.state", "decision.not_an_officer")
router = APIRouter(
    prefix="/v1/data-subject-requests", tags=["Quyền của chủ thể dữ liệu / Data subjects' rights"]
)


@router.post(
    "",
    operation_id="create_data_subject_request",
    summary="Nộp yêu cầu / File a request",
    status_code=201,
    response_model=RequestModel,
    responses=refusals(
        "rights.not_offered",
        "rights.login_needed",
        "session.unknown",
        *OFFICE_REFUSALS,
        "access.consent",
        once=True,
    ),
    openapi_extra=described(
        IDEMPOTENCY_KEY,
        links=links_to("request_id", "get_data_subject_request", "cancel_data_subject_request"),
    ),
)
async def create_request(
    request: Request,
    caller: _Writer,
    wanted: Annotated[RequestNew, Body(openapi_examples=examples.FILED)],
) -> Response:
    """Công dân nộp cho chính mình; cán bộ hoặc cổng nộp thay; đại lý chỉ khi công dân đã đồng ý cho việc này. Thời hạn tính
    theo ngày làm việc.

    A citizen for themselves; an officer or portal for a citizen; an agent only by a consent that names it. Deadlines are in
    working days.
    """
    rights = rights_of(request)
    return await rights.front.creating(
        request, caller, lambda unit: filed(rights, unit, caller, wanted)
    )


@router.get(
    "",
    operation_id="list_data_subject_requests",
    summary="Danh sách yêu cầu / List requests",
    response_model=RequestList,
    responses=refusals("cursor.invalid"),
)
async def list_requests(
    request: Request, caller: _Reader, listing: Annotated[RequestListing, Query()]
) -> Response:
    """Mới nhất trước, theo phạm vi của người gọi. `alerts` cho biết yêu cầu nào sắp hoặc đã quá hạn.

    The newest first, within what the caller may see. `alerts` says what is late or will be.
    """
    front = front_of(request)

    def look(unit: DossierUnit, page: PageOf) -> list[tuple[Any, dict[str, Any] | None]]:
        found: list[tuple[Any, dict[str, Any] | None]] = []
        for row in unit.requests.page(page):
            loaded = load_request(unit, row.id, within=page.within)
            if loaded is not None:
                found.append((row, request_as_json(loaded, front.calendar, unit.now)))
        return found

    return await page_response(request, caller, listing, look)


@router.get(
    "/{request_id}",
    operation_id="get_data_subject_request",
    summary="Một yêu cầu / One request",
    response_model=RequestModel,
    responses=refusals(*_UNKNOWN),
)
async def get_request(request: Request, caller: _Reader, request_id: RequestId) -> Response:
    """Tình trạng và thời hạn; không có nội dung yêu cầu. `ETag` là phiên bản.

    State and deadlines, without what was said. `ETag` is its version.
    """
    rights = rights_of(request)

    def look(unit: DossierUnit) -> Answer:
        return rights.answer(unit, rights.load(unit, caller, request_id))

    return (await rights.front.looking(caller.tenant, look)).response()


@router.get(
    "/{request_id}/statement",
    operation_id="get_data_subject_statement",
    summary="Nội dung yêu cầu / What was said",
    response_model=StatementModel,
    responses=refusals(*_UNKNOWN, "subject.erased"),
)
async def get_statement(request: Request, caller: _Reader, request_id: RequestId) -> Response:
    """Mỗi lần xem được ghi vào nhật ký bằng chứng. Trống sau khi đã xóa.

    Every look is written to the evidence log. Gone after an erasure.
    """
    rights = rights_of(request)

    def look(unit: DossierUnit) -> dict[str, Any]:
        loaded = rights.load(unit, caller, request_id)
        said = rights.answerer.statement_within(unit, request_id)
        seen(unit, caller, loaded, "statement")
        return {"text": said.text, "number": said.number}

    return JSONResponse(await rights.front.writing(caller.tenant, look))


@router.post(
    "/{request_id}/acknowledge",
    operation_id="acknowledge_data_subject_request",
    summary="Xác nhận đã nhận / Acknowledge",
    response_model=RequestModel,
    responses=refusals(*_MOVING, once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def acknowledge_request(request: Request, caller: _Writer, request_id: RequestId) -> Response:
    """Cán bộ xác nhận đã báo cho người yêu cầu biết.

    An officer says that the person was told.
    """
    return await _moving(request, caller, request_id, lambda *_: Acknowledged())


@router.post(
    "/{request_id}/extend",
    operation_id="extend_data_subject_request",
    summary="Gia hạn trả lời / Extend the time for an answer",
    response_model=RequestModel,
    responses=refusals(
        *_MOVING,
        "rights.extended_already",
        "rights.too_late",
        "reason.unknown",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def extend_request(
    request: Request,
    caller: _Writer,
    request_id: RequestId,
    wanted: Annotated[RequestExtension, Body(openapi_examples=examples.EXTENDED)],
) -> Response:
    """Một lần, trước khi hết hạn, sau khi đã báo cho người yêu cầu biết lý do.

    Once, before the time is over, after the person was told why.
    """
    require_reasons(wanted.reasons, EXTENSIONS)

    def event(rights: Rights, unit: DossierUnit, loaded: LoadedRequest) -> RequestEvent:
        require_time_left(rights, unit, loaded)
        return Extended(reasons=tuple(wanted.reasons))

    return await _moving(request, caller, request_id, event)


@router.post(
    "/{request_id}/grant",
    operation_id="grant_data_subject_request",
    summary="Chấp nhận yêu cầu / Grant a request",
    response_model=RequestModel,
    responses=refusals(
        *_MOVING,
        "decision.four_eyes",
        "decision.own_case",
        "rights.identity",
        "precondition.failed",
        "precondition.required",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY, IF_MATCH),
)
async def grant_request(
    request: Request,
    caller: _Decider,
    request_id: RequestId,
    wanted: Annotated[RequestGrant, Body(openapi_examples=examples.GRANTED)],
) -> Response:
    """Người nộp không được quyết định. Trừ việc cải chính, hệ thống tự thực hiện ngay sau đó; xem `state`. Yêu cầu xóa dữ
    liệu đang bị hạn chế hoặc bị giữ theo lệnh được trả lời `refused` kèm lý do.

    Never by whoever filed it. All but a correction is then carried out by the service; see `state`. To erase what is
    restricted or held is answered `refused`, with that reason.
    """

    def event(rights: Rights, unit: DossierUnit, loaded: LoadedRequest) -> RequestEvent:
        require_match(request.headers.get("if-match"), loaded.view.version)
        require_granting(rights, unit, caller, loaded, wanted)
        return Granted(identification=wanted.identification, session_id=wanted.session_id)

    response = await _moving(request, caller, request_id, event)
    rights = rights_of(request)
    rights.front.begin(rights.carry_out(caller.tenant, request_id))
    return response


@router.post(
    "/{request_id}/refuse",
    operation_id="refuse_data_subject_request",
    summary="Từ chối yêu cầu / Refuse a request",
    response_model=RequestModel,
    responses=refusals(
        *_MOVING,
        "decision.four_eyes",
        "reason.unknown",
        "precondition.failed",
        "precondition.required",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY, IF_MATCH),
)
async def refuse_request(
    request: Request,
    caller: _Decider,
    request_id: RequestId,
    wanted: Annotated[RequestRefusal, Body(openapi_examples=examples.REFUSED)],
) -> Response:
    """Kèm lý do cho người yêu cầu.

    With reasons for whoever asked.
    """
    require_reasons(wanted.reasons, REFUSALS)

    def event(_rights: Rights, _unit: DossierUnit, loaded: LoadedRequest) -> RequestEvent:
        require_match(request.headers.get("if-match"), loaded.view.version)
        return Refused(reasons=tuple(wanted.reasons))

    return await _moving(request, caller, request_id, event)


@router.post(
    "/{request_id}/complete",
    operation_id="complete_data_subject_request",
    summary="Đã thực hiện / Say that it was done",
    response_model=RequestModel,
    responses=refusals(*_MOVING, "rights.automatic", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def complete_request(request: Request, caller: _Decider, request_id: RequestId) -> Response:
    """Cho việc cải chính, do cán bộ làm.

    For corrections, which an officer carries out.
    """

    def event(rights: Rights, _unit: DossierUnit, loaded: LoadedRequest) -> RequestEvent:
        rights.require_by_hand(loaded)
        return Fulfilled()

    return await _moving(request, caller, request_id, event)


@router.post(
    "/{request_id}/cancel",
    operation_id="cancel_data_subject_request",
    summary="Rút yêu cầu / Call a request off",
    response_model=RequestModel,
    responses=refusals(*_UNKNOWN, "rights.state", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def cancel_request(request: Request, caller: _Writer, request_id: RequestId) -> Response:
    """Trước khi có quyết định; chỉ người đã nộp, hoặc công dân mà yêu cầu nói đến.

    Before it is decided; by whoever filed it alone, or the citizen whose it is.
    """

    def event(_rights: Rights, _unit: DossierUnit, loaded: LoadedRequest) -> RequestEvent:
        require_own(caller, loaded)
        return CalledOff()

    return await _moving(request, caller, request_id, event)


async def _moving(
    request: Request,
    caller: Principal,
    request_id: str,
    event: Callable[[Rights, DossierUnit, LoadedRequest], RequestEvent],
) -> Response:
    rights = rights_of(request)

    def work(unit: DossierUnit) -> Answer:
        loaded = rights.load(unit, caller, request_id, lock=True)
        return moved(rights, unit, caller, loaded, event(rights, unit, loaded))

    return await rights.front.creating(request, caller, work)
