"""Errors as ``application/problem+json`` (RFC 9457).

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
from ekyc.api.statuses import status_of, title_of
from ekyc.errors import BusyError, EkycError
from ekyc.outcomes import reason_registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI, Request
    from starlette.types import Receive, Scope, Send

PROBLEM_JSON = "application/problem+json"
_PARTS = "body_parts"
_PART = "body_part"
_DETAILS: dict[HTTPStatus, str] = {
    HTTPStatus.NOT_FOUND: "this address is not served here; /openapi.json lists those that are",
    HTTPStatus.METHOD_NOT_ALLOWED: "the header Allow says which methods are",
}
_FAULTS_OF_NAMES = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_FAULT_OF_TEXT = "json_invalid"


class ProblemResponse(JSONResponse):
    """A problem document, which leaves its code for the log of the request."""

    media_type = PROBLEM_JSON

    def __init__(self, document: dict[str, Any], *, headers: dict[str, str]) -> None:
        super().__init__(document, status_code=document["status"], headers=headers)
        self._code: str = document["code"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["problem"] = self._code
        await super().__call__(scope, receive, send)


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
        title = title_of(status, language)
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
            errors=_faults_of_parts(request, error),
            headers=_headers_of(error, status, retry_after_s),
        )

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if isinstance(error.__cause__, EkycError):  # the framework wraps what reading a body raises
            return await on_typed_error(request, error.__cause__)
        status = HTTPStatus(error.status_code)
        return problem(
            status=status,
            code=f"http.{status.name.lower()}",
            detail=_DETAILS.get(status),
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
                    "message": fault_message(
                        entry["type"], language_of(request), entry.get("ctx", {})
                    ),
                }
                for entry in error.errors()
            ],
        )

    app.add_exception_handler(EkycError, on_typed_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)


def _pointer(kind: str, place: tuple[int | str, ...]) -> str:
    """Where in the request the fault is (RFC 6901).

    Of a member that we do not know, where it stands: its name is theirs. Of text that is no JSON, the body: pydantic
    puts the number of a character there, which would point at a member.
    """
    known = place[:-1] if kind in {*_FAULTS_OF_NAMES, _FAULT_OF_TEXT} else place
    return "/" + "/".join(str(step) for step in known)


def name_parts(request: Request, names: Iterable[str]) -> None:
    """Say which parts the body of ``request`` may have: an error whose ``subject`` is one of them points at it."""
    request.scope.setdefault("state", {})[_PARTS] = frozenset(names)


def point_at(request: Request, part: str) -> None:
    """Say in which part of the body the fault is that is about to be answered."""
    request.scope.setdefault("state", {})[_PART] = part


def _faults_of_parts(request: Request, error: EkycError) -> list[dict[str, str]] | None:
    """The part that an error is about, as RFC 6901 points at it; ``frames/2`` is the third of several."""
    state = request.scope.get("state", {})
    part = state.get(_PART)
    if part is None:
        part = error.subject or ""
        if part.partition("/")[0] not in state.get(_PARTS, ()):
            return None
    language, reason = language_of(request), reason_registry().get(error.code)
    text = fault_message(error.code, language)
    if reason is not None:
        text = reason.vi if language == "vi" else reason.en
    return [{"pointer": f"/body/{part}", "code": error.code, "message": text}]


def _headers_of(error: EkycError, status: HTTPStatus, retry_after_s: int) -> dict[str, str] | None:
    """When to come again (RFC 9110 §10.2.3), or how to authenticate (§11.6.1)."""
    away = status is HTTPStatus.SERVICE_UNAVAILABLE and error.retryable
    if away or isinstance(error, BusyError):
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
