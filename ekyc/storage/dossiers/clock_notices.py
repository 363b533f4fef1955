"""Which alerts others were told of, so that each is told once. Whether one stands is read from the logs, never from here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, String, Table, insert, select

from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ekyc.storage.webhooks.outbox import Outbox, OutboxEvent

clock_notices: Final = Table(
    "clock_notices",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("file_id", String(40), primary_key=True),
    Column("alert", String(32), primary_key=True),
    Column("origin", Instant, primary_key=True),
    Column("at", Instant, nullable=False),
)


class ClockNotices:
    """The alerts of one tenant that were told."""

    def __init__(
        self, connection: Connection, tenant: str, *, outbox: Outbox, now: datetime
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._outbox = outbox
        self._now = now

    def tell(
        self,
        event: OutboxEvent,
        *,
        file_id: str,
        alert: str,
        origin: datetime,
        office: str | None = None,
    ) -> bool:
        """Tell others of an alert, unless they were told of this one before; whether they are.

        The caller holds the file's row, so that nobody else tells at the same time.
        """
        table = clock_notices.c
        known = select(table.at).where(
            table.tenant_id == self._tenant,
            table.file_id == file_id,
            table.alert == alert,
            table.origin == origin,
        )
        if self._connection.execute(known).first() is not None:
            return False
        self._connection.execute(
            insert(clock_notices).values(
                tenant_id=self._tenant, file_id=file_id, alert=alert, origin=origin, at=self._now
            )
        )
        self._outbox.put(event, office=office)
        return True

    def told(self, file_ids: tuple[str, ...]) -> frozenset[tuple[str, str, datetime]]:
        """File, alert and origin of all that others were told of these files."""
        table = clock_notices.c
        query = select(table.file_id, table.alert, table.origin).where(
            table.tenant_id == self._tenant, table.file_id.in_(file_ids)
        )
        rows = self._connection.execute(query)
        return frozenset((row.file_id, row.alert, row.origin) for row in rows)
