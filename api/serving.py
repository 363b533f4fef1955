"""What operations of several rooms share: the service they work with, and how the document describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import Request

from ekyc.api.errors import PROBLEM_JSON
from ekyc.api.schemas import Problem

if TYPE_CHECKING:
    from ekyc.api.app import Service

UPLOAD_PATH: Final = "/v1/verifications"
"""The one operation whose body may be large."""


def service_of(request: Request) -> Service:
    """The service that this application was made with."""
    service: Service = request.app.state.service
    return service


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes errors of these statuses."""
    return {
        status: {"model": Problem, "content": {PROBLEM_JSON: {}}, "description": "RFC 9457"}
        for status in statuses
    }


CASE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "case": {
                            "type": "string",
                            "description": "Nội dung case.toml. / Text of case.toml.",
                        },
                        "file": {
                            "type": "array",
                            "items": {
                                "type": "string",
                                "contentMediaType": "application/octet-stream",
                            },
                            "description": "Các tệp; filename là đường dẫn ghi trong case.toml. / "
                            "Files; filename is the path that case.toml names.",
                        },
                        "archive": {
                            "type": "string",
                            "contentMediaType": "application/zip",
                            "description": "Hoặc cả thư mục hồ sơ trong một tệp zip. / "
                            "Or the whole case folder as one zip archive.",
                        },
                        "challenge_id": {
                            "type": "string",
                            "description": "Mã thử thách mà chip đã ký. / The challenge that the chip signed.",
                        },
                        "liveness": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "Phiên kiểm tra người thật của hồ sơ này: session_id, result_token, case, "
                            "subject. / The liveness session of this case.",
                        },
                    },
                    "additionalProperties": False,
                }
            }
        },
    }
}
