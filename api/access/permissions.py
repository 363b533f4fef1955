"""The table of permissions: data that ships with the package, read once, and held to its own rules when it is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from ekyc.api.access.principal import Role

SCHEMA: Final = "ekyc.permissions/1"
_SCOPE: Final = re.compile(r"[a-z][a-z-]{1,31}:[a-z]{2,15}\Z")
_ON_BEHALF: Final = frozenset({Role.CITIZEN, Role.AGENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One row: a scope, and whose it is."""

    scope: str
    vi: str
    en: str
    roles: frozenset[Role]
    personal: bool
    """Whether it answers or takes personal data."""
    media: bool
    """Whether it answers pictures, files or chip data."""
    machines: bool
    """Whether API keys and clients may be granted it."""

    def __post_init__(self) -> None:
        kept = {
            "form": _SCOPE.match(self.scope) is not None,
            "an admin sees no personal data": not (self.personal and Role.ADMIN in self.roles),
            "an auditor sees no media": not (self.media and Role.AUDITOR in self.roles),
            "media are personal": self.personal or not self.media,
        }
        for rule, holds in kept.items():
            if not holds:
                raise ValueError(f"{self.scope}: {rule}")


@cache
def permissions() -> Mapping[str, Permission]:
    """All rows by scope, in the order of the file."""
    text = resources.files("ekyc.data").joinpath("permissions.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    rows = {name: _row(name, table) for name, table in document["scope"].items()}
    return MappingProxyType(rows)


def scopes_of(roles: Iterable[Role]) -> frozenset[str]:
    """What people of these roles may do, together."""
    wanted = frozenset(roles)
    return frozenset(name for name, row in permissions().items() if row.roles & wanted)


def grantable_scopes() -> frozenset[str]:
    """What may be granted to a machine."""
    return frozenset(name for name, row in permissions().items() if row.machines)


def scopes_of_client(granted: Iterable[str], *, is_agent: bool) -> frozenset[str]:
    """What a client may do as itself: what it was granted and a machine may; an agent only what agents may, and nothing
    with personal data.

    An agent sees and does such things for a citizen who consented, and for nobody else; nor does it hear of everybody by
    webhooks or reports.
    """
    rows = permissions()
    return frozenset(
        name
        for name in grantable_scopes().intersection(granted)
        if not is_agent or (Role.AGENT in rows[name].roles and not rows[name].personal)
    )


def scopes_on_behalf(granted: Iterable[str]) -> frozenset[str]:
    """What an agent may do for a citizen: what the client was granted, an agent may, and the citizen could do alone."""
    rows = permissions()
    return frozenset(name for name in granted if name in rows and rows[name].roles >= _ON_BEHALF)


def table_as_markdown() -> str:
    """The table as it stands in docs/security.md."""
    head = ["scope", *(role.value for role in Role), "machines"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in permissions().values():
        marks = ["●" if role in row.roles else "" for role in Role]
        cells = [f"`{row.scope}`", *marks, "●" if row.machines else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _row(name: str, table: Mapping[str, Any]) -> Permission:
    fields = dict(table)
    roles = frozenset(Role(role) for role in fields.pop("roles"))
    return Permission(scope=name, roles=roles, **fields)
