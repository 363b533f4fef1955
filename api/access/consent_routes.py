"""Consents by which agents act for citizens: recorded by others than the agent, shown, withdrawn."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final, Literal

import anyio.to_thread
from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from ekyc.api.access.errors import AccessError, not_visible
from ekyc.api.access.principal import Principal
from ekyc.api.access.require import require
from ekyc.api.access.token_routes import Front
from ekyc.api.routes import problems
from ekyc.storage import Consent

CONSENTS: Final = "/v1/consents"
_DIGEST: Final = r"^[0-9a-f]{64}$"
router = APIRouter(tags=["Consents"])
Channel = Literal["counter", "portal", "app", "form", "sms", "recorded-call"]


class ConsentInput(BaseModel):
    """A citizen's word, as it was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    citizen: str = Field(
        pattern=_DIGEST, repr=False, description="Bí danh của công dân. / Pseudonym of the citizen."
    )
    agent: str = Field(max_length=64, description="Mã ứng dụng của đại lý. / Client of the agent.")
    text_digest: str = Field(
        pattern=_DIGEST,
        description="SHA-256 của văn bản đã hiển thị. / Of the text that was shown.",
    )
    purposes: list[str] = Field(
        min_length=1, max_length=20, description="Mã thủ tục. / Procedures, each named."
    )
    channel: Channel
    days: int = Field(default=30, ge=1, le=365)


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


Reader = Annotated[Principal, require("consents:read")]
Writer = Annotated[Principal, require("consents:write")]


@router.post(
    CONSENTS,
    operation_id="record_consent",
    summary="Ghi nhận đồng ý / Record a consent",
    status_code=201,
    responses=problems(401, 403, 422, 429, 503),
)
async def record_consent(
    front: Front, caller: Writer, told: Annotated[ConsentInput, Body()]
) -> ConsentModel:
    """Đại lý không được tự ghi nhận; công dân chỉ ghi nhận được cho chính mình. `id` là `subject_token` khi đổi token.

    Never by the agent itself; a citizen only for themselves. `id` is the `subject_token` of the token exchange.
    """
    if caller.own_subject not in {None, told.citizen}:
        raise AccessError("a citizen consents for themselves", code="access.denied")
    work = partial(
        front.stores.consents.record,
        caller.tenant,
        citizen=told.citizen,
        agent=told.agent,
        text_digest=told.text_digest,
        purposes=told.purposes,
        channel=told.channel,
        actor=caller.subject,
        life=timedelta(days=told.days),
    )
    return _model(await anyio.to_thread.run_sync(work))


@router.get(
    f"{CONSENTS}/{{consent_id}}",
    operation_id="get_consent",
    summary="Xem một đồng ý / Read a consent",
    responses=problems(401, 403, 404, 429, 503),
)
async def get_consent(front: Front, caller: Reader, consent_id: str) -> ConsentModel:
    """Công dân và đại lý chỉ xem được của mình.

    Citizens and agents see their own.
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
    """A consent of the caller's tenant, and its own where it is a citizen or an agent."""
    found = front.stores.consents.read(caller.tenant, consent_id)
    if found is None or caller.own_subject not in {None, found.subject}:
        raise not_visible()
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
    )
