"""``/v1/sessions/{id}/events``: what happens to a session, as it happens (server-sent events, WHATWG HTML §9.2).

The id of an event is its number in the session's log, so ``Last-Event-ID`` resumes without a gap, at another process
too. Every while a comment says that the stream lives; a stream ends with its session, or after a bounded time. Each look is
taken with the rights that the caller has by then: where key, token, login or consent has ended, so does the stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from ekyc.api.access import Principal, standing
from ekyc.api.envelope import leave_place
from ekyc.api.v1 import views
from ekyc.api.v1.cases import LoadedSession
from ekyc.api.v1.documents import LAST_EVENT_ID, described, refusals
from ekyc.api.v1.front import ResourceFront, allowed, front_of
from ekyc.api.v1.session_routes import SessionId, current_session
from ekyc.dossiers import replay_session
from ekyc.errors import BusyError, EkycError

_NUMBER: Final = re.compile(r"[0-9]{1,6}\Z")
_RETRY_MS: Final = 3000
_SCOPE: Final = "sessions:read"
router = APIRouter(prefix="/v1/sessions", tags=["Phiên xác minh / Verification sessions"])


@router.get(
    "/{session_id}/events",
    operation_id="stream_events",
    summary="Dòng sự kiện / Event stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Dòng sự kiện. / A stream of events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **refusals("session.unknown", "busy.subscribers"),
    },
    openapi_extra=described(LAST_EVENT_ID),
)
async def stream_events(
    request: Request,
    caller: Annotated[Principal, allowed(_SCOPE)],
    session_id: SessionId,
) -> Response:
    """Mỗi sự kiện có số thứ tự, loại và trạng thái; không có dữ liệu cá nhân. Kết thúc khi phiên kết thúc.

    Each event has number, type and state; no personal data. Ends with the session.
    """
    front = front_of(request)
    await current_session(request, caller, session_id)
    if not front.notices.has_room(caller.own_subject):
        raise BusyError("too many wait for events", code="busy.subscribers")
    last = request.headers.get("last-event-id", "")
    after = int(last) if _NUMBER.match(last) else 0
    leave_place(request)
    return StreamingResponse(
        _events(request, caller, front, session_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, caller: Principal, front: ResourceFront, session_id: str, after: int
) -> AsyncIterator[str]:
    limits = front.limits
    yield f"retry: {_RETRY_MS}\n\n"
    left_s = limits.stream_s
    listening = front.notices.subscribed(caller.tenant, session_id, caller.own_subject)
    with listening as subscription:
        while True:
            loaded = await _as_it_stands(request, session_id)
            if loaded is None:
                return
            for text in event_texts(loaded, after):
                yield text
            after = max(after, loaded.view.version)
            if loaded.view.is_over or left_s <= 0:
                return
            if not await subscription.wait(min(limits.heartbeat_s, left_s)):
                left_s -= limits.heartbeat_s
                yield ": \n\n"


async def _as_it_stands(request: Request, session_id: str) -> LoadedSession | None:
    """The session, or ``None`` where the caller is to ask anew, and be told in words what is in the way."""
    try:
        return await current_session(request, await standing(request, _SCOPE), session_id)
    except EkycError:
        return None


def event_texts(loaded: LoadedSession, after: int) -> list[str]:
    """The events of a session beyond number ``after``, as they are sent."""
    texts = []
    for number in range(after + 1, loaded.view.version + 1):
        action = loaded.actions[number - 1]
        data = {
            "session_id": loaded.row.id,
            "sequence": number,
            "state": replay_session(loaded.actions[:number]).state.value,
            "at": views.time_as_json(action.at),
        }
        name = views.EVENT_NAMES[type(action.event).__name__]
        texts.append(f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n")
    return texts
