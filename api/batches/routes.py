"""What is asked about batches, and calling one off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from ekyc.api.access import Principal
from ekyc.api.batches.schemas import (
    BatchItemList,
    BatchList,
    BatchModel,
)
from ekyc.api.batches.views import batch_as_json, item_as_json, load_batch
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.documents import (
    IDEMPOTENCY_KEY,
    described,
    refusals,
)
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.pages import Listing, page_response
from ekyc.storage import ItemRow

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, PageOf

_NDJSON: Final = "application/x-ndjson"
_PAGE: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BatchId = Annotated[str, Path(pattern=ID_PATTERN)]
_Writer = Annotated[Principal, allowed("batches:write")]
_Reader = Annotated[Principal, allowed("batches:read")]
router = APIRouter(prefix="/v1", tags=["Lô hồ sơ / Batches"])


@router.get(
    "/batches",
    operation_id="list_batches",
    summary="Các lô / Batches",
    response_model=BatchList,
    responses=refusals("cursor.invalid"),
)
async def list_batches(
    request: Request, caller: _Reader, listing: Annotated[Listing, Query()]
) -> Response:
    """Mới nhất trước.

    The newest first.
    """

    def look(unit: DossierUnit, page: PageOf) -> list[tuple[Any, dict[str, Any]]]:
        return [(row, batch_as_json(unit, row)) for row in unit.batches.page(page)]

    return await page_response(request, caller, listing, look)


@router.get(
    "/batches/{batch_id}",
    operation_id="get_batch",
    summary="Một lô / A batch",
    response_model=BatchModel,
    responses=refusals("batch.unknown"),
)
async def get_batch(request: Request, caller: _Reader, batch_id: BatchId) -> Response:
    """Đang đến đâu.

    How far it is.
    """
    body = await front_of(request).looking(
        caller.tenant, lambda unit: batch_as_json(unit, load_batch(unit, caller, batch_id))
    )
    return JSONResponse(body)


@router.get(
    "/batches/{batch_id}/items",
    operation_id="list_batch_items",
    summary="Các mục và kết quả / Items and their results",
    response_model=BatchItemList,
    responses=refusals("batch.unknown", "cursor.invalid"),
)
async def list_batch_items(
    request: Request, caller: _Reader, batch_id: BatchId, listing: Annotated[Listing, Query()]
) -> Response:
    """Theo thứ tự nộp.

    In the order in which they were handed in.
    """
    front = front_of(request)
    scope = f"{caller.tenant}\0{request.url.path}"
    place = front.cursors.place(listing.cursor, scope)
    after = 0 if place is None else int(place[1])

    def look(unit: DossierUnit) -> tuple[ItemRow, ...]:
        load_batch(unit, caller, batch_id)
        return unit.batches.items(batch_id, after=after, limit=listing.limit)

    found = await front.looking(caller.tenant, look)
    onward, headers = None, {}
    if len(found) == listing.limit:
        onward = front.cursors.after(_EPOCH, str(found[-1].number), scope)
        query = urlencode({"limit": listing.limit, "cursor": onward})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse(
        {"data": [item_as_json(one) for one in found], "next": onward}, headers=headers
    )


@router.get(
    "/batches/{batch_id}/results",
    operation_id="get_batch_results",
    summary="Kết quả dạng NDJSON / Results as NDJSON",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Mỗi dòng một mục. / One item on each line.",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        },
        **refusals("batch.unknown"),
    },
)
async def get_batch_results(request: Request, caller: _Reader, batch_id: BatchId) -> Response:
    """Mọi mục, kể cả mục còn chờ; mỗi dòng như một phần tử của `items`.

    All items, those that wait among them; each line is what `items` has.
    """
    front = front_of(request)
    await front.looking(caller.tenant, lambda unit: load_batch(unit, caller, batch_id))

    async def lines() -> AsyncIterator[bytes]:
        after = 0
        while True:
            look = partial(_page_behind, batch_id, after)
            found = await front.looking(caller.tenant, look)
            for item in found:
                yield json.dumps(item_as_json(item), ensure_ascii=False).encode() + b"\n"
            if len(found) < _PAGE:
                return
            after = found[-1].number

    return StreamingResponse(lines(), media_type=_NDJSON)


@router.post(
    "/batches/{batch_id}/cancel",
    operation_id="cancel_batch",
    summary="Hủy lô / Call a batch off",
    response_model=BatchModel,
    responses=refusals("batch.unknown", "batch.over", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def cancel_batch(request: Request, caller: _Writer, batch_id: BatchId) -> Response:
    """Mục đã xong giữ nguyên; mục còn chờ bị hủy và hồ sơ của nó bị xóa.

    What is done stays; what waits is called off, and its case erased.
    """

    def work(unit: DossierUnit) -> Answer:
        row = unit.batches.cancel(load_batch(unit, caller, batch_id, lock=True))
        return Answer(status=200, body=batch_as_json(unit, row))

    return await front_of(request).creating(request, caller, work)


def _page_behind(batch_id: str, after: int, unit: DossierUnit) -> tuple[ItemRow, ...]:
    return unit.batches.items(batch_id, after=after, limit=_PAGE)
