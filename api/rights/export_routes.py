"""Fetching what an access request was answered with: by officers, and once for each token by the person themselves. docs/api.md.

The person's own login must have begun lately, and be the very one that filed the request: a grant at the counter opens
nothing for a login that was only named.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import anyio.to_thread
from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from ekyc.api.access import Principal
from ekyc.api.rights.routes import router as requests_router
from ekyc.api.rights.schemas import ExportToken
from ekyc.api.rights.work import Rights, export_purpose, require_fetching, rights_of, seen
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, refusals
from ekyc.api.v1.front import allowed, client_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.views import time_as_json
from ekyc.flows.answer_request import LoadedRequest

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

RequestId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("subject-requests:read")]
_Viewer = Annotated[Principal, allowed("media:read")]
_UNKNOWN: Final = ("rights.unknown", "rights.not_offered")
_TOKEN_LIFE_S: Final = 600.0
router = APIRouter(prefix=requests_router.prefix, tags=requests_router.tags)


@router.get(
    "/{request_id}/export",
    operation_id="get_data_subject_export",
    summary="Tải bản trích xuất / Fetch the export",
    response_class=Response,
    responses={
        200: {
            "description": "ZIP.",
            "content": {"application/zip": {"schema": {"type": "string"}}},
        },
        **refusals(*_UNKNOWN, "rights.no_export", "artefact.removed"),
    },
)
async def get_export(request: Request, caller: _Viewer, request_id: RequestId) -> Response:
    """Toàn bộ dữ liệu đang lưu về người yêu cầu, trong 24 giờ kể từ khi được lập. Mỗi lần tải được ghi vào nhật ký.

    All that is kept about the person who asked, for 24 hours after it was made. Every download is logged.
    """
    rights = rights_of(request)

    def look(unit: DossierUnit) -> str:
        loaded = rights.load(unit, caller, request_id)
        artefact = rights.require_export(unit, loaded)
        seen(unit, caller, loaded, "export", artefact)
        return artefact

    artefact = await rights.front.writing(caller.tenant, look)
    return await _zip(rights, caller.tenant, artefact)


@router.post(
    "/{request_id}/export-tokens",
    operation_id="create_data_subject_export_token",
    summary="Mã tải bản trích xuất của mình / A token for one's own export",
    status_code=201,
    response_model=ExportToken,
    responses=refusals(
        *_UNKNOWN, "rights.no_export", "rights.not_own", "rights.login_old", once=True
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_export_token(request: Request, caller: _Reader, request_id: RequestId) -> Response:
    """Cho chính công dân đã nộp yêu cầu, trong vòng 24 giờ từ khi đăng nhập: mã dùng một lần, trong 10 phút.

    For the very citizen who filed the request, within 24 hours of the login: good once, for 10 minutes.
    """
    rights = rights_of(request)
    front, nonces = rights.front, request.app.state.service.storage.nonces
    purpose = export_purpose(caller.tenant, request_id, caller.subject)

    def check(unit: DossierUnit) -> None:
        loaded = rights.load(unit, caller, request_id)
        require_fetching(rights, unit, caller, loaded)
        rights.require_export(unit, loaded)

    with front.once.working(request, client_of(caller)) as pending:
        claim = pending.claim(await request.body())

        def look(unit: DossierUnit) -> Answer | None:
            check(unit)
            return claim.kept(unit)

        kept = await front.looking(caller.tenant, look)
        if kept is not None:
            return kept.response(replayed=True)
        made = await anyio.to_thread.run_sync(nonces.issue, purpose, _TOKEN_LIFE_S)

        def work(unit: DossierUnit) -> Answer:
            check(unit)
            until = time_as_json(unit.now + timedelta(seconds=_TOKEN_LIFE_S))
            return Answer(status=201, body={"token": made.id, "expires_at": until})

        answer, replayed = await front.writing(
            caller.tenant, lambda unit: claim.carry_out(unit, work)
        )
    return answer.response(replayed=replayed)


@router.get(
    "/{request_id}/own-export",
    operation_id="get_own_data_subject_export",
    summary="Tải bản trích xuất của mình / Fetch one's own export",
    response_class=Response,
    responses={
        200: {
            "description": "ZIP.",
            "content": {"application/zip": {"schema": {"type": "string"}}},
        },
        **refusals(
            *_UNKNOWN,
            "rights.no_export",
            "rights.not_own",
            "rights.login_old",
            "artefact.removed",
            "freshness.unknown",
            "freshness.expired",
            "freshness.already_used",
            "freshness.wrong_purpose",
        ),
    },
)
async def get_own_export(
    request: Request,
    caller: _Reader,
    request_id: RequestId,
    token: Annotated[
        str,
        Header(
            alias="Export-Token",
            min_length=1,
            max_length=64,
            description="Mã dùng một lần. / The token, good once.",
        ),
    ],
) -> Response:
    """Một lần cho mỗi mã. Mỗi lần tải được ghi vào nhật ký bằng chứng.

    Once for each token. Every download is written to the evidence log.
    """
    rights = rights_of(request)
    nonces = request.app.state.service.storage.nonces

    def check(unit: DossierUnit) -> tuple[LoadedRequest, str]:
        loaded = rights.load(unit, caller, request_id)
        require_fetching(rights, unit, caller, loaded)
        return loaded, rights.require_export(unit, loaded)

    await rights.front.looking(caller.tenant, check)
    purpose = export_purpose(caller.tenant, request_id, caller.subject)
    await anyio.to_thread.run_sync(nonces.redeem, token, purpose)

    def look(unit: DossierUnit) -> str:
        loaded, artefact = check(unit)
        seen(unit, caller, loaded, "export", artefact)
        return artefact

    artefact = await rights.front.writing(caller.tenant, look)
    return await _zip(rights, caller.tenant, artefact)


async def _zip(rights: Rights, tenant: str, artefact: str) -> Response:
    """An export, with its digest, piece by piece."""

    def open_twice() -> tuple[str, Iterator[bytes]]:
        digest = hashlib.sha256()
        for piece in rights.vault.artefacts.stream(tenant, artefact):
            digest.update(piece)
        told = base64.b64encode(digest.digest()).decode()
        return told, rights.vault.artefacts.stream(tenant, artefact)

    told, pieces = await anyio.to_thread.run_sync(open_twice)
    headers = {"Content-Disposition": "attachment", "Content-Digest": f"sha-256=:{told}:"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)
