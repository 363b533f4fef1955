"""From a challenge that counts once to a session: what the client is told, and when the secret is spent.

1. :func:`issue_ticket` makes a challenge in the verifier's store. The client is told its id and the key of its chunks.
2. :func:`redeem_ticket` takes the challenge out of use when the client says that it begins, before its first frame. Of
   any number of callers one gets the session; nobody gets it twice, nor after the time to live.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ekyc.errors import InputError
from ekyc.liveness.active.envelope import ID_BYTES
from ekyc.liveness.active.plan import SECRET_BYTES, require_secret
from ekyc.liveness.active.session import ActivePolicy, Session, open_session

if TYPE_CHECKING:
    from ekyc.storage import NonceStore

ACTIVE_LIVENESS: Final = "active-liveness"
"""Purpose of a secret that a session is drawn from: 32 bytes that never leave the verifier."""
DEFAULT_TTL_S: Final = 180.0
_KEY_LABEL: Final = b"ekyc active liveness: key of chunks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What the client is told before it begins."""

    session_id: bytes = field(repr=False)
    """16 bytes."""
    key: bytes = field(repr=False)
    """32 bytes: seals the client's chunks and tells nothing of the plan."""
    expires_at: datetime


def issue_ticket(store: NonceStore, *, ttl_s: float = DEFAULT_TTL_S) -> Ticket:
    """Make a challenge. Ask :func:`ekyc.liveness.active.may_attempt` first.

    Raises:
        LimitError: the time to live is out of bounds.
        StorageError, BusyError: it could not be stored.
    """
    challenge = store.issue(ACTIVE_LIVENESS, ttl_s=ttl_s, count=SECRET_BYTES)
    return Ticket(
        session_id=bytes.fromhex(challenge.id),
        key=chunk_key(challenge.nonce),
        expires_at=challenge.expires_at,
    )


def redeem_ticket(
    store: NonceStore, session_id: bytes, *, policy: ActivePolicy, now_s: float
) -> Session:
    """Spend a challenge and open its session.

    Args:
        store: where the challenge was made.
        session_id: as the client names it.
        policy: of the session.
        now_s: the verifier's clock, see :func:`~ekyc.liveness.active.open_session`.

    Raises:
        InputError: no id of ours.
        FreshnessError: unknown, expired or already used (reasons ``freshness.…``).
        StorageError, BusyError: the database failed.
    """
    if len(session_id) != ID_BYTES:
        raise InputError(f"an id has {ID_BYTES} bytes", code="liveness.chunk_malformed")
    secret = store.redeem(session_id.hex(), ACTIVE_LIVENESS)
    return open_session(
        session_id=session_id, secret=secret, key=chunk_key(secret), policy=policy, now_s=now_s
    )


def chunk_key(secret: bytes) -> bytes:
    """The key of the chunks: HKDF-SHA-256 (RFC 5869) of the secret."""
    require_secret(secret)
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_KEY_LABEL)
    return derivation.derive(secret)
