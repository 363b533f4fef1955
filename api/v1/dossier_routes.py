"""Procedures and dossiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse

from ekyc.api.access import AccessError, Principal
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1 import views
from ekyc.api.v1.cases import (
    LoadedDossier,
    actor_of,
    create_dossier,
    jurisdiction_of,
    load_dossier,
    loaded_dossier,
    new_office,
    record_in_dossier,
    sessions_of,
)
from ekyc.api.v1.documents import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    OFFICE_REFUSALS,
    described,
    links_to,
    refusals,
)
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.pages import DossierListing, page_response
from ekyc.api.v1.procedures import procedure_as_json, procedure_version, require_procedure
from ekyc.api.v1.schemas import (
    NAME,
    DossierEdit,
    DossierList,
    DossierModel,
    DossierNew,
    ProcedureList,
    ProcedureModel,
    Timeline,
)
from ekyc.api.v1.wire import etag_of, require_match
from ekyc.dossiers import Closed, DossierState, Edited, Opened, Reopened, dossier_flags
from ekyc.dossiers.clocks import Moment
from ekyc.policy import profile_ids
from ekyc.storage import DossierRow

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit

DossierId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("dossiers:read")]
_Writer = Annotated[Principal, allowed("dossiers:write")]
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Hồ sơ đăng ký khai sinh",
        "value": {"procedure": "birth-registration", "reference": "HS-2026-000123"},
    },
    "en": {
        "summary": "A dossier of an office",
        "value": {"procedure": "identity-present", "office": "hn-01"},
    },
}
router = APIRouter(prefix="/v1", tags=["Hồ sơ / Dossiers"])


@router.get(
    "/procedures",
    operation_id="list_procedures",
    summary="Danh mục thủ tục / List procedures",
    response_model=ProcedureList,
    responses=refusals(),
    dependencies=[allowed("procedures:read")],
)
async def list_procedures() -> Response:
    """Mỗi thủ tục cùng các kiểm tra bắt buộc; `version` đổi khi nội dung đổi.

    Every procedure with the checks that it requires; `version` changes with its content.
    """
    return JSONResponse({"data": [procedure_as_json(name) for name in profile_ids()], "next": None})


@router.get(
    "/procedures/{procedure}",
    operation_id="get_procedure",
    summary="Một thủ tục / One procedure",
    response_model=ProcedureModel,
    responses=refusals("procedure.unknown"),
    dependencies=[allowed("procedures:read")],
)
async def get_procedure(procedure: Annotated[str, Path(pattern=NAME)]) -> Response:
    """Một thủ tục ở phiên bản hiện hành.

    One procedure as it stands.
    """
    body = procedure_as_json(procedure)
    return JSONResponse(body, headers={"ETag": f'"{body["version"]}"'})


@router.post(
    "/dossiers",
    operation_id="create_dossier",
    summary="Lập hồ sơ / Open a dossier",
    status_code=201,
    response_model=DossierModel,
    responses=refusals(*OFFICE_REFUSALS, once=True),
    openapi_extra=described(
        IDEMPOTENCY_KEY, links=links_to("dossier_id", "get_dossier", "get_timeline")
    ),
)
async def create_dossier_(
    request: Request,
    caller: _Writer,
    wanted: Annotated[DossierNew, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Mở một hồ sơ cho một thủ tục. Không ghi tên hay số định danh của người dân.

    Opens a dossier for a procedure. Names and numbers of people do not belong into it.
    """

    def work(unit: DossierUnit) -> Answer:
        profile = require_procedure(wanted.procedure)
        caller.require_procedure(profile.id)
        office = new_office(unit, caller, wanted.office)
        row = DossierRow(
            id=front.desk.new_id(),
            procedure=profile.id,
            state=DossierState.OPEN.value,
            office=office,
            subject=caller.own_subject,
            created_at=unit.now,
        )
        event = Opened(
            procedure=profile.id,
            procedure_version=procedure_version(profile.id),
            reference=wanted.reference,
            office=office,
        )
        return _answer(unit, create_dossier(unit, row, actor_of(caller), event), 201)

    front = front_of(request)
    return await front.creating(request, caller, work)


@router.get(
    "/dossiers",
    operation_id="list_dossiers",
    summary="Danh sách hồ sơ / List dossiers",
    response_model=DossierList,
    responses=refusals("cursor.invalid"),
)
async def list_dossiers(
    request: Request,
    caller: _Reader,
    listing: Annotated[DossierListing, Query()],
) -> Response:
    """Mới nhất trước, theo phạm vi của người gọi. `alert` chọn hồ sơ chậm hoặc sắp chậm.

    The newest first, within what the caller may see. `alert` selects what is late or will be.
    """
    book = front_of(request).clocks

    def look(unit: DossierUnit, page: Any) -> list[tuple[Any, dict[str, Any] | None]]:
        rows = unit.dossiers.page(page)
        wanted = {row.id for row in rows}
        if listing.alert is not None:
            timed = book.timed(unit, rows, Moment(unit.now, book.calendar))
            wanted = {one.row.id for one in timed if one.has(listing.alert)}
        logs = unit.logs.of_many(tuple(wanted))
        return [
            (row, _body(unit, loaded_dossier(row, logs[row.id])) if row.id in wanted else None)
            for row in rows
        ]

    return await page_response(request, caller, listing, look)


@router.get(
    "/dossiers/{dossier_id}",
    operation_id="get_dossier",
    summary="Một hồ sơ / One dossier",
    response_model=DossierModel,
    responses=refusals("dossier.unknown"),
)
async def get_dossier(request: Request, caller: _Reader, dossier_id: DossierId) -> Response:
    """Hồ sơ và các cờ tính từ phiên xác minh. `ETag` là phiên bản.

    The dossier and the flags that its sessions give it. `ETag` is its version.
    """

    def look(unit: DossierUnit) -> Answer:
        return _answer(unit, load_dossier(unit, jurisdiction_of(caller), dossier_id))

    return (await front_of(request).looking(caller.tenant, look)).response()


@router.patch(
    "/dossiers/{dossier_id}",
    operation_id="edit_dossier",
    summary="Sửa hồ sơ / Edit a dossier",
    response_model=DossierModel,
    responses=refusals(
        "dossier.unknown",
        "dossier.state",
        *OFFICE_REFUSALS,
        "precondition.failed",
        "precondition.required",
        "request.too_large",
        "http.bad_request",
    ),
    openapi_extra=described(IF_MATCH),
)
async def edit_dossier(
    request: Request, caller: _Writer, dossier_id: DossierId, wanted: Annotated[DossierEdit, Body()]
) -> Response:
    """Sửa mã của cổng, cơ quan; đóng hoặc mở lại. Cần `If-Match`. Chuyển cơ quan và mở lại cần quyền `dossiers:transfer`;
    các phiên của hồ sơ đi theo.

    Changes reference and office; closes or reopens. Needs `If-Match`. Another office and reopening take
    `dossiers:transfer`; the dossier's sessions follow it.
    """

    def work(unit: DossierUnit) -> Answer:
        loaded = load_dossier(unit, jurisdiction_of(caller), dossier_id, lock=True)
        require_match(request.headers.get("if-match"), loaded.view.version)
        return _answer(unit, _edited(unit, caller, loaded, wanted))

    return (await front_of(request).writing(caller.tenant, work)).response()


@router.get(
    "/dossiers/{dossier_id}/timeline",
    operation_id="get_timeline",
    summary="Diễn biến / What happened",
    response_model=Timeline,
    responses=refusals("dossier.unknown"),
)
async def get_timeline(request: Request, caller: _Reader, dossier_id: DossierId) -> Response:
    """Mọi việc đã xảy ra với hồ sơ và các phiên của nó, do ai, ở cơ quan nào.

    All that happened to the dossier and its sessions, by whom, at which office.
    """

    def look(unit: DossierUnit) -> list[dict[str, Any]]:
        loaded = load_dossier(unit, jurisdiction_of(caller), dossier_id)
        files = (dossier_id, *loaded.view.sessions)
        logs = unit.logs.of_many(files)
        entries = [entry for name in files for entry in views.log_as_json(name, logs[name])]
        return sorted(entries, key=lambda entry: entry["at"])  # stable: within one moment as logged

    entries = await front_of(request).looking(caller.tenant, look)
    return JSONResponse({"data": entries, "next": None})


def _edited(
    unit: DossierUnit, caller: Principal, loaded: LoadedDossier, wanted: DossierEdit
) -> LoadedDossier:
    actor, given, view = actor_of(caller), wanted.model_fields_set, loaded.view
    reopens = wanted.state is DossierState.OPEN and view.state is DossierState.CLOSED
    moves = "office" in given and wanted.office != view.office
    if moves or reopens:
        caller.require_scope("dossiers:transfer")
    if reopens:
        loaded = record_in_dossier(unit, loaded, actor, Reopened())
    if given & {"reference", "office"}:
        office = _next_office(unit, caller, wanted.office) if moves else view.office
        reference = wanted.reference if "reference" in given else view.reference
        edit = Edited(reference=reference, office=office)
        loaded = record_in_dossier(unit, loaded, actor, edit)
        if moves:
            unit.move_sessions(loaded.row.id, before=view.office, after=office)
    if wanted.state is DossierState.CLOSED and loaded.view.state is DossierState.OPEN:
        loaded = record_in_dossier(unit, loaded, actor, Closed())
    return loaded


def _next_office(unit: DossierUnit, caller: Principal, wanted: str | None) -> str | None:
    """Where a dossier goes: to an office of the caller's; to none only by whoever sees the whole tenant.

    Raises:
        AccessError: ``access.not_found``, ``access.denied``.
        RegisterError: ``office.unknown``, ``office.ended``.
    """
    if wanted is not None:
        return new_office(unit, caller, wanted)
    if caller.offices is not None:
        raise AccessError("a dossier stays with an office of the caller's", code="access.denied")
    return None


def _answer(unit: DossierUnit, loaded: LoadedDossier, status: int = 200) -> Answer:
    headers = {"ETag": etag_of(loaded.view.version)}
    if status == 201:
        headers["Location"] = f"/v1/dossiers/{loaded.row.id}"
    return Answer(status=status, body=_body(unit, loaded), headers=headers)


def _body(unit: DossierUnit, loaded: LoadedDossier) -> dict[str, Any]:
    flags = dossier_flags(sessions_of(unit, loaded.view))
    return views.dossier_as_json(loaded.row.id, loaded.view, flags)
