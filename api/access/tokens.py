"""Access tokens of ours: short-lived JWTs (RFC 9068), signed with a key that rotates, bound to a certificate on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from joserfc import jws
from joserfc.jwk import ECKey

from ekyc.api.access.errors import AccessError, invalid
from ekyc.api.access.jwts import Jwt, JwtError, read_keys, verify_jwt

if TYPE_CHECKING:
    from ekyc.ports import Clock, Random
    from ekyc.storage.access.signing_keys import SigningKeyStore

TOKEN_LIFE: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=5)
"""By which clocks of our machines may differ, or one be set back, before a token counts as one from the future."""
TYP: Final = "at+jwt"
_ALGORITHM: Final = "ES256"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenContent:
    """What a token says."""

    tenant: str
    client: str
    subject: str = field(repr=False)
    """The client itself, or the citizen it acts for."""
    scopes: frozenset[str]
    consent: str | None = None
    """Of the citizen, where the client acts for one."""
    certificate: str | None = None
    """``x5t#S256`` of the certificate that it is bound to."""


class AccessTokens:
    """Issues and reads tokens. Safe across threads.

    Args:
        issuer: our public address.
        keys: that sign.
        clock: of their life.
        random: of their names.
    """

    def __init__(self, *, issuer: str, keys: SigningKeyStore, clock: Clock, random: Random) -> None:
        self._issuer = issuer
        self._keys = keys
        self._clock = clock
        self._random = random

    def issue(self, content: TokenContent) -> str:
        """A signed token."""
        key = self._keys.current()
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": content.subject,
            "client_id": content.client,
            "iat": now,
            "exp": now + int(TOKEN_LIFE.total_seconds()),
            "jti": self._random.token_bytes(16).hex(),
            "scope": " ".join(sorted(content.scopes)),
            "tenant": content.tenant,
        }
        if content.consent is not None:
            claims["act"] = {"sub": content.client}
            claims["consent"] = content.consent
        if content.certificate is not None:
            claims["cnf"] = {"x5t#S256": content.certificate}
        private = load_der_private_key(key.private_der, None)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        header = {"alg": _ALGORITHM, "typ": TYP, "kid": key.id}
        return jws.serialize_compact(
            header, json.dumps(claims), ECKey.import_key(pem), algorithms=[_ALGORITHM]
        )

    def read(self, token: str) -> TokenContent:
        """What a token of ours says, while it lives.

        Raises:
            AccessError: ``access.invalid``, ``access.expired``; ``access.not_yet``: it was issued later than it is now,
                since the clock was set back. It would live longer than it may.
        """
        try:
            keys = read_keys(json.dumps(self.jwks()), [_ALGORITHM])
            told = verify_jwt(token, keys, algorithms=[_ALGORITHM], typ=TYP)
            return self._content(told)
        except JwtError as exc:
            raise invalid() from exc

    def jwks(self) -> dict[str, Any]:
        """Our public keys (RFC 7517 §5)."""
        return {"keys": [json.loads(one.public) for one in self._keys.published()]}

    def _content(self, told: Jwt) -> TokenContent:
        if told.text("iss") != self._issuer or told.audiences() != (self._issuer,):
            raise JwtError("issuer or audience")
        now = self._clock.now().timestamp()
        if now >= told.time("exp"):
            raise AccessError("the token has expired", code="access.expired")
        if told.time("iat") > now + LEEWAY.total_seconds():
            raise AccessError("the token is not good yet", code="access.not_yet")
        bound = told.claims.get("cnf")
        return TokenContent(
            tenant=told.text("tenant"),
            client=told.text("client_id"),
            subject=told.text("sub"),
            scopes=frozenset(str(told.claims.get("scope", "")).split()),
            consent=told.text("consent") if "act" in told.claims else None,
            certificate=None if bound is None else str(bound["x5t#S256"]),
        )
