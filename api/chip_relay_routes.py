"""The operations of chip sessions: order a reading, relay it, fetch its result and its record, let go of it."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Body, Depends, Request, Response, WebSocket
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ekyc.api.access import Principal
from ekyc.api.chip_relay_results import session_as_json
from ekyc.api.chip_relay_schemas import ChipSessionCreated, ChipSessionModel, ChipSessionRequest
from ekyc.api.chip_relay_sessions import ChipSession, unknown_session
from ekyc.api.serving import problems, service_of
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described
from ekyc.api.v1.front import allowed, client_of, once_of
from ekyc.api.v1.once import Answer
from ekyc.chip.relay import PROTOCOL
from ekyc.errors import InputError

router = APIRouter()

_BEARER = HTTPBearer(
    auto_error=False, description="`result_token` của phiên. / The session's `result_token`."
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


@router.post(
    "/v1/chip-sessions",
    operation_id="create_chip_session",
    summary="Yêu cầu đọc chip từ xa / Order a relayed reading of a chip",
    status_code=201,
    response_model=ChipSessionCreated,
    responses=problems(400, 401, 403, 409, 413, 422, 429, 503),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_chip_session(
    request: Request,
    caller: Annotated[Principal, allowed("sessions:write")],
    wanted: Annotated[ChipSessionRequest, Body()],
) -> Response:
    """Cấp một phiên đọc chip. Điện thoại hoặc đầu đọc nối WebSocket `relay_path`, gửi `token` trong khung đầu tiên,
    rồi chỉ chuyển lệnh của máy chủ tới chip. Khóa mở chip chỉ được giữ cho tới khi phiên bắt đầu.

    Makes a session. The phone or reader connects to the WebSocket `relay_path`, sends `token` in its first frame, and
    passes the server's commands to the chip. The key to the chip is kept only until the relay begins. Sent again with
    its `Idempotency-Key`, the order is answered alike as long as its session lasts.
    """
    sessions = service_of(request).chip_relays.sessions
    with once_of(request).working(request, client_of(caller)) as pending:
        ordered = sessions.order(
            wanted.mode,
            wanted.access_key(),
            owner=caller.owner,
            claim=pending.claim(await request.body()),
        )
    session = ordered.session
    told = ChipSessionCreated(
        id=session.id,
        mode=session.mode,
        token=ordered.relay_token.reveal(),
        result_token=ordered.result_token.reveal(),
        relay_path=f"/v1/chip-sessions/{session.id}/relay",
        subprotocol=PROTOCOL,
        expires_at=ordered.expires_at,
    )
    answer = Answer(status=201, body=told.model_dump(mode="json", by_alias=True))
    return answer.response(replayed=ordered.replayed)


@router.websocket("/v1/chip-sessions/{session_id}/relay")
async def relay_chip_session(websocket: WebSocket, session_id: str) -> None:
    """The relay itself; :mod:`ekyc.chip.relay.frames` describes what goes over it."""
    await websocket.app.state.service.chip_relays.serve(websocket, session_id)


@router.get(
    "/v1/chip-sessions/{session_id}",
    operation_id="get_chip_session",
    summary="Kết quả đọc chip / Result of a relayed reading",
    responses={200: {"model": ChipSessionModel}, **problems(404)},
)
async def get_chip_session(
    request: Request, session_id: str, credentials: _Credentials = None
) -> Response:
    """Trạng thái của phiên; khi xong thì có các phép kiểm tra như `ekyc chip read`. Không có dữ liệu cá nhân.

    How far the session is; once it is finished, the checks of `ekyc chip read`. No personal data.
    """
    result = session_as_json(await _owned(request, session_id, credentials))
    return Response(json.dumps(result, ensure_ascii=False), media_type="application/json")


@router.get(
    "/v1/chip-sessions/{session_id}/evidence",
    operation_id="get_chip_session_evidence",
    summary="Bản ghi của phiên / Record of a relayed reading",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}, **problems(404, 409)},
)
async def get_chip_session_evidence(
    request: Request, session_id: str, credentials: _Credentials = None
) -> Response:
    """Bản ghi để kiểm tra lại nhiều năm sau. **Có dữ liệu cá nhân và khóa ở dạng rõ:** phải lưu trữ có mã hóa.

    The record, to be gone through again years later. **Personal data and keys in clear:** keep it encrypted.
    """
    session = await _owned(request, session_id, credentials)
    if session.evidence is None:
        raise InputError("there is no finished reading", code="chip.session_unfinished")
    return Response(session.evidence, media_type="application/json")


@router.delete(
    "/v1/chip-sessions/{session_id}",
    operation_id="delete_chip_session",
    summary="Xóa phiên đọc chip / Forget a relayed reading",
    status_code=204,
    responses=problems(404),
)
async def delete_chip_session(
    request: Request, session_id: str, credentials: _Credentials = None
) -> None:
    """Xóa ngay kết quả và bản ghi, không chờ hết hạn.

    Lets go of result and record at once.
    """
    owned = await _owned(request, session_id, credentials)
    service_of(request).chip_relays.sessions.forget(owned)


async def _owned(
    request: Request, session_id: str, credentials: HTTPAuthorizationCredentials | None
) -> ChipSession:
    service = service_of(request)
    token = credentials.credentials if credentials else ""
    session = service.chip_relays.sessions.result(session_id, token)
    ended = partial(service.storage.tenant_has_ended, session.owner.tenant)
    if await anyio.to_thread.run_sync(ended):
        raise unknown_session()
    return session
