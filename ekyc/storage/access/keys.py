"""API keys: random secrets of which only a keyed hash is kept.

A key reads ``ekyc_`` and 43 characters of base64url: 256 random bits. The hash is HMAC-SHA-256 under the service key, so
that a copy of the database says nothing of any key, and looking one up by it takes a time that tells nothing either:
whoever tries keys cannot steer their hashes.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, literal, select, update

from ekyc import base64url
from ekyc.storage.access.register import client_of, reference_to
from ekyc.storage.access.tables import clients, keys, tenants
from ekyc.storage.access.values import (
    MAX_KEY_LIFE_DAYS,
    ApiKey,
    Client,
    RegisterError,
    require_networks,
)
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import AccessEnded, AccessGranted
from ekyc.storage.tables import Instant
from ekyc.values import Redacted

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.service_key import ServiceKey

PREFIX: Final = "ekyc_"
_KEY: Final = re.compile(r"ekyc_[A-Za-z0-9_-]{43}\Z")
_MOST_LISTED: Final = 1000
DEFAULT_OVERLAP: Final = timedelta(days=7)


class ApiKeyStore:
    """Makes, finds and ends keys. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        key: ServiceKey,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._hash_key = key.derive("api keys")
        self._clock = clock
        self._random = random
        self._subject = subject

    def issue(
        self,
        tenant: str,
        client_id: str,
        *,
        scopes: Iterable[str] | None = None,
        networks: Iterable[str] = (),
        life: timedelta = timedelta(days=90),
    ) -> tuple[ApiKey, Redacted[str]]:
        """Make a key for a client; the secret, which cannot be had again.

        Args:
            tenant: of the client.
            client_id: who gets it.
            scopes: those of the client, or fewer; all of them by default.
            networks: where it may be used from besides what binds the client.
            life: until it expires, at most two years.

        Raises:
            RegisterError: no such standing client, a scope that it was not granted, a life out of bounds.
        """
        if not timedelta(0) < life <= timedelta(days=MAX_KEY_LIFE_DAYS):
            raise RegisterError(f"at most {MAX_KEY_LIFE_DAYS} days", subject="life")
        bound = tuple(networks)
        require_networks(bound)
        with storage_errors(self._subject), self._engine.begin() as connection:
            owner = self._standing(connection, tenant, client_id)
            given = owner.scopes if scopes is None else frozenset(scopes)
            if not given <= owner.scopes:
                raise RegisterError(
                    "the client itself was not granted that",
                    code="register.scope",
                    subject=", ".join(sorted(given - owner.scopes)),
                )
            return self._insert(connection, owner, given, bound, life)

    def rotate(
        self, tenant: str, key_id: str, *, overlap: timedelta = DEFAULT_OVERLAP
    ) -> tuple[ApiKey, Redacted[str]]:
        """Make a successor with the same rights and life; the old key goes on until ``overlap`` is over.

        Raises:
            RegisterError: no such standing key, or an overlap longer than 30 days.
        """
        if not timedelta(0) <= overlap <= timedelta(days=30):
            raise RegisterError("0 to 30 days", subject="overlap")
        now = self._clock.now()
        with storage_errors(self._subject), self._engine.begin() as connection:
            query = select(keys).where(keys.c.tenant_id == tenant, keys.c.id == key_id)
            row = connection.execute(query).one_or_none()
            if row is None or row.ended_at is not None or row.expires_at <= now:
                raise _no_key()
            owner = self._standing(connection, tenant, row.client_id)
            connection.execute(
                update(keys)
                .where(keys.c.id == key_id)
                .values(expires_at=min(row.expires_at, now + overlap))
            )
            old = _key_of(row)
            return self._insert(
                connection,
                owner,
                old.scopes & owner.scopes,
                old.networks,
                old.expires_at - old.created_at,
            )

    def find(self, secret: str) -> tuple[ApiKey, Client] | None:
        """The standing key that ``secret`` is, with its client; ``None`` for anything else.

        That it was used is noted once a day.
        """
        if not _KEY.match(secret):
            return None
        digest, now = self._digest(secret), self._clock.now()
        query = (
            select(keys, tenants.c.ended_at.label("tenant_ended"))
            .join(tenants, tenants.c.id == keys.c.tenant_id)
            .where(keys.c.digest == digest)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            owned = select(clients).where(
                clients.c.id == (None if row is None else row.client_id),
                clients.c.ended_at.is_(None),
            )
            owner = connection.execute(owned).one_or_none()
        if row is None or owner is None or not hmac.compare_digest(row.digest, digest):
            return None
        if row.ended_at is not None or row.tenant_ended is not None or now >= row.expires_at:
            return None
        self._note_use(row, now)
        return _key_of(row), client_of(owner)

    def keys(self, tenant: str, client_id: str | None = None) -> tuple[ApiKey, ...]:
        """Keys of a tenant, or of one of its clients, the newest first; without their secrets."""
        query = select(keys).where(keys.c.tenant_id == tenant)
        if client_id is not None:
            query = query.where(keys.c.client_id == client_id)
        query = query.order_by(keys.c.created_at.desc(), keys.c.id).limit(_MOST_LISTED)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_key_of(row) for row in connection.execute(query))

    def revoke(self, tenant: str, key_id: str) -> None:
        """End a key at once.

        Raises:
            RegisterError: ``register.unknown``.
        """
        ended = func.coalesce(keys.c.ended_at, literal(self._clock.now(), Instant))
        which = (keys.c.tenant_id == tenant, keys.c.id == key_id)
        with storage_errors(self._subject), self._engine.begin() as connection:
            row = connection.execute(
                update(keys).where(*which).values(ended_at=ended).returning(keys.c.client_id)
            ).one_or_none()
            if row is None:
                raise _no_key()
            of = select(clients).where(clients.c.id == row.client_id)
            owner = client_of(connection.execute(of).one())
            ended_key = AccessEnded(client=reference_to(owner.id), key=key_id)
            self._log.append(connection, ended_key, tenant=tenant, office=owner.only_office)

    def _standing(self, connection: Connection, tenant: str, client_id: str) -> Client:
        query = select(clients).where(
            clients.c.tenant_id == tenant, clients.c.id == client_id, clients.c.ended_at.is_(None)
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            raise RegisterError(
                "there is no such client", code="register.unknown", subject="client"
            )
        return client_of(row)

    def _insert(
        self,
        connection: Connection,
        owner: Client,
        scopes: frozenset[str],
        networks: tuple[str, ...],
        life: timedelta,
    ) -> tuple[ApiKey, Redacted[str]]:
        now = self._clock.now()
        drawn = base64url.encode(self._random.token_bytes(32))
        secret = PREFIX + drawn
        made = ApiKey(
            id=self._random.token_bytes(16).hex(),
            tenant=owner.tenant,
            client=owner.id,
            scopes=scopes,
            networks=networks,
            created_at=now,
            expires_at=now + life,
            used_on=None,
            ended_at=None,
        )
        connection.execute(
            insert(keys).values(
                id=made.id,
                tenant_id=made.tenant,
                client_id=made.client,
                digest=self._digest(secret),
                scopes=json.dumps(sorted(scopes)),
                networks=json.dumps(networks),
                created_at=now,
                expires_at=made.expires_at,
            )
        )
        granted = AccessGranted(client=reference_to(owner.id), key=made.id)
        self._log.append(connection, granted, tenant=owner.tenant, office=owner.only_office)
        return made, Redacted(secret)

    def _note_use(self, row: Any, now: datetime) -> None:
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if row.used_on is not None and row.used_on >= today:
            return
        with storage_errors(self._subject), self._engine.begin() as connection:
            connection.execute(update(keys).where(keys.c.id == row.id).values(used_on=today))

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(self._hash_key, secret.encode(), "sha256")


def _key_of(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        tenant=row.tenant_id,
        client=row.client_id,
        scopes=frozenset(json.loads(row.scopes)),
        networks=tuple(json.loads(row.networks)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_on=row.used_on,
        ended_at=row.ended_at,
    )


def _no_key() -> RegisterError:
    return RegisterError("there is no such key", code="register.unknown", subject="key")
