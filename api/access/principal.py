"""Who calls: a value that routes get and cannot change, without a name or number of any person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ekyc.api.access.errors import AccessError, denied, not_visible
from ekyc.values import Owner


class PrincipalKind(StrEnum):
    """How the caller showed who it is."""

    DEVELOPMENT = "development"
    """Not at all: a service on this machine for which no client was made."""
    KEY = "key"
    """By an API key."""
    CLIENT = "client"
    """By an access token of client credentials."""
    PERSON = "person"
    """By a login at an identity provider."""
    DELEGATED = "delegated"
    """By an access token that an agent was given to act for a citizen."""


class Role(StrEnum):
    """What a person is to an agency."""

    CITIZEN = "citizen"
    AGENT = "agent"
    RECEPTIONIST = "receptionist"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts where somebody else is the subject (RFC 8693 §4.1)."""

    subject: str
    """Client that acts, or pseudonym of the person at it."""
    client: str
    consent: str
    """Id of the consent by which the citizen let the agent act."""
    purposes: frozenset[str] = frozenset()
    """Procedures that the consent names."""
    forbidden: frozenset[str] = frozenset()
    """Procedures that a citizen must do in person, as the operator set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls, for whom, where, and what it may do.

    What it does not say: that a person agreed to a signature. A login or a token never activates a key.
    """

    tenant: str
    """Every query of every store takes it."""
    kind: PrincipalKind
    subject: str = field(repr=False)
    """Stable within the tenant: id of a client or key, or the keyed pseudonym (64 hexadecimal digits) of a person."""
    client: str | None = None
    """Client behind the call; ``None`` for people who logged in."""
    roles: frozenset[Role] = frozenset()
    offices: frozenset[str] | None = frozenset()
    """Offices in its jurisdiction, with all beneath them; ``None`` is the whole tenant."""
    appointed: frozenset[str] | None = None
    """The offices that it was given itself, without those beneath; ``None``: all of ``offices``."""
    scopes: frozenset[str] = frozenset()
    act: Actor | None = None
    session: str | None = field(default=None, repr=False)
    """Id of the login session."""
    logged_in_at: datetime | None = None
    """When that began."""

    @property
    def own_subject(self) -> str | None:
        """Whose things alone it may see: of itself, or of the citizen it acts for; ``None`` where offices decide.

        Queries that return anybody's things filter by it.
        """
        if self.kind is PrincipalKind.DELEGATED:
            return self.subject
        is_citizen = self.kind is PrincipalKind.PERSON and self.roles <= {Role.CITIZEN}
        return self.subject if is_citizen else None

    @property
    def only_office(self) -> str | None:
        """Its office, where its jurisdiction is a single one with all beneath it."""
        roots = self.roots
        return next(iter(roots)) if roots and len(roots) == 1 else None

    @property
    def roots(self) -> frozenset[str] | None:
        """Offices that, with all beneath them, are its jurisdiction now and after the hierarchy has changed; ``None`` is the
        whole tenant.
        """
        if self.offices is None or self.appointed is None:
            return self.offices
        return self.offices & self.appointed

    @property
    def owner(self) -> Owner:
        """Whose something is that it orders."""
        return Owner(tenant=self.tenant, office=self.only_office, subject=self.own_subject)

    @property
    def procedures(self) -> frozenset[str] | None:
        """In which procedures alone it may see and act: those of the consent it acts by; ``None`` is all."""
        return None if self.act is None else self.act.purposes - self.act.forbidden

    def require_scope(self, scope: str) -> None:
        """Return if it may do that.

        Raises:
            AccessError: ``access.denied``.
        """
        if scope not in self.scopes:
            raise denied(scope)

    def require_office(self, office: str | None) -> None:
        """Return if a thing of ``office`` is within its jurisdiction; what belongs to no office is the whole tenant's.

        Raises:
            AccessError: ``access.not_found``: it must not learn that the thing is there.
        """
        if self.offices is None or (office is not None and office in self.offices):
            return
        raise not_visible()

    def require_procedure(self, procedure: str) -> None:
        """Return if it may act in ``procedure``: as itself, or as an agent to whom a citizen's consent gives it.

        Raises:
            AccessError: ``access.agent_forbidden``: no agent may; ``access.consent``: the consent is for others.
        """
        if self.act is None:
            return
        if procedure in self.act.forbidden:
            raise AccessError(
                "no agent may do this procedure for a citizen", code="access.agent_forbidden"
            )
        if procedure not in self.act.purposes:
            raise AccessError("the consent is for other procedures", code="access.consent")
