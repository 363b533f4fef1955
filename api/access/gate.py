"""Who calls, found out from one request: an API key, an access token or a login, and never two of them.

1. One place that failed too often is not heard.
2. What was shown is looked up in the register, so that what was ended counts no longer, at once.
3. Network and certificate to which the client is bound are what the proxy, or the connection, says.
4. Rights are what key, client and table of permissions all give; offices are expanded to all beneath them. An agent sees
   personal data by a citizen's consent alone, whatever key or token it shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ekyc.api.access.attempts import Attempts
from ekyc.api.access.errors import AccessError, invalid, missing
from ekyc.api.access.permissions import (
    grantable_scopes,
    scopes_of_client,
    scopes_on_behalf,
)
from ekyc.api.access.principal import Actor, Principal, PrincipalKind
from ekyc.api.access.proxy import ProxySettings, thumbprint, within
from ekyc.api.access.require import SESSION_COOKIE

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.api.access.logins import Logins
    from ekyc.api.access.tokens import AccessTokens, TokenContent
    from ekyc.storage import AccessStores, Client

_KEY_PREFIX: Final = "ekyc_"
_FAILURES: Final = frozenset({"access.invalid", "access.certificate", "access.address"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What the connection tells, before any secret is looked at."""

    address: str | None = field(repr=False)
    certificate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGate:
    """A :class:`~ekyc.api.access.require.Gate` over the register. Safe across threads."""

    stores: AccessStores
    tokens: AccessTokens
    attempts: Attempts
    proxy: ProxySettings
    logins: Logins
    no_agents: frozenset[str] = frozenset()
    """Procedures that citizens must do in person."""

    def identify(self, request: Request) -> Principal:
        """Who calls.

        Raises:
            AccessError: ``access.missing``, ``access.invalid``, ``access.expired``, ``access.address``,
                ``access.certificate``, ``access.csrf``.
            AttemptsExceededError: (1)
        """
        caller = self.caller(request)
        self.attempts.require_room(caller.address)  # (1)
        shown = request.headers.getlist("authorization")
        cookie = request.cookies.get(SESSION_COOKIE)
        try:
            if shown and cookie is None:
                return self._by_header(shown, caller)
            if cookie is not None and not shown:
                return self.logins.principal(cookie, request)
        except AccessError as exc:
            if exc.code in _FAILURES:
                self.attempts.failed(caller.address)
            raise
        if shown:
            raise invalid()
        raise missing()

    def look_again(self, request: Request) -> Principal:
        """As :meth:`identify`, for a stream that was let in: no attempt is counted, and no login kept from going idle.

        Raises:
            AccessError: what it was let in by has ended.
        """
        shown = request.headers.getlist("authorization")
        if shown:
            return self._by_header(shown, self.caller(request))
        return self.logins.visit(request.cookies.get(SESSION_COOKIE, ""), used=False).principal

    def caller(self, request: Request) -> Caller:
        """What the connection tells."""
        return Caller(
            address=self.proxy.address_of(request), certificate=self.proxy.thumbprint_of(request)
        )

    def require_bound(self, client: Client, caller: Caller, networks: Iterable[str] = ()) -> None:
        """(3) Return if the caller is where, and shows the certificate, to which the client is bound.

        Raises:
            AccessError: ``access.address``, ``access.certificate``.
        """
        for bound in (client.networks, tuple(networks)):
            if bound and not within(caller.address, bound):
                raise AccessError("not from this address", code="access.address")
        if client.certificate is not None and caller.certificate != thumbprint(client.certificate):
            raise _other_certificate()

    def _by_header(self, shown: list[str], caller: Caller) -> Principal:
        scheme, _, secret = shown[0].partition(" ")
        if len(shown) != 1 or scheme.lower() != "bearer":
            raise invalid()
        secret = secret.strip()
        if secret.startswith(_KEY_PREFIX):
            return self._by_key(secret, caller)
        return self._by_token(secret, caller)

    def _by_key(self, secret: str, caller: Caller) -> Principal:
        found = self.stores.keys.find(secret)  # (2)
        if found is None:
            raise invalid()
        key, client = found
        self.require_bound(client, caller, key.networks)
        return Principal(
            tenant=client.tenant,
            kind=PrincipalKind.KEY,
            subject=client.id,
            client=client.id,
            offices=self._offices(client),
            appointed=client.offices,
            scopes=_as_itself(client, key.scopes),  # (4)
        )

    def _by_token(self, token: str, caller: Caller) -> Principal:
        told = self.tokens.read(token)
        client = self.stores.register.client(told.client)  # (2)
        if client is None or client.tenant != told.tenant:
            raise invalid()
        self.require_bound(client, caller)
        if told.certificate is not None and told.certificate != caller.certificate:
            raise _other_certificate()
        if told.consent is not None:
            scopes = told.scopes & client.scopes & grantable_scopes()  # (4)
            return self._on_behalf(told, client, scopes)
        return Principal(
            tenant=client.tenant,
            kind=PrincipalKind.CLIENT,
            subject=client.id,
            client=client.id,
            offices=self._offices(client),
            appointed=client.offices,
            scopes=_as_itself(client, told.scopes),  # (4)
        )

    def _on_behalf(self, told: TokenContent, client: Client, scopes: frozenset[str]) -> Principal:
        assert told.consent is not None
        consent = self.stores.consents.standing(client.tenant, told.consent, client.id)
        if consent is None or consent.subject != told.subject or not client.is_agent:
            raise AccessError("the consent does not stand", code="access.consent")
        return Principal(
            tenant=client.tenant,
            kind=PrincipalKind.DELEGATED,
            subject=consent.subject,
            client=client.id,
            offices=self._offices(client),
            appointed=client.offices,
            scopes=scopes_on_behalf(scopes),
            act=Actor(
                subject=client.id,
                client=client.id,
                consent=consent.id,
                purposes=consent.purposes,
                forbidden=self.no_agents,
            ),
        )

    def _offices(self, client: Client) -> frozenset[str] | None:
        if client.offices is None:
            return None
        return self.stores.register.within(client.tenant, client.offices)


def _as_itself(client: Client, shown: frozenset[str]) -> frozenset[str]:
    return shown & scopes_of_client(client.scopes, is_agent=client.is_agent)


def _other_certificate() -> AccessError:
    return AccessError("bound to another certificate", code="access.certificate")
