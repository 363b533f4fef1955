"""What keeps somebody's data as they are: a restriction of processing, or an authority's order that nothing be erased.

A protection is put on *names*: a login, the pseudonyms of a number, dossiers, verification sessions, people of the vault.

- Under a *restriction* nothing is opened, added or changed, and nothing is removed. It is asked for where everybody must
  pass: whoever locks a session, seals or opens with a person's key, concludes on a person, or files under a login.
- Under a *hold* nothing is removed: neither by an erasure nor by retention. What comes later follows what it belongs to.
  Liveness sessions and hashes of frames whose time is over stay as well, and count for nothing.

The names go with the end of a protection; its row and log stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    String,
    Table,
    and_,
    column,
    exists,
    insert,
    literal,
    or_,
    select,
    table,
)

from ekyc.storage.sealed.errors import ProtectedError
from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

_CHUNK: Final = 500

protections: Final = Table(
    "protections",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("procedure", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("request", String(40), nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_protections_created_at", "tenant_id", "created_at"),
    Index("ix_protections_request", "tenant_id", "request"),
)

protected_names: Final = Table(
    "protected_names",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("protection_id", String(40), primary_key=True),
    Column("effect", String(16), nullable=False),
    Index("ix_protected_names_protection_id", "tenant_id", "protection_id"),
)

_FILES: Final = table(
    "session_artefacts", column("tenant_id"), column("session_id"), column("subject_id")
)
"""What :mod:`ekyc.storage.sealed.session_artefacts` keeps: whoever a session's files are under is as protected as it."""


class NameKind(StrEnum):
    """What a protected name is the name of."""

    LOGIN = "login"
    """Pseudonym of a login."""
    PERSON = "person"
    """Pseudonym in results."""
    HOLDER = "holder"
    """Pseudonym of whoever may sign."""
    DOSSIER = "dossier"
    SESSION = "session"
    SUBJECT = "subject"
    """A person of the vault."""
    LIVENESS = "liveness"
    """A liveness session, with what is remembered of its frames."""
    TRIED = "tried"
    """Pseudonym of whose attempts at liveness are counted (hex)."""
    BATCH = "batch"


class Effect(StrEnum):
    """What a protection does to its names."""

    NONE = "none"
    """It is proposed only."""
    RESTRICTION = "restriction"
    HOLD = "hold"


Name = tuple[NameKind, str]
_CODES: Final = {Effect.RESTRICTION: "subject.restricted", Effect.HOLD: "subject.held"}


def require_unrestricted(
    connection: Connection, tenant: str, names: Iterable[Name], *, but_of: Name | None = None
) -> None:
    """Return if what goes by these names may be processed.

    Args:
        connection: in whose transaction.
        tenant: whose.
        names: of what is used.
        but_of: restrictions that are on this one as well are left out: it cannot be used itself.

    Raises:
        ProtectedError: ``subject.restricted``.
    """
    _require(connection, tenant, names, (Effect.RESTRICTION,), but_of)


def require_unheld(connection: Connection, tenant: str, names: Iterable[Name]) -> None:
    """Return if no hold is on what goes by these names.

    Raises:
        ProtectedError: ``subject.held``.
    """
    _require(connection, tenant, names, (Effect.HOLD,))


def require_unprotected(connection: Connection, tenant: str, names: Iterable[Name]) -> None:
    """Return if what goes by these names may be removed.

    Raises:
        ProtectedError: ``subject.restricted``, ``subject.held``.
    """
    _require(connection, tenant, names, (Effect.HOLD, Effect.RESTRICTION))


def is_restricted(tenant: ColumnElement[str], kind: NameKind, name: Any) -> ColumnElement[bool]:
    """Whether a row's name is under a restriction, for a query."""
    return _under(tenant, kind, name, (Effect.RESTRICTION,))


def is_protected(tenant: ColumnElement[str], kind: NameKind, name: Any) -> ColumnElement[bool]:
    """Whether a row's name is under a restriction or a hold, for a query."""
    return _under(tenant, kind, name, (Effect.RESTRICTION, Effect.HOLD))


def is_kept(kind: NameKind, name: Any) -> ColumnElement[bool]:
    """As :func:`is_protected`, at whichever tenant: for names that are drawn, and rows that say no tenant."""
    return is_protected(protected_names.c.tenant_id, kind, name)


def follow(connection: Connection, tenant: str, new: Name, *of: Name) -> None:
    """Have what is new be under the holds of what it belongs to."""
    if not of:
        return
    known, here = protected_names.c, protected_names.alias()
    kind, name = literal(new[0].value), literal(new[1])
    there = exists().where(
        here.c.tenant_id == tenant,
        here.c.kind == new[0].value,
        here.c.name == new[1],
        here.c.protection_id == known.protection_id,
    )
    rows = (
        select(known.tenant_id, kind, name, known.protection_id, known.effect)
        .where(known.tenant_id == tenant, known.effect == Effect.HOLD.value, _any_of(of), ~there)
        .distinct()
    )
    members = ("tenant_id", "kind", "name", "protection_id", "effect")
    connection.execute(insert(protected_names).from_select(members, rows))


def _require(
    connection: Connection,
    tenant: str,
    names: Iterable[Name],
    effects: tuple[Effect, ...],
    but_of: Name | None = None,
) -> None:
    known, wanted = protected_names.c, sorted(set(names))
    for start in range(0, len(wanted), _CHUNK):
        query = select(known.effect).where(
            known.tenant_id == tenant,
            known.effect.in_([one.value for one in effects]),
            _any_of(wanted[start : start + _CHUNK], files=True),
        )
        if but_of is not None:
            query = query.where(known.protection_id.not_in(_on(tenant, but_of)))
        found = connection.execute(query.limit(1)).scalar_one_or_none()
        if found is not None:
            raise ProtectedError("a protection is on it", code=_CODES[Effect(found)])


def _on(tenant: str, name: Name) -> Select[tuple[str]]:
    """Protections that are on this one."""
    known = protected_names.c
    return select(known.protection_id).where(
        known.tenant_id == tenant, known.kind == name[0].value, known.name == name[1]
    )


def _any_of(names: Iterable[Name], *, files: bool = False) -> ColumnElement[bool]:
    """Names that are one of these; with ``files``, of sessions too whose files lie under one of these people."""
    by_kind: dict[NameKind, list[str]] = {}
    for kind, name in names:
        by_kind.setdefault(kind, []).append(name)
    known = protected_names.c
    found = [and_(known.kind == kind, known.name.in_(of)) for kind, of in by_kind.items()]
    if files and NameKind.SUBJECT in by_kind:
        sessions = select(_FILES.c.session_id).where(
            _FILES.c.tenant_id == known.tenant_id,
            _FILES.c.subject_id.in_(by_kind[NameKind.SUBJECT]),
        )
        found.append(and_(known.kind == NameKind.SESSION, known.name.in_(sessions)))
    return or_(*found)


def _under(
    tenant: ColumnElement[str], kind: NameKind, name: Any, effects: tuple[Effect, ...]
) -> ColumnElement[bool]:
    known, files = protected_names.c, _FILES.c
    its_own = and_(known.kind == kind.value, known.name == name)
    if kind is NameKind.SUBJECT:
        sessions = select(files.session_id).where(
            files.tenant_id == tenant, files.subject_id == name
        )
        its_own = or_(its_own, and_(known.kind == NameKind.SESSION, known.name.in_(sessions)))
    return exists().where(
        known.tenant_id == tenant,
        its_own,
        known.effect.in_([one.value for one in effects]),
    )
