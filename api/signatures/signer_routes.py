"""What the signer's device does with its token: see what is to be signed, be asked, and say yes or no.

The token says which request; who signs was settled by the verification. The word itself is checked by the signing side:
the verification is of this person, in this session, minutes old, and the key's second factor has answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import anyio.to_thread
from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.openapi.models import Example
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ekyc.api.credentials.routes import pdf_response
from ekyc.api.csc.authenticators import request_options
from ekyc.api.signatures import cases
from ekyc.api.signatures.routes import RequestId, settled, signatures_of, token_digest
from ekyc.api.signatures.schemas import (
    AuthorisationNew,
    ProposalModel,
    ProposalNew,
    SignerView,
)
from ekyc.api.v1.cases import UnknownFileError
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, refusals
from ekyc.api.v1.front import count_request, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.views import time_as_json
from ekyc.signing.activation.remote import OneTimeCode
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.storage.signing.requests import SignatureRequestError

if TYPE_CHECKING:
    from ekyc.signing.activation.remote import Proposal
    from ekyc.storage.signing.requests import SignatureRequest

_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="SignerToken",
    description="Mã của một yêu cầu ký, dành cho thiết bị của người ký. / Token of one request, for its signer's device.",
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
_REFUSED: Final = (
    "activation.evidence_missing",
    "activation.evidence_stale",
    "activation.evidence_used",
    "activation.expired",
    "activation.method",
    "factor.wrong_code",
    "factor.locked",
    "factor.assertion",
    "signing.sam.unreachable",
)
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {"summary": "Đồng ý, kèm mã dùng một lần", "value": {"approve": True, "code": "123456"}},
    "en": {"summary": "Declined", "value": {"approve": False}},
}
router = APIRouter(prefix="/v1/signature-requests", tags=["Người ký / The signer"])


class Holder(Protocol):
    """Whoever holds a token for one thing."""

    @property
    def tenant(self) -> str: ...

    @property
    def client(self) -> str:
        """Whose keys and rates its requests are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    tenant: str
    request: SignatureRequest

    @property
    def client(self) -> str:
        """Whose keys and rates its requests are."""
        return f"{self.tenant}\0signer\0{self.request.id}"


@router.get(
    "/{request_id}/signer",
    operation_id="get_signer_view",
    summary="Người ký: đang đến đâu / The signer's view",
    response_model=SignerView,
    responses=refusals("signature.token"),
)
async def get_signer_view(
    request: Request, request_id: RequestId, credentials: _Credentials = None
) -> Response:
    """Tên tài liệu và trạng thái.

    The title, and how far it is.
    """
    signer = await _by_token(request, request_id, credentials)
    return Answer(status=200, body=cases.signer_as_json(signer.request)).response()


@router.get(
    "/{request_id}/signer/original",
    operation_id="get_signer_original",
    summary="Người ký: tài liệu cần ký / What is to be signed",
    response_class=Response,
    responses={
        200: {
            "description": "Tệp PDF. / The PDF.",
            "content": {"application/pdf": {"schema": {"type": "string"}}},
        },
        **refusals("signature.token", "signature.state", "signature.not_offered"),
    },
)
async def get_signer_original(
    request: Request, request_id: RequestId, credentials: _Credentials = None
) -> Response:
    """Đúng tệp sẽ được ký, khi còn chờ người ký.

    The very file that will be signed, as long as its signer is waited for.
    """
    signer = await _by_token(request, request_id, credentials)
    flow = cases.flow_of(signatures_of(request))
    return pdf_response(
        await anyio.to_thread.run_sync(flow.original, signer.tenant, signer.request)
    )


@router.post(
    "/{request_id}/signer/proposals",
    operation_id="create_signature_proposal",
    summary="Người ký: được hỏi / Be asked",
    status_code=201,
    response_model=ProposalModel,
    responses=refusals(
        "signature.token",
        "signature.state",
        "signature.no_key",
        "signature.not_offered",
        *_REFUSED,
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_signature_proposal(
    request: Request,
    request_id: RequestId,
    wanted: Annotated[ProposalNew | None, Body()] = None,
    credentials: _Credentials = None,
) -> Response:
    """Ghim tài liệu cần ký trong hai phút và nói cách người ký trả lời. Chưa ủy quyền gì.

    Pins what is to be signed for two minutes, and says how the signer is to answer. Nothing is authorised yet.
    """
    signer = await _by_token(request, request_id, credentials)
    flow = cases.flow_of(signatures_of(request))
    method = None if wanted is None else wanted.method

    def propose() -> Answer:
        return Answer(
            status=201, body=_proposed(flow.propose(signer.tenant, signer.request, method))
        )

    return await carried_out(request, signer, propose)


@router.post(
    "/{request_id}/signer/authorisations",
    operation_id="create_signature_authorisation",
    summary="Người ký: đồng ý hoặc từ chối / Say yes or no",
    status_code=201,
    response_model=SignerView,
    responses=refusals(
        "signature.token",
        "signature.state",
        "signature.not_proposed",
        "signature.not_offered",
        *_REFUSED,
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_signature_authorisation(
    request: Request,
    request_id: RequestId,
    told: Annotated[AuthorisationNew, Body(openapi_examples=_EXAMPLES)],
    credentials: _Credentials = None,
) -> Response:
    """Lời của người ký về tài liệu được hỏi sau cùng. Khóa ký đúng một lần, dù tiến trình nào chết giữa chừng.

    The signer's word on what was proposed last. The key signs once, whatever process dies on the way.
    """
    signer = await _by_token(request, request_id, credentials)
    flow = cases.flow_of(signatures_of(request))

    def authorise() -> Answer:
        if told.approve:
            code = None if told.code is None else OneTimeCode(code=told.code)
            answer = code if told.webauthn is None else told.webauthn.answer()
            done = flow.authorise(signer.tenant, signer.request, answer)
        else:
            with front_of(request).desk.writing(signer.tenant) as unit:
                done = flow.cancel(unit, signer.request)
        return Answer(status=201, body=cases.signer_as_json(done))

    return await carried_out(request, signer, authorise)


async def carried_out(
    request: Request,
    signer: Holder,
    work: Callable[[], Answer],
    *,
    kept: Callable[[Answer], Answer] = lambda answer: answer,
) -> Response:
    """Carry out a step in threads and transactions of its own, once for each key.

    The step itself moves the request on only from the version that was read, so that a death between it and its kept answer
    leads to ``signature.state`` and never to a second signature.

    Args:
        request: as it came.
        signer: whoever holds the token.
        work: the step.
        kept: what of its answer is given again to whoever repeats the request.
    """
    front = front_of(request)
    with front.once.working(request, signer.client) as pending:
        claim = pending.claim(await request.body())
        before = await front.looking(signer.tenant, claim.kept)
        if before is not None:
            return before.response(replayed=True)
        answer = await anyio.to_thread.run_sync(work)
        again, replayed = await front.writing(
            signer.tenant, lambda unit: claim.carry_out(unit, lambda _: kept(answer))
        )
    return (again if replayed else answer).response(replayed=replayed)


async def _by_token(
    request: Request, request_id: str, credentials: HTTPAuthorizationCredentials | None
) -> _Signer:
    """Whoever holds a signer's token.

    Raises:
        UnknownFileError: ``signature.token``.
    """
    front = front_of(request)
    digest = token_digest(front.desk.key, credentials.credentials if credentials else "")
    place = await anyio.to_thread.run_sync(front.desk.tenant_of_signature, digest)
    if place is None or place[1] != request_id:
        raise UnknownFileError("no such token for this request", code="signature.token")
    tenant = place[0]
    count_request(request, f"{tenant}\0signer\0{request_id}")
    found = await front.looking(tenant, lambda unit: unit.signatures.get(request_id))
    if found is None:
        raise SignatureRequestError("no such request", code="signature.token")
    return _Signer(tenant=tenant, request=await settled(request, tenant, found))


def _proposed(proposal: Proposal) -> dict[str, Any]:
    asked = proposal.method is ActivationMethod.WEBAUTHN
    return {
        "documents": [
            {"title": one.title, "sha256": one.shown_digest} for one in proposal.documents
        ],
        "method": proposal.method.value,
        "webauthn": request_options(proposal) if asked else None,
        "expires_at": time_as_json(proposal.expires_at),
    }
