"""Base64url without padding (RFC 7515 §2), in its one canonical form."""

from __future__ import annotations

import base64


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The inverse of :func:`encode`, of nothing but what that returns.

    Raises:
        ValueError: another alphabet, padding, or bits that are left over.
    """
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
