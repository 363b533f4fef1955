"""Errors as ``application/problem+json`` (RFC 9457). The one place that maps our codes to HTTP.

A problem carries the stable ``code``, a title in the caller's language, whether trying again may help, and the
request id. It never repeats what was submitted.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ekyc.api.access.errors import AccessError
from ekyc.api.faults import fault_message
from ekyc.api.languages import Language, preferred_language
from ekyc.errors import (
    BusyError,
    ChipError,
    EkycError,
    InputError,
    LimitError,
    ModelError,
    TrustError,
    UpstreamError,
)
from ekyc.outcomes import reason_registry

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.types import Receive, Scope, Send

PROBLEM_JSON = "application/problem+json"

_STATUS_OF_CODE: dict[str, HTTPStatus] = {
    "access.address": HTTPStatus.FORBIDDEN,
    "access.agent_forbidden": HTTPStatus.FORBIDDEN,
    "access.certificate": HTTPStatus.UNAUTHORIZED,
    "access.consent": HTTPStatus.FORBIDDEN,
    "access.csrf": HTTPStatus.FORBIDDEN,
    "access.denied": HTTPStatus.FORBIDDEN,
    "access.expired": HTTPStatus.UNAUTHORIZED,
    "access.four_eyes": HTTPStatus.FORBIDDEN,
    "access.invalid": HTTPStatus.UNAUTHORIZED,
    "access.login": HTTPStatus.FORBIDDEN,
    "access.missing": HTTPStatus.UNAUTHORIZED,
    "access.not_found": HTTPStatus.NOT_FOUND,
    "access.too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
    "artefact.removed": HTTPStatus.GONE,
    "artefact.unknown": HTTPStatus.NOT_FOUND,
    "capture.expired": HTTPStatus.GONE,
    "capture.spent": HTTPStatus.CONFLICT,
    "capture.unknown": HTTPStatus.NOT_FOUND,
    "chip.session_unfinished": HTTPStatus.CONFLICT,
    "chip.session_unknown": HTTPStatus.NOT_FOUND,
    "credential.not_published": HTTPStatus.NOT_FOUND,
    "cursor.invalid": HTTPStatus.BAD_REQUEST,
    "decision.four_eyes": HTTPStatus.FORBIDDEN,
    "decision.not_an_officer": HTTPStatus.FORBIDDEN,
    "decision.own_case": HTTPStatus.FORBIDDEN,
    "digest.malformed": HTTPStatus.BAD_REQUEST,
    "digest.mismatch": HTTPStatus.BAD_REQUEST,
    "dossier.log_damaged": HTTPStatus.INTERNAL_SERVER_ERROR,
    "dossier.sessions_spent": HTTPStatus.CONFLICT,
    "dossier.state": HTTPStatus.CONFLICT,
    "dossier.unknown": HTTPStatus.NOT_FOUND,
    "idempotency.in_flight": HTTPStatus.CONFLICT,
    "idempotency.malformed": HTTPStatus.BAD_REQUEST,
    "idempotency.missing": HTTPStatus.BAD_REQUEST,
    "issued_result.list_unknown": HTTPStatus.NOT_FOUND,
    "liveness.not_offered": HTTPStatus.NOT_FOUND,
    "liveness.session_unfinished": HTTPStatus.CONFLICT,
    "liveness.session_unknown": HTTPStatus.NOT_FOUND,
    "liveness.too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
    "freshness.already_used": HTTPStatus.CONFLICT,
    "freshness.expired": HTTPStatus.GONE,
    "freshness.unknown": HTTPStatus.NOT_FOUND,
    "freshness.wrong_purpose": HTTPStatus.CONFLICT,
    "precondition.failed": HTTPStatus.PRECONDITION_FAILED,
    "precondition.required": HTTPStatus.PRECONDITION_REQUIRED,
    "procedure.unknown": HTTPStatus.NOT_FOUND,
    "rate.exceeded": HTTPStatus.TOO_MANY_REQUESTS,
    "request.misdirected": HTTPStatus.MISDIRECTED_REQUEST,
    "request.not_multipart": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "request.upload_time": HTTPStatus.REQUEST_TIMEOUT,
    "session.attempt_ended": HTTPStatus.CONFLICT,
    "session.attempts_spent": HTTPStatus.CONFLICT,
    "session.links_spent": HTTPStatus.CONFLICT,
    "session.procedure_changed": HTTPStatus.CONFLICT,
    "session.state": HTTPStatus.CONFLICT,
    "session.unknown": HTTPStatus.NOT_FOUND,
    "storage.full": HTTPStatus.INSUFFICIENT_STORAGE,
    "subject.erased": HTTPStatus.GONE,
    "link.address": HTTPStatus.UNPROCESSABLE_ENTITY,
    "link.url": HTTPStatus.UNPROCESSABLE_ENTITY,
    "webhook.disabled": HTTPStatus.CONFLICT,
    "webhook.kinds": HTTPStatus.UNPROCESSABLE_ENTITY,
    "webhook.too_many": HTTPStatus.CONFLICT,
    "webhook.unknown": HTTPStatus.NOT_FOUND,
}
_FAULTS_OF_NAMES = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_STATUS_OF_CLASS: tuple[tuple[type[EkycError], HTTPStatus], ...] = (
    (LimitError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ChipError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TrustError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamError, HTTPStatus.BAD_GATEWAY),
)
_TITLES: dict[HTTPStatus, dict[Language, str]] = {
    HTTPStatus.BAD_REQUEST: {"vi": "Yêu cầu không hợp lệ", "en": "The request is not valid"},
    HTTPStatus.UNAUTHORIZED: {"vi": "Cần xác thực", "en": "Authentication is needed"},
    HTTPStatus.FORBIDDEN: {"vi": "Không có quyền", "en": "Not allowed"},
    HTTPStatus.NOT_FOUND: {"vi": "Không tìm thấy", "en": "Not found"},
    HTTPStatus.METHOD_NOT_ALLOWED: {
        "vi": "Phương thức không được hỗ trợ ở địa chỉ này",
        "en": "This address does not support the method",
    },
    HTTPStatus.REQUEST_TIMEOUT: {
        "vi": "Dữ liệu gửi lên quá chậm",
        "en": "The upload took too long",
    },
    HTTPStatus.CONFLICT: {"vi": "Xung đột với trạng thái hiện tại", "en": "Conflict"},
    HTTPStatus.GONE: {"vi": "Đã hết hạn", "en": "Expired"},
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
        "vi": "Dữ liệu gửi lên vượt quá giới hạn",
        "en": "What was sent passes a limit",
    },
    HTTPStatus.PRECONDITION_FAILED: {
        "vi": "Dữ liệu đã thay đổi, hãy tải lại",
        "en": "It has changed since; look again",
    },
    HTTPStatus.PRECONDITION_REQUIRED: {
        "vi": "Cần gửi If-Match",
        "en": "If-Match is needed",
    },
    HTTPStatus.TOO_MANY_REQUESTS: {
        "vi": "Gọi quá nhiều, hãy chờ rồi thử lại",
        "en": "Too many requests; wait and try again",
    },
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {
        "vi": "Kiểu dữ liệu gửi lên không được hỗ trợ",
        "en": "This kind of body is not supported",
    },
    HTTPStatus.MISDIRECTED_REQUEST: {
        "vi": "Máy chủ không phục vụ tên miền này",
        "en": "This server does not answer for that host name",
    },
    HTTPStatus.UNPROCESSABLE_ENTITY: {
        "vi": "Dữ liệu gửi lên không hợp lệ",
        "en": "What was sent is not valid",
    },
    HTTPStatus.INTERNAL_SERVER_ERROR: {"vi": "Lỗi hệ thống", "en": "Internal error"},
    HTTPStatus.BAD_GATEWAY: {
        "vi": "Dịch vụ liên thông gặp lỗi",
        "en": "Another service failed",
    },
    HTTPStatus.SERVICE_UNAVAILABLE: {
        "vi": "Hệ thống đang bận hoặc chưa sẵn sàng, hãy thử lại sau",
        "en": "Busy or not ready; try again later",
    },
    HTTPStatus.INSUFFICIENT_STORAGE: {"vi": "Hết chỗ lưu trữ", "en": "Storage is full"},
}


class ProblemResponse(JSONResponse):
    """A problem document, which leaves its code for the log of the request."""

    media_type = PROBLEM_JSON

    def __init__(self, document: dict[str, Any], *, headers: dict[str, str]) -> None:
        super().__init__(document, status_code=document["status"], headers=headers)
        self._code: str = document["code"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["problem"] = self._code
        await super().__call__(scope, receive, send)


def status_of(error: EkycError) -> HTTPStatus:
    """HTTP status of a typed error: by its code, else by whose fault it is, else 500."""
    if error.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[error.code]
    for kind, status in _STATUS_OF_CLASS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(
    *,
    status: HTTPStatus,
    code: str,
    language: Language,
    request_id: str,
    detail: str | None = None,
    retryable: bool = False,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """A problem document as a response.

    Args:
        status: HTTP status.
        code: stable identifier of the case; where it is a reason code, its text becomes the title.
        language: of the title.
        request_id: names this request in the log.
        detail: one sentence for developers, English, free of personal data.
        retryable: whether the same request may succeed later.
        headers: further response headers.
        members: further members; those that are ``None`` are left out.
    """
    return ProblemResponse(
        document_of(
            status=status,
            code=code,
            language=language,
            request_id=request_id,
            detail=detail,
            retryable=retryable,
            **members,
        ),
        headers={"Content-Language": language, "Vary": "Accept-Language", **(headers or {})},
    )


def document_of(
    *,
    status: HTTPStatus,
    code: str,
    language: Language,
    request_id: str,
    detail: str | None = None,
    retryable: bool = False,
    **members: Any,
) -> dict[str, Any]:
    """A problem document; arguments as of :func:`problem`."""
    reason = reason_registry().get(code)
    if reason is not None:
        title = reason.vi if language == "vi" else reason.en
    else:
        title = _TITLES.get(status, {}).get(language, status.phrase)
    document = {
        "type": f"urn:ekyc:problem:{code}",
        "title": title,
        "status": status.value,
        "code": code,
        "detail": detail,
        "retryable": retryable,
        "instance": f"urn:ekyc:request:{request_id}",
        **members,
    }
    return {name: value for name, value in document.items() if value is not None}


def install_handlers(app: FastAPI, *, retry_after_s: int) -> None:
    """Answer every error of the application with a problem document."""

    async def on_typed_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, EkycError)
        status = status_of(error)
        return problem(
            status=status,
            code=error.code,
            language=language_of(request),
            request_id=request_id_of(request),
            detail=error.message,
            retryable=error.retryable,
            subject=error.subject,
            headers=_headers_of(error, retry_after_s),
        )

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if isinstance(error.__cause__, EkycError):  # the framework wraps what reading a body raises
            return await on_typed_error(request, error.__cause__)
        status = HTTPStatus(error.status_code)
        return problem(
            status=status,
            code=f"http.{status.name.lower()}",
            language=language_of(request),
            request_id=request_id_of(request),
            headers=dict(error.headers or {}),
        )

    async def on_invalid_request(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem(
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            code="request.invalid",
            language=language_of(request),
            request_id=request_id_of(request),
            errors=[
                {
                    "pointer": _pointer(entry["type"], entry["loc"]),
                    "code": entry["type"],
                    "message": fault_message(entry["type"], language_of(request)),
                }
                for entry in error.errors()
            ],
        )

    app.add_exception_handler(EkycError, on_typed_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)


def _pointer(kind: str, place: tuple[int | str, ...]) -> str:
    """Where in the request the fault is (RFC 6901). Of a member that we do not know, where it stands: its name is theirs."""
    known = place[:-1] if kind in _FAULTS_OF_NAMES else place
    return "/" + "/".join(str(step) for step in known)


def _headers_of(error: EkycError, retry_after_s: int) -> dict[str, str] | None:
    """When to come again (RFC 9110 §10.2.3), or how to authenticate (§11.6.1)."""
    if isinstance(error, BusyError):
        wait_s: float = getattr(error, "wait_s", retry_after_s)  # where the error knows better
        return {"Retry-After": str(math.ceil(wait_s))}
    challenge = error.challenge if isinstance(error, AccessError) else None
    return None if challenge is None else {"WWW-Authenticate": challenge}


def language_of(request: Request) -> Language:
    """The language that the caller of ``request`` prefers."""
    return preferred_language(request.headers.get("accept-language"))


def request_id_of(request: Request) -> str:
    """The id that :class:`~ekyc.api.envelope.Envelope` gave to ``request``."""
    return str(request.scope.get("state", {}).get("request_id", "unknown"))
