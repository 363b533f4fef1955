"""Restrictions of processing and legal holds: rows beside their logs, and the names that each is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from ekyc.storage.dossiers.rows import page_query
from ekyc.storage.sealed.protections import (
    Effect,
    Name,
    NameKind,
    protected_names,
    protections,
    require_unheld,
    require_unprotected,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from ekyc.storage.dossiers.rows import PageOf


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionRow:
    """A protection beside its log."""

    id: str
    kind: str
    state: str
    office: str | None
    request: str | None
    """Data subject's request that it was granted by."""
    created_at: datetime


_MEMBERS: Final = tuple(ProtectionRow.__slots__)
PROCEDURE: Final = "protections"


class Protections:
    """Protections of one tenant, inside one transaction."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def add(self, row: ProtectionRow, names: Iterable[Name], effect: Effect) -> None:
        """Record a new one, and what it is on."""
        values = {name: getattr(row, name) for name in _MEMBERS}
        self._connection.execute(
            insert(protections).values(tenant_id=self._tenant, procedure=PROCEDURE, **values)
        )
        self.cover(row.id, names, effect)

    def get(self, protection_id: str, *, lock: bool = False) -> ProtectionRow | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        rows = protections.c
        query = select(protections).where(rows.tenant_id == self._tenant, rows.id == protection_id)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        return None if row is None else _row(row)

    def of_request(self, request_id: str) -> ProtectionRow | None:
        """The one that a data subject's request led to."""
        rows = protections.c
        query = select(protections).where(
            rows.tenant_id == self._tenant, rows.request == request_id
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _row(row)

    def page(self, page: PageOf) -> tuple[ProtectionRow, ...]:
        """The newest first."""
        rows = self._connection.execute(page_query(protections, self._tenant, page))
        return tuple(map(_row, rows))

    def index(self, protection_id: str, *, state: str) -> None:
        """Bring the index in step with the log."""
        rows = protections.c
        self._connection.execute(
            update(protections)
            .where(rows.tenant_id == self._tenant, rows.id == protection_id)
            .values(state=state)
        )

    def names(self, protection_id: str) -> tuple[Name, ...]:
        """What a protection is on."""
        rows = protected_names.c
        query = (
            select(rows.kind, rows.name)
            .where(rows.tenant_id == self._tenant, rows.protection_id == protection_id)
            .order_by(rows.kind, rows.name)
        )
        return tuple((NameKind(row.kind), row.name) for row in self._connection.execute(query))

    def cover(self, protection_id: str, names: Iterable[Name], effect: Effect) -> None:
        """Have a protection be on these names, with this effect, and on no others."""
        self.uncover(protection_id)
        rows = [
            {
                "tenant_id": self._tenant,
                "kind": kind.value,
                "name": name,
                "protection_id": protection_id,
                "effect": effect.value,
            }
            for kind, name in sorted(set(names))
        ]
        if rows:
            self._connection.execute(insert(protected_names), rows)

    def uncover(self, protection_id: str) -> None:
        """End its effect, and forget whom it was about."""
        rows = protected_names.c
        self._connection.execute(
            delete(protected_names).where(
                rows.tenant_id == self._tenant, rows.protection_id == protection_id
            )
        )

    def require_none(self, names: Iterable[Name]) -> None:
        """Return if these may be erased.

        Raises:
            ProtectedError: ``subject.restricted``, ``subject.held``.
        """
        require_unprotected(self._connection, self._tenant, names)

    def require_unheld(self, names: Iterable[Name]) -> None:
        """Return if no authority wants these kept.

        Raises:
            ProtectedError: ``subject.held``.
        """
        require_unheld(self._connection, self._tenant, names)


def _row(row: Row[Any]) -> ProtectionRow:
    return ProtectionRow(**{name: getattr(row, name) for name in _MEMBERS})
