"""The stores of access over one database, and values that may be used once."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from ekyc.errors import LimitError
from ekyc.storage.access.consents import ConsentStore
from ekyc.storage.access.keys import ApiKeyStore
from ekyc.storage.access.register import AccessRegister
from ekyc.storage.access.sessions import LoginSessionStore
from ekyc.storage.access.signing_keys import SigningKeyStore
from ekyc.storage.errors import FreshnessError, storage_errors
from ekyc.storage.signing.grants import GrantStore
from ekyc.storage.tables import nonces
from ekyc.storage.webhooks.units import Units

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.service_key import ServiceKey

DEFAULT_IDLE: Final = timedelta(minutes=30)
_LONGEST: Final = timedelta(hours=1)
_ERASED: Final = b""


class AccessStores:
    """What access is kept in. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        key: ServiceKey,
        idle: timedelta,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self.clock = clock
        self.register = AccessRegister(engine, log=log, clock=clock, subject=subject)
        self.keys = ApiKeyStore(
            engine, log=log, key=key, clock=clock, random=random, subject=subject
        )
        self.signing_keys = SigningKeyStore(
            engine, key=key, clock=clock, random=random, subject=subject
        )
        self.sessions = LoginSessionStore(
            engine, key=key, idle=idle, clock=clock, random=random, subject=subject
        )
        self.consents = ConsentStore(
            Units.of(engine), log=log, clock=clock, random=random, subject=subject
        )
        self.logins = GrantStore(engine, key=key, clock=clock, random=random, subject=subject)
        """Logins under way: state, nonce and verifier, each used once."""
        self.once = OnceStore(engine, clock=clock, subject=subject)


class OnceStore:
    """Values of others that count once: names of assertions (``jti``). They stand among the nonces, and die with them."""

    def __init__(self, engine: Engine, *, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._clock = clock
        self._subject = subject

    def claim(self, kind: str, owner: str, value: str, *, until: datetime) -> None:
        """Take a value; of any number of racing callers exactly one gets it.

        Args:
            kind: what it is: lower case, digits and hyphens.
            owner: whose; two owners may have equal values.
            value: of any length; its hash is kept.
            until: when it would be refused anyway; at most an hour from now.

        Raises:
            FreshnessError: ``freshness.already_used``.
            LimitError: a time further off.
        """
        now = self._clock.now()
        if until > now + _LONGEST:
            raise LimitError("kept for an hour at most", subject="until")
        name = hashlib.sha256(f"{kind}\0{owner}\0{value}".encode("utf-8", "surrogatepass"))
        row = insert(nonces).values(
            id=name.hexdigest()[:40],
            purpose=kind,
            nonce=_ERASED,
            issued_at=now,
            expires_at=until,
            redeemed_at=now,
        )
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    connection.execute(row)
            except IntegrityError as exc:
                raise FreshnessError(
                    "it was used before", code="freshness.already_used", subject=kind
                ) from exc
