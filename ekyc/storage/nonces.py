"""Challenges that count once.

Freshness comes from this store and never from what was submitted: the verifier issues a nonce, the chip signs it,
and redeeming it here takes it out of use for good, whichever process asks first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, or_, select, update

from ekyc.errors import InputError, LimitError
from ekyc.storage.errors import FreshnessError, storage_errors
from ekyc.storage.tables import nonces

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.values import Receipt

ACTIVE_AUTHENTICATION: Final = "active-authentication"
"""Purpose of a nonce that a chip signs: RND.IFD, 8 bytes (ICAO 9303-11 §6.1)."""
CHIP_AUTHENTICATION: Final = "chip-authentication"
"""Purpose of a **secret** that a chip's whole answer is judged by (:mod:`ekyc.chip.upload_challenge`): 32 bytes.

Unlike a nonce it never leaves the verifier: whoever knows it can make up the chip's answer.
"""

_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_ID_BYTES = 16
_MAX_TTL_S = 24 * 3600.0
_KEEP_EXPIRED = timedelta(hours=1)
"""How long a dead challenge still answers *expired* or *already used* rather than *unknown*."""
_KEEP_HELD = timedelta(days=1)
"""How long one lasts that is held for a case which is not done with yet."""
_PURGE_BATCH = 100
_ERASED = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """An issued nonce."""

    id: str
    """Opaque, unguessable; what the caller gives back."""
    purpose: str
    nonce: bytes = field(repr=False)
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A challenge that was taken out of use."""

    purpose: str
    nonce: bytes = field(repr=False)


class NonceStore:
    """Issues and redeems challenges. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, clock: Clock, random: Random, subject: str) -> None:
        self._engine = engine
        self._clock = clock
        self._random = random
        self._subject = subject

    def issue(self, purpose: str, ttl_s: float = 300.0, count: int = 8) -> Challenge:
        """Make and store a challenge.

        Args:
            purpose: what it may be redeemed for: lower case, digits and hyphens, at most 64 characters.
            ttl_s: seconds until it expires, more than 0 and at most a day.
            count: length of the nonce in bytes, 8 to 64.

        Raises:
            InputError, LimitError: an argument out of these bounds.
            StorageError, BusyError: it could not be stored; then it was not issued.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return issue_within(
                connection,
                purpose=purpose,
                ttl_s=ttl_s,
                count=count,
                now=self._clock.now(),
                random=self._random,
            )

    def redeem(self, challenge_id: str, purpose: str) -> bytes:
        """Take a challenge of one purpose out of use and return its nonce; see :meth:`redeem_any`."""
        return self.redeem_any(challenge_id, (purpose,)).nonce

    def redeem_any(
        self, challenge_id: str, purposes: tuple[str, ...], *, receipt: Receipt | None = None
    ) -> Redemption:
        """Take a challenge out of use and return its nonce and which of ``purposes`` it was issued for.

        One statement decides, so of any number of racing callers exactly one gets the nonce. It is on disk before
        this returns, and the nonce is stored no longer. An attempt for another purpose does not use the challenge up.

        With a ``receipt`` the challenge is judged by when the case came, and is held for it: whoever has the receipt gets
        the nonce again, until :func:`let_go_within`.

        Raises:
            FreshnessError: never issued or long gone, expired, already redeemed, or issued for another purpose.
            StorageError, BusyError: the database failed. Whether the challenge is used up is then not known;
                callers ask for a new one.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return redeem_within(
                connection, challenge_id, purposes, self._clock.now(), receipt=receipt
            )

    def purge(self) -> int:
        """Delete one batch of long-dead challenges, the oldest first; the number deleted.

        Issuing does this too, so the table stays bounded without any job of its own.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return _purge(connection, self._clock.now())


def issue_within(
    connection: Connection,
    *,
    purpose: str,
    ttl_s: float,
    count: int,
    now: datetime,
    random: Random,
) -> Challenge:
    """:meth:`NonceStore.issue` inside the caller's transaction."""
    _require_purpose(purpose)
    if not 0 < ttl_s <= _MAX_TTL_S:
        raise LimitError("time to live must be more than 0 s and at most a day", subject="ttl_s")
    if not 8 <= count <= 64:
        raise LimitError("a nonce has 8 to 64 bytes", subject="count")
    challenge = Challenge(
        id=random.token_bytes(_ID_BYTES).hex(),
        purpose=purpose,
        nonce=random.token_bytes(count),
        issued_at=now,
        expires_at=now + timedelta(seconds=ttl_s),
    )
    _purge(connection, now)
    connection.execute(
        insert(nonces).values(
            id=challenge.id,
            purpose=challenge.purpose,
            nonce=challenge.nonce,
            issued_at=challenge.issued_at,
            expires_at=challenge.expires_at,
        )
    )
    return challenge


def redeem_within(
    connection: Connection,
    challenge_id: str,
    purposes: tuple[str, ...],
    now: datetime,
    *,
    receipt: Receipt | None = None,
) -> Redemption:
    """:meth:`NonceStore.redeem_any` inside the caller's transaction: both happen or neither."""
    for purpose in purposes:
        _require_purpose(purpose)
    if receipt is not None and (held := _held(connection, challenge_id, purposes, receipt)):
        return held
    came_at = now if receipt is None else min(now, receipt.received_at)
    row = connection.execute(
        update(nonces)
        .where(
            nonces.c.id == challenge_id,
            nonces.c.purpose.in_(purposes),
            nonces.c.redeemed_at.is_(None),
            nonces.c.expires_at > came_at,
        )
        .values(redeemed_at=now, held_for=None if receipt is None else receipt.id)
        .returning(nonces.c.purpose, nonces.c.nonce)
    ).one_or_none()
    if row is None:
        raise _refusal(connection, challenge_id, purposes)
    if receipt is None:
        connection.execute(update(nonces).where(nonces.c.id == challenge_id).values(nonce=_ERASED))
    return Redemption(purpose=row.purpose, nonce=bytes(row.nonce))


def let_go_within(connection: Connection, challenge_id: str | None, receipt_id: str) -> None:
    """Erase the nonce that was held for a case: it is done with. Without an id, whichever it was."""
    held = update(nonces).where(nonces.c.held_for == receipt_id)
    if challenge_id is not None:
        held = held.where(nonces.c.id == challenge_id)
    connection.execute(held.values(nonce=_ERASED, held_for=None))


def _held(
    connection: Connection, challenge_id: str, purposes: tuple[str, ...], receipt: Receipt
) -> Redemption | None:
    """What was redeemed for this very case before."""
    query = select(nonces.c.purpose, nonces.c.nonce).where(
        nonces.c.id == challenge_id,
        nonces.c.purpose.in_(purposes),
        nonces.c.held_for == receipt.id,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Redemption(purpose=row.purpose, nonce=bytes(row.nonce))


def _require_purpose(purpose: str) -> None:
    if not _PURPOSE.match(purpose):
        raise InputError(
            "a purpose is lower-case letters, digits and hyphens, at most 64", subject="purpose"
        )


def _refusal(
    connection: Connection, challenge_id: str, purposes: tuple[str, ...]
) -> FreshnessError:
    row = connection.execute(
        select(nonces.c.purpose, nonces.c.redeemed_at).where(nonces.c.id == challenge_id)
    ).one_or_none()
    if row is None:
        return FreshnessError("no such challenge", code="freshness.unknown")
    if row.purpose not in purposes:
        return FreshnessError(
            "the challenge was issued for another purpose", code="freshness.wrong_purpose"
        )
    if row.redeemed_at is not None:
        return FreshnessError("the challenge was already used", code="freshness.already_used")
    return FreshnessError("the challenge has expired", code="freshness.expired")


def _purge(connection: Connection, now: datetime) -> int:
    dead = (
        select(nonces.c.id)
        .where(
            nonces.c.expires_at < now - _KEEP_EXPIRED,
            or_(nonces.c.held_for.is_(None), nonces.c.expires_at < now - _KEEP_HELD),
        )
        .order_by(nonces.c.expires_at)
        .limit(_PURGE_BATCH)
    )
    return connection.execute(delete(nonces).where(nonces.c.id.in_(dead))).rowcount
