"""Comparisons of what was submitted to a session: asked for by an officer or portal, kept with it, read by officers.

1. Room is asked for, then the session, its files and whether this very request was carried out before.
2. The files are unsealed in memory and compared; what was read is not kept.
3. One transaction writes the checks, the answer of the key, and in the evidence log that the files were looked at. A session
   that was redacted meanwhile gets nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from fastapi import APIRouter, Body, Request, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ekyc.api.access import Principal
from ekyc.api.forms import InputModel, OutputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.serving import service_of
from ekyc.api.tools.performing import performed
from ekyc.api.v1 import views
from ekyc.api.v1.artefact_routes import media_viewed
from ekyc.api.v1.cases import UnknownFileError, actor_of, jurisdiction_of, load_session
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, refusals
from ekyc.api.v1.front import allowed, client_of, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.schemas import ActorModel, CheckResource
from ekyc.api.v1.session_routes import SessionId
from ekyc.dossiers import SessionState
from ekyc.errors import InputError, LimitError
from ekyc.flows.tools import ToolFile
from ekyc.outcomes import Outcome, check_as_json
from ekyc.storage.dossiers.comparisons import MOST_COMPARISONS, SessionComparison

if TYPE_CHECKING:
    from ekyc.api.tools.ports import Tools
    from ekyc.flows.tools import ToolFinding
    from ekyc.storage import DossierUnit, Vault
    from ekyc.storage.sealed.session_artefacts import SessionArtefact

_SAMPLE: Final = {"kind": "copy", "first": ["0" * 32], "second": ["1" * 32]}
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {"summary": "Bản sao với bản chính", "value": _SAMPLE},
    "en": {"summary": "A copy against its original", "value": _SAMPLE},
}
_Artefacts = Annotated[
    list[Annotated[str, Field(pattern=ID_PATTERN)]], Field(min_length=1, max_length=20)
]
router = APIRouter(prefix="/v1/sessions", tags=["Đối chiếu / Comparisons"])


class ComparisonNew(InputModel):
    """What is to be held against what: artefacts of the session."""

    kind: Literal["copy", "face"] = Field(
        description="`copy`: bản sao với bản chính; `face`: hai khuôn mặt. / `copy`: a copy with its original; `face`: two faces."
    )
    first: _Artefacts = Field(
        description="Các trang bản chính, hoặc một ảnh chân dung. / The original's pages, or one portrait."
    )
    second: _Artefacts = Field(
        description="Các trang bản sao, hoặc các ảnh của người đó. / The copy's pages, or pictures of the person."
    )

    @model_validator(mode="after")
    def _one_portrait(self) -> Self:
        if self.kind == "face" and len(self.first) > 1:
            raise PydanticCustomError("one_portrait", "a face is compared with one portrait")
        return self


class ComparisonModel(OutputModel):
    """One comparison. What was read is not kept."""

    id: str
    kind: str
    first: list[str]
    second: list[str]
    outcome: Outcome
    checks: list[CheckResource]
    actor: ActorModel
    created_at: datetime


class ComparisonList(OutputModel):
    """All comparisons of a session, the oldest first."""

    data: list[ComparisonModel]
    next: str | None = None


@router.post(
    "/{session_id}/comparisons",
    operation_id="create_comparison",
    summary="Đối chiếu hai phần đã nộp / Compare what was submitted",
    status_code=201,
    response_model=ComparisonModel,
    responses=refusals(
        *("session.unknown", "artefact.unknown", "artefact.removed", "tool.not_offered"),
        *("image.unreadable", "image.wrong_type", "busy.queue_full", "busy.deadline"),
        "comparison.too_many",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def create_comparison(
    request: Request,
    caller: Annotated[Principal, allowed("tools:use")],
    session_id: SessionId,
    wanted: Annotated[ComparisonNew, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Giữ kết quả kiểm tra cùng phiên cho cán bộ; không giữ những gì đã đọc. Việc xem tệp được ghi vào nhật ký bằng chứng. Không
    đổi quyết định nào.

    Keeps the checks with the session for its officers, and nothing of what was read. That the files were looked at is written
    to the evidence log. It changes no decision.
    """
    front, service = front_of(request), service_of(request)
    if service.tools is None:
        raise InputError("this service has no such tools", code="tool.not_offered")
    service.tool_admission.require_room()
    with front.once.working(request, client_of(caller)) as pending:
        claim = pending.claim(await request.body())
        look = partial(_artefacts, caller=caller, session_id=session_id, wanted=wanted)
        kept, artefacts = await front.looking(
            caller.tenant, lambda unit: (claim.kept(unit), look(unit))
        )
        if kept is not None:
            return kept.response(replayed=True)
        assert front.vault is not None  # there are artefacts
        ask = partial(_compare, service.tools, front.vault, caller.tenant, wanted)
        finding = await performed(
            request, service.tool_admission, ask, within_s=service.limits.answer_s
        )

        def write(unit: DossierUnit) -> Answer:
            return _written(
                unit,
                caller,
                session_id=session_id,
                wanted=wanted,
                artefacts=artefacts,
                finding=finding,
            )

        answer, replayed = await front.writing(
            caller.tenant, lambda unit: claim.carry_out(unit, write)
        )
    return answer.response(replayed=replayed)


@router.get(
    "/{session_id}/comparisons",
    operation_id="list_comparisons",
    summary="Các lần đối chiếu / Comparisons",
    response_model=ComparisonList,
    responses=refusals("session.unknown"),
)
async def list_comparisons(
    request: Request, caller: Annotated[Principal, allowed("tools:use")], session_id: SessionId
) -> Response:
    """Mọi lần đối chiếu của phiên, cũ nhất trước.

    All comparisons of a session, the oldest first.
    """

    def look(unit: DossierUnit) -> tuple[SessionComparison, ...]:
        load_session(unit, jurisdiction_of(caller), session_id)
        return unit.comparisons.of(session_id)

    found = await front_of(request).looking(caller.tenant, look)
    return JSONResponse({"data": list(map(_as_json, found)), "next": None})


def _artefacts(
    unit: DossierUnit, *, caller: Principal, session_id: str, wanted: ComparisonNew
) -> tuple[SessionArtefact, ...]:
    """The artefacts that are asked for (1)."""
    load_session(unit, jurisdiction_of(caller), session_id)
    if len(unit.comparisons.of(session_id)) >= MOST_COMPARISONS:
        raise LimitError("this session has no more comparisons", code="comparison.too_many")
    there = {one.artefact_id: one for one in unit.artefacts.of(session_id)}
    asked = dict.fromkeys((*wanted.first, *wanted.second))
    if not there.keys() >= asked.keys():
        raise UnknownFileError("no such artefact of this session", code="artefact.unknown")
    return tuple(there[name] for name in asked)


def _compare(tools: Tools, vault: Vault, tenant: str, wanted: ComparisonNew) -> ToolFinding:
    """Step 2, on a worker thread."""

    def opened(side: str, ids: Sequence[str]) -> tuple[ToolFile, ...]:
        return tuple(
            ToolFile(name=f"{side}/{number}", content=vault.artefacts.read(tenant, artefact_id))
            for number, artefact_id in enumerate(ids)
        )

    first, second = opened("first", wanted.first), opened("second", wanted.second)
    if wanted.kind == "copy":
        return tools.compare_copy(first, second, with_page=False)
    return tools.compare_faces(first[0], second)


def _written(
    unit: DossierUnit,
    caller: Principal,
    *,
    session_id: str,
    wanted: ComparisonNew,
    artefacts: Sequence[SessionArtefact],
    finding: ToolFinding,
) -> Answer:
    """Step 3."""
    loaded = load_session(unit, jurisdiction_of(caller), session_id, lock=True)
    if loaded.view.state is SessionState.REDACTED:
        raise UnknownFileError("the session was redacted meanwhile", code="artefact.removed")
    for artefact in artefacts:
        viewed = media_viewed(
            caller,
            session_id=session_id,
            kind=artefact.kind,
            subject_id=artefact.subject_id,
            artefact_id=artefact.artefact_id,
        )
        unit.evidence.append(viewed, office=loaded.row.office)
    comparison = SessionComparison(
        id=secrets.token_hex(16),
        session_id=session_id,
        body={
            **wanted.model_dump(),
            "outcome": finding.outcome.value,
            "checks": _checks(finding),
            "actor": views.actor_as_json(actor_of(caller)),
        },
        created_at=unit.now,
    )
    unit.comparisons.add(comparison)
    return Answer(status=201, body=_as_json(comparison))


def _checks(finding: ToolFinding) -> list[dict[str, Any]]:
    models: Mapping[str, str] = dict(finding.models)
    return [
        views.check_as_resource(
            check_as_json(check), required=True, evidence_sha256=None, models=models
        )
        for check in finding.checks
    ]


def _as_json(comparison: SessionComparison) -> dict[str, Any]:
    at = views.time_as_json(comparison.created_at)
    return {"id": comparison.id, **comparison.body, "created_at": at}
