"""How far the logs of dossiers have come: enough to know whether what was read of one still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import and_, bindparam, func, select

from ekyc.storage.dossiers.tables import dossier_actions, dossiers, verification_sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection


class LogHead(NamedTuple):
    """How far the logs of a dossier and of its sessions have come. Lines are only ever added: where none was, all three
    are as they were.
    """

    own: int
    """Sequence of the last line of the dossier's own log."""
    sessions: int
    """How many sessions it has."""
    theirs: int
    """Sum of the sequences of the last lines of their logs."""


_session: Final = verification_sessions.c
_last_own: Final = (
    select(func.max(dossier_actions.c.sequence))
    .where(
        dossier_actions.c.tenant_id == dossiers.c.tenant_id,
        dossier_actions.c.file_id == dossiers.c.id,
    )
    .correlate(dossiers)
    .scalar_subquery()
)
_last_of_session: Final = (
    select(func.max(dossier_actions.c.sequence))
    .where(
        dossier_actions.c.tenant_id == _session.tenant_id,
        dossier_actions.c.file_id == _session.id,
    )
    .correlate(verification_sessions)
    .scalar_subquery()
)
_heads: Final = (
    select(
        dossiers.c.id,
        func.coalesce(_last_own, 0),
        func.count(_session.id),
        func.coalesce(func.sum(_last_of_session), 0),
    )
    .select_from(
        dossiers.outerjoin(
            verification_sessions,
            and_(_session.tenant_id == dossiers.c.tenant_id, _session.dossier_id == dossiers.c.id),
        )
    )
    .where(
        dossiers.c.tenant_id == bindparam("tenant"),
        dossiers.c.id.in_(bindparam("ids", expanding=True)),
    )
    .group_by(dossiers.c.tenant_id, dossiers.c.id)
)


class ClockHeads:
    """Heads of the logs of one tenant's dossiers."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def of(self, dossier_ids: tuple[str, ...]) -> dict[str, LogHead]:
        """Of each of these dossiers; at most a page of them."""
        rows = self._connection.execute(_heads, {"tenant": self._tenant, "ids": dossier_ids})
        return {name: LogHead(own, sessions, theirs) for name, own, sessions, theirs in rows.all()}
