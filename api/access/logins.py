"""People who logged in: from a provider's claims to a session here, and from its cookie to a principal.

A login says who somebody is for reading and working. It never says that they agreed to a signature: keys of people are
activated by factors of their own (:mod:`ekyc.signing.activation.sad`), and no operation of signing takes a session.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ekyc import base64url
from ekyc.api.access.errors import AccessError, invalid, not_visible
from ekyc.api.access.oidc import LoginBegun, RelyingParty, refused
from ekyc.api.access.permissions import scopes_of
from ekyc.api.access.principal import Principal, PrincipalKind, Role

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.ports import Random
    from ekyc.storage import AccessStores, LoginSession
    from ekyc.values import Redacted

CSRF_HEADER: Final = "x-csrf-token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_SUBJECT: Final = 255
_STAFF: Final = frozenset(Role) - {Role.CITIZEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A session, and who it is."""

    session: LoginSession
    principal: Principal
    csrf: str = field(repr=False)
    provider: str


class Logins:
    """Logins over any number of providers. Safe across threads and processes.

    Args:
        stores: sessions and offices.
        parties: providers by their ids.
        pseudonym: keyed pseudonym (64 hexadecimal digits) of ``(issuer, subject)``, never the subject itself.
        random: of tokens against forged requests.
    """

    def __init__(
        self,
        stores: AccessStores,
        parties: Mapping[str, RelyingParty],
        *,
        pseudonym: Callable[[str, str, str], str],
        random: Random,
    ) -> None:
        self._stores = stores
        self._parties = parties
        self._pseudonym = pseudonym
        self._random = random

    @property
    def providers(self) -> tuple[tuple[str, str], ...]:
        """Id and name of each."""
        return tuple((one.profile.id, one.profile.name) for one in self._parties.values())

    def begin(self, provider: str, return_to: str) -> LoginBegun:
        """Begin at a provider.

        Raises:
            AccessError: ``access.not_found``, ``access.login``.
        """
        return self._party(provider).begin(return_to)

    def finish(
        self, provider: str, answer: Mapping[str, str], browser: str | None
    ) -> tuple[Redacted[str], str, int]:
        """Open a session for whoever came back: token of its cookie, where to go, and its seconds.

        Raises:
            AccessError: ``access.not_found``, ``access.login``.
        """
        party = self._party(provider)
        done = party.finish(answer, browser)
        profile = party.profile
        subject = done.claims.get(profile.subject_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
            raise refused("the provider does not say who it is")
        roles = profile.roles_of(done.claims)
        if not roles:
            raise refused("no role here")
        offices = None if profile.office is None else sorted(profile.offices_of(done.claims))
        body = {
            "subject": self._pseudonym(profile.tenant, profile.issuer, subject),
            "roles": sorted(roles),
            "offices": offices if roles & _STAFF else [],
            "provider": profile.id,
            "csrf": base64url.encode(self._random.token_bytes(24)),
        }
        token = self._stores.sessions.open(
            profile.tenant, json.dumps(body).encode(), life=profile.session_life
        )
        return token, done.return_to, int(profile.session_life.total_seconds())

    def visit(self, cookie: str, *, used: bool = True) -> Visit:
        """The session of a cookie; only looked at, it goes idle all the same.

        Raises:
            AccessError: ``access.invalid``.
        """
        session = self._stores.sessions.find(cookie, used=used)
        if session is None:
            raise invalid()
        body: dict[str, Any] = json.loads(session.body)
        roles = frozenset(Role(role) for role in body["roles"])
        return Visit(
            session=session,
            principal=Principal(
                tenant=session.tenant,
                kind=PrincipalKind.PERSON,
                subject=body["subject"],
                roles=roles,
                offices=self._offices(session.tenant, body["offices"]),
                appointed=None if body["offices"] is None else frozenset(body["offices"]),
                scopes=scopes_of(roles),
                session=session.id,
                logged_in_at=session.created_at,
            ),
            csrf=body["csrf"],
            provider=body["provider"],
        )

    def principal(self, cookie: str, request: Request) -> Principal:
        """Who is behind a cookie; what changes data must not have been forged by another page.

        Raises:
            AccessError: ``access.invalid``, ``access.csrf``.
        """
        visit = self.visit(cookie)
        if request.method not in _SAFE:
            require_csrf(visit, request)
        return visit.principal

    def end(self, visit: Visit) -> str | None:
        """End a session; where the browser may end the one at the provider, if that is known."""
        self._stores.sessions.end(visit.session.id)
        party = self._parties.get(visit.provider)
        return None if party is None else party.end_session

    def _party(self, provider: str) -> RelyingParty:
        party = self._parties.get(provider)
        if party is None:
            raise not_visible()
        return party

    def _offices(self, tenant: str, offices: list[str] | None) -> frozenset[str] | None:
        return None if offices is None else self._stores.register.within(tenant, offices)


def require_csrf(visit: Visit, request: Request) -> None:
    """Return if the request carries the session's own token.

    Raises:
        AccessError: ``access.csrf``.
    """
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), visit.csrf.encode()):
        raise AccessError("the token against forged requests is missing", code="access.csrf")
