"""The OpenAPI document, mended where the framework says less than is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ekyc.api.errors import PROBLEM_JSON
from ekyc.api.schemas import Problem
from ekyc.api.statuses import title_of_status

if TYPE_CHECKING:
    from fastapi import FastAPI

_JSON: Final = "application/json"
_OF_THE_FRAMEWORK: Final = ("HTTPValidationError", "ValidationError")
_WELL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "200": "Thành công / Done",
        "201": "Đã tạo / Made",
        "202": "Đã nhận / Taken",
        "204": "Đã xong, không có nội dung / Done, nothing to show",
        "302": "Chuyển hướng trình duyệt / The browser is sent on",
        "303": "Chuyển hướng trình duyệt / The browser is sent on",
    }
)
_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Export-Token": "Mã nhận dữ liệu, dùng được một lần. / The token of the export, good once.",
        "artefact_id": "Mã tệp đã nộp. / Id of a submitted file.",
        "batch_id": "Mã lô hồ sơ. / Id of the batch.",
        "consent_id": "Mã văn bản đồng ý. / Id of the consent.",
        "credential_id": "Mã kết quả điện tử. / Id of the result.",
        "delivery_id": "Mã lượt gửi. / Id of the delivery.",
        "dossier_id": "Mã hồ sơ. / Id of the dossier.",
        "endpoint_id": "Mã địa chỉ nhận. / Id of the endpoint.",
        "entry": "Số thứ tự của mục nhật ký. / Number of the entry.",
        "challenge_id": "Mã thử thách, trong lời mời. / Id of the challenge, from the offer.",
        "factor_id": "Mã yếu tố thứ hai. / Id of the second factor.",
        "kind": "Chỉ loại này. / Only this kind.",
        "limit": "Số mục tối đa trên một trang. / How many a page has at most.",
        "number": "Số của danh sách trạng thái. / Number of the status list.",
        "procedure": "Mã thủ tục. / Id of the procedure.",
        "protection_id": "Mã của việc hạn chế hoặc lệnh giữ dữ liệu. / Id of the restriction or legal hold.",
        "provider": "Tên nhà cung cấp định danh. / Name of the identity provider.",
        "request_id": "Mã yêu cầu. / Id of the request.",
        "session_id": "Mã phiên. / Id of the session.",
        "state": "Chỉ trạng thái này. / Only in this state.",
        "status": "Chỉ tình trạng này. / Only of this status.",
    }
)
"""What parameters mean that say nothing themselves: they mean the same wherever they stand."""
_TAGS: Final[Mapping[str, str]] = MappingProxyType(
    {"Login": "Đăng nhập / Login", "Consents": "Văn bản đồng ý / Consents"}
)
_TAG_OF_PATH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/livez": "Tình trạng / Health",
        "/readyz": "Tình trạng / Health",
        "/v1/challenges": "Đọc chip / Chips",
        "/v1/chip-sessions": "Đọc chip / Chips",
        "/v1/liveness-sessions": "Kiểm tra người thật / Liveness",
        "/v1/reasons": "Mã lý do / Reason codes",
        "/v1/status-lists": "Công bố / Publication",
        "/v1/trust-list": "Công bố / Publication",
        "/v1/verifications": "Xác minh một lần / Verifications",
        "/verify": "Công bố / Publication",
    }
)


def describe_problems(app: FastAPI) -> None:
    """Complete what the document says of answers, parameters and groups.

    - The schema of a problem stands under its own media type: the framework puts every model under plain JSON.
    - Answers and parameters that nobody described are described in both languages.
    - No refusal has the framework's own form, which this service never gives.
    """
    made = app.openapi

    def described() -> dict[str, Any]:
        document = made()
        for path, operation in _operations(document):
            tags = operation.get("tags") or [_tag_of(path)]
            operation["tags"] = [_TAGS.get(tag, tag) for tag in tags]
            for parameter in operation.get("parameters", ()):
                if "description" not in parameter and parameter["name"] in _PARAMETERS:
                    parameter["description"] = _PARAMETERS[parameter["name"]]
            for status, response in operation["responses"].items():
                _describe(status, response)
        for name in _OF_THE_FRAMEWORK:
            document["components"]["schemas"].pop(name, None)
        return document

    app.openapi = described  # type: ignore[method-assign]  # the documented way to extend it


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _tag_of(path: str) -> str:
    return next(tag for start, tag in _TAG_OF_PATH.items() if path.startswith(start))


def _describe(status: str, response: dict[str, Any]) -> None:
    content = response.get("content", {})
    if content.get(_JSON, {}).get("schema", {}).get("$ref", "").endswith(_OF_THE_FRAMEWORK[0]):
        content[PROBLEM_JSON] = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
        del content[_JSON]
    elif PROBLEM_JSON in content and _JSON in content:
        content[PROBLEM_JSON]["schema"] = content.pop(_JSON)["schema"]
    if " / " not in response["description"]:
        response["description"] = _WELL.get(status) or title_of_status(HTTPStatus(int(status)))
