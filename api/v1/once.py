"""``Idempotency-Key``: a POST that is sent twice is carried out once, and answered alike.

1. Every POST of a resource carries a key of the caller's making; without one it is refused (400).
2. A key belongs to its tenant, client, method and path.
3. While a request with the key is being carried out by this process, another is told to come again (409).
4. The key is claimed in the transaction of what it stands for. It is kept for 24 hours with the answer.
5. The same key with another request is refused (422); with the same one, the kept answer is given again.

A request that was refused or failed has claimed nothing: it may be sent again with its key.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fastapi import Response

from ekyc.errors import BusyError
from ekyc.storage import IdempotencyError
from ekyc.storage.dossiers.idempotency import KeyClaim

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.storage import DossierUnit

_KEY: Final = re.compile(r"[!-~]{1,255}\Z")
REPLAYED: Final = "Idempotency-Replayed"


class InFlightError(BusyError):
    """A request with this key is being carried out.

    Code: ``idempotency.in_flight``.
    """

    default_code = "idempotency.in_flight"
    wait_s = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered, and kept."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """As it is kept."""
        kept = {"status": self.status, "body": self.body, "headers": dict(self.headers)}
        return json.dumps(kept, ensure_ascii=False).encode()

    @classmethod
    def decoded(cls, kept: bytes) -> Answer:
        """As it was kept."""
        return cls(**json.loads(kept))

    def response(self, *, replayed: bool = False) -> Response:
        """As it is sent."""
        headers = dict(self.headers) | ({REPLAYED: "true"} if replayed else {})
        return Response(
            json.dumps(self.body, ensure_ascii=False),
            status_code=self.status,
            headers=headers,
            media_type="application/json",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(KeyClaim):
    """A key that a request came with."""

    def kept(self, unit: DossierUnit) -> Answer | None:
        """The answer that is kept, if this request was carried out before; claims nothing.

        Raises:
            IdempotencyError: ``idempotency.other_request``.
        """
        found = unit.keys.find(self.digest, self.fingerprint)
        return None if found is None else Answer.decoded(found)

    def carry_out(
        self, unit: DossierUnit, work: Callable[[DossierUnit], Answer]
    ) -> tuple[Answer, bool]:
        """Do ``work`` in the unit's transaction, or give the kept answer; the second value says which (5).

        Raises:
            IdempotencyError: ``idempotency.other_request``.
        """
        kept = unit.keys.claim(self.digest, self.fingerprint)
        if kept is not None:
            return Answer.decoded(kept), True
        answer = work(unit)
        unit.keys.keep(self.digest, answer.encoded())
        return answer, False


class Once:
    """The keys that this process works on. Lives in one event loop.

    Args:
        secret: by which digests are keyed; that of all processes that share what is kept.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._in_flight: set[bytes] = set()

    @contextmanager
    def working(self, request: Request, client: str) -> Iterator[Pending]:
        """Hold the request's key for the length of the block.

        Args:
            request: as it came.
            client: tenant and client, or whoever else a key belongs to.

        Raises:
            IdempotencyError: ``idempotency.missing``, ``idempotency.malformed``.
            InFlightError: another request holds the key.
        """
        digest = self._digest(
            "key", f"{client}\0{request.method} {request.url.path}\0{_key(request)}"
        )
        if digest in self._in_flight:
            raise InFlightError("a request with this key is being carried out")
        self._in_flight.add(digest)
        try:
            yield Pending(digest, self)
        finally:
            self._in_flight.discard(digest)

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{kind}\0{text}".encode(), "sha256")

    def fingerprint(self, content: bytes) -> bytes:
        """Keyed digest of what was asked for."""
        return hmac.digest(self._secret, b"content\0" + content, "sha256")


class Pending:
    """A held key; what was asked for may become known only after an upload."""

    def __init__(self, digest: bytes, once: Once) -> None:
        self._digest = digest
        self._once = once

    def claim(self, content: bytes) -> Claim:
        """The key, for a request with this content."""
        return Claim(digest=self._digest, fingerprint=self._once.fingerprint(content))


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        raise IdempotencyError("Idempotency-Key is needed", code="idempotency.missing")
    if not _KEY.match(key):
        raise IdempotencyError(
            "Idempotency-Key has 1 to 255 visible ASCII characters", code="idempotency.malformed"
        )
    return key
