"""The routers of all tools, in the order of the OpenAPI document, and how large their bodies may be."""

from __future__ import annotations

from typing import Final

from ekyc.api.tools import (
    chip_inspections,
    comparison_routes,
    face_routes,
    paper_routes,
    signature_routes,
)

TOOLS: Final = "/v1/tools/"
_BODY_BYTES: Final = {
    "chip-inspections": chip_inspections.BODY_BYTES,
    "card-readings": paper_routes.CARD.body_bytes,
    "document-readings": paper_routes.DOCUMENT.body_bytes,
    "copy-comparisons": paper_routes.COPY.body_bytes,
    "face-comparisons": face_routes.FACES.body_bytes,
    "liveness-inspections": face_routes.LIVENESS.body_bytes,
    "signature-validations": signature_routes.SIGNED.body_bytes,
    "result-verifications": signature_routes.RESULT.body_bytes,
}
tool_routers: Final = (
    chip_inspections.router,
    paper_routes.router,
    face_routes.router,
    signature_routes.router,
    comparison_routes.router,
)


def tool_body_bytes(path: str) -> int | None:
    """Bound on a request body, for tools."""
    return _BODY_BYTES.get(path.removeprefix(TOOLS)) if path.startswith(TOOLS) else None
