"""Verification sessions: made, looked at, linked, called off, redacted; their checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse

from ekyc.api.access import AccessError, Principal
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1 import views
from ekyc.api.v1.cases import (
    LoadedSession,
    actor_of,
    create_session,
    jurisdiction_of,
    load_dossier,
    load_session,
    loaded_session,
    new_office,
    officer_decides,
    record,
    record_in_dossier,
    view_as_of,
)
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, OFFICE_REFUSALS, described, links_to, refusals
from ekyc.api.v1.front import allowed, client_of, front_of
from ekyc.api.v1.keeping import erase as erase_artefacts
from ekyc.api.v1.links import owner_of_target, require_linkable
from ekyc.api.v1.once import Answer
from ekyc.api.v1.pages import SessionListing, page_response
from ekyc.api.v1.procedures import procedure_version, require_procedure
from ekyc.api.v1.schemas import CheckList, LinkNew, SessionList, SessionModel, SessionNew
from ekyc.api.v1.wire import etag_of
from ekyc.dossiers import (
    Canceled,
    Created,
    Event,
    Linked,
    Redacted,
    SessionAdded,
    SessionState,
    SessionView,
    due_event,
)
from ekyc.errors import InputError
from ekyc.storage import PageOf, SessionRow
from ekyc.storage.sealed.errors import ProtectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ekyc.storage import DossierUnit

SessionId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("sessions:read")]
_Writer = Annotated[Principal, allowed("sessions:write")]
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {"summary": "Phiên của một thủ tục", "value": {"procedure": "identity"}},
    "en": {
        "summary": "A session in which nothing is decided by machine",
        "value": {"procedure": "identity", "attempts": 2, "review_only": True},
    },
}
router = APIRouter(prefix="/v1/sessions", tags=["Phiên xác minh / Verification sessions"])


@router.post(
    "",
    operation_id="create_session",
    summary="Mở phiên xác minh / Make a session",
    status_code=201,
    response_model=SessionModel,
    responses=refusals(
        "dossier.unknown", "dossier.state", "procedure.unknown", *OFFICE_REFUSALS, once=True
    ),
    openapi_extra=described(
        IDEMPOTENCY_KEY,
        links=links_to(
            "session_id", "get_session", "list_checks", "list_decisions", "cancel_session"
        ),
    ),
)
async def create_session_(
    request: Request,
    caller: _Writer,
    wanted: Annotated[SessionNew, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Một phiên cho một người và một thủ tục, riêng lẻ hoặc trong hồ sơ.

    A session for one person and one procedure, by itself or in a dossier.
    """
    front = front_of(request)

    def work(unit: DossierUnit) -> Answer:
        procedure, office = _place(unit, caller, wanted)
        dossier = None
        if wanted.dossier_id is not None:
            dossier = load_dossier(unit, jurisdiction_of(caller), wanted.dossier_id, lock=True)
        row = SessionRow(
            id=front.desk.new_id(),
            dossier_id=wanted.dossier_id,
            procedure=procedure,
            state=SessionState.CREATED.value,
            office=office,
            subject=caller.own_subject,
            created_at=unit.now,
        )
        event = Created(
            procedure=procedure,
            procedure_version=procedure_version(procedure),
            attempts_allowed=wanted.attempts,
            expires_at=unit.now + timedelta(seconds=wanted.lasts_s),
            dossier_id=wanted.dossier_id,
            review_only=wanted.review_only or officer_decides(unit, row),
        )
        if dossier is not None:
            record_in_dossier(unit, dossier, actor_of(caller), SessionAdded(session_id=row.id))
        return answer_of(create_session(unit, row, actor_of(caller), event), 201)

    return await front.creating(request, caller, work)


@router.get(
    "",
    operation_id="list_sessions",
    summary="Danh sách phiên / List sessions",
    response_model=SessionList,
    responses=refusals("cursor.invalid"),
)
async def list_sessions(
    request: Request,
    caller: _Reader,
    listing: Annotated[SessionListing, Query()],
) -> Response:
    """Mới nhất trước; `state=needs_review` là hàng chờ của cán bộ. Trang có thể ngắn hơn `limit`; còn `next` là còn nữa.

    The newest first; `state=needs_review` is the officers' queue. A page may be shorter than `limit`; there is more as
    long as there is a `next`.
    """

    def look(unit: DossierUnit, page: PageOf) -> list[tuple[SessionRow, dict[str, Any] | None]]:
        rows = unit.sessions.page(replace(page, moved_by=unit.now))
        logs = unit.logs.of_many(tuple(row.id for row in rows))
        found: list[tuple[SessionRow, dict[str, Any] | None]] = []
        for row in rows:
            view = view_as_of(loaded_session(row, logs[row.id]).view, unit.now)
            meant = listing.state in {None, view.state}
            found.append((row, _body(row, view) if meant else None))
        return found

    return await page_response(request, caller, listing, look)


@router.get(
    "/{session_id}",
    operation_id="get_session",
    summary="Một phiên / One session",
    response_model=SessionModel,
    responses=refusals("session.unknown"),
)
async def get_session(request: Request, caller: _Reader, session_id: SessionId) -> Response:
    """Trạng thái, lần nộp gần nhất và quyết định. Chỉ hành động theo quyết định có `final` là true.

    State, last attempt, and decision. Act on a decision only if `final` is true.
    """
    return answer_of(await current_session(request, caller, session_id)).response()


@router.get(
    "/{session_id}/checks",
    operation_id="list_checks",
    summary="Kết quả kiểm tra / Checks",
    response_model=CheckList,
    responses=refusals("session.unknown"),
)
async def list_checks(
    request: Request, caller: Annotated[Principal, allowed("checks:read")], session_id: SessionId
) -> Response:
    """Các kiểm tra của lần nộp gần nhất đã có kết luận.

    The checks of the last attempt that was concluded.
    """

    def look(unit: DossierUnit) -> dict[str, Any]:
        conclusion = load_session(unit, jurisdiction_of(caller), session_id).view.conclusion
        attempt = conclusion.attempt if conclusion is not None else None
        checks = None if attempt is None else unit.findings.get(session_id, attempt)
        return {"attempt": attempt, "data": checks or [], "next": None}

    return JSONResponse(await front_of(request).looking(caller.tenant, look))


@router.post(
    "/{session_id}/links",
    operation_id="link_session",
    summary="Gắn phiên chip hoặc người thật / Link a chip or liveness session",
    response_model=SessionModel,
    responses=refusals(
        "session.unknown",
        "session.state",
        "session.links_spent",
        "session.link_unknown",
        once=True,
    ),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def link_session(
    request: Request, caller: _Writer, session_id: SessionId, wanted: Annotated[LinkNew, Body()]
) -> Response:
    """Ghi lại rằng phiên đọc chip hoặc phiên người thật thuộc phiên này. Không thay cho bằng chứng trong hồ sơ nộp. Phiên
    được gắn phải do chính đơn vị, cơ quan, công dân của phiên này yêu cầu và chưa hết hạn.

    Records that a chip session or liveness session belongs to this one. It does not stand in for evidence in the case.
    It must have been ordered by this session's tenant, office and citizen, and be there still.
    """
    target = await owner_of_target(request, wanted.kind, wanted.id)
    event = Linked(kind=wanted.kind, target=wanted.id)
    require = partial(require_linkable, caller, target)
    return await _moved(request, caller, session_id, event, require=require)


@router.post(
    "/{session_id}/cancel",
    operation_id="cancel_session",
    summary="Hủy phiên / Cancel",
    response_model=SessionModel,
    responses=refusals("session.unknown", "session.state", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def cancel_session(request: Request, caller: _Writer, session_id: SessionId) -> Response:
    """Không nhận hồ sơ nữa; mã chụp mất hiệu lực. Không hủy được khi đang xử lý hoặc đã quyết định.

    Takes no case any more; capture tokens end. Not while one is being verified, nor after a decision.
    """
    return await _moved(
        request, caller, session_id, Canceled(), lambda unit: unit.tokens.end(session_id)
    )


@router.post(
    "/{session_id}/redact",
    operation_id="redact_session",
    summary="Xóa dữ liệu của phiên / Redact",
    response_model=SessionModel,
    responses=refusals("session.unknown", "session.state", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def redact_session(request: Request, caller: _Writer, session_id: SessionId) -> Response:
    """Xóa tệp đã nộp và kết quả từng kiểm tra, không khôi phục được; quyết định và nhật ký vẫn còn.

    Erases what was submitted and what each check found, for good; decisions and log remain.
    """
    if caller.own_subject is not None:  # nobody destroys the evidence about themselves
        raise AccessError("a citizen asks the office for that", code="access.denied")
    front, vault = front_of(request), front_of(request).vault

    async def erase_files() -> None:
        if vault is not None:
            await anyio.to_thread.run_sync(
                erase_artefacts, front.desk, vault, caller.tenant, session_id
            )

    if (await current_session(request, caller, session_id)).view.is_over:
        with front.once.working(request, client_of(caller)):  # a refused request destroys nothing
            await erase_files()

    def erase(unit: DossierUnit) -> None:
        unit.findings.forget(session_id)
        unit.signatures.forget(session_id)
        unit.tokens.end(session_id)

    response = await _moved(request, caller, session_id, Redacted(), erase)
    await erase_files()  # what an attempt that was given up kept in between
    return response


async def current_session(request: Request, caller: Principal, session_id: str) -> LoadedSession:
    """A session as it stands now; what time has brought about is written down first.

    Raises:
        UnknownFileError: ``session.unknown``.
    """
    front, within = front_of(request), jurisdiction_of(caller)
    loaded = await front.looking(caller.tenant, lambda unit: load_session(unit, within, session_id))
    if due_event(loaded.view, front.desk.clock.now()) is None:
        return loaded
    try:
        return await front.writing(
            caller.tenant, lambda unit: load_session(unit, within, session_id, lock=True)
        )
    except ProtectedError:  # it stands still, and its clocks with it
        return loaded


def answer_of(loaded: LoadedSession, status: int = 200) -> Answer:
    """A session, as it is answered."""
    name, row = loaded.row.id, loaded.row
    headers = {"ETag": etag_of(loaded.view.version)}
    if status in {201, 202}:
        headers["Location"] = f"/v1/sessions/{name}"
    return Answer(status=status, body=_body(row, loaded.view), headers=headers)


def _body(row: SessionRow, view: SessionView) -> dict[str, Any]:
    return views.session_as_json(row.id, view, office=row.office)


async def _moved(
    request: Request,
    caller: Principal,
    session_id: str,
    event: Event,
    also: Callable[[DossierUnit], None] = lambda _: None,
    *,
    require: Callable[[LoadedSession], None] = lambda _: None,
) -> Response:
    """Append one event, once, if what is required of the session holds."""
    front = front_of(request)

    def work(unit: DossierUnit) -> Answer:
        loaded = load_session(unit, jurisdiction_of(caller), session_id, lock=True)
        require(loaded)
        after = record(unit, loaded, actor_of(caller), event)
        also(unit)
        return answer_of(after)

    response = await front.creating(request, caller, work)
    front.notices.tell(caller.tenant, session_id)
    return response


def _place(unit: DossierUnit, caller: Principal, wanted: SessionNew) -> tuple[str, str | None]:
    """Procedure and office of a new session: the dossier's, where it is in one."""
    if wanted.dossier_id is None:
        if wanted.procedure is None:
            raise InputError(
                "procedure or dossier_id is needed", code="request.invalid", subject="procedure"
            )
        procedure = require_procedure(wanted.procedure).id
        caller.require_procedure(procedure)
        return procedure, new_office(unit, caller, wanted.office)
    dossier = load_dossier(unit, jurisdiction_of(caller), wanted.dossier_id).view
    procedure = dossier.opened.procedure
    if wanted.procedure not in {None, procedure}:
        raise InputError(
            "the dossier is for another procedure",
            code="session.other_procedure",
            subject="procedure",
        )
    if wanted.office is None:
        return procedure, dossier.office
    return procedure, new_office(unit, caller, wanted.office)
