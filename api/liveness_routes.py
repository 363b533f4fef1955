"""The operations of liveness sessions: the portal orders and fetches, the client begins, sends and finishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ekyc.api.access import AccessError, Principal
from ekyc.api.liveness_front import CHUNKS, SESSIONS, LivenessFront
from ekyc.api.liveness_schemas import (
    LivenessBegun,
    LivenessEnded,
    LivenessFinish,
    LivenessOrder,
    LivenessReply,
    LivenessSessionCreated,
    LivenessSessionModel,
    begun_model,
    ended_model,
    reply_model,
    result_as_json,
)
from ekyc.api.serving import problems, service_of
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described
from ekyc.api.v1.front import allowed, client_of, once_of
from ekyc.api.v1.once import Answer
from ekyc.errors import InputError, LimitError

if TYPE_CHECKING:
    from ekyc.flows.live_values import OrderedLiveSession

_T = TypeVar("_T")
router = APIRouter()
_CLIENT = HTTPBearer(
    auto_error=False,
    scheme_name="LivenessCapture",
    description="`capture_token` của phiên. / The session's `capture_token`.",
)
_OWNER = HTTPBearer(
    auto_error=False,
    scheme_name="LivenessResult",
    description="`result_token` của phiên. / The session's `result_token`.",
)
_ClientCredentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_CLIENT)]
_OwnerCredentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_OWNER)]
_CHUNK_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "Gói EKL1, xem docs/liveness.md. / A chunk EKL1, see docs/liveness.md.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    SESSIONS,
    operation_id="create_liveness_session",
    summary="Yêu cầu kiểm tra người thật / Order a liveness session",
    status_code=201,
    response_model=LivenessSessionCreated,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_liveness_session(
    request: Request,
    caller: Annotated[Principal, allowed("sessions:write")],
    wanted: Annotated[LivenessOrder, Body()],
) -> Response:
    """Cấp một phiên cho đúng một hồ sơ và một người. Số lần thử được giới hạn theo hồ sơ, người và thiết bị: quá số
    lần thì trả 429 cùng `Retry-After`. Đưa `capture_token` cho ứng dụng chụp, giữ `result_token`. Công dân và đại lý
    không tự bỏ được bước màu.

    Makes a session for one case and one person. Attempts are limited by case, person and device: 429 with
    `Retry-After` beyond that. Hand `capture_token` to the capturing client, keep `result_token`. Citizens and agents
    leave no colours out.
    """
    front = _front(request)
    if caller.own_subject is not None and not wanted.colours:
        raise AccessError("whoever is looked at does not choose how hard", code="access.denied")
    with once_of(request).working(request, client_of(caller)) as pending:
        order = partial(
            front.sessions.order,
            wanted.order(caller.owner),
            claim=pending.claim(await request.body()),
            answer=lambda ordered: _created(ordered).encoded(),
        )
        made = await _in_thread(order)
    if isinstance(made, bytes):
        return Answer.decoded(made).response(replayed=True)
    return _created(made).response()


@router.post(
    f"{SESSIONS}/{{session_id}}/begin",
    operation_id="begin_liveness_session",
    summary="Bắt đầu / Begin",
    responses=problems(404, 409, 410, 503),
)
async def begin_liveness_session(
    request: Request, session_id: str, credentials: _ClientCredentials = None
) -> LivenessBegun:
    """Ứng dụng chụp báo bắt đầu và nhận khóa cùng hướng dẫn đầu tiên. Chỉ bắt đầu được một lần; đồng hồ chạy từ đây.

    The client begins and gets its key and the first prompt. It can begin once; the clock runs from here.
    """
    front = await _of_client(request, session_id, credentials)
    return begun_model(await _in_thread(partial(front.sessions.begin, session_id)))


@router.post(
    f"{SESSIONS}/{{session_id}}{CHUNKS}",
    operation_id="send_liveness_chunk",
    summary="Gửi một gói hình / Send a chunk of frames",
    responses=problems(404, 408, 409, 413, 503),
    openapi_extra=_CHUNK_BODY,
)
async def send_liveness_chunk(
    request: Request, session_id: str, credentials: _ClientCredentials = None
) -> LivenessReply:
    """Mỗi lần một gói, gói sau gửi khi gói trước đã được trả lời. Không nhận được trả lời thì gửi lại đúng gói đó: gói
    đã nhận không bị đếm hai lần. `done` không có nghĩa là đạt.

    One chunk at a time, the next when the one before was answered. Without an answer, send the same bytes again: what
    was accepted is never counted twice. `done` does not mean passed.
    """
    front = await _of_client(request, session_id, credentials)
    try:
        with anyio.fail_after(front.limits.upload_s):
            body = await request.body()
    except TimeoutError as exc:
        raise LimitError("the upload took too long", code="request.upload_time") from exc
    arrived_at = front.clock.now()
    take = partial(front.sessions.take, session_id, body, arrived_at)
    return reply_model(await front.admission.run(take))


@router.post(
    f"{SESSIONS}/{{session_id}}/finish",
    operation_id="finish_liveness_session",
    summary="Kết thúc / Finish",
    responses=problems(400, 404, 409, 413, 422, 503),
)
async def finish_liveness_session(
    request: Request,
    session_id: str,
    told: Annotated[LivenessFinish | None, Body()] = None,
    credentials: _ClientCredentials = None,
) -> LivenessEnded:
    """Ứng dụng chụp chỉ được biết đạt hay không và cách chụp tốt hơn, không biết bước nào hay dấu hiệu nào. Gọi lại thì
    nhận cùng một trả lời.

    The client hears whether it passed and how to capture better: no step, cue or score. Asked again, the answer is
    the same.
    """
    front = await _of_client(request, session_id, credentials)
    attestation = None if told is None else told.attestation
    statement = None if attestation is None else (attestation.kind, attestation.token)
    finish = partial(front.sessions.finish, session_id, statement)
    return ended_model(await front.admission.run(finish))


@router.get(
    f"{SESSIONS}/{{session_id}}",
    operation_id="get_liveness_session",
    summary="Kết quả cho cổng dịch vụ / Result for the portal",
    responses={200: {"model": LivenessSessionModel}, **problems(404, 503)},
)
async def get_liveness_session(
    request: Request, session_id: str, credentials: _OwnerCredentials = None
) -> Response:
    """Trạng thái của phiên; khi kết thúc thì có báo cáo đã ký. Không có dữ liệu cá nhân. Không đưa cho ứng dụng chụp.

    How far the session is; once it is finished, the signed report. No personal data. Not for the capturing client.
    """
    front = await _of_owner(request, session_id, credentials)
    result = await _in_thread(partial(front.sessions.result, session_id))
    return Response(
        json.dumps(result_as_json(result), ensure_ascii=False), media_type="application/json"
    )


@router.delete(
    f"{SESSIONS}/{{session_id}}",
    operation_id="delete_liveness_session",
    summary="Xóa phiên / Forget a session",
    status_code=204,
    responses=problems(404, 409, 503),
)
async def delete_liveness_session(
    request: Request, session_id: str, credentials: _OwnerCredentials = None
) -> None:
    """Xóa ngay hình ảnh và kết quả; sổ đếm số lần thử vẫn giữ lần này. Không xóa được khi đang bị giữ hoặc hạn chế xử lý.

    Erases pictures and result at once; that there was an attempt is still counted. Not under a hold or restriction.
    """
    front = await _of_owner(request, session_id, credentials)
    await _in_thread(partial(front.sessions.forget, session_id))


def _created(ordered: OrderedLiveSession) -> Answer:
    told = LivenessSessionCreated(
        id=ordered.id,
        capture_token=ordered.capture_token.reveal(),
        result_token=ordered.result_token.reveal(),
        expires_at=ordered.expires_at,
    )
    return Answer(status=201, body=told.model_dump(mode="json", by_alias=True))


def _front(request: Request) -> LivenessFront:
    front = service_of(request).liveness
    if front is None:
        raise InputError("this service has no liveness sessions", code="liveness.not_offered")
    return front


async def _of_client(
    request: Request, session_id: str, credentials: HTTPAuthorizationCredentials | None
) -> LivenessFront:
    front = _front(request)
    await _in_thread(partial(front.sessions.require_client, session_id, _token(credentials)))
    return front


async def _of_owner(
    request: Request, session_id: str, credentials: HTTPAuthorizationCredentials | None
) -> LivenessFront:
    front = _front(request)
    await _in_thread(partial(front.sessions.require_owner, session_id, _token(credentials)))
    return front


def _token(credentials: HTTPAuthorizationCredentials | None) -> str:
    return credentials.credentials if credentials else ""


async def _in_thread(work: Callable[[], _T]) -> _T:
    return await anyio.to_thread.run_sync(work)
