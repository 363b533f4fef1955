"""Does a genuine app on a genuine telephone speak? Only the maker of the platform can say; the verdict enters here.

Google's Play Integrity and Apple's App Attest sign a statement about the app and its device. Verifying it needs keys
or a service of the maker, so it is a port: an adapter outside this room calls them and answers. The statement must name
the session, or it could be taken from another: the client asks for it with :func:`attestation_challenge`.

Without a statement the result says ``liveness.client_unattested``: no server can see whether a camera or a program made
the pictures.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final, Protocol

from ekyc.errors import LimitError
from ekyc.outcomes import Check, Outcome

CHECK_CLIENT: Final = "liveness.client"
MAX_TOKEN_BYTES: Final = 64 * 1024
_LABEL: Final = b"ekyc active liveness: attestation of "


class AttestationKind(StrEnum):
    """Whose statement it is."""

    PLAY_INTEGRITY = "play_integrity"
    APP_ATTEST = "app_attest"


class AttestationVerdict(StrEnum):
    """What the maker's keys say of a statement."""

    GENUINE = "genuine"
    """Signed by the maker, for this challenge, about an app and a device that the operator accepts."""
    REFUTED = "refuted"
    """Signed, but for another challenge, app or device; or the signature does not hold."""
    UNKNOWN = "unknown"
    """The maker could not be asked."""


class Attestor(Protocol):
    """Verifies statements about clients."""

    def verify(self, kind: AttestationKind, token: bytes, challenge: bytes) -> AttestationVerdict:
        """Verify a statement that must name ``challenge`` (32 bytes); bad statements are REFUTED, never an error."""
        ...


def attestation_challenge(session_id: bytes, key: bytes) -> bytes:
    """What a client's statement must name: 32 bytes that depend on the session and its key."""
    return hashlib.sha256(_LABEL + session_id + hashlib.sha256(key).digest()).digest()


def check_client(
    attestor: Attestor | None,
    statement: tuple[AttestationKind, bytes] | None,
    *,
    session_id: bytes,
    key: bytes,
) -> Check:
    """Check ``liveness.client``.

    Returns:
        PASSED, FAILED (``liveness.attestation_refuted``), INDETERMINATE (``liveness.attestation_unknown``), or
        NOT_PERFORMED (``liveness.client_unattested``) without a statement or anybody to verify it.

    Raises:
        LimitError: ``liveness.chunk_too_large``: the token has more than 64 KiB.
    """
    if attestor is None or statement is None:
        return _client(Outcome.NOT_PERFORMED, "liveness.client_unattested")
    kind, token = statement
    if len(token) > MAX_TOKEN_BYTES:
        raise LimitError("a token has at most 64 KiB", code="liveness.chunk_too_large")
    match attestor.verify(kind, token, attestation_challenge(session_id, key)):
        case AttestationVerdict.GENUINE:
            return _client(Outcome.PASSED)
        case AttestationVerdict.REFUTED:
            return _client(Outcome.FAILED, "liveness.attestation_refuted")
        case AttestationVerdict.UNKNOWN:
            return _client(Outcome.INDETERMINATE, "liveness.attestation_unknown")


def _client(outcome: Outcome, *reasons: str) -> Check:
    return Check(id=CHECK_CLIENT, outcome=outcome, reasons=reasons)
