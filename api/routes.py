"""The operations. Each is a few lines: read, hand over, answer."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from ekyc.api.access import Principal, open_to_all
from ekyc.api.docs_page import render_docs
from ekyc.api.errors import language_of
from ekyc.api.readiness import OK
from ekyc.api.schemas import (
    Alive,
    ChallengeCreated,
    ChallengeRequest,
    Readiness,
    ReasonList,
    ReasonModel,
    VerificationModel,
)
from ekyc.api.serving import CASE_BODY, UPLOAD_PATH, problems, service_of
from ekyc.api.uploads import manifest_of, receive_case
from ekyc.api.v1.front import allowed
from ekyc.errors import LimitError
from ekyc.flows import issue_challenge
from ekyc.outcomes import reason_registry

router = APIRouter()


@router.get(
    "/livez",
    operation_id="livez",
    summary="Tiến trình còn sống / Process is alive",
    **open_to_all("whether the process answers"),
)
async def livez() -> Alive:
    """Chỉ cho biết tiến trình còn trả lời.

    Says only that the process answers.
    """
    return Alive()


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Sẵn sàng phục vụ / Ready to serve",
    responses={503: {"model": Readiness}},
    **open_to_all("whether the service is ready, in codes"),
)
async def readyz(request: Request) -> JSONResponse:
    """Kiểm tra cơ sở dữ liệu, các mô hình, khóa của dịch vụ và nơi giữ khóa.

    Checks the database, the models, the key of the service and the key provider.
    """
    states = await request.app.state.readiness.states()
    ready = set(states.values()) == {OK}
    state = Readiness(ready=ready, **states)
    return JSONResponse(state.model_dump(exclude_none=True), status_code=200 if ready else 503)


@router.post(
    "/v1/challenges",
    operation_id="create_challenge",
    summary="Cấp mã thử thách / Issue a challenge",
    status_code=201,
    responses=problems(400, 401, 403, 413, 422, 429, 503),
    dependencies=[allowed("tools:use")],
)
async def create_challenge(
    request: Request, wanted: Annotated[ChallengeRequest | None, Body()] = None
) -> ChallengeCreated:
    """Cấp một mã dùng một lần. Chip ký giá trị `nonce_hex` khi xác thực chủ động; gửi lại `id` khi xác minh.
    Khi gửi kèm `dg14`, có thêm các lệnh xác thực chip: điện thoại gửi sau cùng, rồi nộp phản hồi của lệnh cuối.

    Issues a single-use challenge. The chip signs `nonce_hex` in active authentication; give `id` back with the
    verification. Given `dg14`, there are commands of chip authentication too: the phone sends them last of all and
    uploads the response to the last one.
    """
    wanted = wanted or ChallengeRequest()
    challenge = await anyio.to_thread.run_sync(
        partial(
            issue_challenge,
            service_of(request).storage.nonces,
            dg14=wanted.dg14,
            ttl_s=float(wanted.ttl_s),
        )
    )
    return ChallengeCreated.model_validate(challenge.as_json())


@router.post(
    UPLOAD_PATH,
    operation_id="create_verification",
    summary="Xác minh một hồ sơ / Verify a case",
    responses={
        200: {"model": VerificationModel},
        **problems(401, 403, 408, 413, 415, 422, 429, 503),
    },
    openapi_extra=CASE_BODY,
)
async def create_verification(
    request: Request, caller: Annotated[Principal, allowed("tools:use")]
) -> Response:
    """Nhận một hồ sơ, kiểm tra và trả về quyết định kèm lý do. Từ chối không phải là lỗi: mã trả về vẫn là 200.

    Takes a case, checks it and answers with the decision and its reasons. A rejection is no error: it is answered
    with 200 as well. The upload is deleted before the answer is sent.
    """
    service = service_of(request)
    service.admission.require_room()
    with service.scratch.folder() as scratch:
        try:
            with anyio.fail_after(service.limits.upload_s):
                submission = await receive_case(
                    request.stream(),
                    request.headers.get("content-type", ""),
                    scratch,
                    service.limits,
                )
        except TimeoutError as exc:
            raise LimitError("the upload took too long", code="request.upload_time") from exc
        await manifest_of(request, submission)
        result = await service.admission.run(
            partial(
                service.verifier.verify_folder,
                submission.folder,
                challenge_id=submission.challenge_id,
                live=submission.live,
                owner=caller.owner,
            )
        )
    return Response(json.dumps(result, ensure_ascii=False), media_type="application/json")


@router.get(
    "/v1/reasons",
    operation_id="list_reasons",
    summary="Danh mục mã lý do / Registry of reason codes",
    **open_to_all("texts that are public"),
)
async def list_reasons(response: Response) -> ReasonList:
    """Mọi mã lý do cùng nội dung tiếng Việt và tiếng Anh.

    Every reason code with its text in Vietnamese and English.
    """
    response.headers["Cache-Control"] = "public, max-age=3600"
    return ReasonList(
        reasons=[
            ReasonModel(code=reason.code, vi=reason.vi, en=reason.en, retryable=reason.retryable)
            for reason in reason_registry().values()
        ]
    )


@router.get("/docs", include_in_schema=False, **open_to_all("a description of the operations"))
async def docs(request: Request) -> HTMLResponse:
    """The operations as a page: no script, nothing fetched from elsewhere."""
    language = language_of(request)
    page = render_docs(request.app.openapi(), language)
    return HTMLResponse(
        page,
        headers={
            "Content-Language": language,
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "Vary": "Accept-Language",
        },
    )
