"""Signatures of Standard Webhooks 1.0.0: ``v1`` is HMAC-SHA-256, ``v1a`` is Ed25519.

Signed is ``id.timestamp.body``. Keys as text: ``whsec_`` before an HMAC key, ``whpk_`` before a public key, ``whsk_`` before
a private one, each in Base64. One header carries a signature for every key that holds, so that keys change without a gap.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ekyc.storage import SignatureForm, SigningSecret

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"


def signature_headers(
    message_id: str, at: datetime, body: bytes, secrets: Sequence[SigningSecret]
) -> dict[str, str]:
    """The three headers of a message.

    Args:
        message_id: without a full stop.
        at: time of this attempt.
        body: as it is sent.
        secrets: every key that holds, the newest first.
    """
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [f"{one.form.value},{_text(_sign(one, content))}" for one in secrets]
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: " ".join(signatures),
    }


def shown_key(secret: SigningSecret) -> str:
    """What a receiver is given: the HMAC key itself, or of an Ed25519 key the public half."""
    if secret.form is SignatureForm.V1:
        return f"whsec_{_text(secret.body)}"
    return f"whpk_{_text(_private(secret).public_key().public_bytes_raw())}"


def _sign(secret: SigningSecret, content: bytes) -> bytes:
    if secret.form is SignatureForm.V1:
        return hmac.digest(secret.body, content, "sha256")
    return _private(secret).sign(content)


def _private(secret: SigningSecret) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret.body)


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
