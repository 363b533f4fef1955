"""Webhook endpoints and deliveries: who is told of events, and how that went. docs/webhooks.md.

They are resources as the others (:mod:`ekyc.api.v1`): once by ``Idempotency-Key``, refused as problems, by tenant.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse

from ekyc.api.access import Principal
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.documents import IDEMPOTENCY_KEY, described, links_to, refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.webhooks_schemas import (
    DeliveryList,
    DeliveryListing,
    DeliveryModel,
    EndpointEdit,
    EndpointList,
    EndpointModel,
    EndpointNew,
    KeysNew,
)
from ekyc.api.webhooks_views import (
    delivery_as_json,
    endpoint_as_json,
    shown_endpoint,
    visible_delivery,
    visible_endpoint,
    visible_endpoints,
)
from ekyc.storage import DeliveriesOf, EndpointState

if TYPE_CHECKING:
    from ekyc.storage import Delivery, DossierUnit

EndpointId = Annotated[str, Path(pattern=ID_PATTERN)]
DeliveryId = Annotated[str, Path(pattern=ID_PATTERN)]
_Reader = Annotated[Principal, allowed("webhooks:read")]
_Writer = Annotated[Principal, allowed("webhooks:write")]
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Nhận quyết định và thu hồi",
        "value": {
            "url": "https://cong.example.vn/ekyc",
            "events": ["verification.decided", "credential.revoked"],
        },
    },
    "en": {"summary": "All events", "value": {"url": "https://portal.example.vn/ekyc"}},
}
_ADDRESS: Final = ("link.url", "link.address")
router = APIRouter(prefix="/v1", tags=["Webhook / Webhooks"])


class Addresses(Protocol):
    """Knows which addresses are gone to: :class:`ekyc.flows.guarded_link.GuardedLink`."""

    def require(self, url: str) -> object:
        """Return if an address is gone to.

        Raises:
            LinkRefusedError: it is not.
        """
        ...


def _require_address(request: Request, url: str) -> None:
    addresses: Addresses = request.app.state.webhook_addresses
    addresses.require(url)


@router.post(
    "/webhook-endpoints",
    operation_id="create_webhook_endpoint",
    summary="Thêm điểm nhận / Add an endpoint",
    status_code=201,
    response_model=EndpointModel,
    responses=refusals(*_ADDRESS, "webhook.kinds", "webhook.too_many", once=True),
    openapi_extra=described(
        IDEMPOTENCY_KEY,
        links=links_to(
            "endpoint_id", "get_webhook_endpoint", "test_webhook_endpoint", "rotate_webhook_keys"
        ),
    ),
)
async def create_endpoint(
    request: Request,
    caller: _Writer,
    wanted: Annotated[EndpointNew, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Trả về khóa xác minh. `whsec_…` chỉ hiện lần này. Bên gọi thuộc các cơ quan nhất định thì điểm nhận chỉ nhận sự kiện
    của các cơ quan đó và mọi cơ quan cấp dưới tại thời điểm gửi.

    Answers the keys that messages are verified with. `whsec_…` is shown this once. Of a caller that is bound to offices
    the endpoint is told of their events alone, and of those of all offices beneath them at the time.
    """

    def work(unit: DossierUnit) -> Answer:
        _require_address(request, wanted.url)
        endpoint, secrets = unit.webhooks.endpoints.create(
            caller.tenant, url=wanted.url, kinds=wanted.events, offices=caller.roots
        )
        headers = {"Location": f"/v1/webhook-endpoints/{endpoint.id}"}
        return Answer(status=201, body=endpoint_as_json(endpoint, secrets), headers=headers)

    return await front_of(request).creating(request, caller, work)


@router.get(
    "/webhook-endpoints",
    operation_id="list_webhook_endpoints",
    summary="Các điểm nhận / List endpoints",
    response_model=EndpointList,
    responses=refusals(),
)
async def list_endpoints(request: Request, caller: _Reader) -> Response:
    """Mọi điểm nhận, cũ nhất trước.

    All endpoints, the oldest first.
    """

    def look(unit: DossierUnit) -> list[dict[str, Any]]:
        found = visible_endpoints(unit, caller)
        return [shown_endpoint(unit, caller, one) for one in found]

    data = await front_of(request).looking(caller.tenant, look)
    return JSONResponse({"data": data, "next": None})


@router.get(
    "/webhook-endpoints/{endpoint_id}",
    operation_id="get_webhook_endpoint",
    summary="Một điểm nhận / One endpoint",
    response_model=EndpointModel,
    responses=refusals("webhook.unknown"),
)
async def get_endpoint(request: Request, caller: _Reader, endpoint_id: EndpointId) -> Response:
    """Điểm nhận và khóa công khai của nó.

    The endpoint, and its public keys.
    """

    def look(unit: DossierUnit) -> dict[str, Any]:
        return shown_endpoint(unit, caller, visible_endpoint(unit, caller, endpoint_id))

    return JSONResponse(await front_of(request).looking(caller.tenant, look))


@router.patch(
    "/webhook-endpoints/{endpoint_id}",
    operation_id="edit_webhook_endpoint",
    summary="Sửa điểm nhận / Edit an endpoint",
    response_model=EndpointModel,
    responses=refusals(
        "webhook.unknown", "webhook.kinds", "http.bad_request", "request.too_large", *_ADDRESS
    ),
)
async def edit_endpoint(
    request: Request,
    caller: _Writer,
    endpoint_id: EndpointId,
    wanted: Annotated[EndpointEdit, Body()],
) -> Response:
    """Đổi địa chỉ, loại sự kiện; bật hoặc tắt.

    Changes the address or the event types; enables or disables.
    """

    def work(unit: DossierUnit) -> dict[str, Any]:
        store = unit.webhooks.endpoints
        endpoint = visible_endpoint(unit, caller, endpoint_id)
        if wanted.url is not None:
            _require_address(request, wanted.url)
        kinds = wanted.events
        if wanted.url is not None or kinds is not None:
            endpoint = store.change(caller.tenant, endpoint_id, url=wanted.url, kinds=kinds)
        if wanted.state is not None and wanted.state is not endpoint.state:
            turn = store.enable if wanted.state is EndpointState.ENABLED else store.disable
            endpoint = turn(caller.tenant, endpoint_id)
        return shown_endpoint(unit, caller, endpoint)

    return JSONResponse(await front_of(request).writing(caller.tenant, work))


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    operation_id="delete_webhook_endpoint",
    summary="Xóa điểm nhận / Delete an endpoint",
    status_code=204,
    responses=refusals("webhook.unknown"),
)
async def delete_endpoint(request: Request, caller: _Writer, endpoint_id: EndpointId) -> Response:
    """Xóa điểm nhận, khóa và lịch sử gửi của nó.

    Erases the endpoint, its keys and the record of its deliveries.
    """

    def work(unit: DossierUnit) -> None:
        visible_endpoint(unit, caller, endpoint_id)
        unit.webhooks.endpoints.delete(caller.tenant, endpoint_id)

    await front_of(request).writing(caller.tenant, work)
    return Response(status_code=204)


@router.post(
    "/webhook-endpoints/{endpoint_id}/keys",
    operation_id="rotate_webhook_keys",
    summary="Đổi khóa / Rotate keys",
    status_code=201,
    response_model=EndpointModel,
    responses=refusals("webhook.unknown", once=True),
    openapi_extra=described(IDEMPOTENCY_KEY),
)
async def rotate_keys(
    request: Request,
    caller: _Writer,
    endpoint_id: EndpointId,
    wanted: Annotated[KeysNew, Body()],
) -> Response:
    """Khóa mới; khóa cũ còn ký song song trong `overlap_s` giây.

    New keys; the old ones sign beside them for `overlap_s` seconds.
    """

    def work(unit: DossierUnit) -> Answer:
        store = unit.webhooks.endpoints
        visible_endpoint(unit, caller, endpoint_id)
        overlap = timedelta(seconds=wanted.overlap_s)
        secrets = store.rotate(caller.tenant, endpoint_id, overlap=overlap)
        body = endpoint_as_json(store.get(caller.tenant, endpoint_id), secrets)
        return Answer(status=201, body=body)

    return await front_of(request).creating(request, caller, work)


@router.post(
    "/webhook-endpoints/{endpoint_id}/tests",
    operation_id="test_webhook_endpoint",
    summary="Gửi thử / Send a test",
    status_code=202,
    response_model=DeliveryModel,
    responses=refusals("webhook.unknown", "webhook.disabled", once=True),
    openapi_extra=described(
        IDEMPOTENCY_KEY, links=links_to("delivery_id", "get_webhook_delivery"), status=202
    ),
)
async def send_test(request: Request, caller: _Writer, endpoint_id: EndpointId) -> Response:
    """Gửi một sự kiện không mang ý nghĩa tới điểm nhận này.

    Sends this endpoint an event that means nothing.
    """

    def work(unit: DossierUnit) -> Answer:
        visible_endpoint(unit, caller, endpoint_id)
        sent = unit.webhooks.endpoints.send_test(caller.tenant, endpoint_id)
        return _accepted(unit, caller, sent)

    return await front_of(request).creating(request, caller, work)


@router.get(
    "/webhook-deliveries",
    operation_id="list_webhook_deliveries",
    summary="Các lần gửi / List deliveries",
    response_model=DeliveryList,
    responses=refusals("cursor.invalid"),
)
async def list_deliveries(
    request: Request, caller: _Reader, listing: Annotated[DeliveryListing, Query()]
) -> Response:
    """Mới nhất trước.

    The newest first.
    """
    front = front_of(request)
    filters = listing.filters()
    scope = "\0".join((caller.tenant, request.url.path, urlencode(sorted(filters.items()))))
    wanted = DeliveriesOf(
        endpoint_id=listing.endpoint_id,
        state=listing.state,
        after=front.cursors.place(listing.cursor, scope),
        limit=listing.limit,
    )

    def look(unit: DossierUnit) -> tuple[Delivery, ...]:
        if caller.offices is None:
            return unit.webhooks.deliveries.page(caller.tenant, wanted)
        among = tuple(one.id for one in visible_endpoints(unit, caller))
        return unit.webhooks.deliveries.page(caller.tenant, replace(wanted, among=among))

    found = await front.looking(caller.tenant, look)
    onward, headers = None, {}
    if len(found) == listing.limit:
        onward = front.cursors.after(found[-1].created_at, found[-1].id, scope)
        query = urlencode({**filters, "limit": listing.limit, "cursor": onward})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse({"data": [*map(delivery_as_json, found)], "next": onward}, headers=headers)


@router.get(
    "/webhook-deliveries/{delivery_id}",
    operation_id="get_webhook_delivery",
    summary="Một lần gửi / One delivery",
    response_model=DeliveryModel,
    responses=refusals("webhook.unknown"),
)
async def get_delivery(request: Request, caller: _Reader, delivery_id: DeliveryId) -> Response:
    """Lần gửi và kết quả của từng lần thử.

    The delivery, and what came of each attempt.
    """

    def look(unit: DossierUnit) -> dict[str, Any]:
        return delivery_as_json(*visible_delivery(unit, caller, delivery_id))

    return JSONResponse(await front_of(request).looking(caller.tenant, look))


@router.post(
    "/webhook-deliveries/{delivery_id}/replays",
    operation_id="replay_webhook_delivery",
    summary="Gửi lại / Send again",
    status_code=202,
    response_model=DeliveryModel,
    responses=refusals("webhook.unknown", "webhook.disabled", once=True),
    openapi_extra=described(
        IDEMPOTENCY_KEY, links=links_to("delivery_id", "get_webhook_delivery"), status=202
    ),
)
async def replay(request: Request, caller: _Writer, delivery_id: DeliveryId) -> Response:
    """Gửi lại cùng sự kiện, cùng `webhook-id`, tới cùng điểm nhận.

    Sends the same event, under the same `webhook-id`, to the same endpoint.
    """

    def work(unit: DossierUnit) -> Answer:
        visible_delivery(unit, caller, delivery_id)
        return _accepted(unit, caller, unit.webhooks.deliveries.replay(caller.tenant, delivery_id))

    return await front_of(request).creating(request, caller, work)


def _accepted(unit: DossierUnit, caller: Principal, delivery_id: str) -> Answer:
    body = delivery_as_json(*visible_delivery(unit, caller, delivery_id))
    headers = {"Location": f"/v1/webhook-deliveries/{delivery_id}"}
    return Answer(status=202, body=body, headers=headers)
