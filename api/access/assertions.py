"""Clients that prove a private key: ``private_key_jwt`` (RFC 7523 §2.2 and §3, OpenID Connect Core §9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ekyc.api.access.jwts import Jwt, JwtError, peek_claim, read_keys, verify_jwt
from ekyc.errors import InputError
from ekyc.storage import FreshnessError

if TYPE_CHECKING:
    from ekyc.storage import AccessStores, Client

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519", "PS256")
LONGEST: Final = timedelta(minutes=5)
_SKEW_S: Final = 5.0
_KIND: Final = "client-assertion"


class ClientProofError(InputError):
    """An assertion that proves nothing. Code: ``assertion.invalid``; the message is for our tests, not for callers."""

    default_code = "assertion.invalid"


class ClientAssertions:
    """Finds out which client an assertion proves. Safe across threads and processes.

    Args:
        stores: clients with their registered keys, and what was used before. No key is ever fetched.
        audiences: any one of which an assertion may be for: our issuer, our token endpoint.
    """

    def __init__(self, stores: AccessStores, audiences: tuple[str, ...]) -> None:
        self._stores = stores
        self._audiences = audiences

    def verify(self, assertion: str) -> Client:
        """The client.

        1. ``iss`` says which client's registered keys to try.
        2. The signature holds under one of them, with ES256, EdDSA or PS256.
        3. ``iss`` and ``sub`` are the client; ``aud`` is us and nobody else.
        4. ``exp`` is ahead, by no more than five minutes; ``iat`` and ``nbf`` are not.
        5. ``jti`` was never used by this client.

        Raises:
            ClientProofError: one of these does not hold.
        """
        name = peek_claim(assertion, "iss")  # (1)
        client = None if name is None else self._stores.register.client(name)
        if client is None or client.jwks is None:
            raise ClientProofError("no such client, or it has no keys")
        try:
            keys = read_keys(client.jwks, ALGORITHMS)
            told = verify_jwt(assertion, keys, algorithms=ALGORITHMS, typ=None)  # (2)
            until = self._require_claims(told, client.id)
        except JwtError as exc:
            raise ClientProofError(exc.message) from exc
        try:
            self._stores.once.claim(_KIND, client.id, told.text("jti"), until=until)  # (5)
        except (FreshnessError, JwtError) as exc:
            raise ClientProofError("jti") from exc
        return client

    def _require_claims(self, told: Jwt, client: str) -> datetime:
        if told.text("iss") != client or told.text("sub") != client:  # (3)
            raise JwtError("claims iss and sub")
        audiences = told.audiences()
        if len(audiences) != 1 or audiences[0] not in self._audiences:
            raise JwtError("claim aud")
        now = self._stores.clock.now().timestamp()  # (4)
        expires = told.time("exp")
        if not now < expires <= now + LONGEST.total_seconds() + _SKEW_S:
            raise JwtError("claim exp")
        for name in ("iat", "nbf"):
            if name in told.claims and told.time(name) > now + _SKEW_S:
                raise JwtError(f"claim {name}")
        return datetime.fromtimestamp(expires, UTC)
