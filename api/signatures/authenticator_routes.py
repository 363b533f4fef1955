"""Authenticators as second factors (W3C WebAuthn Level 3 §7.1): offered, registered, and asked to agree.

The page hands `options` to ``navigator.credentials.create()`` and sends back what it is given. The challenge is good once,
for five minutes, for this person in this session and beside the factors that they have now. What a factor that stands has
to say to another is asked here as well; see :mod:`ekyc.api.signatures.factor_routes`.
"""

from __future__ import annotations

import json
from typing import Annotated, Final

from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.openapi.models import Example

from ekyc.api.csc.authenticators import authenticator_options
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.signatures.enrolling import (
    DISAGREED,
    PREFIX,
    REFUSED,
    TAG,
    EnrolmentToken,
    by_token,
    standing,
)
from ekyc.api.signatures.factor_schemas import (
    AgreementAsked,
    AuthenticatorNew,
    AuthenticatorOffered,
    FactorList,
    RegistrationNew,
)
from ekyc.api.signatures.signer_routes import carried_out
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, refusals
from ekyc.api.v1.once import Answer

_ChallengeId = Annotated[str, Path(pattern=ID_PATTERN)]
_NEW: Final[dict[str, Example]] = {
    "vi": {"summary": "Lần đầu: chưa có gì", "value": {}},
    "en": {"summary": "Beside an app that shows codes", "value": {"code": "123456"}},
}
_CREDENTIAL: Final = {
    "id": "AAECAw",
    "rawId": "AAECAw",
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "attestationObject": "oA"},
}
_REGISTERED: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Điều trình duyệt trả về",
        "value": {"credential": _CREDENTIAL},
    },
    "en": {"summary": "What the browser gave", "value": {"credential": _CREDENTIAL}},
}
router = APIRouter(prefix=PREFIX, tags=[TAG])


@router.post(
    "/authenticators",
    operation_id="create_authenticator",
    summary="Người dân: khóa bảo mật hoặc máy của mình / Offer an authenticator",
    status_code=201,
    response_model=AuthenticatorOffered,
    responses=refusals(*REFUSED, *DISAGREED, "factor.decision_used", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_authenticator(
    request: Request,
    wanted: Annotated[AuthenticatorNew, Body(openapi_examples=_NEW)],
    credentials: EnrolmentToken = None,
) -> Response:
    """Chưa đăng ký gì. Thử lại được chừng nào chưa đăng ký xong.

    Nothing is registered yet. It may be done again as long as nothing is.
    """
    person, enrolment = await by_token(request, credentials)

    def offer() -> Answer:
        made = enrolment.offer_authenticator(person.caller, wanted.agreement())
        options = json.loads(made.options_json)
        return Answer(status=201, body={"challenge_id": made.challenge_id, "options": options})

    return await carried_out(request, person, offer)


@router.post(
    "/authenticators/{challenge_id}/registrations",
    operation_id="register_authenticator",
    summary="Người dân: trình duyệt trả lời / Register it",
    status_code=201,
    response_model=FactorList,
    responses=refusals(
        *REFUSED,
        "factor.assertion",
        "factor.decision_used",
        "factor.standing",
        "factor.unknown",
        "freshness.unknown",
        "freshness.already_used",
        "freshness.expired",
        "freshness.wrong_purpose",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def register_authenticator(
    request: Request,
    challenge_id: _ChallengeId,
    told: Annotated[RegistrationNew, Body(openapi_examples=_REGISTERED)],
    credentials: EnrolmentToken = None,
) -> Response:
    """Từ đây ký được bằng thiết bị này, bên cạnh những gì đã có. Không hỏi hãng nào làm ra nó.

    From now on it signs, beside what there was. Which make it is of, is not asked.
    """
    person, enrolment = await by_token(request, credentials)

    def register() -> Answer:
        enrolment.register_authenticator(
            person.caller, challenge_id, told.credential.model_dump_json()
        )
        return standing(enrolment, person, status=201)

    return await carried_out(request, person, register)


@router.post(
    "/agreements",
    operation_id="create_factor_agreement",
    summary="Người dân: hỏi thiết bị đang dùng / Ask what stands",
    status_code=201,
    response_model=AgreementAsked,
    responses=refusals(*REFUSED, "factor.unknown", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_factor_agreement(request: Request, credentials: EnrolmentToken = None) -> Response:
    """Thử thách cho thiết bị đang dùng. Trả lời trong năm phút bằng `authenticator`, một lần.

    A challenge for the authenticator in use. Its answer goes into `authenticator`, once, within five minutes.
    """
    person, enrolment = await by_token(request, credentials)

    def ask() -> Answer:
        asked = enrolment.ask_agreement(person.caller)
        options = authenticator_options(asked.challenge, asked.relying_party, asked.credential_ids)
        return Answer(status=201, body={"challenge_id": asked.challenge_id, "webauthn": options})

    return await carried_out(request, person, ask)
