"""Requests that a verified person signs a document, and the signer's own operations."""

from ekyc.api.signatures.authenticator_routes import router as authenticator_router
from ekyc.api.signatures.factor_routes import router as factor_router
from ekyc.api.signatures.front import SignatureFront
from ekyc.api.signatures.routes import router
from ekyc.api.signatures.signer_routes import router as signer_router

__all__ = ["SignatureFront", "authenticator_router", "factor_router", "router", "signer_router"]
