"""Second factors for signing: a person who was verified for this alone enrols a generator of one-time codes.

1. The portal opens a session of the procedure that the operator names for it. Its *accept* enrols one factor and signs
   nothing; the *accept* of any other procedure enrols nothing.
2. For that session the portal is given a token for the person's device, which lasts as long as the decision is fresh.
3. The device sets a generator up, and gives its first code. The secret is answered once, and in no repetition.
   Or it registers an authenticator (:mod:`ekyc.api.signatures.authenticator_routes`).
4. Where the person has a factor already, a code of it is asked for, or what their authenticator says to a challenge:
   without, nothing is replaced and nothing ended.

The portal could keep the token. What it could do with it: docs/security.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import anyio.to_thread
from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.openapi.models import Example

from ekyc.api.access import Principal
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.signatures.enrolling import (
    DISAGREED,
    PREFIX,
    REFUSED,
    TAG,
    EnrolmentToken,
    by_token,
    enrolling_in,
    offered,
    sealed_token,
    standing,
)
from ekyc.api.signatures.factor_schemas import (
    CodeGiven,
    EnrolmentMade,
    EnrolmentNew,
    FactorEnd,
    FactorList,
    GeneratorNew,
    GeneratorOffered,
)
from ekyc.api.signatures.routes import signatures_of
from ekyc.api.signatures.signer_routes import carried_out
from ekyc.api.v1.cases import jurisdiction_of
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.views import time_as_json
from ekyc.signing.activation.module import MAX_EVIDENCE_AGE
from ekyc.signing.activation.remote import OneTimeCode

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

_FactorId = Annotated[str, Path(pattern=ID_PATTERN)]
_FIRST: Final[dict[str, Example]] = {
    "vi": {"summary": "Lần đầu: chưa có ứng dụng mã nào", "value": {}},
    "en": {"summary": "Another telephone: a code of the old one", "value": {"code": "123456"}},
}
_CODE: Final[dict[str, Example]] = {
    "vi": {"summary": "Mã đang hiện trong ứng dụng", "value": {"code": "123456"}},
    "en": {"summary": "What the app shows now", "value": {"code": "654321"}},
}
router = APIRouter(prefix=PREFIX, tags=[TAG])


@router.post(
    "",
    operation_id="create_factor_enrolment",
    summary="Mở đăng ký yếu tố thứ hai / Let a person enrol",
    status_code=201,
    response_model=EnrolmentMade,
    responses=refusals(
        "session.unknown",
        "factor.not_offered",
        "factor.other_procedure",
        "signature.no_signer",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_factor_enrolment(
    request: Request,
    caller: Annotated[Principal, allowed("signatures:write")],
    wanted: Annotated[EnrolmentNew, Body()],
) -> Response:
    """Chỉ cho phiên của thủ tục đăng ký, vừa được duyệt. Đưa `enrolment_token` cho thiết bị của người dân.

    Only for a session of the procedure for enrolling that was just approved. Hand `enrolment_token` to the person's device.
    """
    front, signing = front_of(request), signatures_of(request)

    def work(unit: DossierUnit) -> Answer:
        offered(signing)
        enrolling_in(unit, signing, jurisdiction_of(caller), wanted.session_id)
        expires_at = unit.now + MAX_EVIDENCE_AGE
        token = sealed_token(front.desk.key, caller.tenant, wanted.session_id, expires_at)
        body = {"enrolment_token": token, "expires_at": time_as_json(expires_at)}
        return Answer(status=201, body=body)

    return await front.creating(request, caller, work)


@router.post(
    "/codes",
    operation_id="create_code_generator",
    summary="Người dân: ứng dụng tạo mã / Set up a generator of codes",
    status_code=201,
    response_model=GeneratorOffered,
    responses=refusals(*REFUSED, *DISAGREED, "factor.decision_used", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_code_generator(
    request: Request,
    wanted: Annotated[GeneratorNew, Body(openapi_examples=_FIRST)],
    credentials: EnrolmentToken = None,
) -> Response:
    """Mỗi lần xác minh một lần. Chưa có hiệu lực cho đến khi nhập mã đầu tiên.

    Once for each verification. It counts for nothing until its first code was given.
    """
    person, enrolment = await by_token(request, credentials)

    def offer() -> Answer:
        made = enrolment.offer_codes(person.caller, wanted.agreement())
        return Answer(status=201, body={"factor": made.factor, "uri": made.uri})

    return await carried_out(
        request,
        person,
        offer,
        kept=lambda answer: replace(answer, body={**answer.body, "uri": None}),
    )


@router.post(
    "/codes/{factor_id}/confirmations",
    operation_id="confirm_code_generator",
    summary="Người dân: mã đầu tiên / Its first code",
    status_code=201,
    response_model=FactorList,
    responses=refusals(
        *REFUSED,
        "factor.wrong_code",
        "factor.replayed",
        "factor.locked",
        "factor.blocked",
        "factor.unknown",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def confirm_code_generator(
    request: Request,
    factor_id: _FactorId,
    told: Annotated[CodeGiven, Body(openapi_examples=_CODE)],
    credentials: EnrolmentToken = None,
) -> Response:
    """Từ đây ký được bằng ứng dụng này, và không còn bằng ứng dụng cũ. Mã này không dùng để ký được nữa.

    From now on this one signs, and none that was before. This very code signs nothing any more.
    """
    person, enrolment = await by_token(request, credentials)

    def confirm() -> Answer:
        enrolment.confirm_codes(person.caller, factor_id, OneTimeCode(code=told.code))
        return standing(enrolment, person, status=201)

    return await carried_out(request, person, confirm)


@router.get(
    "/factors",
    operation_id="list_factors",
    summary="Người dân: các yếu tố đang dùng / What stands",
    response_model=FactorList,
    responses=refusals("factor.token", "factor.not_offered"),
)
async def list_factors(request: Request, credentials: EnrolmentToken = None) -> Response:
    """Của chính người vừa được xác minh.

    Of whoever was verified, and of nobody else.
    """
    person, enrolment = await by_token(request, credentials)
    answer = await anyio.to_thread.run_sync(lambda: standing(enrolment, person, status=200))
    return answer.response()


@router.post(
    "/factors/{factor_id}/end",
    operation_id="end_factor",
    summary="Người dân: thôi dùng / Take one out of use",
    response_model=FactorList,
    responses=refusals(*REFUSED, *DISAGREED, once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def end_factor(
    request: Request,
    factor_id: _FactorId,
    told: Annotated[FactorEnd, Body(openapi_examples=_CODE)],
    credentials: EnrolmentToken = None,
) -> Response:
    """Vĩnh viễn. Ai đã mất hết thì đến cơ quan vận hành.

    For good. Whoever has lost all that they had goes to the operator.
    """
    person, enrolment = await by_token(request, credentials)

    def end() -> Answer:
        enrolment.end(person.caller, factor_id, told.agreement())
        return standing(enrolment, person, status=200)

    return await carried_out(request, person, end)
