"""Bodies of the liveness sessions."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Base64Bytes, BaseModel, Field

from ekyc.api.forms import InputModel
from ekyc.api.schemas import ID_PATTERN, CheckModel
from ekyc.flows import LiveBinding, LiveOrder, LiveUse
from ekyc.flows.live_values import BegunLiveSession, LiveAdvice, LiveResult
from ekyc.liveness.active import AttestationKind, Colour, Prompt, PromptKind, Reply, ReplyKind, Step
from ekyc.liveness.active.attestation import MAX_TOKEN_BYTES
from ekyc.outcomes import Outcome, reason_registry
from ekyc.values import Owner, Redacted

_REFERENCE: Final = r"^[!-~]{1,128}$"
_SCHEMA: Final = "ekyc.liveness-session/1"

PROMPT_TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        PromptKind.LOOK_STRAIGHT: (
            "Nhìn thẳng vào máy ảnh và giữ yên.",
            "Look straight into the camera and hold still.",
        ),
        PromptKind.COLOURS: (
            "Nhìn thẳng vào màn hình; màn hình sẽ đổi màu.",
            "Look straight at the screen; it will change its colour.",
        ),
        Step.TURN_LEFT: ("Quay đầu sang bên trái của bạn.", "Turn your head to your own left."),
        Step.TURN_RIGHT: ("Quay đầu sang bên phải của bạn.", "Turn your head to your own right."),
        Step.LOOK_UP: ("Ngẩng đầu lên.", "Look up."),
        Step.COME_CLOSER: (
            "Đưa khuôn mặt lại gần máy ảnh hơn.",
            "Bring your face closer to the camera.",
        ),
        Step.BLINK: (
            "Nhắm cả hai mắt một giây rồi mở ra.",
            "Shut both eyes for a second, then open them.",
        ),
        Step.OPEN_MOUTH: ("Há miệng rộng.", "Open your mouth wide."),
    }
)


class LivenessOrder(InputModel):
    """A session that is wanted. Made by the portal, never by the phone."""

    case: str = Field(
        pattern=_REFERENCE,
        repr=False,
        description="Mã hồ sơ của cổng dịch vụ; kết quả chỉ dùng được cho hồ sơ này. / "
        "The portal's own reference of the case; the result serves this case alone.",
    )
    subject: str = Field(
        pattern=_REFERENCE,
        repr=False,
        description="Mã của người được kiểm tra, để đếm số lần thử; chỉ lưu dạng băm có khóa. / "
        "The portal's reference of the person, whose attempts are counted; kept as a keyed hash only.",
    )
    device: str | None = Field(
        default=None,
        pattern=_REFERENCE,
        repr=False,
        description="Mã thiết bị, nếu biết; số lần thử cũng được đếm theo thiết bị. / "
        "Reference of the device, where known; its attempts are counted too.",
    )
    challenge_id: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Mã thử thách mà chip của cùng hồ sơ sẽ ký. / "
        "The challenge that the chip of the same case will answer.",
    )
    colours: bool = Field(
        default=True,
        description="Thiết bị có thể đổi màu màn hình. Tắt đi thì dễ bị lừa hơn nhiều. / "
        "Whether the client can colour its screen. Without colours, prepared clips pass.",
    )

    def order(self, owner: Owner) -> LiveOrder:
        """The order in the words of the flow."""
        binding = LiveBinding(case=self.case, subject=self.subject, challenge_id=self.challenge_id)
        return LiveOrder(binding=binding, device=self.device, colours=self.colours, owner=owner)


class LivenessSessionCreated(BaseModel):
    """An ordered session."""

    schema_: Literal["ekyc.liveness-session-new/1"] = Field(
        default="ekyc.liveness-session-new/1", alias="schema", serialization_alias="schema"
    )
    outcome: Literal["PASSED"] = "PASSED"
    reasons: tuple[()] = ()
    checks: tuple[()] = ()
    id: str
    capture_token: str = Field(
        description="Cho ứng dụng chụp (Bearer). / For the capturing client (Bearer)."
    )
    result_token: str = Field(
        description="Cho cổng dịch vụ (Bearer); không bao giờ đưa cho ứng dụng chụp. / "
        "For the portal (Bearer); never for the capturing client."
    )
    expires_at: datetime = Field(
        description="Phải bắt đầu trước thời điểm này. / Until the client must have begun."
    )


class PromptModel(BaseModel):
    """What the client shows now."""

    index: int
    kind: PromptKind
    step: Step | None
    colours: list[Colour] = Field(
        description="Lần lượt hiện kín màn hình. / Shown on the whole screen, one after the other."
    )
    colour_s: float = Field(description="Mỗi màu bao nhiêu giây. / Seconds for each colour.")
    vi: str
    en: str


class LivenessBegun(BaseModel):
    """What the client needs to answer."""

    schema_: Literal["ekyc.liveness-begun/1"] = Field(
        default="ekyc.liveness-begun/1", alias="schema", serialization_alias="schema"
    )
    key_base64: str = Field(
        description="Khóa HMAC của các gói; chỉ đưa một lần. / HMAC key of the chunks; told once."
    )
    attestation_challenge_base64: str = Field(
        description="Play Integrity hoặc App Attest phải nêu giá trị này. / "
        "What a statement of Play Integrity or App Attest must name."
    )
    prompt: PromptModel


class LivenessReply(BaseModel):
    """All that the client is told after a chunk; `done` does not mean passed."""

    schema_: Literal["ekyc.liveness-reply/1"] = Field(
        default="ekyc.liveness-reply/1", alias="schema", serialization_alias="schema"
    )
    state: ReplyKind
    prompt: PromptModel | None


class Attestation(InputModel):
    """A statement of the platform about app and device."""

    kind: AttestationKind
    token: Base64Bytes = Field(max_length=MAX_TOKEN_BYTES, repr=False)


class LivenessFinish(InputModel):
    """The client has done all that it was asked, or gives up."""

    attestation: Attestation | None = Field(
        default=None,
        description="Không có thì kết quả ghi `liveness.client_unattested`. / "
        "Without it the result says `liveness.client_unattested`.",
    )


class AdviceModel(BaseModel):
    """How to capture better."""

    code: str
    vi: str
    en: str


class LivenessEnded(BaseModel):
    """All that the client is told in the end."""

    schema_: Literal["ekyc.liveness-ended/1"] = Field(
        default="ekyc.liveness-ended/1", alias="schema", serialization_alias="schema"
    )
    passed: bool
    advice: list[AdviceModel]


class LivenessSignature(BaseModel):
    """The signed bytes and the signature over them."""

    payload_base64: str
    signature_base64: str
    key_id: str


class LivenessSessionModel(BaseModel):
    """How far a session is, and its report; ``docs/schemas/ekyc.liveness-session.1.schema.json`` says it all."""

    schema_: Literal["ekyc.liveness-session/1"] = Field(
        default=_SCHEMA, alias="schema", serialization_alias="schema"
    )
    outcome: str
    reasons: list[str]
    checks: list[CheckModel]
    id: str
    state: Literal["waiting", "running", "finished", "used"]
    expires_at: datetime
    report: dict[str, Any] | None = Field(
        description="`ekyc.active-liveness/1`; không đưa cho người được kiểm tra. / "
        "`ekyc.active-liveness/1`; not for the person before the camera."
    )
    signature: LivenessSignature | None


class LivenessUse(InputModel):
    """The part `liveness` of a verification: which session serves the case, and what it was ordered for."""

    session_id: str = Field(pattern=ID_PATTERN)
    result_token: str = Field(max_length=128, repr=False)
    case: str = Field(pattern=_REFERENCE, repr=False)
    subject: str = Field(pattern=_REFERENCE, repr=False)

    def use(self) -> LiveUse:
        """The same in the words of the flow."""
        return LiveUse(
            session_id=self.session_id,
            result_token=Redacted(self.result_token),
            case=self.case,
            subject=self.subject,
        )


def begun_model(begun: BegunLiveSession) -> LivenessBegun:
    """The answer to a client that begins."""
    return LivenessBegun(
        key_base64=_base64(begun.key.reveal()),
        attestation_challenge_base64=_base64(begun.attestation_challenge),
        prompt=_prompt(begun.prompt),
    )


def reply_model(reply: Reply) -> LivenessReply:
    """The answer to a chunk."""
    return LivenessReply(
        state=reply.kind, prompt=None if reply.prompt is None else _prompt(reply.prompt)
    )


def ended_model(told: LiveAdvice) -> LivenessEnded:
    """The answer to a client that has finished."""
    reasons = [reason_registry()[code] for code in told.advice]
    advice = [AdviceModel(code=reason.code, vi=reason.vi, en=reason.en) for reason in reasons]
    return LivenessEnded(passed=told.passed, advice=advice)


def result_as_json(result: LiveResult) -> dict[str, Any]:
    """The answer to whoever ordered a session."""
    signed = result.signed
    report = {} if signed is None else signed.report
    return {
        "schema": _SCHEMA,
        "outcome": report.get("outcome", Outcome.NOT_PERFORMED.value),
        "reasons": report.get("reasons", []),
        "checks": report.get("checks", []),
        "id": result.id,
        "state": result.state,
        "expires_at": result.expires_at.isoformat(),
        "report": None if signed is None else report,
        "signature": None
        if signed is None
        else {
            "payload_base64": _base64(signed.payload),
            "signature_base64": _base64(signed.signature),
            "key_id": signed.key_id,
        },
    }


def _prompt(prompt: Prompt) -> PromptModel:
    vi, en = PROMPT_TEXTS[prompt.step or prompt.kind]
    return PromptModel(
        index=prompt.index,
        kind=prompt.kind,
        step=prompt.step,
        colours=list(prompt.colours),
        colour_s=prompt.colour_s,
        vi=vi,
        en=en,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
