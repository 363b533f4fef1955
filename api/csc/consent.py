"""For pages of the portal: what to ask a person, and the person's word. Not part of the standard."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ekyc.api.csc.answers import CscRoute, Front, errors, require_portal, run
from ekyc.api.csc.authenticators import AuthenticationResponse, request_options
from ekyc.api.csc.front import CONSENT, CscFront
from ekyc.signing.activation.remote import Answer, Caller, OneTimeCode
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.csc import Question, text

_TOKEN = r"^[A-Za-z0-9_-]{43}$"  # noqa: S105  # a form, no token
_DIGEST = r"^[0-9a-f]{64}$"
router = APIRouter(
    prefix=CONSENT,
    route_class=CscRoute,
    tags=["CSC consent"],
    dependencies=[Depends(require_portal)],
)


class _Person(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ticket: str | None = Field(
        default=None,
        pattern=_TOKEN,
        repr=False,
        description="Tham số `ticket` của trang. / From the page's address.",
    )
    handle: str | None = Field(
        default=None,
        pattern=_TOKEN,
        repr=False,
        description="Của credentials/authorize. / From credentials/authorize.",
    )
    holder: str = Field(
        pattern=_DIGEST,
        repr=False,
        description="Bí danh SHA-256 của người vừa được xác minh. / Pseudonym of the person just verified.",
    )
    session: str = Field(
        pattern=_DIGEST,
        repr=False,
        description="SHA-256 của phiên đã xác minh. / The session in which that was.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> _Person:
        if (self.ticket is None) is (self.handle is None):
            raise ValueError("ticket or handle")
        return self

    @property
    def caller(self) -> Caller:
        return Caller(holder=self.holder, session=self.session)


class QuestionInput(_Person):
    """Who is to be asked, and how."""

    method: ActivationMethod = ActivationMethod.VERIFICATION


class AnswerInput(_Person):
    """What the person said."""

    approve: bool
    otp: str | None = Field(default=None, max_length=16, repr=False)
    webauthn: AuthenticationResponse | None = Field(default=None, repr=False)

    @property
    def answer(self) -> Answer:
        if self.webauthn is not None:
            return self.webauthn.answer()
        return None if self.otp is None else OneTimeCode(code=self.otp)


@router.post(
    "/question",
    operation_id="csc_consent_question",
    summary="Điều cần hỏi người ký / What to ask",
    responses=errors(400, 401, 503),
)
async def question(front: Front, asked: Annotated[QuestionInput, Body()]) -> dict[str, Any]:
    """Ứng dụng nào, chứng thư nào, những tài liệu nào; với khóa bảo mật thì kèm tham số cho trình duyệt. Chỉ cổng dịch vụ
    gọi được, bằng khóa bí mật của mình (Bearer).

    Which client, which credential, which documents; for an authenticator, with the options for the browser. For the
    portal alone, with its secret (Bearer).
    """
    return await run(front, lambda: _said(_asked(front, asked)))


@router.post(
    "/answer",
    operation_id="csc_consent_answer",
    summary="Trả lời của người ký / The person's word",
    responses=errors(400, 401, 503),
)
async def answer(front: Front, told: Annotated[AnswerInput, Body()]) -> dict[str, Any]:
    """Với `ticket`: trả về `redirect_to` để đưa trình duyệt về ứng dụng. Sai mã thì hỏi lại được.

    With `ticket`: `redirect_to`, where the browser goes. After a wrong code the person may try again.
    """
    return await run(front, lambda: _taken(front, told))


def _asked(front: CscFront, asked: QuestionInput) -> Question:
    if asked.ticket is not None:
        return front.consent.ask(asked.ticket, asked.caller, asked.method)
    return front.consent.ask_by_handle(asked.handle or "", asked.caller, asked.method)


def _said(found: Question) -> dict[str, Any]:
    proposal = found.proposal
    if proposal is None:
        return {"client_name": found.client_name, "scope": "service"}
    return {
        "client_name": found.client_name,
        "scope": "credential",
        "documents": [
            {
                "title": document.title,
                "shown_sha256": document.shown_digest,
                "hash": text(document.to_be_signed),
            }
            for document in proposal.documents
        ],
        "method": proposal.method.value,
        "expires_at": proposal.expires_at.isoformat(),
        **(
            {"webauthn": request_options(proposal)}
            if proposal.method is ActivationMethod.WEBAUTHN
            else {}
        ),
    }


def _taken(front: CscFront, told: AnswerInput) -> dict[str, Any]:
    consent = front.consent
    if told.ticket is not None:
        if not told.approve:
            return {"redirect_to": consent.deny(told.ticket)}
        return {"redirect_to": consent.approve(told.ticket, told.caller, told.answer)}
    handle = told.handle or ""
    if told.approve:
        consent.approve_by_handle(handle, told.caller, told.answer)
    else:
        consent.deny_by_handle(handle, told.caller)
    return {}
