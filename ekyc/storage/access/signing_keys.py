"""Keys of ours that access tokens are signed with: ECDSA on P-256, sealed under the service key, exchanged by rotation.

A new key is published at once and signs a little later, so that whoever caches our keys has it by then; an old one signs
no more as soon as a newer one does, and is published until every token it signed has expired.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import insert, or_, select, text, update

from ekyc import base64url
from ekyc.storage.access.tables import signing_keys
from ekyc.storage.access.values import SigningKey
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey

ALGORITHM: Final = "ES256"
PUBLISHED_BEFORE: Final = timedelta(minutes=10)
KEPT_AFTER: Final = timedelta(hours=1)
"""Longer than any token lives."""
_LOCK: Final = 0x656B7961
"""Key of the PostgreSQL advisory lock under which the first key is made."""


class SigningKeyStore:
    """Makes, rotates and hands out signing keys. Safe across threads and processes."""

    def __init__(
        self, engine: Engine, *, key: ServiceKey, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._sealer = key.sealer("token signing keys", random)
        self._clock = clock
        self._subject = subject

    def published(self) -> tuple[SigningKey, ...]:
        """Keys that tokens may be signed with, the newest first; the first is made here."""
        listed = self._published()
        return listed or (self._first(),)

    def current(self) -> SigningKey:
        """The key that signs now: the newest that has begun, else the oldest, since then the clock was set back."""
        listed = (
            self.published()
        )  # before the clock is read: the first key signs from when it is made
        now = self._clock.now()
        return next((one for one in listed if one.signs_from <= now), listed[-1])

    def rotate(self) -> SigningKey:
        """Make a successor, which signs from ten minutes on."""
        now = self._clock.now()
        self.published()
        with storage_errors(self._subject), self._engine.begin() as connection:
            made = self._make(connection, now, now + PUBLISHED_BEFORE)
            connection.execute(
                update(signing_keys)
                .where(signing_keys.c.id != made.id, signing_keys.c.ended_at.is_(None))
                .values(ended_at=made.signs_from + KEPT_AFTER)
            )
        return made

    def _first(self) -> SigningKey:
        """Make a key if there still is none; of two processes one makes it."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            now = self._clock.now()
            row = connection.execute(_standing(now)).first()
            return self._make(connection, now, now) if row is None else self._opened(row)

    def _published(self) -> tuple[SigningKey, ...]:
        with storage_errors(self._subject), self._reading.begin() as connection:
            rows = connection.execute(_standing(self._clock.now())).all()
        return tuple(self._opened(row) for row in rows)

    def _make(self, connection: Connection, now: datetime, signs_from: datetime) -> SigningKey:
        private = ec.generate_private_key(ec.SECP256R1())
        der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        public = _jwk(private.public_key())
        key_id = public["kid"]
        connection.execute(
            insert(signing_keys).values(
                id=key_id,
                algorithm=ALGORITHM,
                public=json.dumps(public),
                private=self._sealer.seal(der, _place(key_id)),
                created_at=now,
                signs_from=signs_from,
            )
        )
        return SigningKey(
            id=key_id,
            algorithm=ALGORITHM,
            public=json.dumps(public),
            private_der=der,
            signs_from=signs_from,
            ended_at=None,
        )

    def _opened(self, row: Any) -> SigningKey:
        return SigningKey(
            id=row.id,
            algorithm=row.algorithm,
            public=row.public,
            private_der=self._sealer.open(row.private, _place(row.id)),
            signs_from=row.signs_from,
            ended_at=row.ended_at,
        )


def _standing(now: datetime) -> Any:
    kept = or_(signing_keys.c.ended_at.is_(None), signing_keys.c.ended_at > now)
    return select(signing_keys).where(kept).order_by(signing_keys.c.signs_from.desc())


def _place(key_id: str) -> str:
    return f"access_signing_keys/{key_id}"


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """JWK with its thumbprint as name (RFC 7638)."""
    point = key.public_numbers()
    base = {
        "crv": "P-256",
        "kty": "EC",
        "x": base64url.encode(point.x.to_bytes(32, "big")),
        "y": base64url.encode(point.y.to_bytes(32, "big")),
    }
    canonical = json.dumps(base, separators=(",", ":"), sort_keys=True).encode()
    thumbprint = base64url.encode(hashlib.sha256(canonical).digest())
    return {**base, "use": "sig", "alg": ALGORITHM, "kid": thumbprint}
