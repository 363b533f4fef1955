"""Results that are issued over HTTP: one for each final decision, with its signed page, and taken back again."""

from ekyc.api.credentials.front import CredentialFront
from ekyc.api.credentials.routes import router

__all__ = ["CredentialFront", "router"]
