"""OpenID Connect as a relying party: code flow with PKCE, and nothing weaker (OpenID Connect Core 1.0 §3.1, RFC 9700).

1. The browser is sent to the provider with ``state``, ``nonce`` and an S256 challenge, all fresh, all kept here, sealed.
2. It comes back with a code. ``state`` counts once, belongs to this provider, and to the browser that began
   (its cookie). ``iss``, where it is given or promised, is the provider's (RFC 9207).
3. The code is exchanged over a link that is guarded (:mod:`ekyc.flows.guarded_link`), with the verifier of (1).
4. The ID token: signature under the provider's published keys with an algorithm of the profile, ``iss``, ``aud``, ``azp``,
   ``exp``, ``iat``, ``nonce``, and ``acr`` where one is asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlencode

from ekyc import base64url
from ekyc.api.access.errors import AccessError
from ekyc.api.access.jwts import Jwt, JwtError, VerificationKey, read_keys, verify_jwt
from ekyc.api.access.login_profiles import Endpoints, LoginProfile
from ekyc.errors import InputError, UpstreamError
from ekyc.storage import GrantError

if TYPE_CHECKING:
    from ekyc.flows.guarded_link import GuardedAnswer
    from ekyc.ports import Clock, Random
    from ekyc.storage import GrantStore

LOGIN_LIFE_S: Final = 600
_KIND: Final = "login"
_SKEW_S: Final = 30.0
_OLDEST: Final = timedelta(minutes=10)
_KEEP: Final = timedelta(minutes=10)
_REFETCH: Final = timedelta(minutes=1)
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_CODE: Final = 2048


class Link(Protocol):
    """A way to the provider."""

    def send(
        self, method: str, url: str, body: bytes | None, *, headers: Mapping[str, str]
    ) -> GuardedAnswer:
        """One HTTPS exchange."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginBegun:
    """Where the browser goes, and what it keeps meanwhile."""

    location: str = field(repr=False)
    browser: str = field(repr=False)
    """Secret for the cookie that ties the login to this browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginDone:
    """Who came back, in the provider's words."""

    claims: Mapping[str, Any] = field(repr=False)
    return_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was fetched from the provider."""

    endpoints: Endpoints
    names_itself: bool
    """Whether it promises ``iss`` in its answers."""
    keys: tuple[VerificationKey, ...]
    at: datetime


class RelyingParty:
    """One provider, as we log in with it. Safe across threads and processes.

    Args:
        profile: the provider.
        redirect_uri: our address that it sends browsers back to; of this provider alone.
        link: to it.
        logins: where logins under way are kept, sealed.
        clock: of tokens.
        random: of nonces and verifiers.
    """

    def __init__(
        self,
        profile: LoginProfile,
        *,
        redirect_uri: str,
        link: Link,
        logins: GrantStore,
        clock: Clock,
        random: Random,
    ) -> None:
        self.profile = profile
        self._redirect_uri = redirect_uri
        self._link = link
        self._logins = logins
        self._clock = clock
        self._random = random
        self._known: _Known | None = None
        self._lock = threading.Lock()

    def begin(self, return_to: str) -> LoginBegun:
        """(1) Begin a login.

        Raises:
            AccessError: ``access.login``: the provider cannot be reached, or describes itself wrongly.
        """
        known = self._provider()
        nonce, verifier, browser = self._secret(), self._secret(), self._secret()
        kept = {
            "provider": self.profile.id,
            "nonce": nonce,
            "verifier": verifier,
            "browser": _digest(browser),
            "return_to": return_to,
        }
        state = self._logins.issue(_KIND, json.dumps(kept).encode(), ttl_s=LOGIN_LIFE_S)
        asked = {
            "response_type": "code",
            "client_id": self.profile.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self.profile.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _digest(verifier),
            "code_challenge_method": "S256",
        }
        if self.profile.acr_values:
            asked["acr_values"] = " ".join(self.profile.acr_values)
        place = known.endpoints.authorization
        joint = "&" if "?" in place else "?"
        return LoginBegun(location=f"{place}{joint}{urlencode(asked)}", browser=browser)

    def finish(self, answer: Mapping[str, str], browser: str | None) -> LoginDone:
        """(2) to (4) Take what the browser brought.

        Args:
            answer: parameters of the request, none of them twice.
            browser: the cookie of :meth:`begin`.

        Raises:
            AccessError: ``access.login``, for whatever reason.
        """
        kept = self._redeemed(answer, browser)
        known = self._provider()
        said = answer.get("iss")
        if said != self.profile.issuer and (said is not None or known.names_itself):
            raise refused("another issuer answered")
        code = answer.get("code", "")
        if "error" in answer or not 0 < len(code) <= _MAX_CODE:
            raise refused("the provider did not agree")
        token = self._exchange(known.endpoints.token, code, kept["verifier"])
        claims = self._verified(token, kept["nonce"])
        return LoginDone(claims=claims, return_to=kept["return_to"])

    @property
    def end_session(self) -> str | None:
        """Where the browser may end its session at the provider, if known without asking."""
        known = self.profile.endpoints or (self._known.endpoints if self._known else None)
        return None if known is None else known.end_session

    def _redeemed(self, answer: Mapping[str, str], browser: str | None) -> dict[str, str]:
        """(2)"""
        try:
            grant = self._logins.redeem(answer.get("state", ""), _KIND)
        except GrantError as exc:
            raise refused("state") from exc
        kept: dict[str, str] = json.loads(grant.body)
        same = hmac.compare_digest(_digest(browser or ""), kept["browser"])
        if not same or kept["provider"] != self.profile.id:
            raise refused("another browser, or another provider")
        return kept

    def _exchange(self, place: str, code: str, verifier: str) -> str:
        """(3) The ID token for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self.profile.client_id,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": _FORM, "Accept": "application/json"}
        if self.profile.client_secret is not None:
            pair = f"{quote(self.profile.client_id, safe='')}:{quote(self.profile.client_secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        told = self._json("POST", place, urlencode(form).encode(), headers)
        token = told.get("id_token")
        if not isinstance(token, str):
            raise refused("no ID token")
        return token

    def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        """(4)"""
        try:
            told = self._signed(token)
            self._require_claims(told, nonce)
        except JwtError as exc:
            raise refused(f"ID token: {exc.message}") from exc
        return told.claims

    def _signed(self, token: str) -> Jwt:
        """The token under the keys we know, and once more under fresh ones: the provider may have rotated."""
        algorithms = self.profile.algorithms
        known = self._provider()
        try:
            return verify_jwt(token, known.keys, algorithms=algorithms, typ=None)
        except JwtError:
            if self._clock.now() - known.at < _REFETCH:
                raise
        fresh = self._provider(fresh=True)
        return verify_jwt(token, fresh.keys, algorithms=algorithms, typ=None)

    def _require_claims(self, told: Jwt, nonce: str) -> None:
        now = self._clock.now().timestamp()
        if told.text("iss") != self.profile.issuer:
            raise JwtError("claim iss")
        audiences, party = told.audiences(), told.claims.get("azp")
        if self.profile.client_id not in audiences or (len(audiences) > 1 and party is None):
            raise JwtError("claim aud")
        if party is not None and party != self.profile.client_id:
            raise JwtError("claim azp")
        if now >= told.time("exp") + _SKEW_S:
            raise JwtError("claim exp")
        if not now - _OLDEST.total_seconds() <= told.time("iat") <= now + _SKEW_S:
            raise JwtError("claim iat")
        if not hmac.compare_digest(told.text("nonce").encode(), nonce.encode()):
            raise JwtError("claim nonce")
        if self.profile.acr_values and told.text("acr") not in self.profile.acr_values:
            raise JwtError("claim acr")

    def _provider(self, *, fresh: bool = False) -> _Known:
        with self._lock:
            known = self._known
            if known is None or fresh or self._clock.now() - known.at >= _KEEP:
                known = self._known = self._fetched()
            return known

    def _fetched(self) -> _Known:
        endpoints, names_itself = self.profile.endpoints, False
        if endpoints is None:
            place = f"{self.profile.issuer.rstrip('/')}/.well-known/openid-configuration"
            told = self._json("GET", place, None, {"Accept": "application/json"})
            if told.get("issuer") != self.profile.issuer:
                raise refused("the provider calls itself otherwise")
            endpoints = _endpoints(told)
            names_itself = told.get("authorization_response_iss_parameter_supported") is True
        document = self._json("GET", endpoints.jwks, None, {"Accept": "application/json"})
        try:
            keys = read_keys(json.dumps(document), self.profile.algorithms)
        except JwtError as exc:
            raise refused("the provider's keys cannot be used") from exc
        return _Known(
            endpoints=endpoints, names_itself=names_itself, keys=keys, at=self._clock.now()
        )

    def _json(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        try:
            answer = self._link.send(method, url, body, headers=headers)
        except (UpstreamError, InputError) as exc:
            raise refused(f"the provider cannot be reached: {exc.code}") from exc
        try:
            told = json.loads(answer.body)
        except (ValueError, RecursionError) as exc:
            raise refused("the provider's answer cannot be read") from exc
        if answer.status != 200 or not isinstance(told, dict):
            raise refused(f"the provider answered {answer.status}")
        return told

    def _secret(self) -> str:
        return base64url.encode(self._random.token_bytes(32))


def refused(why: str) -> AccessError:
    """A login that came to nothing. ``why`` is for operators and holds nothing that anybody sent."""
    return AccessError(f"the login failed: {why}", code="access.login")


def _endpoints(told: Mapping[str, Any]) -> Endpoints:
    try:
        return Endpoints(
            authorization=told["authorization_endpoint"],
            token=told["token_endpoint"],
            jwks=told["jwks_uri"],
            end_session=told.get("end_session_endpoint"),
        )
    except (KeyError, ValueError) as exc:
        raise refused("the provider's description cannot be used") from exc


def _digest(secret: str) -> str:
    """SHA-256, base64url: a PKCE challenge (RFC 7636 §4.2) too."""
    return base64url.encode(hashlib.sha256(secret.encode()).digest())
