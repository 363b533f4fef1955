"""Consents by which agents act for citizens: recorded by others than the agent, shown, withdrawn."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, Literal

import anyio.to_thread
from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from ekyc.api.access.errors import AccessError, not_visible
from ekyc.api.access.principal import Principal
from ekyc.api.access.require import require
from ekyc.api.access.token_routes import Front
from ekyc.api.forms import LOGIN_PATTERN, NAME_PATTERN, InputModel, Office
from ekyc.api.serving import problems
from ekyc.api.v1.cases import new_office
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, OFFICE_REFUSALS, described, links_to, refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.storage import Consent

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

CONSENTS: Final = "/v1/consents"
_DIGEST: Final = r"^[0-9a-f]{64}$"
_PURPOSE: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
router = APIRouter(tags=["Consents"])
Channel = Literal["counter", "portal", "app", "form", "sms", "recorded-call"]


class ConsentInput(InputModel):
    """A citizen's word, as it was given."""

    citizen: str = Field(
        pattern=LOGIN_PATTERN,
        repr=False,
        description="Bí danh của công dân. / Pseudonym of the citizen.",
    )
    agent: str = Field(
        pattern=NAME_PATTERN, description="Mã ứng dụng của đại lý. / Client of the agent."
    )
    text_digest: str = Field(
        pattern=_DIGEST,
        description="SHA-256 của văn bản đã hiển thị. / Of the text that was shown.",
    )
    purposes: list[Annotated[str, Field(pattern=_PURPOSE)]] = Field(
        min_length=1, max_length=20, description="Mã thủ tục. / Procedures, each named."
    )
    channel: Channel
    days: int = Field(default=30, ge=1, le=365)
    office: Office = Field(
        default=None,
        description="Cơ quan ghi nhận; mặc định là cơ quan của bên gọi. / The office that records it; the caller's own by "
        "default.",
    )


class ConsentModel(BaseModel):
    """A consent on record."""

    id: str
    agent: str
    text_digest: str
    purposes: list[str]
    channel: str
    given_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None
    office: str | None


Reader = Annotated[Principal, require("consents:read")]
Writer = Annotated[Principal, require("consents:write")]


@router.post(
    CONSENTS,
    operation_id="record_consent",
    summary="Ghi nhận đồng ý / Record a consent",
    status_code=201,
    response_model=ConsentModel,
    responses=refusals("register.unknown", *OFFICE_REFUSALS, once=True),
    openapi_extra=described(IDEMPOTENCY_KEY, links=links_to("consent_id", "get_consent")),
)
async def record_consent(
    request: Request,
    caller: Annotated[Principal, allowed("consents:write")],
    told: Annotated[ConsentInput, Body()],
) -> Response:
    """Đại lý không được tự ghi nhận; công dân chỉ ghi nhận được cho chính mình. `id` là `subject_token` khi đổi token.

    Never by the agent itself; a citizen only for themselves. `id` is the `subject_token` of the token exchange.
    """
    if caller.own_subject not in {None, told.citizen}:
        raise AccessError("a citizen consents for themselves", code="access.denied")

    def work(unit: DossierUnit) -> Answer:
        made = unit.consents.record(
            caller.tenant,
            citizen=told.citizen,
            agent=told.agent,
            text_digest=told.text_digest,
            purposes=told.purposes,
            channel=told.channel,
            actor=caller.subject,
            life=timedelta(days=told.days),
            office=new_office(unit, caller, told.office),
        )
        headers = {"Location": f"{CONSENTS}/{made.id}"}
        return Answer(status=201, body=_model(made).model_dump(mode="json"), headers=headers)

    return await front_of(request).creating(request, caller, work)


@router.get(
    f"{CONSENTS}/{{consent_id}}",
    operation_id="get_consent",
    summary="Xem một đồng ý / Read a consent",
    responses=problems(401, 403, 404, 429, 503),
)
async def get_consent(front: Front, caller: Reader, consent_id: str) -> ConsentModel:
    """Công dân và đại lý chỉ xem được của mình; cơ quan, của mình và cấp dưới.

    Citizens and agents see their own; offices, theirs and those beneath.
    """
    return _model(await anyio.to_thread.run_sync(partial(_visible, front, caller, consent_id)))


@router.delete(
    f"{CONSENTS}/{{consent_id}}",
    operation_id="withdraw_consent",
    summary="Rút đồng ý / Withdraw a consent",
    responses=problems(401, 403, 404, 429, 503),
)
async def withdraw_consent(front: Front, caller: Writer, consent_id: str) -> ConsentModel:
    """Có hiệu lực ngay, cả với token đã cấp. Bản ghi vẫn được giữ.

    At once, for tokens in use too; the record stays.
    """

    def withdraw() -> Consent:
        _visible(front, caller, consent_id)
        ended = front.stores.consents.withdraw(caller.tenant, consent_id, by=caller.subject)
        assert ended is not None
        return ended

    return _model(await anyio.to_thread.run_sync(withdraw))


def _visible(front: Front, caller: Principal, consent_id: str) -> Consent:
    """A consent of the caller's tenant and offices, and its own where it is a citizen or an agent."""
    found = front.stores.consents.read(caller.tenant, consent_id)
    if found is None or caller.own_subject not in {None, found.subject}:
        raise not_visible()
    if caller.own_subject is None:
        caller.require_office(found.office)
    if caller.act is not None and caller.act.client != found.client:
        raise not_visible()
    return found


def _model(consent: Consent) -> ConsentModel:
    return ConsentModel(
        id=consent.id,
        agent=consent.client,
        text_digest=consent.text_digest,
        purposes=sorted(consent.purposes),
        channel=consent.channel,
        given_at=consent.given_at,
        expires_at=consent.expires_at,
        withdrawn_at=consent.withdrawn_at,
        office=consent.office,
    )
