"""What the access tables hold, as values, and the forms that names in them have."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from ekyc.errors import InputError, LimitError

MAX_KEY_LIFE_DAYS: Final = 730
MAX_OFFICE_DEPTH: Final = 8
_NAME_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SCOPE: Final = re.compile(r"[a-z][a-z-]{1,31}:[a-z]{2,15}\Z")
_MOST: Final = 64
_MAX_NAME: Final = 200


class RegisterError(InputError):
    """Something in the register of access is not as asked for.

    Codes: ``register.form`` (``subject`` names the field), ``register.taken``, ``register.unknown``, ``register.ended``,
    ``register.scope``, ``register.depth``.
    """

    default_code: ClassVar[str] = "register.form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An agency that shares nothing with any other."""

    id: str
    name: str
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A part of an agency; its parent's jurisdiction holds its own."""

    tenant: str
    id: str
    name: str
    parent: str | None
    path: str
    """``/province/commune/``."""
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client as the operator describes it.

    Raises:
        RegisterError, LimitError: not of this form.
    """

    id: str
    name: str
    scopes: frozenset[str]
    offices: frozenset[str] | None = None
    """Its jurisdiction with all beneath it; ``None`` is the whole tenant."""
    networks: tuple[str, ...] = ()
    """Where it may call from, as CIDR; anywhere if none is named."""
    jwks: str | None = None
    """Its public keys (RFC 7517) for ``private_key_jwt``; without them it has API keys only."""
    certificate: str | None = None
    """SHA-256 (hex) of the TLS certificate that its tokens are bound to."""
    is_agent: bool = False
    """Whether it may act for citizens who consented."""

    def __post_init__(self) -> None:
        kept = {
            "id": _CLIENT_ID.match(self.id),
            "name": 0 < len(self.name) <= _MAX_NAME,
            "scopes": all(map(_SCOPE.match, self.scopes)),
            "certificate": self.certificate is None
            or re.fullmatch(r"[0-9a-f]{64}", self.certificate),
        }
        for name, holds in kept.items():
            if not holds:
                raise RegisterError("not of the form asked for", subject=name)
        require_networks(self.networks)
        require_few(self.scopes, "scopes")
        require_few(self.offices or (), "offices")

    @property
    def only_office(self) -> str | None:
        """Its office, where its jurisdiction is a single one with all beneath it."""
        return next(iter(self.offices)) if self.offices and len(self.offices) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(NewClient):
    """A registered client."""

    tenant: str
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret, which nobody has but its holder."""

    id: str
    tenant: str
    client: str
    scopes: frozenset[str]
    networks: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_on: datetime | None
    """The day (00:00 UTC) on which it was last used; not the hour, which would tell of people's habits."""
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A citizen's word that an agent may act, for what, and how it was given.

    The text itself is not kept, only its SHA-256: the version that was shown must be kept by whoever shows it.
    """

    id: str
    tenant: str
    subject: str = field(repr=False)
    """Pseudonym of the citizen."""
    client: str
    """The agent's."""
    text_digest: str
    purposes: frozenset[str]
    """Procedures it is for, each named."""
    channel: str
    actor: str = field(repr=False)
    """Who recorded it; never the agent."""
    given_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None
    office: str | None = None
    """That recorded it, or that a consent was recorded for; ``None``: the whole tenant's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A login that stands."""

    id: str = field(repr=False)
    tenant: str
    body: bytes = field(repr=False)
    created_at: datetime
    """When the person logged in."""
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key of ours that tokens are signed with."""

    id: str
    algorithm: str
    public: str
    """JWK, JSON."""
    private_der: bytes = field(repr=False)
    """PKCS#8."""
    signs_from: datetime
    ended_at: datetime | None


def require_id(value: str, what: str) -> str:
    """A short name of a tenant or office: lower case, digits, hyphens, at most 63.

    Raises:
        RegisterError: not of this form.
    """
    if not _NAME_ID.match(value):
        raise RegisterError("lower-case letters, digits and hyphens, at most 63", subject=what)
    return value


def require_name(value: str) -> str:
    """A name for people.

    Raises:
        RegisterError: empty, too long, or with control characters.
    """
    if not 0 < len(value) <= _MAX_NAME or not value.isprintable():
        raise RegisterError(f"1 to {_MAX_NAME} printable characters", subject="name")
    return value


def require_networks(networks: Iterable[str]) -> None:
    """Networks as CIDR or single addresses.

    Raises:
        RegisterError, LimitError: not of this form, or too many.
    """
    listed = tuple(networks)
    require_few(listed, "networks")
    for one in listed:
        try:
            ipaddress.ip_network(one)
        except ValueError as exc:
            raise RegisterError("not a network such as 10.0.0.0/8", subject="networks") from exc


def require_few(items: Iterable[object], what: str) -> None:
    """At most 64.

    Raises:
        LimitError: more.
    """
    if len(tuple(items)) > _MOST:
        raise LimitError(f"at most {_MOST}", subject=what)
