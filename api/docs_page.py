"""``/docs``: the OpenAPI document as one page that works without network, script or third party."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from ekyc.api.languages import Language

_TEXTS: Mapping[Language, Mapping[str, str]] = {
    "vi": {
        "intro": "Tài liệu máy đọc được: ",
        "request": "Dữ liệu gửi lên",
        "answers": "Trả lời",
        "schemas": "Kiểu dữ liệu",
        "example": "Ví dụ",
    },
    "en": {
        "intro": "Machine-readable: ",
        "request": "Request",
        "answers": "Answers",
        "schemas": "Data types",
        "example": "Example",
    },
}
_EXAMPLES: Mapping[str, str] = {
    "create_challenge": "curl -X POST http://127.0.0.1:8765/v1/challenges",
    "create_verification": "curl http://127.0.0.1:8765/v1/verifications \\\n"
    "  -F 'case=<case/case.toml' \\\n"
    "  -F 'file=@case/chip/EF.SOD;filename=chip/EF.SOD' \\\n"
    "  -F 'file=@case/chip/EF.DG1;filename=chip/EF.DG1'\n\n"
    "(cd case && zip -qr ../case.zip .)\n"
    "curl http://127.0.0.1:8765/v1/verifications -F archive=@case.zip -F challenge_id=…",
}


def render_docs(openapi: Mapping[str, Any], language: Language) -> str:
    """HTML of the page.

    Args:
        openapi: the OpenAPI document.
        language: of headings; descriptions carry both languages.
    """
    source = resources.files("ekyc.api").joinpath("docs.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, indent=2)
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "example": _EXAMPLES.get(operation["operationId"]),
            **operation,
        }
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    return environment.from_string(source).render(
        language=language,
        text=_TEXTS[language],
        info=openapi["info"],
        operations=operations,
        schemas=openapi.get("components", {}).get("schemas", {}),
    )
