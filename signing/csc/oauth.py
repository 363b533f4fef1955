"""The authorisation server of the signing interface (CSC API §8.4): authorization code with PKCE, and nothing weaker.

1. A client asks, by the browser or beforehand by itself (RFC 9126). The request waits, sealed, under a ticket.
2. Pages of the portal, which know the person, show what is asked and bring back the person's word (:mod:`.consent`).
3. The browser takes a code of one minute back to the client, with ``state`` and ``iss`` (RFC 9207).
4. The client proves its secret, the code, the address and the PKCE verifier, and gets a token. A code that comes twice
   ends all that came of it.

Tokens are random; what they stand for is sealed in the database. A token of scope ``service`` lasts an hour, one of scope
``credential`` as long as its SAD. There are no refresh tokens: who wants to sign tomorrow is asked tomorrow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from ekyc import base64url
from ekyc.ports import Clock
from ekyc.signing.activation.remote import Caller
from ekyc.signing.csc.authorization import (
    AuthorizationRequest,
    CredentialRequest,
    Scope,
    read_request,
    without_repeats,
)
from ekyc.signing.csc.clients import ClientRegister, CscClient
from ekyc.signing.csc.errors import CscError, invalid
from ekyc.signing.csc.records import pack, unpack
from ekyc.storage import Grant, GrantError, GrantStore

TOKEN_LIFE_S: Final = 3600
TICKET_LIFE_S: Final = 600
CODE_LIFE_S: Final = 60
PUSHED_LIFE_S: Final = 90
PUSHED_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_TICKET: Final = "csc-ticket"
_PUSHED: Final = "csc-pushed"
_CODE: Final = "csc-code"
_ACCESS: Final = "csc-access"
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A SAD, whom it was given to, and for which credential. ``repr`` shows nothing of it."""

    credential_id: str
    sad: str = field(repr=False)
    expires_at: datetime
    request: CredentialRequest | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a bearer token stands for."""

    client_id: str
    caller: Caller
    scope: Scope
    activation: Activation | None = None
    """Only with :attr:`Scope.CREDENTIAL`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A request that waits for the person's word."""

    request: AuthorizationRequest
    family: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a client gets."""

    access_token: str = field(repr=False)
    expires_in_s: int
    request: CredentialRequest | None = field(default=None, repr=False)


class AuthorizationServer:
    """Requests, codes and tokens. Safe across threads and processes.

    Args:
        issuer: its address, named in every answer through the browser.
        login_url: page of the portal that asks the person; it gets the ticket as ``ticket``.
        clients: who may ask.
        grants: where requests, codes and tokens are kept.
        clock: for what is left of a token's life.
    """

    def __init__(
        self,
        *,
        issuer: str,
        login_url: str,
        clients: ClientRegister,
        grants: GrantStore,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._login_url = login_url
        self._clients = clients
        self._grants = grants
        self._clock = clock

    @property
    def issuer(self) -> str:
        return self._issuer

    def begin(self, parameters: Sequence[tuple[str, str]]) -> str:
        """Take a request of the browser; where the browser is to go.

        Raises:
            AuthorizationRefusedError, CscError: see :func:`~ekyc.signing.csc.authorization.read_request`.
        """
        given = without_repeats(parameters)
        if "request_uri" in given:
            request = self._pushed(given)
        else:
            request = read_request(parameters, self._clients)
        ticket = self._grants.issue(_TICKET, pack(request), ttl_s=TICKET_LIFE_S)
        return _with_query(self._login_url, {"ticket": ticket})

    def push(self, parameters: Sequence[tuple[str, str]], client: CscClient) -> str:
        """Take a request from the client itself (RFC 9126); its ``request_uri``.

        Raises:
            CscError: a rule is broken.
        """
        if "request_uri" in dict(parameters):
            raise invalid("request_uri")
        request = read_request(parameters, self._clients)
        if request.client_id != client.id:
            raise invalid("client_id")
        return PUSHED_PREFIX + self._grants.issue(_PUSHED, pack(request), ttl_s=PUSHED_LIFE_S)

    def ticket(self, token: str) -> Ticket:
        """A request that waits.

        Raises:
            CscError: no such request, or it is too late.
        """
        try:
            grant = self._grants.read(token, _TICKET)
        except GrantError as exc:
            raise invalid("ticket") from exc
        return Ticket(request=unpack(AuthorizationRequest, grant.body), family=grant.family)

    def approve(self, token: str, caller: Caller, activation: Activation | None) -> str:
        """The person said yes; where the browser is to go. Once.

        Args:
            token: the ticket.
            caller: who said so.
            activation: what was authorised; exactly with a request for a credential.

        Raises:
            CscError: no such request, or it is too late.
        """
        ticket = self._end(token)
        access = Access(
            client_id=ticket.request.client_id,
            caller=caller,
            scope=ticket.request.scope,
            activation=activation,
        )
        if (activation is not None) is not (access.scope is Scope.CREDENTIAL):
            raise invalid("ticket")
        body = pack(_Code(request=ticket.request, access=access))
        code = self._grants.issue(_CODE, body, ttl_s=CODE_LIFE_S, family=ticket.family)
        return self._back(ticket.request, {"code": code})

    def deny(self, token: str) -> str:
        """The person said no; where the browser is to go.

        Raises:
            CscError: no such request, or it is too late.
        """
        refusal = {"error": "access_denied", "error_description": "The person declined"}
        return self._back(self._end(token).request, refusal)

    def refusal(self, redirect_uri: str, error: CscError, state: str | None) -> str:
        """Where the browser takes a refusal (RFC 6749 §4.1.2.1)."""
        said = {"error": error.error, "error_description": error.message}
        if state is not None:
            said["state"] = state
        return _with_query(redirect_uri, {**said, "iss": self._issuer})

    def exchange(self, parameters: Sequence[tuple[str, str]], client: CscClient) -> Token:
        """A code for a token (RFC 6749 §4.1.3, RFC 7636 §4.6).

        The code is used up before anything else of it is looked at: of two attempts at most one gets anything, and the
        second ends what the first one got.

        Raises:
            CscError: ``invalid_grant`` for anything that does not fit; ``unsupported_grant_type``.
        """
        given = without_repeats(parameters)
        _require_form(given)
        try:
            grant = self._grants.redeem(given["code"], _CODE)
        except GrantError as exc:
            raise _no_code() from exc
        code = unpack(_Code, grant.body)
        request = code.request
        if request.client_id != client.id:
            raise _no_code()
        if given.get("redirect_uri") != request.redirect_uri:
            raise CscError("redirect_uri parameter does not match", error="invalid_grant")
        verifier = given.get("code_verifier", "")
        if not _VERIFIER.match(verifier) or not hmac.compare_digest(
            challenge_of(verifier), request.code_challenge
        ):
            raise CscError("code_verifier does not match", error="invalid_grant")
        return self._issue(code.access, family=grant.family)

    def login(self, client: CscClient) -> Token:
        """A service token for a client that logs in by itself, for the holder that the operator gave it.

        Raises:
            CscError: ``authentication_error``: it has none.
        """
        if client.holder is None:
            raise CscError(
                "An error occurred during authentication process", error="authentication_error"
            )
        session = hashlib.sha256(f"csc login of {client.id}".encode()).hexdigest()
        caller = Caller(holder=client.holder, session=session)
        return self._issue(Access(client_id=client.id, caller=caller, scope=Scope.SERVICE))

    def access(self, token: str) -> Access:
        """What a bearer token stands for.

        Raises:
            CscError: ``invalid_token``.
        """
        try:
            grant = self._grants.read(token, _ACCESS)
        except GrantError as exc:
            late = "expired or has been revoked" if exc.code != "grant.unknown" else "not valid"
            raise CscError(f"The access token is {late}", error="invalid_token") from exc
        return unpack(Access, grant.body)

    def revoke(self, token: str, *, client_id: str) -> None:
        """End a token of this client; one that is nobody's, or another's, is passed over (RFC 7009 §2.2)."""
        try:
            access = self.access(token)
        except CscError:
            return
        if access.client_id == client_id:
            self._grants.revoke(token, _ACCESS)

    def _pushed(self, given: dict[str, str]) -> AuthorizationRequest:
        if set(given) != {"client_id", "request_uri"}:
            raise CscError("request_uri stands with client_id alone")
        token = given["request_uri"].removeprefix(PUSHED_PREFIX)
        try:
            grant = self._grants.redeem(token, _PUSHED)
        except GrantError as exc:
            raise invalid("request_uri") from exc
        request = unpack(AuthorizationRequest, grant.body)
        if request.client_id != given["client_id"]:
            raise invalid("client_id")
        return request

    def _end(self, token: str) -> Ticket:
        try:
            grant: Grant = self._grants.redeem(token, _TICKET)
        except GrantError as exc:
            raise invalid("ticket") from exc
        return Ticket(request=unpack(AuthorizationRequest, grant.body), family=grant.family)

    def _back(self, request: AuthorizationRequest, said: dict[str, str]) -> str:
        state = {} if request.state is None else {"state": request.state}
        return _with_query(request.redirect_uri, {**said, **state, "iss": self._issuer})

    def _issue(self, access: Access, *, family: str | None = None) -> Token:
        life_s = TOKEN_LIFE_S
        if access.activation is not None:
            left = access.activation.expires_at - self._clock.now()
            life_s = int(left.total_seconds())
        if life_s < 1:
            raise CscError("The authorisation has expired", error="invalid_grant")
        token = self._grants.issue(_ACCESS, pack(access), ttl_s=life_s, family=family)
        request = None if access.activation is None else access.activation.request
        return Token(access_token=token, expires_in_s=life_s, request=request)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    request: AuthorizationRequest
    access: Access


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64url.encode(digest)


def _require_form(given: dict[str, Any]) -> None:
    if "grant_type" not in given:
        raise CscError("Missing parameter grant_type")
    if given["grant_type"] != "authorization_code":
        raise CscError("Invalid parameter grant_type", error="unsupported_grant_type")
    if "code" not in given:
        raise CscError("Missing parameter code")


def _no_code() -> CscError:
    return CscError("Authorization code is invalid or expired", error="invalid_grant")


def _with_query(address: str, said: dict[str, str]) -> str:
    joint = "&" if urlsplit(address).query else "?"
    return f"{address}{joint}{urlencode(said)}"
