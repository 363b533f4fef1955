"""From a request to an answer: room, body, work, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from fastapi import Request, Response

from ekyc.api.serving import service_of
from ekyc.api.tools.parts import Parts, Question, receive
from ekyc.api.tools.performing import performed
from ekyc.api.v1.documents import CONTENT_DIGEST, described, refusals
from ekyc.api.v1.views import check_as_resource
from ekyc.errors import InputError, LimitError
from ekyc.outcomes import check_as_json

if TYPE_CHECKING:
    from ekyc.api.tools.ports import Tools
    from ekyc.flows.tools import ToolFinding

_REFUSALS: Final = (
    *("http.bad_request", "digest.malformed", "digest.mismatch", "tool.not_offered"),
    *("request.upload_time", "request.too_large", "request.not_multipart", "request.part"),
    *("request.part_missing", "request.multipart", "busy.queue_full", "busy.deadline"),
    "storage.full",
)


def tool(
    parts: Parts, *codes: str, answers: dict[int | str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Keywords of the route of a tool: its body, and how it refuses.

    Args:
        parts: of the body.
        codes: beside those of every tool.
        answers: where it answers more than JSON.
    """
    return {
        "responses": {**(answers or {}), **refusals(*_REFUSALS, *codes)},
        "openapi_extra": {**described(CONTENT_DIGEST), **parts.described()},
    }


async def answered(
    request: Request, parts: Parts, ask: Callable[[Tools, Question], ToolFinding]
) -> tuple[ToolFinding, Question]:
    """Receive a question and have it answered. Its files are gone afterwards, whatever happened.

    Raises:
        InputError: ``tool.not_offered``; the body is not a question; a file cannot be read.
        LimitError: a bound was passed (``request.upload_time`` for time).
        BusyError: no room, or no time left.
    """
    service = service_of(request)
    tools = service.tools
    if tools is None:
        raise InputError("this service has no such tools", code="tool.not_offered")
    service.tool_admission.require_room()
    with ExitStack() as kept:

        def folder() -> Path:
            return kept.enter_context(service.scratch.folder())

        try:
            with anyio.fail_after(service.limits.upload_s):
                question = await receive(request, parts, folder)
        except TimeoutError as exc:
            raise LimitError("the upload took too long", code="request.upload_time") from exc
        work = partial(ask, tools, question)
        finding = await performed(
            request, service.tool_admission, work, within_s=service.limits.answer_s
        )
    return finding, question


async def answer(
    request: Request, parts: Parts, ask: Callable[[Tools, Question], ToolFinding]
) -> Response:
    """:func:`answered` as JSON."""
    return as_json(*await answered(request, parts, ask))


def as_json(finding: ToolFinding, question: Question) -> Response:
    """The answer: outcome, checks, digests, and what the tool found."""
    models = dict(finding.models)
    body = {
        "outcome": finding.outcome.value,
        "checks": [
            check_as_resource(
                check_as_json(check), required=True, evidence_sha256=None, models=models
            )
            for check in finding.checks
        ],
        "files": dict(question.sha256),
        **finding.facts,
    }
    return Response(
        json.dumps(body, ensure_ascii=False, allow_nan=False),
        status_code=HTTPStatus.OK,
        media_type="application/json",
    )
