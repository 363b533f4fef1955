"""All routes of the signing interface, in the order of its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ekyc.api.csc import consent, oauth, v1, v2, v2_authorization, v2_documents

if TYPE_CHECKING:
    from fastapi import APIRouter


def csc_routers() -> tuple[APIRouter, ...]:
    """To be included where a signing service is configured."""
    modules = (v1, v2, v2_authorization, v2_documents, oauth, consent)
    return tuple(module.router for module in modules)
