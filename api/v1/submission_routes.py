"""Cases that are submitted to a session: by the portal, or by a telephone with a capture token."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING, Annotated, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ekyc.api.access import Principal
from ekyc.api.envelope import leave_place
from ekyc.api.serving import CASE_BODY, service_of
from ekyc.api.uploads import Submission, manifest_of, pointing_at_case, receive_case
from ekyc.api.v1 import views
from ekyc.api.v1.accepting import Intake, Submitter
from ekyc.api.v1.cases import (
    actor_of,
    jurisdiction_of,
    load_session,
    record,
)
from ekyc.api.v1.documents import CONTENT_DIGEST, IDEMPOTENCY_KEY, PREFER, described, refusals
from ekyc.api.v1.front import allowed, client_of, count_request, front_of
from ekyc.api.v1.keeping import content_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.processing import Workshop, carry_on
from ekyc.api.v1.schemas import CaptureState, CaptureTokenModel, SessionModel
from ekyc.api.v1.session_routes import SessionId
from ekyc.api.v1.wire import DigestedBody, wait_of
from ekyc.dossiers import (
    Actor,
    ActorKind,
    CaptureOpened,
    SessionState,
)
from ekyc.errors import LimitError
from ekyc.storage import Answered, CaptureTokenError, Jurisdiction

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

SUBMISSIONS: Final = "/submissions"
_TOKEN_BYTES: Final = 32
_UPLOAD_REFUSALS: Final = (
    "session.unknown",
    "session.state",
    "session.attempts_spent",
    "session.person_attempts",
    "session.procedure_changed",
    "session.other_procedure",
    "case.file_missing",
    "case.invalid",
    "digest.malformed",
    "digest.mismatch",
    "request.not_multipart",
    "request.upload_time",
    "busy.queue_full",
)
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="CaptureToken",
    description="Mã chụp của một phiên, dùng trong 15 phút. / Capture token of one session, good for 15 minutes.",
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
router = APIRouter(prefix="/v1", tags=["Nộp hồ sơ / Submissions"])


@router.post(
    "/sessions/{session_id}/submissions",
    operation_id="create_submission",
    summary="Nộp hồ sơ / Submit a case",
    status_code=202,
    response_model=SessionModel,
    responses={200: {"model": SessionModel}, **refusals(*_UPLOAD_REFUSALS, once=True)},
    openapi_extra={**described(IDEMPOTENCY_KEY, PREFER, CONTENT_DIGEST), **CASE_BODY},
)
async def create_submission(
    request: Request,
    caller: Annotated[Principal, allowed("media:write")],
    session_id: SessionId,
) -> Response:
    """Nhận hồ sơ như `POST /v1/verifications`; `profile` trong case.toml phải là thủ tục của phiên. Trả 202 rồi kiểm tra;
    với `Prefer: wait=N` trả 200 nếu xong trong N giây.

    Takes a case as `POST /v1/verifications` does; `profile` in case.toml must be the session's procedure. Answers 202 and
    verifies; with `Prefer: wait=N` it answers 200 if that ends within N seconds.
    """
    submitter = Submitter(
        tenant=caller.tenant,
        client=client_of(caller),
        within=jurisdiction_of(caller),
        actor=actor_of(caller),
        token=None,
        answered=Answered.PORTAL,
    )
    return await _submit(request, session_id, submitter)


@router.post(
    "/sessions/{session_id}/capture-tokens",
    operation_id="create_capture_token",
    summary="Cấp mã chụp / Issue a capture token",
    status_code=201,
    response_model=CaptureTokenModel,
    responses=refusals("session.unknown", "session.state", "session.attempts_spent", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_capture_token(
    request: Request,
    caller: Annotated[Principal, allowed("sessions:write")],
    session_id: SessionId,
) -> Response:
    """Mã cho một điện thoại, một phiên, 15 phút, số lần nộp có hạn. Mã trước của phiên mất hiệu lực.

    A token for one telephone, one session, 15 minutes and few submissions. The session's earlier one ends.
    """
    front = front_of(request)

    def work(unit: DossierUnit) -> Answer:
        loaded = load_session(unit, jurisdiction_of(caller), session_id, lock=True)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        uses = min(front.limits.capture_uses, max(1, loaded.view.attempts_left))
        expires_at = unit.tokens.replace(
            front.capture_digest(token),
            session_id=session_id,
            lasts=front.limits.capture,
            uses=uses,
        )
        record(unit, loaded, actor_of(caller), CaptureOpened(expires_at=expires_at))
        body = {
            "token": token,
            "expires_at": views.time_as_json(expires_at),
            "uses": uses,
            "submit_to": f"/v1/captures/{session_id}{SUBMISSIONS}",
        }
        return Answer(status=201, body=body)

    response = await front.creating(request, caller, work)
    front.notices.tell(caller.tenant, session_id)
    return response


@router.get(
    "/captures/{session_id}",
    operation_id="get_capture",
    summary="Điện thoại: đang đến đâu / The telephone's view",
    response_model=CaptureState,
    responses=refusals("capture.unknown", "capture.expired"),
)
async def get_capture(
    request: Request, session_id: SessionId, credentials: _Credentials = None
) -> Response:
    """Trạng thái và cách làm lại cho đúng. Không có kết quả kiểm tra, điểm số hay quyết định.

    How far it is, and what to do better. No check, score or decision.
    """
    submitter = await _by_token(request, session_id, credentials)
    loaded = await front_of(request).looking(
        submitter.tenant, lambda unit: load_session(unit, submitter.within, session_id)
    )
    return submitter.answer(loaded, 200).response()


@router.post(
    "/captures/{session_id}/submissions",
    operation_id="create_capture_submission",
    summary="Điện thoại: nộp hồ sơ / The telephone submits",
    status_code=202,
    response_model=CaptureState,
    responses={
        200: {"model": CaptureState},
        **refusals(
            *_UPLOAD_REFUSALS, "capture.unknown", "capture.expired", "capture.spent", once=True
        ),
    },
    openapi_extra={**described(IDEMPOTENCY_KEY, PREFER, CONTENT_DIGEST), **CASE_BODY},
)
async def create_capture_submission(
    request: Request, session_id: SessionId, credentials: _Credentials = None
) -> Response:
    """Như cổng nộp, bằng mã chụp; chỉ nghe được trạng thái và lời khuyên.

    As the portal submits, by a capture token; it hears state and advice only.
    """
    return await _submit(request, session_id, await _by_token(request, session_id, credentials))


async def _by_token(
    request: Request, session_id: str, credentials: HTTPAuthorizationCredentials | None
) -> Submitter:
    """Whoever holds a capture token.

    Raises:
        CaptureTokenError: ``capture.unknown``, ``capture.expired``.
    """
    front = front_of(request)
    digest = front.capture_digest(credentials.credentials if credentials else "")
    place = await anyio.to_thread.run_sync(front.desk.tenant_of_token, digest)
    if place is None or place[1] != session_id:
        raise CaptureTokenError("no such token for this session")
    tenant = place[0]
    client = f"{tenant}\0capture\0{session_id}"
    count_request(request, client)
    await front.looking(tenant, lambda unit: unit.tokens.require(digest, session_id=session_id))
    return Submitter(
        tenant=tenant,
        client=client,
        within=Jurisdiction(),  # the token is for this very session
        actor=Actor(kind=ActorKind.CAPTURE, id=digest.hex()[:16]),
        token=digest,
        answered=Answered.CAPTURE,
    )


async def _submit(request: Request, session_id: str, submitter: Submitter) -> Response:
    front, service = front_of(request), service_of(request)
    service.admission.require_room()
    front.require_running()
    await front.looking(
        submitter.tenant, lambda unit: load_session(unit, submitter.within, session_id)
    )
    with front.once.working(request, submitter.client) as pending:
        submission = await _received(request)
        try:
            manifest = await manifest_of(request, submission)
            content = await anyio.to_thread.run_sync(content_of, submission)
            intake = Intake(
                front=front,
                session_id=session_id,
                submitter=submitter,
                submission=submission,
                profile=manifest.profile,
                content=content,
                claim=pending.claim(content),
            )
            with pointing_at_case(request, submission):
                answer, attempt = await anyio.to_thread.run_sync(intake.accept)
            if attempt is None:
                _remove(submission)
                return answer.response(replayed=True)
            workshop = Workshop(
                admission=service.admission, verifier=service.verifier, scratch=service.scratch
            )
            front.begin(carry_on(front, workshop, attempt))
        except BaseException:
            _remove(submission)
            raise
    return await _waited(request, session_id, submitter, answer)


async def _waited(
    request: Request, session_id: str, submitter: Submitter, answer: Answer
) -> Response:
    """The answer at once, or the result if the caller would wait and it comes in time."""
    front = front_of(request)
    wait_s = wait_of(request, front.limits.wait_s)
    if wait_s <= 0 or not front.notices.has_room():
        return answer.response()
    with front.notices.subscribed(submitter.tenant, session_id) as subscription:
        leave_place(request)
        await subscription.wait(wait_s)
    loaded = await front.looking(
        submitter.tenant, lambda unit: load_session(unit, submitter.within, session_id)
    )
    running = loaded.view.state is SessionState.PROCESSING
    response = submitter.answer(loaded, 202 if running else 200).response()
    response.headers["Preference-Applied"] = "wait"
    return response


async def _received(request: Request) -> Submission:
    """The upload, in a folder of its own.

    Raises:
        InputError: the body is no case, or not what its digest says.
        LimitError: it is too large, or too slow (``request.upload_time``).
    """
    service = service_of(request)
    folder = service.scratch.taken()
    body = DigestedBody(request)
    try:
        with anyio.fail_after(service.limits.upload_s):
            content_type = request.headers.get("content-type", "")
            return await receive_case(body.stream(), content_type, folder, service.limits)
    except TimeoutError as exc:
        shutil.rmtree(folder, ignore_errors=True)
        raise LimitError("the upload took too long", code="request.upload_time") from exc
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remove(submission: Submission) -> None:
    shutil.rmtree(submission.folder.parent, ignore_errors=True)
