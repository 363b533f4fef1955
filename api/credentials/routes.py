"""Credentials: issued for a final decision, looked up, shown as a signed page, taken back."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.openapi.models import Example

from ekyc.api.access import Principal
from ekyc.api.credentials import cases
from ekyc.api.credentials.schemas import (
    CredentialList,
    CredentialListing,
    CredentialModel,
    CredentialNew,
    RevocationNew,
)
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, links_to, refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.pages import page_response
from ekyc.storage import ResultStatus

if TYPE_CHECKING:
    from ekyc.api.credentials.front import CredentialFront
    from ekyc.storage import DossierUnit, PageOf
    from ekyc.storage.dossiers.session_results import SessionCredential

CredentialId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("credentials:read")]
_Writer = Annotated[Principal, allowed("credentials:write")]
_ISSUE_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Cấp kết quả của một phiên đã được chấp nhận",
        "value": {"session_id": "5f1d3c5e7b9a4d2f8c6e0a1b2c3d4e5f"},
    },
    "en": {
        "summary": "Issue the result of an approved session",
        "value": {"session_id": "5f1d3c5e7b9a4d2f8c6e0a1b2c3d4e5f"},
    },
}
_REVOKE_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Thu hồi vì cấp nhầm",
        "value": {"status": "revoked", "reason": "issued_in_error"},
    },
    "en": {
        "summary": "Suspend while it is examined",
        "value": {"status": "suspended", "reason": "under_examination"},
    },
}
router = APIRouter(prefix="/v1/credentials", tags=["Kết quả điện tử / Credentials"])


@router.post(
    "",
    operation_id="create_credential",
    summary="Cấp kết quả / Issue a result",
    status_code=201,
    response_model=CredentialModel,
    responses={
        200: {"model": CredentialModel},
        **refusals(
            "session.unknown",
            "credential.not_final",
            "credential.not_offered",
            "credential.procedure_unknown",
            once=True,
        ),
    },
    openapi_extra=described(
        IDEMPOTENCY_KEY,
        links=links_to("credential_id", "get_credential", "create_revocation"),
    ),
)
async def create_credential(
    request: Request,
    caller: _Writer,
    wanted: Annotated[CredentialNew, Body(openapi_examples=_ISSUE_EXAMPLES)],
) -> Response:
    """Cấp kết quả có mã QR cho quyết định chấp nhận cuối cùng của phiên. Mỗi quyết định một kết quả: gọi lại thì nhận kết
    quả đã cấp (200).

    Issues the result of a session's final approval, with its QR code. One for each decision: whoever asks again is given
    the one that was issued (200).
    """
    issuing = _credentials(request)

    def work(unit: DossierUnit) -> Answer:
        found, new = cases.issue(unit, issuing, caller, wanted.session_id)
        return _answer(unit, found, 201 if new else 200)

    return await front_of(request).creating(request, caller, work)


@router.get(
    "",
    operation_id="list_credentials",
    summary="Danh sách kết quả / List credentials",
    response_model=CredentialList,
    responses=refusals("cursor.invalid", "session.unknown", "credential.not_final"),
)
async def list_credentials(
    request: Request,
    caller: _Reader,
    listing: Annotated[CredentialListing, Query()],
) -> Response:
    """Mới nhất trước. `reusable_for`: đã có kết quả còn hiệu lực của chính người này thì dùng lại, không cấp mới.

    The newest first. `reusable_for`: where this very person has a result in force, use it again instead of issuing one.
    """
    samples = _credentials(request).samples

    def look(unit: DossierUnit, page: PageOf) -> list[tuple[Any, dict[str, Any]]]:
        person, equal = None, dict(page.equal)
        status, reusable = equal.pop("status", None), equal.pop("reusable_for", None)
        if reusable is not None:
            person, equal["procedure"] = cases.person_of_session(
                unit, caller, reusable, samples=samples
            )
        found = unit.results.credentials(
            replace(page, equal=tuple(sorted(equal.items()))),
            status=None if status is None else ResultStatus[status.upper()],
            person=person,
        )
        return [(one, cases.credential_as_json(one, unit.results.changes(one.id))) for one in found]

    return await page_response(request, caller, listing, look)


@router.get(
    "/{credential_id}",
    operation_id="get_credential",
    summary="Một kết quả / One credential",
    response_model=CredentialModel,
    responses=refusals("credential.unknown"),
)
async def get_credential(
    request: Request, caller: _Reader, credential_id: CredentialId
) -> Response:
    """Kết quả còn hiệu lực hay không, và vì sao.

    Whether it stands, and why.
    """

    def look(unit: DossierUnit) -> Answer:
        return _answer(unit, cases.require_credential(unit, caller, credential_id), 200)

    return (await front_of(request).looking(caller.tenant, look)).response()


@router.get(
    "/{credential_id}/document",
    operation_id="get_credential_document",
    summary="Trang kết quả đã ký / The signed page",
    response_class=Response,
    responses={
        200: {
            "description": "Tệp PDF. / The PDF.",
            "content": {"application/pdf": {"schema": {"type": "string"}}},
        },
        **refusals(
            "credential.unknown",
            "credential.no_document",
            "credential.procedure_unknown",
            "subject.restricted",
        ),
    },
)
async def get_credential_document(
    request: Request,
    caller: Annotated[Principal, allowed("media:read")],
    credential_id: CredentialId,
) -> Response:
    """`result.pdf` có mã QR, ký PAdES; được ký khi hỏi lần đầu rồi giữ nguyên.

    `result.pdf` with the QR code, signed (PAdES): when it is first asked for, and the same from then on.
    """
    work = partial(cases.page_of, front_of(request), _credentials(request), caller, credential_id)
    return pdf_response(await anyio.to_thread.run_sync(work))


@router.post(
    "/{credential_id}/revocations",
    operation_id="create_revocation",
    summary="Thu hồi, tạm dừng, khôi phục / Revoke, suspend, reinstate",
    status_code=201,
    response_model=CredentialModel,
    responses=refusals("credential.unknown", "issued_result.final", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_revocation(
    request: Request,
    caller: _Writer,
    credential_id: CredentialId,
    wanted: Annotated[RevocationNew, Body(openapi_examples=_REVOKE_EXAMPLES)],
) -> Response:
    """Đổi danh sách trạng thái, ghi lý do và báo webhook trong cùng một giao dịch. `revoked` là vĩnh viễn.

    Changes the status list, says why and tells webhooks, in one transaction. `revoked` is for good.
    """

    def work(unit: DossierUnit) -> Answer:
        changed = cases.change(
            unit,
            caller,
            credential_id,
            status=ResultStatus[wanted.status.upper()],
            reason=wanted.reason.value,
        )
        return _answer(unit, changed, 201)

    return await front_of(request).creating(request, caller, work)


def pdf_response(pdf: bytes) -> Response:
    """A PDF to be downloaded, never shown in place."""
    digest = base64.b64encode(hashlib.sha256(pdf).digest()).decode()
    headers = {"Content-Disposition": "attachment", "Content-Digest": f"sha-256=:{digest}:"}
    return Response(pdf, media_type="application/pdf", headers=headers)


def _credentials(request: Request) -> CredentialFront:
    found: CredentialFront = request.app.state.credentials
    return found


def _answer(unit: DossierUnit, found: SessionCredential, status: int) -> Answer:
    headers = {"Location": f"/v1/credentials/{found.id}"} if status == 201 else {}
    body = cases.credential_as_json(found, unit.results.changes(found.id))
    return Answer(status=status, body=body, headers=headers)
