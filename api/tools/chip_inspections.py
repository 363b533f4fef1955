"""The tool for chip files: passive authentication of what was read from a chip."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from ekyc.api.forms import InputModel, OutputModel
from ekyc.api.serving import service_of
from ekyc.api.v1.documents import refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.schemas import CheckResource
from ekyc.api.v1.views import check_as_resource
from ekyc.chip import ChipFiles, ElementaryFile, inspect_chip
from ekyc.chip.report import DECIDING_CHECKS
from ekyc.outcomes import Outcome, check_as_json, worst

BODY_BYTES: Final = 1024 * 1024
_EXAMPLES: Final[dict[str, Example]] = {
    "vi": {"summary": "Tệp đọc từ chip", "value": {"files": {"EF.COM": "YBZfAQQwMTA3"}}},
    "en": {"summary": "Files read from a chip", "value": {"files": {"EF.COM": "YBZfAQQwMTA3"}}},
}
_Base64 = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    ),
]
"""RFC 4648 §4, whole. The pattern stands in the OpenAPI document, so that what fits it is taken."""
router = APIRouter(prefix="/v1/tools", tags=["Công cụ / Tools"])


class ChipInspectionRequest(InputModel):
    """Files as they were read from a chip."""

    files: dict[ElementaryFile, _Base64] = Field(
        min_length=1,
        max_length=len(ElementaryFile),
        repr=False,
        description="Tên tệp theo ICAO 9303-10 và nội dung base64. / Names of ICAO 9303-10, contents in base64.",
    )


class ChipInspectionModel(OutputModel):
    """What was found; no personal data."""

    outcome: Outcome
    checks: list[CheckResource]
    files: dict[str, str] = Field(description="SHA-256")


@router.post(
    "/chip-inspections",
    operation_id="inspect_chip",
    summary="Kiểm tra dữ liệu chip / Inspect chip data",
    response_model=ChipInspectionModel,
    responses=refusals("http.bad_request", "request.too_large", "busy.queue_full"),
    dependencies=[allowed("tools:use")],
)
async def inspect_chip_files(
    request: Request,
    wanted: Annotated[ChipInspectionRequest, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Xác thực thụ động: chữ ký, chuỗi chứng thư, giá trị băm. Không lưu gì, không trả dữ liệu cá nhân. Không cho biết chip
    có thật hay không: tệp sao chép cũng đạt; muốn biết thì cần mã thử thách hoặc phiên đọc chip.

    Passive authentication: signature, chain, hashes. Stores nothing and answers no personal data. It does not say that the
    chip is genuine: copied files pass as well; that takes a challenge or a chip session.
    """
    files = {file.value: b64decode(content) for file, content in wanted.files.items()}
    work = partial(_inspected, request, files)
    return JSONResponse(await service_of(request).tool_admission.run(work))


def _inspected(request: Request, files: dict[str, bytes]) -> dict[str, Any]:
    service = service_of(request)
    report = inspect_chip(
        ChipFiles.from_mapping(files),
        trust=service.chip_relays.trust,
        at=front_of(request).desk.clock.now(),
    )
    outcome = worst(
        check.outcome
        for check in report.checks
        if check.id in DECIDING_CHECKS or check.outcome is Outcome.FAILED
    )
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    checks = [
        check_as_resource(
            check_as_json(check), required=check.id in DECIDING_CHECKS, evidence_sha256=None
        )
        for check in report.checks
    ]
    return {"outcome": outcome.value, "checks": checks, "files": digests}
