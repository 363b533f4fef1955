"""Base64url as in :mod:`ekyc.base64url`, told as parts of a token are."""

from __future__ import annotations

from ekyc import base64url
from ekyc.base64url import encode
from ekyc.errors import InputError

__all__ = ["decode", "encode"]


def decode(text: str) -> bytes:
    """
    Raises:
        InputError: ``credential.jose``: another alphabet, padding, or bits that are left over.
    """
    try:
        return base64url.decode(text)
    except ValueError as exc:
        raise InputError("not canonical base64url", code="credential.jose") from exc
