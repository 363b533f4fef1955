"""The signer of liveness reports that needs nothing but the service's own key.

A software key without a certificate: it proves that a service with this key made the report, to whoever pinned the
public key. Anything else signs behind :class:`ekyc.liveness.active.ReportSigner`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from ekyc.storage import ServiceKey

_LABEL: Final = "signatures of liveness reports"


class ServiceReportSigner:
    """Ed25519 (RFC 8032) under a key that follows from the service's key."""

    def __init__(self, key: ServiceKey) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(key.derive(_LABEL))
        self.public_key_der: Final = self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        """SubjectPublicKeyInfo: what to pin."""

    @property
    def public_key_pem(self) -> str:
        """The same as PEM."""
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode()

    @property
    def key_id(self) -> str:
        """``ed25519:`` and the SHA-256 of the public key."""
        return f"ed25519:{hashlib.sha256(self.public_key_der).hexdigest()}"

    def sign(self, payload: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(payload)
