"""Retention: contents go when their time is over, and blobs that belong to nobody go too.

What a restriction or a legal hold protects stays until that ends (:mod:`ekyc.storage.sealed.protections`).

How long is the business of the operator: a class for every artefact, days for every class, and days of their own for
some kinds. An artefact of a class that the policy does not name is kept and named in the result.

Each run does what is left, in batches; one that dies is called again. A dry run counts and changes nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import ColumnElement, and_, func, or_, select

from ekyc.errors import InputError
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.sealed.protections import NameKind, is_protected
from ekyc.storage.sealed.tables import artefacts

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import BlobStore
    from ekyc.storage.sealed.artefacts import ArtefactStore

ORPHAN_AGE: Final = timedelta(hours=1)
"""A blob without a row is an orphan after this time; a younger one may be about to get its row."""
_CLASS: Final = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_MOST_DAYS: Final = 36_525
_MOST_BYTES: Final = 64 * 1024
_BATCH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionClass:
    """Days of a class, and of kinds that differ."""

    days: int
    kinds: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """How long artefacts are kept, by class."""

    classes: Mapping[str, RetentionClass]

    @classmethod
    def default(cls) -> Self:
        """The policy of ``ekyc/data/retention.toml``."""
        return cls.parse((resources.files("ekyc.data") / "retention.toml").read_bytes())

    @classmethod
    def parse(cls, toml: bytes) -> Self:
        """A policy as a TOML file of at most 64 KiB has it; :meth:`default` is an example.

        Raises:
            InputError: ``retention.policy_invalid``.
        """
        if len(toml) > _MOST_BYTES:
            raise _invalid("the file is too long")
        try:
            tables = tomllib.loads(toml.decode("utf-8"))
        except (ValueError, RecursionError) as exc:
            raise _invalid("not TOML") from exc
        classes = {name: _class(name, table) for name, table in tables.items()}
        if not classes:
            raise _invalid("no class in it")
        return cls(classes=MappingProxyType(classes))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """What a run removed, or would."""

    dry_run: bool
    removed: Mapping[str, int]
    """Class and kind (``media/card-front``) → artefacts."""
    unfinished: int
    """Artefacts whose removal an earlier process did not finish."""
    orphans: int
    protected: int
    """Artefacts whose time is over and that a restriction or a hold keeps."""
    unknown_classes: tuple[str, ...]
    """Classes of stored artefacts that the policy does not name; nothing of theirs is removed."""


def run(
    engine: Engine,
    policy: RetentionPolicy,
    *,
    artefact_store: ArtefactStore,
    blobs: BlobStore,
    now: datetime,
    dry_run: bool,
    subject: str,
) -> RetentionRun:
    """Remove every content whose time is over, finish what was begun, and sweep orphans.

    Raises:
        StorageError, BusyError: the database or the blobs failed. Call again.
    """
    due = or_(*(_due(name, one, now) for name, one in policy.classes.items()))
    protected = is_protected(artefacts.c.tenant_id, NameKind.SUBJECT, artefacts.c.subject_id)
    wanted = and_(artefacts.c.removed_at.is_(None), due, ~protected)
    begun = and_(artefacts.c.removed_at.is_not(None), artefacts.c.blob.is_not(None))
    with storage_errors(subject), reading(engine).begin() as connection:
        kinds = select(artefacts.c.retention, artefacts.c.kind, func.count()).where(wanted)
        grouped = kinds.group_by(artefacts.c.retention, artefacts.c.kind)
        removed = {f"{name}/{kind}": count for name, kind, count in connection.execute(grouped)}
        unfinished = connection.execute(
            select(func.count()).select_from(artefacts).where(begun)
        ).scalar_one()
        stored = select(artefacts.c.retention).where(artefacts.c.removed_at.is_(None)).distinct()
        spared = and_(artefacts.c.removed_at.is_(None), due, protected)
        kept = connection.execute(select(func.count()).select_from(artefacts).where(spared))
        protected_ones = kept.scalar_one()
        unknown = sorted(set(connection.execute(stored).scalars()) - set(policy.classes))
    if not dry_run:
        for condition in (begun, wanted):
            while batch := _ids(engine, condition, subject):
                artefact_store.remove_all(batch)
        blobs.sweep_unfinished(now - ORPHAN_AGE)
    orphans = sweep(engine, blobs, before=now - ORPHAN_AGE, dry_run=dry_run, subject=subject)
    return RetentionRun(
        dry_run=dry_run,
        removed=MappingProxyType(removed),
        unfinished=unfinished,
        orphans=orphans,
        protected=protected_ones,
        unknown_classes=tuple(unknown),
    )


def sweep(
    engine: Engine, blobs: BlobStore, *, before: datetime, dry_run: bool, subject: str
) -> int:
    """Remove blobs that were stored before a moment and that no row knows; their number."""
    orphans = 0
    batch: list[str] = []
    for name, stored_at in blobs.names():
        if stored_at < before:
            batch.append(name)
        if len(batch) == _BATCH:
            orphans += _sweep_batch(engine, blobs, batch, dry_run, subject)
            batch = []
    return orphans + _sweep_batch(engine, blobs, batch, dry_run, subject)


def _sweep_batch(
    engine: Engine, blobs: BlobStore, names: list[str], dry_run: bool, subject: str
) -> int:
    known_names = select(artefacts.c.blob).where(artefacts.c.blob.in_(names))
    with storage_errors(subject), reading(engine).begin() as connection:
        known = set(connection.execute(known_names).scalars())
    orphans = [name for name in names if name not in known]
    if not dry_run:
        for name in orphans:
            blobs.delete(name)
    return len(orphans)


def _ids(engine: Engine, condition: ColumnElement[bool], subject: str) -> list[str]:
    query = select(artefacts.c.id).where(condition).limit(_BATCH)
    with storage_errors(subject), reading(engine).begin() as connection:
        return [str(one) for one in connection.execute(query).scalars()]


def _due(name: str, rule: RetentionClass, now: datetime) -> ColumnElement[bool]:
    def older(days: int) -> ColumnElement[bool]:
        return artefacts.c.created_at < now - timedelta(days=days)

    special = [and_(artefacts.c.kind == kind, older(days)) for kind, days in rule.kinds.items()]
    others = and_(artefacts.c.kind.not_in(tuple(rule.kinds)), older(rule.days))
    return and_(artefacts.c.retention == name, or_(others, *special))


def _class(name: str, table: Any) -> RetentionClass:
    if not _CLASS.match(name) or not isinstance(table, dict) or set(table) - {"days", "kinds"}:
        raise _invalid("a class is a table with days and kinds", name)
    kinds = table.get("kinds", {})
    if not isinstance(kinds, dict) or not all(map(_KIND.match, kinds)):
        raise _invalid("kinds are names with days", name)
    days = {kind: _days(name, value) for kind, value in kinds.items()}
    return RetentionClass(days=_days(name, table.get("days")), kinds=MappingProxyType(days))


def _days(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_DAYS:
        raise _invalid(f"days are a whole number from 0 to {_MOST_DAYS}", name)
    return value


def _invalid(message: str, name: str | None = None) -> InputError:
    subject = name if name is not None and _CLASS.match(name) else None
    return InputError(message, code="retention.policy_invalid", subject=subject)
