"""Base64url without padding (RFC 7515 §2), in its one canonical form."""

from __future__ import annotations

import base64
import binascii

from ekyc.errors import InputError


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """
    Raises:
        InputError: ``credential.jose``: another alphabet, padding, or bits that are left over.
    """
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError) as exc:
        raise _malformed() from exc
    if encode(data) != text:
        raise _malformed()
    return data


def _malformed() -> InputError:
    return InputError("not canonical base64url", code="credential.jose")
