"""What was submitted to a session, for those who may see media."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from ekyc.api.access import Principal
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1 import views
from ekyc.api.v1.cases import UnknownFileError, actor_of, jurisdiction_of, load_session
from ekyc.api.v1.documents import refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.schemas import ArtefactList
from ekyc.api.v1.session_routes import SessionId
from ekyc.flows.logged_actions import reference_to_actor
from ekyc.storage.evidence.events import MediaViewed, Reference

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit
    from ekyc.storage.sealed.session_artefacts import SessionArtefact

_Viewer = Annotated[Principal, allowed("media:read")]
router = APIRouter(prefix="/v1/sessions", tags=["Tệp đã nộp / Artefacts"])


@router.get(
    "/{session_id}/artefacts",
    operation_id="list_artefacts",
    summary="Các tệp đã nộp / Submitted files",
    response_model=ArtefactList,
    responses=refusals("session.unknown"),
)
async def list_artefacts(request: Request, caller: _Viewer, session_id: SessionId) -> Response:
    """Loại và cỡ của từng tệp đã nộp, không có tên tệp. Trống khi dịch vụ không lưu tệp.

    Kind and size of each submitted file, without its name. Empty where the service keeps none.
    """
    kept = await _of(request, caller, session_id)
    data = [
        {
            "id": one.artefact_id,
            "attempt": one.attempt,
            "kind": one.kind,
            "size": one.size,
            "created_at": views.time_as_json(one.created_at),
        }
        for one in kept
    ]
    return JSONResponse({"data": data, "next": None})


@router.get(
    "/{session_id}/artefacts/{artefact_id}",
    operation_id="get_artefact",
    summary="Nội dung một tệp / Content of a file",
    response_class=Response,
    responses={
        200: {
            "description": "Nội dung. / The content.",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        },
        **refusals("session.unknown", "artefact.unknown", "artefact.removed", "subject.restricted"),
    },
)
async def get_artefact(
    request: Request,
    caller: _Viewer,
    session_id: SessionId,
    artefact_id: Annotated[str, Path(pattern=ID_PATTERN)],
) -> Response:
    """Tệp như đã nộp. Không bao giờ hiển thị trực tiếp: luôn là tệp tải về. Mỗi lần xem được ghi vào nhật ký bằng chứng. Khi
    việc xử lý bị hạn chế, chỉ người có quyền `protections:write` xem được.

    The file as it was submitted. Never shown in place: always a download. Every view is written to the evidence log.
    Under a restriction only who has `protections:write` sees it.
    """
    front = front_of(request)
    vault = front.vault
    kept = {one.artefact_id: one for one in await _of(request, caller, session_id)}
    if vault is None or artefact_id not in kept:
        raise UnknownFileError("no such artefact of this session", code="artefact.unknown")
    read = partial(
        vault.artefacts.read,
        caller.tenant,
        artefact_id,
        despite_restriction="protections:write" in caller.scopes,
    )
    content = await anyio.to_thread.run_sync(read)
    artefact = kept[artefact_id]
    viewed = media_viewed(
        caller,
        session_id=session_id,
        kind=artefact.kind,
        subject_id=artefact.subject_id,
        artefact_id=artefact_id,
    )

    def tell(unit: DossierUnit) -> None:
        unit.evidence.append(viewed, office=unit.sessions.office_of(session_id))

    await front.writing(caller.tenant, tell)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers = {"Content-Disposition": "attachment", "Content-Digest": f"sha-256=:{digest}:"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def media_viewed(
    caller: Principal, *, session_id: str, kind: str, subject_id: str, artefact_id: str
) -> MediaViewed:
    """What the evidence log says of a file that leaves."""
    actor = reference_to_actor(actor_of(caller))
    assert actor is not None, "nobody calls as the service itself"
    return MediaViewed(
        file=session_id,
        what=kind,
        actor=actor,
        subject=Reference(kind="subject", text=subject_id),
        artefact=artefact_id,
    )


async def _of(request: Request, caller: Principal, session_id: str) -> tuple[SessionArtefact, ...]:
    def look(unit: DossierUnit) -> tuple[SessionArtefact, ...]:
        load_session(unit, jurisdiction_of(caller), session_id)
        return unit.artefacts.of(session_id)

    return await front_of(request).looking(caller.tenant, look)
