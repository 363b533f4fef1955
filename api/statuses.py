"""Which HTTP status each error has, and what a status is called. The one place that maps our codes to HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from ekyc.api.languages import Language
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

_STATUS_OF_CODE: Final[Mapping[str, HTTPStatus]] = MappingProxyType(
    {
        "access.address": HTTPStatus.FORBIDDEN,
        "access.agent_forbidden": HTTPStatus.FORBIDDEN,
        "access.certificate": HTTPStatus.UNAUTHORIZED,
        "access.consent": HTTPStatus.FORBIDDEN,
        "access.csrf": HTTPStatus.FORBIDDEN,
        "access.denied": HTTPStatus.FORBIDDEN,
        "access.expired": HTTPStatus.UNAUTHORIZED,
        "access.invalid": HTTPStatus.UNAUTHORIZED,
        "access.login": HTTPStatus.FORBIDDEN,
        "access.missing": HTTPStatus.UNAUTHORIZED,
        "access.not_yet": HTTPStatus.UNAUTHORIZED,
        "access.not_found": HTTPStatus.NOT_FOUND,
        "access.too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
        "artefact.removed": HTTPStatus.GONE,
        "artefact.unknown": HTTPStatus.NOT_FOUND,
        "audit.empty": HTTPStatus.NOT_FOUND,
        "audit.no_checkpoint": HTTPStatus.NOT_FOUND,
        "audit.no_such_entry": HTTPStatus.NOT_FOUND,
        "batch.case_unknown": HTTPStatus.NOT_FOUND,
        "batch.not_offered": HTTPStatus.NOT_FOUND,
        "batch.over": HTTPStatus.CONFLICT,
        "batch.quota": HTTPStatus.TOO_MANY_REQUESTS,
        "batch.unknown": HTTPStatus.NOT_FOUND,
        "capture.expired": HTTPStatus.GONE,
        "capture.spent": HTTPStatus.CONFLICT,
        "capture.unknown": HTTPStatus.NOT_FOUND,
        "chip.session_unfinished": HTTPStatus.CONFLICT,
        "chip.session_unknown": HTTPStatus.NOT_FOUND,
        "comparison.too_many": HTTPStatus.CONFLICT,
        "credential.no_document": HTTPStatus.NOT_FOUND,
        "credential.not_final": HTTPStatus.CONFLICT,
        "credential.not_offered": HTTPStatus.NOT_FOUND,
        "credential.not_published": HTTPStatus.NOT_FOUND,
        "credential.procedure_unknown": HTTPStatus.CONFLICT,
        "credential.unknown": HTTPStatus.NOT_FOUND,
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
        "issued_result.final": HTTPStatus.CONFLICT,
        "issued_result.list_unknown": HTTPStatus.NOT_FOUND,
        "liveness.not_offered": HTTPStatus.NOT_FOUND,
        "liveness.session_unfinished": HTTPStatus.CONFLICT,
        "liveness.session_unknown": HTTPStatus.NOT_FOUND,
        "liveness.too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
        "freshness.already_used": HTTPStatus.CONFLICT,
        "freshness.expired": HTTPStatus.GONE,
        "freshness.unknown": HTTPStatus.NOT_FOUND,
        "freshness.wrong_purpose": HTTPStatus.CONFLICT,
        "office.ended": HTTPStatus.CONFLICT,
        "office.unknown": HTTPStatus.NOT_FOUND,
        "precondition.failed": HTTPStatus.PRECONDITION_FAILED,
        "precondition.required": HTTPStatus.PRECONDITION_REQUIRED,
        "procedure.unknown": HTTPStatus.NOT_FOUND,
        "rate.exceeded": HTTPStatus.TOO_MANY_REQUESTS,
        "request.headers": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "request.misdirected": HTTPStatus.MISDIRECTED_REQUEST,
        "request.media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "request.not_multipart": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "request.upload_time": HTTPStatus.REQUEST_TIMEOUT,
        "session.attempt_ended": HTTPStatus.CONFLICT,
        "session.attempts_spent": HTTPStatus.CONFLICT,
        "session.link_unknown": HTTPStatus.NOT_FOUND,
        "session.links_spent": HTTPStatus.CONFLICT,
        "session.person_attempts": HTTPStatus.TOO_MANY_REQUESTS,
        "session.procedure_changed": HTTPStatus.CONFLICT,
        "session.state": HTTPStatus.CONFLICT,
        "session.unknown": HTTPStatus.NOT_FOUND,
        "activation.evidence_stale": HTTPStatus.CONFLICT,
        "activation.evidence_missing": HTTPStatus.CONFLICT,
        "activation.evidence_used": HTTPStatus.CONFLICT,
        "activation.expired": HTTPStatus.CONFLICT,
        "activation.evidence_enrolled": HTTPStatus.CONFLICT,
        "factor.blocked": HTTPStatus.CONFLICT,
        "factor.decision_used": HTTPStatus.CONFLICT,
        "factor.locked": HTTPStatus.TOO_MANY_REQUESTS,
        "factor.not_offered": HTTPStatus.NOT_FOUND,
        "factor.other_procedure": HTTPStatus.CONFLICT,
        "factor.standing": HTTPStatus.CONFLICT,
        "factor.token": HTTPStatus.NOT_FOUND,
        "factor.unknown": HTTPStatus.NOT_FOUND,
        "signature.lost": HTTPStatus.CONFLICT,
        "signature.no_document": HTTPStatus.CONFLICT,
        "signature.no_key": HTTPStatus.CONFLICT,
        "signature.no_signer": HTTPStatus.CONFLICT,
        "signature.not_offered": HTTPStatus.NOT_FOUND,
        "signature.not_proposed": HTTPStatus.CONFLICT,
        "signature.state": HTTPStatus.CONFLICT,
        "signature.token": HTTPStatus.NOT_FOUND,
        "signature.unknown": HTTPStatus.NOT_FOUND,
        "storage.full": HTTPStatus.INSUFFICIENT_STORAGE,
        "storage.unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
        "subject.erased": HTTPStatus.GONE,
        "subject.held": HTTPStatus.CONFLICT,
        "subject.restricted": HTTPStatus.CONFLICT,
        "protection.of_nobody": HTTPStatus.CONFLICT,
        "protection.state": HTTPStatus.CONFLICT,
        "protection.unknown": HTTPStatus.NOT_FOUND,
        "rights.automatic": HTTPStatus.CONFLICT,
        "rights.extended_already": HTTPStatus.CONFLICT,
        "rights.login_old": HTTPStatus.FORBIDDEN,
        "rights.not_own": HTTPStatus.FORBIDDEN,
        "rights.no_export": HTTPStatus.NOT_FOUND,
        "rights.not_offered": HTTPStatus.NOT_FOUND,
        "rights.state": HTTPStatus.CONFLICT,
        "rights.too_late": HTTPStatus.CONFLICT,
        "rights.unknown": HTTPStatus.NOT_FOUND,
        "tool.not_offered": HTTPStatus.NOT_FOUND,
        "link.address": HTTPStatus.UNPROCESSABLE_ENTITY,
        "link.url": HTTPStatus.UNPROCESSABLE_ENTITY,
        "webhook.disabled": HTTPStatus.CONFLICT,
        "webhook.kinds": HTTPStatus.UNPROCESSABLE_ENTITY,
        "webhook.too_many": HTTPStatus.CONFLICT,
        "webhook.unknown": HTTPStatus.NOT_FOUND,
    }
)
_STATUS_OF_CLASS: Final[tuple[tuple[type[EkycError], HTTPStatus], ...]] = (
    (LimitError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ChipError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TrustError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamError, HTTPStatus.BAD_GATEWAY),
)
_TITLES: Final[Mapping[HTTPStatus, Mapping[Language, str]]] = MappingProxyType(
    {
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
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: {
            "vi": "Tiêu đề HTTP quá lớn",
            "en": "Headers too large",
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
)


def status_of(error: EkycError) -> HTTPStatus:
    """HTTP status of a typed error: by its code, else by whose fault it is, else 500."""
    if error.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[error.code]
    for kind, status in _STATUS_OF_CLASS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def title_of(status: HTTPStatus, language: Language) -> str:
    """What a status means where no code says more."""
    return _TITLES.get(status, {}).get(language, status.phrase)


def title_of_status(status: HTTPStatus) -> str:
    """The same in both languages."""
    return f"{title_of(status, 'vi')} / {title_of(status, 'en')}"
