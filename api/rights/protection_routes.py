"""Operations on what keeps data as they are: restrictions of processing, and legal holds. docs/api.md.

1. A restriction follows from a granted request; a supervisor lifts it, with a reason.
2. A legal hold is proposed by one supervisor and confirmed by another, and so is its end.
3. Nobody does so about themselves, and each step is in the evidence log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Body, Path, Query, Request, Response

from ekyc.api.access import AccessError, Principal
from ekyc.api.rights import examples
from ekyc.api.rights.protection_schemas import (
    HoldNew,
    LiftNew,
    ProtectionList,
    ProtectionListing,
    ProtectionModel,
)
from ekyc.api.rights.work import require_reasons, rights_of
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1 import views
from ekyc.api.v1.cases import actor_of, jurisdiction_of, load_dossier, load_session, new_office
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
from ekyc.api.v1.pages import page_response
from ekyc.api.v1.wire import etag_of, require_match
from ekyc.dossiers.protections import (
    LIFTS,
    HoldProposed,
    LiftAsked,
    ProtectionConfirmed,
    ProtectionDeclined,
    ProtectionEvent,
)
from ekyc.flows.protect_person import LoadedProtection, PersonProtector, Protected, load_protection
from ekyc.storage import Jurisdiction
from ekyc.storage.sealed.protections import Name, NameKind

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, PageOf
    from ekyc.storage.dossiers.rows import Owned

ProtectionId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("protections:read")]
_Writer = Annotated[Principal, allowed("protections:write")]
_UNKNOWN: Final = ("protection.unknown", "rights.not_offered")
_MOVING: Final = (
    *_UNKNOWN,
    "protection.state",
    "decision.not_an_officer",
    "decision.own_case",
    "precondition.failed",
    "precondition.required",
)
router = APIRouter(
    prefix="/v1/protections",
    tags=["Hạn chế xử lý và lệnh giữ dữ liệu / Restrictions and legal holds"],
)


@router.post(
    "",
    operation_id="create_legal_hold",
    summary="Đề nghị giữ dữ liệu / Propose a legal hold",
    status_code=201,
    response_model=ProtectionModel,
    responses=refusals(
        "rights.not_offered",
        "session.unknown",
        "dossier.unknown",
        "decision.not_an_officer",
        "decision.own_case",
        "protection.of_nobody",
        *OFFICE_REFUSALS,
        once=True,
    ),
    openapi_extra=described(
        IDEMPOTENCY_KEY,
        links=links_to(
            "protection_id", "get_protection", "confirm_protection", "decline_protection"
        ),
    ),
)
async def create_legal_hold(
    request: Request,
    caller: _Writer,
    wanted: Annotated[HoldNew, Body(openapi_examples=examples.HELD)],
) -> Response:
    """Theo lệnh của cơ quan có thẩm quyền: không xóa, không hủy theo thời hạn. Có hiệu lực khi một người khác xác nhận.

    By an authority's order: no erasure, no retention. In force once somebody else confirms it.
    """
    if caller.subject == wanted.citizen:
        raise AccessError("nobody decides on themselves", code="decision.own_case")
    rights, protector = rights_of(request), _protector(request)
    whom = Protected(
        number=wanted.number,
        logins=(wanted.citizen,) if wanted.citizen else (),
        sessions=tuple(wanted.sessions),
        dossiers=tuple(wanted.dossiers),
    )
    names = await anyio.to_thread.run_sync(protector.names_of, caller.tenant, whom)

    def work(unit: DossierUnit) -> Answer:
        within = jurisdiction_of(caller)
        for session_id in wanted.sessions:
            load_session(unit, within, session_id)
        for dossier_id in wanted.dossiers:
            load_dossier(unit, within, dossier_id)
        made = protector.place(
            unit,
            names,
            actor=actor_of(caller),
            office=new_office(unit, caller, wanted.office),
            event=HoldProposed(order=wanted.order),
        )
        return _answer(unit, caller, made, 201)

    return await rights.front.creating(request, caller, work)


@router.get(
    "",
    operation_id="list_protections",
    summary="Danh sách lệnh / List restrictions and holds",
    response_model=ProtectionList,
    responses=refusals("cursor.invalid"),
)
async def list_protections(
    request: Request, caller: _Reader, listing: Annotated[ProtectionListing, Query()]
) -> Response:
    """Mới nhất trước, theo phạm vi của người gọi.

    The newest first, within what the caller may see.
    """

    def look(unit: DossierUnit, page: PageOf) -> list[tuple[Any, dict[str, Any] | None]]:
        rows = unit.protections.page(page)
        loaded = (load_protection(unit, row.id, within=page.within) for row in rows)
        return [(one.row, _as_json(unit, one, page.within)) for one in loaded]

    return await page_response(request, caller, listing, look)


@router.get(
    "/{protection_id}",
    operation_id="get_protection",
    summary="Một lệnh / One restriction or hold",
    response_model=ProtectionModel,
    responses=refusals(*_UNKNOWN),
)
async def get_protection(
    request: Request, caller: _Reader, protection_id: ProtectionId
) -> Response:
    """Tình trạng, ai đã làm gì, và những phiên, hồ sơ đang được giữ mà người gọi được xem. `ETag` là phiên bản.

    State, who did what, and which sessions and dossiers are kept, of those that the caller may see. `ETag` is its version.
    """

    def look(unit: DossierUnit) -> Answer:
        within = jurisdiction_of(caller)
        return _answer(unit, caller, load_protection(unit, protection_id, within=within))

    return (await front_of(request).looking(caller.tenant, look)).response()


@router.post(
    "/{protection_id}/confirm",
    operation_id="confirm_protection",
    summary="Xác nhận đề nghị / Confirm what was proposed",
    response_model=ProtectionModel,
    responses=refusals(*_MOVING, "decision.four_eyes", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY, IF_MATCH),
)
async def confirm_protection(
    request: Request, caller: _Writer, protection_id: ProtectionId
) -> Response:
    """Người khác với người đề nghị: lệnh giữ có hiệu lực, hoặc được gỡ bỏ.

    Somebody else than who proposed: the hold is in force, or lifted.
    """
    return await _moving(request, caller, protection_id, ProtectionConfirmed)


@router.post(
    "/{protection_id}/decline",
    operation_id="decline_protection",
    summary="Không xác nhận / Decline what was proposed",
    response_model=ProtectionModel,
    responses=refusals(*_MOVING, once=True),
    openapi_extra=described(IDEMPOTENCY_KEY, IF_MATCH),
)
async def decline_protection(
    request: Request, caller: _Writer, protection_id: ProtectionId
) -> Response:
    """Lệnh giữ không có hiệu lực, hoặc vẫn còn hiệu lực khi điều được đề nghị là gỡ bỏ.

    The hold does not come into force; or stays, where its end was proposed.
    """
    return await _moving(request, caller, protection_id, ProtectionDeclined)


@router.post(
    "/{protection_id}/lift",
    operation_id="lift_protection",
    summary="Gỡ bỏ / Lift",
    response_model=ProtectionModel,
    responses=refusals(*_MOVING, "reason.unknown", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY, IF_MATCH),
)
async def lift_protection(
    request: Request,
    caller: _Writer,
    protection_id: ProtectionId,
    wanted: Annotated[LiftNew, Body(openapi_examples=examples.LIFTED)],
) -> Response:
    """Hạn chế xử lý được gỡ bỏ ngay; lệnh giữ dữ liệu cần người thứ hai xác nhận. Kèm lý do.

    A restriction ends at once; a legal hold when somebody else confirms. With a reason.
    """
    require_reasons(wanted.reasons, LIFTS)
    return await _moving(
        request, caller, protection_id, lambda: LiftAsked(reasons=tuple(wanted.reasons))
    )


async def _moving(
    request: Request,
    caller: Principal,
    protection_id: str,
    event: Callable[[], ProtectionEvent],
) -> Response:
    rights, protector = rights_of(request), _protector(request)

    def work(unit: DossierUnit) -> Answer:
        loaded = load_protection(unit, protection_id, within=jurisdiction_of(caller), lock=True)
        require_match(request.headers.get("if-match"), loaded.view.version)
        if (NameKind.LOGIN, caller.subject) in unit.protections.names(protection_id):
            raise AccessError("nobody decides on themselves", code="decision.own_case")
        return _answer(unit, caller, protector.move(unit, loaded, actor_of(caller), event()))

    return await rights.front.creating(request, caller, work)


def _protector(request: Request) -> PersonProtector:
    rights = rights_of(request)
    storage = request.app.state.service.storage
    return PersonProtector(storage, rights.vault, rights.front.desk.key)


def _answer(
    unit: DossierUnit, caller: Principal, loaded: LoadedProtection, status: int = 200
) -> Answer:
    headers = {"ETag": etag_of(loaded.view.version)}
    if status == 201:
        headers["Location"] = f"/v1/protections/{loaded.row.id}"
    body = _as_json(unit, loaded, jurisdiction_of(caller))
    return Answer(status=status, body=body, headers=headers)


def _as_json(unit: DossierUnit, loaded: LoadedProtection, within: Jurisdiction) -> dict[str, Any]:
    row, view, time = loaded.row, loaded.view, views.time_as_json
    names = unit.protections.names(row.id)

    def actor(one: Any) -> dict[str, Any] | None:
        return None if one is None else views.actor_as_json(one)

    return {
        "id": row.id,
        "version": view.version,
        "kind": view.kind.value,
        "state": view.state.value,
        "office": row.office,
        "order": view.order,
        "request": view.request,
        "sessions": _within(within, names, NameKind.SESSION, unit.sessions.get),
        "dossiers": _within(within, names, NameKind.DOSSIER, unit.dossiers.get),
        "begun_by": views.actor_as_json(view.begun_by),
        "begun_at": time(view.begun_at),
        "confirmed_by": actor(view.confirmed_by),
        "lift_by": actor(view.lift_by),
        "reasons": [views.reason_as_json(code) for code in view.reasons],
        "lifted_by": actor(view.lifted_by),
        "lifted_at": None if view.lifted_at is None else time(view.lifted_at),
        "updated_at": time(view.updated_at),
    }


def _within(
    within: Jurisdiction, names: Iterable[Name], kind: NameKind, find: Callable[[str], Owned | None]
) -> list[str]:
    """The sessions or dossiers of a protection that the caller may see: it reaches into other offices, who reads it does not."""
    found = [name for of, name in names if of is kind]
    if within == Jurisdiction():
        return found
    rows = ((name, find(name)) for name in found)
    return [name for name, row in rows if row is not None and within.covers(row)]
