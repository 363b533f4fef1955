"""Which dossiers and requests are late, over all of a tenant: for queues, for reports, and to tell others once of each.

Everything comes from the logs, at the moment at which it is asked for (:mod:`ekyc.flows.clock_book`). What is stored is only
what others were told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ekyc.dossiers import (
    AlertKind,
    DossierState,
    GivenAlert,
    TransitionError,
    WorkingCalendar,
)
from ekyc.dossiers.clocks import Moment
from ekyc.dossiers.subject_requests import RequestState, request_alerts, request_limits
from ekyc.flows.answer_request import load_request
from ekyc.flows.clock_book import ClockBook, TimedDossier, timed_dossiers
from ekyc.storage import Jurisdiction, PageOf
from ekyc.storage.webhooks.outbox import (
    DossierBreached,
    DossierWarned,
    OutboxEvent,
    RequestBreached,
    RequestWarned,
)

if TYPE_CHECKING:
    from ekyc.storage import DossierDesk, DossierRow, DossierUnit

MOST_DOSSIERS: Final = 10_000
"""That one report, or one look at a queue, goes through."""
_PAGE: Final = 200
_OPEN_REQUESTS: Final = (RequestState.RECEIVED, RequestState.ACKNOWLEDGED, RequestState.GRANTED)
_LOG: Final = logging.getLogger("ekyc.worker")


def all_dossiers(
    desk: DossierDesk,
    tenant: str,
    book: ClockBook,
    now: datetime,
    *,
    within: Jurisdiction,
    equal: tuple[tuple[str, str], ...] = (),
    since: datetime | None = None,
) -> Iterator[list[TimedDossier]]:
    """Dossiers with their clocks, the newest first, at most :data:`MOST_DOSSIERS`: page by page, a transaction for each, so
    that whoever asks can let others go on in between.

    Args:
        desk: where they are.
        tenant: whose.
        book: of their clocks.
        now: at which moment.
        within: whose rows.
        equal: columns and the values that they must have.
        since: those that were opened before are left out.

    Raises:
        StorageError, BusyError: the database failed.
    """
    after, moment = None, Moment(now, book.calendar)
    for _ in range(MOST_DOSSIERS // _PAGE):
        page = PageOf(limit=_PAGE, after=after, within=within, equal=equal)
        with desk.looking(tenant) as unit:
            rows = unit.dossiers.page(page)
            recent = tuple(row for row in rows if since is None or row.created_at >= since)
            found = book.timed(unit, recent, moment)
        yield found
        if len(recent) < _PAGE:
            return
        after = (rows[-1].created_at, rows[-1].id)


class ClockSweep:
    """Tells others of alerts, of each once: ``dossier.sla_warning``, ``dossier.sla_breached`` and those of requests.

    Args:
        desk: dossiers and requests of all tenants.
        calendar: of the offices.
    """

    def __init__(self, desk: DossierDesk, calendar: WorkingCalendar | None = None) -> None:
        self._desk = desk
        self._book = ClockBook(calendar)
        self._calendar = self._book.calendar

    def run(self, now: datetime) -> int:
        """Look at every open dossier and request; how many alerts were told. Twice is once.

        Args:
            now: alerts that stand at this moment are told.

        Raises:
            StorageError, BusyError: the database failed. Call again.
        """
        told = 0
        for tenant in self._desk.tenants():
            for row in self._late(tenant, now):
                with self._desk.writing(tenant) as unit:
                    told += self._tell_of_dossier(unit, row.id, now)
            for request_id in self._late_requests(tenant, now):
                with self._desk.writing(tenant) as unit:
                    told += self._tell_of_request(unit, request_id, now)
        return told

    def _late(self, tenant: str, now: datetime) -> list[DossierRow]:
        """Dossiers with an alert that nobody was told of: found without keeping anybody waiting, looked at again one by one."""
        found: list[DossierRow] = []
        after, moment = None, Moment(now, self._calendar)
        while True:
            page = PageOf(limit=_PAGE, after=after, equal=(("state", DossierState.OPEN.value),))
            with self._desk.looking(tenant) as unit:
                rows = unit.dossiers.page(page)
                timed = self._book.timed(unit, rows, moment)
                late = tuple(one for one in timed if one.alerts)
                told = unit.notices.told(tuple(one.row.id for one in late)) if late else frozenset()
                found.extend(one.row for one in late if not _marks(one) <= told)
            if len(rows) < _PAGE:
                return found
            after = (rows[-1].created_at, rows[-1].id)

    def _tell_of_dossier(self, unit: DossierUnit, dossier_id: str, now: datetime) -> int:
        row = unit.dossiers.get(dossier_id, lock=True)
        if row is None:
            return 0
        timed = timed_dossiers(unit, (row,), self._calendar, now)
        return sum(
            _tell(unit, row.id, row.office, alert, _DOSSIERS)
            for one in timed
            for alert in one.alerts
        )

    def _late_requests(self, tenant: str, now: datetime) -> list[str]:
        """Open requests with an alert that nobody was told of, likewise."""
        found: list[str] = []
        for state in _OPEN_REQUESTS:
            after = None
            while True:
                page = PageOf(limit=_PAGE, after=after, equal=(("state", state.value),))
                with self._desk.looking(tenant) as unit:
                    rows = unit.requests.page(page)
                    told = unit.notices.told(tuple(row.id for row in rows))
                    found.extend(row.id for row in rows if self._is_untold(unit, row.id, now, told))
                if len(rows) < _PAGE:
                    break
                after = (rows[-1].created_at, rows[-1].id)
        return found

    def _is_untold(
        self,
        unit: DossierUnit,
        request_id: str,
        now: datetime,
        told: frozenset[tuple[str, str, datetime]],
    ) -> bool:
        _, alerts = self._alerts_of(unit, request_id, now, lock=False)
        return any((request_id, one.alert.value, one.origin) not in told for one in alerts)

    def _tell_of_request(self, unit: DossierUnit, request_id: str, now: datetime) -> int:
        office, alerts = self._alerts_of(unit, request_id, now, lock=True)
        return sum(_tell(unit, request_id, office, alert, _REQUESTS) for alert in alerts)

    def _alerts_of(
        self, unit: DossierUnit, request_id: str, now: datetime, *, lock: bool
    ) -> tuple[str | None, tuple[GivenAlert, ...]]:
        """Office and alerts of a request."""
        try:
            loaded = load_request(unit, request_id, within=Jurisdiction(), lock=lock)
        except TransitionError as error:
            _LOG.error("a request cannot be read: %s", error.code)
            return None, ()
        if loaded is None:
            return None, ()
        alerts = request_alerts(loaded.view, request_limits(), self._calendar, now)
        return loaded.row.office, tuple(alerts)


def _marks(one: TimedDossier) -> frozenset[tuple[str, str, datetime]]:
    return frozenset((one.row.id, alert.alert.value, alert.origin) for alert in one.alerts)


_Told = Callable[[str, str], OutboxEvent]
_DOSSIERS: Final[Mapping[AlertKind, _Told]] = {
    AlertKind.WARNING: lambda name, alert: DossierWarned(id=name, alert=alert),
    AlertKind.BREACHED: lambda name, alert: DossierBreached(id=name, alert=alert),
}
_REQUESTS: Final[Mapping[AlertKind, _Told]] = {
    AlertKind.WARNING: lambda name, alert: RequestWarned(id=name, alert=alert),
    AlertKind.BREACHED: lambda name, alert: RequestBreached(id=name, alert=alert),
}


def _tell(
    unit: DossierUnit,
    file_id: str,
    office: str | None,
    alert: GivenAlert,
    events: Mapping[AlertKind, _Told],
) -> bool:
    event = events[alert.kind](file_id, alert.alert.value)
    return unit.notices.tell(
        event, file_id=file_id, alert=alert.alert.value, origin=alert.origin, office=office
    )
