"""Requests for signatures, as the portal sees them. Nothing here authorises a signature."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.openapi.models import Example

from ekyc.api.access import Principal
from ekyc.api.credentials.routes import pdf_response
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.signatures import cases
from ekyc.api.signatures.schemas import (
    SignatureListing,
    SignatureRequestList,
    SignatureRequestMade,
    SignatureRequestModel,
    SignatureRequestNew,
)
from ekyc.api.v1.artefact_routes import media_viewed
from ekyc.api.v1.cases import UnknownFileError
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, links_to, refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.pages import page_response
from ekyc.flows.signature_request import SIGNED
from ekyc.storage.sealed.errors import ArtefactError, SubjectError
from ekyc.storage.signing.requests import SignatureRequestError

if TYPE_CHECKING:
    from ekyc.api.signatures.front import SignatureFront
    from ekyc.storage import DossierUnit, PageOf, ServiceKey
    from ekyc.storage.signing.requests import SignatureRequest

RequestId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("signatures:read")]
_Writer = Annotated[Principal, allowed("signatures:write")]
_TOKEN_BYTES: Final = 32
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Ký trang kết quả của phiên",
        "value": {
            "session_id": "5f1d3c5e7b9a4d2f8c6e0a1b2c3d4e5f",
            "credential_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "title": "Kết quả xác minh",
        },
    },
    "en": {
        "summary": "A PDF that was submitted",
        "value": {
            "session_id": "5f1d3c5e7b9a4d2f8c6e0a1b2c3d4e5f",
            "artefact_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "title": "Application form",
            "lasts_s": 600,
        },
    },
}
router = APIRouter(prefix="/v1/signature-requests", tags=["Yêu cầu ký / Signature requests"])


@router.post(
    "",
    operation_id="create_signature_request",
    summary="Yêu cầu ký / Ask for a signature",
    status_code=201,
    response_model=SignatureRequestMade,
    responses=refusals(
        "session.unknown",
        "credential.unknown",
        "signature.not_offered",
        "signature.no_signer",
        "signature.no_document",
        once=True,
    ),
    openapi_extra=described(
        IDEMPOTENCY_KEY,
        links=links_to("request_id", "get_signature_request", "cancel_signature_request"),
    ),
)
async def create_signature_request(
    request: Request,
    caller: _Writer,
    wanted: Annotated[SignatureRequestNew, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Người ký là người vừa được xác minh trong phiên. Đưa `signer_token` cho thiết bị của người đó; khóa API hay đăng
    nhập không bao giờ thay cho lời ủy quyền ký.

    The signer is whoever the session verified. Hand `signer_token` to their device; no API key and no login ever counts
    as the authorisation to sign.
    """
    front = front_of(request)

    def work(unit: DossierUnit) -> Answer:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        digest = token_digest(front.desk.key, token)
        made = cases.order(unit, signatures_of(request), caller, wanted, digest)
        body = {**cases.request_as_json(made), "signer_token": token}
        return Answer(
            status=201, body=body, headers={"Location": f"/v1/signature-requests/{made.id}"}
        )

    return await front.creating(request, caller, work)


@router.get(
    "",
    operation_id="list_signature_requests",
    summary="Danh sách yêu cầu ký / List requests",
    response_model=SignatureRequestList,
    responses=refusals("cursor.invalid"),
)
async def list_signature_requests(
    request: Request, caller: _Reader, listing: Annotated[SignatureListing, Query()]
) -> Response:
    """Mới nhất trước; trạng thái như lúc ghi gần nhất.

    The newest first; states as they were last written.
    """

    def look(unit: DossierUnit, page: PageOf) -> list[tuple[Any, dict[str, Any]]]:
        return [(one, cases.request_as_json(one)) for one in unit.signatures.page(page)]

    return await page_response(request, caller, listing, look)


@router.get(
    "/{request_id}",
    operation_id="get_signature_request",
    summary="Một yêu cầu ký / One request",
    response_model=SignatureRequestModel,
    responses=refusals("signature.unknown"),
)
async def get_signature_request(
    request: Request, caller: _Reader, request_id: RequestId
) -> Response:
    """Đang đến đâu.

    How far it is.
    """
    found = await _current(request, caller, request_id)
    return Answer(status=200, body=cases.request_as_json(found)).response()


@router.get(
    "/{request_id}/document",
    operation_id="get_signed_document",
    summary="Tệp đã ký / The signed file",
    response_class=Response,
    responses={
        200: {
            "description": "Tệp PDF. / The PDF.",
            "content": {"application/pdf": {"schema": {"type": "string"}}},
        },
        **refusals(
            "signature.unknown", "signature.state", "artefact.removed", "subject.restricted"
        ),
    },
)
async def get_signed_document(
    request: Request,
    caller: Annotated[Principal, allowed("media:read")],
    request_id: RequestId,
) -> Response:
    """Chỉ khi `signed`.

    Only once it is `signed`.
    """
    found, vault = await _current(request, caller, request_id), front_of(request).vault
    if found.document is None or vault is None or found.body is None:
        raise SignatureRequestError(f"the request is {found.state}")
    read = partial(vault.artefacts.read, caller.tenant, found.document)
    try:
        content = await anyio.to_thread.run_sync(read)
    except (ArtefactError, SubjectError) as exc:
        raise UnknownFileError("the file was destroyed", code="artefact.removed") from exc
    viewed = media_viewed(
        caller,
        session_id=found.session_id,
        kind=SIGNED,
        subject_id=found.body["folder"],
        artefact_id=found.document,
    )
    await front_of(request).writing(
        caller.tenant, lambda unit: unit.evidence.append(viewed, office=found.office)
    )
    return pdf_response(content)


@router.post(
    "/{request_id}/cancel",
    operation_id="cancel_signature_request",
    summary="Hủy yêu cầu ký / Call it off",
    response_model=SignatureRequestModel,
    responses=refusals("signature.unknown", "signature.state", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def cancel_signature_request(
    request: Request, caller: _Writer, request_id: RequestId
) -> Response:
    """Chỉ khi đang chờ người ký.

    Only while it waits for its signer.
    """
    await _current(request, caller, request_id)

    def work(unit: DossierUnit) -> Answer:
        found = cases.require_request(unit, caller, request_id, lock=True)
        flow = cases.flow_of(signatures_of(request))
        return Answer(status=200, body=cases.request_as_json(flow.cancel(unit, found)))

    return await front_of(request).creating(request, caller, work)


def signatures_of(request: Request) -> SignatureFront:
    """What requests are carried on with in this application."""
    found: SignatureFront = request.app.state.signatures
    return found


def token_digest(key: ServiceKey, token: str) -> bytes:
    """What is kept of a signer's token."""
    return key.pseudonym("signer token", token)


async def _current(request: Request, caller: Principal, request_id: str) -> SignatureRequest:
    """A request as it stands now; what time and deaths have brought about is written down first."""
    found = await front_of(request).looking(
        caller.tenant, lambda unit: cases.require_request(unit, caller, request_id)
    )
    return await settled(request, caller.tenant, found)


async def settled(request: Request, tenant: str, found: SignatureRequest) -> SignatureRequest:
    """The same, for a request that was read already."""
    flow = signatures_of(request).flow
    if flow is None:
        return found
    return await anyio.to_thread.run_sync(partial(flow.settled, tenant, found))
