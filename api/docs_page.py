"""``/docs``: the OpenAPI document as one page that works without network, script or third party."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from ekyc.api.languages import Language

_TEXTS: Mapping[Language, Mapping[str, str]] = {
    "vi": {
        "intro": "Tài liệu máy đọc được: ",
        "contents": "Các thao tác",
        "scope": "Quyền cần có",
        "open": "Không cần khóa hay đăng nhập",
        "parameters": "Tham số",
        "required": "bắt buộc",
        "request": "Dữ liệu gửi lên",
        "answers": "Trả lời",
        "schemas": "Kiểu dữ liệu",
        "example": "Ví dụ",
    },
    "en": {
        "intro": "Machine-readable: ",
        "contents": "Operations",
        "scope": "Scope",
        "open": "No key or login",
        "parameters": "Parameters",
        "required": "required",
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
        language: of everything that comes in both.
    """
    source = resources.files("ekyc.api").joinpath("docs.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, indent=2)
    environment.filters["prose"] = _prose
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            tag = _spoken(operation["tags"][0], language)
            groups.setdefault(tag, []).append(_shown(method, path, operation, language))
    return environment.from_string(source).render(
        language=language,
        text=_TEXTS[language],
        info={
            **openapi["info"],
            "description": _paragraph(openapi["info"]["description"], language),
        },
        groups=groups,
        schemas=openapi.get("components", {}).get("schemas", {}),
    )


def _shown(
    method: str, path: str, operation: Mapping[str, Any], language: Language
) -> dict[str, Any]:
    scopes = {
        scope for way in operation.get("security", ()) for one in way.values() for scope in one
    }
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": _spoken(operation["summary"], language),
        "description": _paragraph(operation["description"], language),
        "scopes": sorted(scopes),
        "is_open": "x-ekyc-open" in operation,
        "parameters": [
            {**one, "description": _spoken(one.get("description", ""), language)}
            for one in operation.get("parameters", ())
        ],
        "bodies": [
            _body(kind, content, language)
            for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        ],
        "example": _EXAMPLES.get(operation["operationId"]),
        "answers": {
            status: {
                "description": _spoken(answer["description"], language),
                "codes": _codes(answer),
                "schemas": sorted(_references(answer.get("content", {}))),
            }
            for status, answer in sorted(operation["responses"].items())
        },
    }


def _body(kind: str, content: Mapping[str, Any], language: Language) -> dict[str, Any]:
    schema = content.get("schema", {})
    examples = content.get("examples", {})
    named = examples.get(language, {})
    value = named.get("value")
    return {
        "kind": kind,
        "schemas": sorted(_references(schema)),
        "schema": None if _references(schema) else schema,
        "summary": named.get("summary"),
        "example": value if isinstance(value, dict | list) else None,
    }


def _references(node: Any) -> set[str]:
    """Names of the schemas that a part of the document points at."""
    if isinstance(node, Mapping):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(_references, node.values()))
    if isinstance(node, list):
        return set().union(*map(_references, node))
    return set()


def _codes(answer: Mapping[str, Any]) -> list[str]:
    """Codes of the problems that an answer has examples of."""
    values = [
        example.get("value")
        for content in answer.get("content", {}).values()
        for example in content.get("examples", {}).values()
    ]
    return sorted(
        {value["code"] for value in values if isinstance(value, dict) and "code" in value}
    )


def _spoken(text: str, language: Language) -> str:
    """Of ``Vietnamese / English`` the one that is read; what is one text for all stays."""
    vi, slash, en = text.partition(" / ")
    return (vi if language == "vi" else en) if slash else text


def _paragraph(text: str, language: Language) -> str:
    """Of a Vietnamese paragraph and those in English behind it, what is read."""
    vi, _, en = text.partition("\n\n")
    return vi if language == "vi" or not en else en


def _prose(text: str) -> Markup:
    """Paragraphs without the line ends of the source; what stands between backquotes as code."""
    paragraphs = [" ".join(one.split()) for one in text.split("\n\n") if one.strip()]
    marked = (re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(one))) for one in paragraphs)
    return Markup("".join(f"<p>{one}</p>" for one in marked))  # noqa: S704  # escaped above
