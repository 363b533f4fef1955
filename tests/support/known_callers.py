"""Callers of every role, and a gate that believes a header. **Insecure**, for tests."""

from __future__ import annotations

from ekyc.api.access import Actor, Principal, PrincipalKind, permissions, scopes_of
from ekyc.api.access.permissions import grantable_scopes, scopes_of_client, scopes_on_behalf


def person(name, *roles, tenant="a", offices=None):
    return Principal(
        tenant=tenant,
        kind=PrincipalKind.PERSON,
        subject=name,
        roles=frozenset(roles),
        offices=offices,
        scopes=scopes_of(roles),
    )


def portal(tenant="a", offices=None, name=None):
    return Principal(
        tenant=tenant,
        kind=PrincipalKind.KEY,
        subject=name or f"key-{tenant}",
        client=name or "portal",
        offices=offices,
        scopes=grantable_scopes(),
    )


def agent(citizen=None, *purposes, tenant="a"):
    """An agent that was granted everything: for a citizen by a consent to ``purposes``, or by itself."""
    if citizen is None:
        scopes = scopes_of_client(grantable_scopes(), is_agent=True)
        return Principal(
            tenant=tenant,
            kind=PrincipalKind.KEY,
            subject="post",
            client="post",
            offices=None,
            scopes=scopes,
        )
    return Principal(
        tenant=tenant,
        kind=PrincipalKind.DELEGATED,
        subject=citizen,
        client="post",
        offices=None,
        scopes=scopes_on_behalf(permissions()),
        act=Actor(subject="post", client="post", consent="f" * 32, purposes=frozenset(purposes)),
    )


class NamedGate:
    """An in-memory Gate: ``X-Caller`` names one of its callers. **Insecure**, for tests.

    Args:
        callers: name → principal.
        default: name of whoever says nothing.
    """

    def __init__(self, callers, default="portal"):
        self._callers = callers
        self._default = default

    def identify(self, request):
        return self._callers[request.headers.get("x-caller", self._default)]

    def look_again(self, request):
        return self.identify(request)
