"""Identity providers, each described in a file by the operator. VNeID and the national portal are such files."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ekyc.api.access.principal import Role
from ekyc.errors import InputError
from ekyc.files import read_file

SCHEMA: Final = "ekyc.login/1"
ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256")
_MAX_FILE_BYTES: Final = 64 << 10
_ID: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
_HTTPS: Final = r"^https://[^\s@#\\]{1,500}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Endpoints(_Strict):
    """Addresses of the provider; without them they come from its discovery document."""

    authorization: str = Field(pattern=_HTTPS)
    token: str = Field(pattern=_HTTPS)
    jwks: str = Field(pattern=_HTTPS)
    end_session: str | None = Field(default=None, pattern=_HTTPS)


class RoleRule(_Strict):
    """A role, for everybody or for those with a value in a claim."""

    role: str
    claim: str | None = Field(default=None, max_length=64)
    value: str | None = Field(default=None, max_length=200)


class OfficeRule(_Strict):
    """The claim that names a person's office, and our office for each of its values."""

    claim: str = Field(max_length=64)
    map: dict[str, str] = Field(max_length=20_000)


class _File(_Strict):
    schema_: str = Field(alias="schema")
    id: str = Field(pattern=_ID)
    name: str = Field(min_length=1, max_length=100)
    tenant: str = Field(min_length=1, max_length=64)
    issuer: str = Field(pattern=_HTTPS)
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_variable: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]{2,63}$")
    scopes: list[str] = ["openid"]
    algorithms: list[str] = list(ALGORITHMS)
    acr_values: list[str] = []
    subject_claim: str = Field(default="sub", max_length=64)
    endpoints: Endpoints | None = None
    networks: list[str] = []
    port: int = Field(default=443, ge=1, le=65535)
    ca_file: str | None = None
    session_hours: float = Field(default=8.0, gt=0, le=24)
    roles: list[RoleRule] = Field(min_length=1, max_length=100)
    office: OfficeRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProfile:
    """One identity provider, and what its claims mean here. ``repr`` shows no secret."""

    id: str
    name: str
    tenant: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid",)
    algorithms: tuple[str, ...] = ALGORITHMS
    acr_values: tuple[str, ...] = ()
    subject_claim: str = "sub"
    endpoints: Endpoints | None = None
    networks: tuple[str, ...] = ()
    port: int = 443
    ca_file: Path | None = None
    session_life: timedelta = timedelta(hours=8)
    roles: tuple[RoleRule, ...]
    office: OfficeRule | None = None

    def roles_of(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        """Roles that the claims give."""
        return frozenset(Role(rule.role) for rule in self.roles if _holds(rule, claims))

    def offices_of(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Offices that the claims give; none for values that the profile does not name."""
        if self.office is None:
            return frozenset()
        named = _values(claims.get(self.office.claim))
        return frozenset(self.office.map[one] for one in named if one in self.office.map)


def load_login_profile(path: Path, environment: Mapping[str, str] = os.environ) -> LoginProfile:
    """Read a profile; docs/security.md describes it. Paths in it are relative to its folder.

    Raises:
        InputError: ``access.config``: it cannot be read, or is not of the form; ``subject`` names file or field.
    """
    try:
        text = read_file(path, _MAX_FILE_BYTES, code="access.config").decode()
        document = tomllib.loads(text)
        said = _File.model_validate(document)
    except (OSError, ValueError) as exc:
        raise _wrong(_place(exc) or path.name) from exc
    if said.schema_ != SCHEMA:
        raise _wrong("schema")
    _require_sense(said)
    fields = said.model_dump(
        exclude={
            "schema_",
            "client_secret_variable",
            "session_hours",
            "endpoints",
            "roles",
            "office",
        }
    )
    fields["ca_file"] = None if said.ca_file is None else path.absolute().parent / said.ca_file
    for name in ("scopes", "algorithms", "acr_values", "networks"):
        fields[name] = tuple(fields[name])
    return LoginProfile(
        **fields,
        client_secret=_secret(said, environment),
        session_life=timedelta(hours=said.session_hours),
        endpoints=said.endpoints,
        roles=tuple(said.roles),
        office=said.office,
    )


def _require_sense(said: _File) -> None:
    kept = {
        # An agent acts by the token that a citizen's consent was exchanged for; a login stands for no citizen.
        "roles": all(rule.role in set(Role) - {Role.AGENT} for rule in said.roles)
        and all((rule.claim is None) is (rule.value is None) for rule in said.roles)
        # A role that is more than a citizen's must be earned by a claim.
        and all(rule.claim is not None for rule in said.roles if rule.role != Role.CITIZEN),
        "algorithms": bool(said.algorithms) and set(said.algorithms) <= set(ALGORITHMS),
        "scopes": "openid" in said.scopes,
    }
    for name, holds in kept.items():
        if not holds:
            raise _wrong(name)


def _secret(said: _File, environment: Mapping[str, str]) -> str | None:
    if said.client_secret_variable is None:
        return None
    secret = environment.get(said.client_secret_variable)
    if not secret:
        raise InputError(
            "the variable is not set", code="access.config", subject=said.client_secret_variable
        )
    return secret


def _holds(rule: RoleRule, claims: Mapping[str, Any]) -> bool:
    return rule.claim is None or rule.value in _values(claims.get(rule.claim))


def _values(claim: Any) -> tuple[str, ...]:
    listed = claim if isinstance(claim, list) else [claim]
    return tuple(one for one in listed if isinstance(one, str))


def _place(error: Exception) -> str | None:
    if not isinstance(error, ValidationError):
        return None
    return ".".join(str(step) for step in error.errors()[0]["loc"]) or None


def _wrong(subject: str) -> InputError:
    return InputError("not of the form asked for", code="access.config", subject=subject)
