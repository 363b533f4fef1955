"""Decisions: read, and made by officers who saw the newest state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Body, Request, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse

from ekyc.api.access import AccessError, Principal, PrincipalKind
from ekyc.api.v1 import views
from ekyc.api.v1.cases import LoadedSession, actor_of, jurisdiction_of, load_session, record
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, IF_MATCH, described, refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.schemas import DecisionList, DecisionNew, SessionModel
from ekyc.api.v1.session_routes import SessionId, answer_of, current_session
from ekyc.api.v1.wire import etag_of, require_match
from ekyc.dossiers import CaptureOpened, Decided, DecisionOutcome, Submitted
from ekyc.errors import InputError
from ekyc.outcomes import reason_registry
from ekyc.policy import Verdict
from ekyc.storage import Person

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Từ chối có lý do",
        "value": {"outcome": "rejected", "reasons": ["policy.check_absent"]},
    },
    "en": {"summary": "Approve", "value": {"outcome": "approved"}},
}
router = APIRouter(prefix="/v1/sessions", tags=["Quyết định / Decisions"])


@router.get(
    "/{session_id}/decisions",
    operation_id="list_decisions",
    summary="Các quyết định / Decisions",
    response_model=DecisionList,
    responses=refusals("session.unknown"),
)
async def list_decisions(
    request: Request,
    caller: Annotated[Principal, allowed("decisions:read")],
    session_id: SessionId,
) -> Response:
    """Cũ nhất trước; không bao giờ bị sửa. `ETag` là phiên bản của phiên.

    The oldest first; never changed. `ETag` is the session's version.
    """
    view = (await current_session(request, caller, session_id)).view
    data = [views.decision_as_resource(decision) for decision in view.decisions]
    return JSONResponse({"data": data, "next": None}, headers={"ETag": etag_of(view.version)})


@router.post(
    "/{session_id}/decisions",
    operation_id="create_decision",
    summary="Cán bộ quyết định / An officer decides",
    status_code=201,
    response_model=SessionModel,
    responses=refusals(
        "session.unknown",
        "session.state",
        "session.attempts_spent",
        "decision.four_eyes",
        "decision.not_an_officer",
        "decision.own_case",
        "precondition.failed",
        "precondition.required",
        "reason.unknown",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY, IF_MATCH),
)
async def create_decision(
    request: Request,
    caller: Annotated[Principal, allowed("decisions:write")],
    session_id: SessionId,
    wanted: Annotated[DecisionNew, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Quyết định một phiên đang chờ xem xét. Chấp nhận dù có kiểm tra bắt buộc không đạt cần hai cán bộ: người thứ nhất
    đề nghị, người thứ hai duyệt; trước đó `final` là false.

    Decides a session that waits for review. To approve although a required check failed takes two officers: the first
    proposes, the second approves; `final` is false until then.
    """
    unknown = [code for code in wanted.reasons if code not in reason_registry()]
    if unknown or (wanted.outcome != "approved" and not wanted.reasons):
        raise InputError(
            "codes of /v1/reasons are needed", code="reason.unknown", subject="reasons"
        )
    event = Decided(outcome=DecisionOutcome(wanted.outcome), reasons=tuple(wanted.reasons))

    def work(unit: DossierUnit) -> Answer:
        loaded = load_session(unit, jurisdiction_of(caller), session_id, lock=True)
        require_match(request.headers.get("if-match"), loaded.view.version)
        _require_another(unit, caller, loaded)
        _require_right(caller, loaded, event)
        decided = record(unit, loaded, actor_of(caller), event)
        _let_sign(unit, decided)
        return answer_of(decided, 201)

    front = front_of(request)
    response = await front.creating(request, caller, work)
    front.notices.tell(caller.tenant, session_id)
    return response


def _let_sign(unit: DossierUnit, decided: LoadedSession) -> None:
    """From now the person may sign and enrol by what a machine had accepted, if this approved it."""
    conclusion = decided.view.conclusion
    if conclusion is None or conclusion.verdict is not Verdict.ACCEPT:
        return
    if not decided.view.is_approved:
        return
    result = unit.results.get(decided.row.id, conclusion.attempt)
    if result is None or result.holder is None or result.signing_session is None:
        return
    unit.decisions.bind(
        case_digest=conclusion.case_digest,
        report_digest=result.report_digest,
        person=Person(holder=result.holder, session=result.signing_session),
    )


def _require_another(unit: DossierUnit, caller: Principal, loaded: LoadedSession) -> None:
    """Nobody decides on themselves: an officer is a citizen too, and perhaps at the same identity provider. Nor on what they
    handed in, by themselves or by a telephone that they gave a capture token to.

    Raises:
        AccessError: ``decision.own_case``.
    """
    row = loaded.row
    handed_in = (one for one in loaded.actions if isinstance(one.event, CaptureOpened | Submitted))
    if caller.kind is PrincipalKind.PERSON and caller.subject in {
        one.actor.id for one in handed_in
    }:
        raise AccessError("whoever hands a case in does not decide it", code="decision.own_case")
    dossier = None if row.dossier_id is None else unit.dossiers.get(row.dossier_id)
    if caller.subject in {row.subject, None if dossier is None else dossier.subject}:
        raise AccessError("nobody decides on themselves", code="decision.own_case")


def _require_right(caller: Principal, loaded: LoadedSession, event: Decided) -> None:
    """Deciding against what a check found is a right of its own, and approving somebody's proposal another.

    Raises:
        AccessError: ``access.denied``.
    """
    conclusion, last = loaded.view.conclusion, loaded.view.decision
    if event.outcome is not DecisionOutcome.APPROVED or conclusion is None or not conclusion.failed:
        return
    proposed = last is not None and not last.automatic and bool(last.overrides)
    caller.require_scope("decisions:approve" if proposed else "decisions:override")
