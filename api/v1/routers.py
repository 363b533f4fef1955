"""The routers of all resources, in the order of the OpenAPI document."""

from __future__ import annotations

from fastapi import APIRouter

from ekyc.api.audit import routes as audit_routes
from ekyc.api.batches import routes as batch_routes
from ekyc.api.batches import upload_routes as batch_upload_routes
from ekyc.api.reports import routes as report_routes
from ekyc.api.rights import export_routes, protection_routes
from ekyc.api.rights import routes as rights_routes
from ekyc.api.v1 import (
    artefact_routes,
    decision_routes,
    dossier_routes,
    event_routes,
    session_routes,
    submission_routes,
)


def resource_routers() -> tuple[APIRouter, ...]:
    """What an application includes."""
    rooms = (
        *(dossier_routes, session_routes, submission_routes),
        *(artefact_routes, decision_routes, event_routes),
        *(rights_routes, export_routes, protection_routes, report_routes, audit_routes),
        *(batch_upload_routes, batch_routes),
    )
    return tuple(room.router for room in rooms)


def takes_a_case(path: str) -> bool:
    """Whether the body of a request to ``path`` may be large."""
    return path.startswith(("/v1/sessions/", "/v1/captures/")) and path.endswith(
        submission_routes.SUBMISSIONS
    )
