"""What the routes of access work with, put together over one database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ekyc.api.access.assertions import ClientAssertions
from ekyc.api.access.attempts import AttemptLimits, Attempts
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.access.gate import AccessGate
from ekyc.api.access.login_profiles import LoginProfile
from ekyc.api.access.logins import Logins
from ekyc.api.access.oidc import Link, RelyingParty
from ekyc.api.access.token_endpoint import TokenEndpoint
from ekyc.api.access.tokens import AccessTokens
from ekyc.flows.guarded_link import GuardedLink, LinkBounds
from ekyc.ports import Random, SystemRandom
from ekyc.storage.service_key import login_pseudonym

if TYPE_CHECKING:
    from ekyc.storage import AccessStores, ServiceKey, Storage

TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105  # a path
LOGIN_PATH: Final = "/login"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFront:
    """Access as configured."""

    settings: AccessSettings
    stores: AccessStores
    gate: AccessGate
    endpoint: TokenEndpoint
    logins: Logins
    begins: Attempts
    """Counts logins that were begun, since each leaves a row behind."""


def open_access_front(
    settings: AccessSettings,
    storage: Storage,
    key: ServiceKey,
    *,
    link_to: Callable[[LoginProfile], Link] | None = None,
    random: Random | None = None,
    limits: AttemptLimits | None = None,
) -> AccessFront:
    """Put access together.

    Args:
        settings: of the operator.
        storage: where clients, keys and logins are kept; its clock is ours.
        key: under which they are hashed and sealed.
        link_to: the way to a provider; guarded HTTPS by default.
        random: of tokens and nonces.
        limits: on failed attempts.
    """
    random = random or SystemRandom()
    stores = storage.access(key, idle=timedelta(minutes=settings.idle_minutes))
    clock = stores.clock
    tokens = AccessTokens(
        issuer=settings.issuer, keys=stores.signing_keys, clock=clock, random=random
    )

    def party(profile: LoginProfile) -> RelyingParty:
        return RelyingParty(
            profile,
            redirect_uri=f"{settings.issuer}{LOGIN_PATH}/{profile.id}/callback",
            link=(link_to or guarded_link)(profile),
            logins=stores.logins,
            clock=clock,
            random=random,
        )

    def pseudonym(tenant: str, issuer: str, subject: str) -> str:
        return login_pseudonym(key, tenant, issuer, subject)

    parties = {one.id: party(one) for one in settings.logins}
    logins = Logins(stores, parties, pseudonym=pseudonym, random=random)
    gate = AccessGate(
        stores=stores,
        tokens=tokens,
        attempts=Attempts(clock, limits),
        proxy=settings.proxy,
        logins=logins,
        no_agents=settings.no_agents,
    )
    audiences = (settings.issuer, f"{settings.issuer}{TOKEN_PATH}")
    return AccessFront(
        settings=settings,
        stores=stores,
        gate=gate,
        endpoint=TokenEndpoint(gate=gate, assertions=ClientAssertions(stores, audiences)),
        logins=logins,
        begins=Attempts(clock, AttemptLimits(of_an_address=60)),
    )


def guarded_link(profile: LoginProfile) -> Link:
    """HTTPS to a provider, within the networks that its profile names."""
    bounds = LinkBounds(
        ports=frozenset({443, profile.port}), networks=profile.networks, ca_file=profile.ca_file
    )
    return GuardedLink(bounds)
