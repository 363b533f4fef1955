"""The routers of all resources, in the order of the OpenAPI document."""

from __future__ import annotations

from fastapi import APIRouter

from ekyc.api.v1 import (
    artefact_routes,
    decision_routes,
    dossier_routes,
    event_routes,
    session_routes,
    submission_routes,
    tool_routes,
)


def resource_routers() -> tuple[APIRouter, ...]:
    """What an application includes."""
    rooms = (
        *(dossier_routes, session_routes, submission_routes),
        *(artefact_routes, decision_routes, event_routes, tool_routes),
    )
    return tuple(room.router for room in rooms)


def tool_body_bytes(path: str) -> int | None:
    """Bound on a request body, for tools."""
    return tool_routes.TOOL_BODY_BYTES if path.startswith(tool_routes.TOOLS) else None


def takes_a_case(path: str) -> bool:
    """Whether the body of a request to ``path`` may be large."""
    return path.startswith(("/v1/sessions/", "/v1/captures/")) and path.endswith(
        submission_routes.SUBMISSIONS
    )
