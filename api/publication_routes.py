"""``GET /v1/status-lists/{number}``, ``/v1/trust-list`` and ``/verify``: open to all, cacheable, about nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from ekyc.api.access import open_to_all
from ekyc.api.publication import REFRESH, ListForm
from ekyc.api.serving import problems
from ekyc.errors import InputError
from ekyc.signing.credentials.page import verifier_policy

if TYPE_CHECKING:
    from ekyc.api.publication import Publication, Published

TRUST_LIST_TYPE: Final = "application/ekyc-trust-list+jwt"
_CACHED: Final = f"public, max-age={int(REFRESH.total_seconds())}"
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "Không đổi so với ETag đã gửi. / Unchanged since the given ETag."}
}

router = APIRouter()


def _binary(*types: str) -> dict[int | str, dict[str, Any]]:
    content = {name: {"schema": {"type": "string", "contentMediaType": name}} for name in types}
    return {200: {"description": "Đã ký. / Signed.", "content": content}}


@router.get(
    "/v1/status-lists/{number}",
    operation_id="get_status_list",
    summary="Danh sách trạng thái kết quả / Status list of results",
    response_class=Response,
    responses={
        **_binary(ListForm.CWT.value, ListForm.JWT.value),
        **_UNCHANGED,
        **problems(404, 422, 503),
    },
    **open_to_all("a signed list of places and statuses"),
)
def get_status_list(request: Request, number: Annotated[int, Path(ge=1, le=1_000_000)]) -> Response:
    """Danh sách trạng thái (Token Status List) có chữ ký, để biết kết quả nào đã bị thu hồi, tạm dừng hay thay thế.

    Dạng CWT; dạng JWT nếu Accept là application/statuslist+jwt. Không chứa dữ liệu cá nhân; được lưu đệm một phút.

    A signed Token Status List: which results were revoked, suspended or superseded. As CWT, or as JWT for those who
    accept application/statuslist+jwt. No personal data; may be cached for a minute.
    """
    wants_jwt = ListForm.JWT.value in request.headers.get("accept", "")
    form = ListForm.JWT if wants_jwt else ListForm.CWT
    published = _publication(request).status_list(number, form)
    return _answer(request, published, form.value, {"Vary": "Accept"})


@router.get(
    "/v1/trust-list",
    operation_id="get_trust_list",
    summary="Danh sách tin cậy / Trust list",
    response_class=Response,
    responses={**_binary(TRUST_LIST_TYPE), **_UNCHANGED, **problems(404, 503)},
    **open_to_all("the signed list of issuers and their keys"),
)
def get_trust_list(request: Request) -> Response:
    """Danh sách nơi cấp kết quả và khoá của họ, do đơn vị vận hành ký (JWS). Kiểm tra bằng khoá đã nhận trước.

    Issuers of results and their keys, signed by the operator (JWS). Check it by the key that you were given beforehand.
    """
    return _answer(request, _publication(request).trust_list(), TRUST_LIST_TYPE, {})


@router.get(
    "/verify",
    operation_id="get_verifier_page",
    summary="Trang kiểm tra kết quả / Page that checks results",
    response_class=Response,
    responses={**_binary("text/html"), **_UNCHANGED, **problems(404, 503)},
    **open_to_all("a page that checks results in the browser and sends nothing"),
)
def get_verifier_page(request: Request) -> Response:
    """Trang kiểm tra kết quả ngay trong trình duyệt, kể cả khi không có mạng. Mã được quét không rời khỏi máy.

    Checks results in the browser, offline once it is open. What is scanned does not leave the device.
    """
    headers = {
        "Content-Security-Policy": f"{verifier_policy()}; frame-ancestors 'none'",
        "Permissions-Policy": "camera=(self)",
        "Referrer-Policy": "no-referrer",
    }
    return _answer(request, _publication(request).page(), "text/html; charset=utf-8", headers)


def _publication(request: Request) -> Publication:
    held: Publication | None = request.app.state.publication
    if held is None:
        raise InputError("this service publishes no results", code="credential.not_published")
    return held


def _answer(
    request: Request, published: Published, media_type: str, headers: dict[str, str]
) -> Response:
    common = {"ETag": published.etag, "Cache-Control": _CACHED, **headers}
    asked = request.headers.get("if-none-match", "")
    known = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    if published.etag in known or "*" in known:
        return Response(status_code=304, headers=common)
    return Response(published.body, media_type=media_type, headers=common)
