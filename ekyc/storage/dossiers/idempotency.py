"""Answers that are kept so that a request sent twice is carried out once.

A key is claimed in the transaction of what it stands for: both are there after a crash, or neither. Answers may hold
tokens and lie sealed. The digest of a key covers tenant, client and path, so that nobody meets another's key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ekyc.errors import InputError
from ekyc.storage.dossiers.tables import idempotency_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.ports import Random
    from ekyc.storage.service_key import ServiceKey

KEPT_FOR: Final = timedelta(hours=24)


class IdempotencyError(InputError):
    """A key was used for something else.

    Codes: ``idempotency.other_request`` (the same key with another body), ``idempotency.missing``,
    ``idempotency.malformed``, ``idempotency.in_flight``.
    """

    default_code = "idempotency.other_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyClaim:
    """A key that a request came with, as digests."""

    digest: bytes
    fingerprint: bytes


class KeptAnswers:
    """Keys and kept answers of one tenant."""

    def __init__(
        self, connection: Connection, tenant: str, *, key: ServiceKey, random: Random, now: datetime
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._sealer = key.sealer("idempotency", random)
        self._now = now

    def claim(self, digest: bytes, fingerprint: bytes) -> bytes | None:
        """Claim a key for what this transaction does, or give the answer that it was kept with.

        Args:
            digest: keyed, of client, path and key.
            fingerprint: keyed, of the request.

        Raises:
            IdempotencyError: ``idempotency.other_request``; ``idempotency.in_flight``: it has no answer yet.
        """
        if digest[0] == 0:  # one claim in 256 cleans up for all
            over = idempotency_keys.c.expires_at <= self._now
            self._connection.execute(delete(idempotency_keys).where(over))
        if self._insert(digest, fingerprint):
            return None
        return self._kept(digest, fingerprint)

    def find(self, digest: bytes, fingerprint: bytes) -> bytes | None:
        """The answer of a key that was claimed before, without claiming it.

        Raises:
            IdempotencyError: as :meth:`claim`.
        """
        table = idempotency_keys.c
        query = select(table.digest).where(
            table.tenant_id == self._tenant,
            table.digest == digest,
            table.expires_at > self._now,
        )
        known = self._connection.execute(query).one_or_none()
        return None if known is None else self._kept(digest, fingerprint)

    def keep(self, digest: bytes, answer: bytes) -> None:
        """Keep the answer of a claimed key; a later one replaces it."""
        table = idempotency_keys.c
        self._connection.execute(
            update(idempotency_keys)
            .where(table.tenant_id == self._tenant, table.digest == digest)
            .values(answer=self._sealer.seal(answer, _place(digest)))
        )

    def forget_naming(self, names: Iterable[str]) -> int:
        """Erase answers that name one of these ids; the number erased.

        Their keys stay claimed until they expire: a request that is sent again is told to wait, and not carried out twice.
        """
        wanted = [name.encode() for name in names]
        table = idempotency_keys.c
        query = select(table.digest, table.answer).where(
            table.tenant_id == self._tenant, table.answer.is_not(None)
        )
        erased = 0
        for row in self._connection.execute(query).all():
            answer = self._sealer.open(row.answer, _place(row.digest))
            if any(name in answer for name in wanted):
                ours = (table.tenant_id == self._tenant, table.digest == row.digest)
                self._connection.execute(update(idempotency_keys).where(*ours).values(answer=None))
                erased += 1
        return erased

    def _insert(self, digest: bytes, fingerprint: bytes) -> bool:
        """Claim a key that is free or over, in one statement; two that race for it wait for each other."""
        on_postgresql = self._connection.dialect.name == "postgresql"
        claim = (postgresql if on_postgresql else sqlite).insert(idempotency_keys)
        until = self._now + KEPT_FOR
        claimed = self._connection.execute(
            claim.values(
                tenant_id=self._tenant, digest=digest, fingerprint=fingerprint, expires_at=until
            ).on_conflict_do_update(
                index_elements=["tenant_id", "digest"],
                set_={"fingerprint": fingerprint, "expires_at": until, "answer": None},
                where=idempotency_keys.c.expires_at <= self._now,
            ),
            execution_options={"preserve_rowcount": True},  # of INSERT it is forgotten otherwise
        )
        return claimed.rowcount == 1

    def _kept(self, digest: bytes, fingerprint: bytes) -> bytes:
        table = idempotency_keys.c
        query = select(table.fingerprint, table.answer).where(
            table.tenant_id == self._tenant, table.digest == digest
        )
        row = self._connection.execute(query).one()
        if not hmac.compare_digest(row.fingerprint, fingerprint):
            raise IdempotencyError("this key was sent with another request before")
        if row.answer is None:
            raise IdempotencyError("still being worked on", code="idempotency.in_flight")
        return self._sealer.open(row.answer, _place(digest))


def _place(digest: bytes) -> str:
    return f"idempotency_keys/{digest.hex()}/answer"
