"""How the OpenAPI document describes what all resources have in common."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from ekyc.api.errors import PROBLEM_JSON, document_of
from ekyc.api.schemas import Problem
from ekyc.api.statuses import status_of
from ekyc.errors import EkycError

IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Mã do bên gọi đặt, dùng lại khi gửi lại. / Of the caller's making; the same when sent again.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "example": "4b8a0f0e-6d5c-4c6e-9f0a-2d3b1f9c7a11",
}
IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "ETag đã thấy. / The ETag that was seen.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
    "example": '"3"',
}
PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N`: chờ kết quả tối đa N giây. / Wait for the result, at most N seconds.",
    "schema": {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
    "example": "wait=10",
}
CONTENT_DIGEST: Final = {
    "name": "Content-Digest",
    "in": "header",
    "required": False,
    "description": "RFC 9530; được kiểm tra nếu gửi. / Checked where it is sent.",
    "schema": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
}
LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "Số thứ tự của sự kiện cuối đã nhận. / Number of the last event received.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,6}$"},
}
_PROBLEM: Final = {"$ref": f"#/components/schemas/{Problem.__name__}"}
"""By name: the framework would build a validator for every one of a thousand declared refusals, at every start."""
_EVERYWHERE: Final = (
    "access.missing",
    "access.denied",
    "request.invalid",
    "rate.exceeded",
    "storage.locked",
    "internal",
)
OFFICE_REFUSALS: Final = ("access.not_found", "office.unknown", "office.ended")
"""Of operations that take the name of an office."""
_ONCE: Final = (
    "idempotency.missing",
    "idempotency.in_flight",
    "idempotency.other_request",
    "request.too_large",
)
_INVALID: Final = {
    "activation.not_accepted": HTTPStatus.UNPROCESSABLE_ENTITY,
    "activation.method": HTTPStatus.UNPROCESSABLE_ENTITY,
    "batch.case_missing": HTTPStatus.UNPROCESSABLE_ENTITY,
    "batch.empty": HTTPStatus.UNPROCESSABLE_ENTITY,
    "batch.line": HTTPStatus.UNPROCESSABLE_ENTITY,
    "batch.reference": HTTPStatus.UNPROCESSABLE_ENTITY,
    "batch.too_many": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "batch.twice": HTTPStatus.UNPROCESSABLE_ENTITY,
    "busy.deadline": HTTPStatus.SERVICE_UNAVAILABLE,
    "busy.queue_full": HTTPStatus.SERVICE_UNAVAILABLE,
    "busy.subscribers": HTTPStatus.SERVICE_UNAVAILABLE,
    "case.file_missing": HTTPStatus.UNPROCESSABLE_ENTITY,
    "case.invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "credential.no_code": HTTPStatus.UNPROCESSABLE_ENTITY,
    "credential.several_codes": HTTPStatus.UNPROCESSABLE_ENTITY,
    "document.too_many_pages": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "factor.assertion": HTTPStatus.UNPROCESSABLE_ENTITY,
    "factor.replayed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "factor.wrong_code": HTTPStatus.UNPROCESSABLE_ENTITY,
    "http.bad_request": HTTPStatus.BAD_REQUEST,
    "idempotency.other_request": HTTPStatus.UNPROCESSABLE_ENTITY,
    "image.too_many_pixels": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "image.unreadable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "image.wrong_type": HTTPStatus.UNPROCESSABLE_ENTITY,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "liveness.too_many_frames": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "pdf.too_many_pages": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "reason.unknown": HTTPStatus.UNPROCESSABLE_ENTITY,
    "register.unknown": HTTPStatus.UNPROCESSABLE_ENTITY,
    "request.archive": HTTPStatus.UNPROCESSABLE_ENTITY,
    "request.invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "request.multipart": HTTPStatus.UNPROCESSABLE_ENTITY,
    "request.part": HTTPStatus.UNPROCESSABLE_ENTITY,
    "request.part_missing": HTTPStatus.UNPROCESSABLE_ENTITY,
    "request.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request.too_many_parts": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "rights.identity": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rights.login_needed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "session.other_procedure": HTTPStatus.UNPROCESSABLE_ENTITY,
    "signing.sam.unreachable": HTTPStatus.BAD_GATEWAY,
    "storage.locked": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Statuses of codes that follow from their class and not from the code."""


def refusals(*codes: str, once: bool = False) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, with an example in each language for each code.

    Args:
        codes: beside those that every operation may give.
        once: whether it takes an ``Idempotency-Key``.
    """
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys((*_EVERYWHERE, *(_ONCE if once else ()), *codes)):
        status = _INVALID.get(code) or status_of(EkycError("", code=code))
        entry = by_status.setdefault(
            status.value,
            {
                "description": status.phrase,
                "content": {PROBLEM_JSON: {"examples": {}, "schema": dict(_PROBLEM)}},
            },
        )
        for language in ("vi", "en"):
            entry["content"][PROBLEM_JSON]["examples"][f"{code} ({language})"] = {
                "value": document_of(
                    status=status, code=code, language=language, request_id="7c1d…"
                )
            }
    return by_status


def described(
    *parameters: dict[str, Any], links: dict[str, Any] | None = None, status: int = 201
) -> dict[str, Any]:
    """``openapi_extra`` of an operation: header parameters, and links to what its answer's id is good for."""
    extra: dict[str, Any] = {}
    if parameters:
        extra["parameters"] = list(parameters)
    if links:
        extra["responses"] = {str(status): {"links": links}}
    return extra


def links_to(parameter: str, *operations: str) -> dict[str, Any]:
    """Links that give the answer's ``id`` to other operations."""
    return {
        operation: {"operationId": operation, "parameters": {parameter: "$response.body#/id"}}
        for operation in operations
    }
