"""The clocks of dossiers, without replaying logs that have not grown since.

1. The heads of all logs asked for are read: how far each has come (:class:`LogHead`).
2. Logs whose head is another, or that were never read, are replayed. What is kept of one is where its clocks stand after its
   last line, never an answer.
3. Clocks are read at the moment that is asked for, from what is kept.

A log is appended to and never changed, so the same head is the same log. What is kept lives in one process, is bounded, and is
the same as a replay would give (:func:`timed_dossiers`, which keeps nothing).
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from ekyc.dossiers import (
    Action,
    Alert,
    DossierState,
    GivenAlert,
    Mark,
    SessionAdded,
    TransitionError,
    WorkingCalendar,
    builtin_clocks,
    default_calendar,
    marks_of,
)
from ekyc.dossiers.clocks import (
    PROCESSING,
    ClockState,
    Marked,
    Moment,
    TimeSpent,
    alert_of,
    spent_at,
    state_after,
)
from ekyc.flows.logged_actions import file_action, session_action
from ekyc.storage.dossiers.clock_heads import LogHead

if TYPE_CHECKING:
    from ekyc.storage import DossierRow, DossierUnit, LoggedAction

MOST_KEPT: Final = 50_000
"""Dossiers of which the clocks are kept, of all tenants; those asked for longest ago go first."""
_ADDED: Final = SessionAdded.__name__
_LOG: Final = logging.getLogger("ekyc.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedDossier:
    """A dossier and what its clocks say."""

    row: DossierRow
    alerts: tuple[GivenAlert, ...]
    processing: TimeSpent
    is_decided: bool

    def has(self, alert: Alert) -> bool:
        """Whether it has this alert."""
        return any(one.alert is alert for one in self.alerts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clocks:
    """Where the log of a dossier left its clocks, in their order."""

    states: tuple[ClockState, ...]
    is_decided: bool
    until: datetime | None
    """The last mark: earlier moments cannot be read."""


class ClockBook:
    """Clocks of dossiers, kept while their logs do not grow. Safe across threads.

    Args:
        calendar: of the offices; the shipped one by default.
        most: dossiers that are kept.
    """

    def __init__(self, calendar: WorkingCalendar | None = None, *, most: int = MOST_KEPT) -> None:
        self.calendar = calendar or default_calendar()
        self._most = most
        self._kept: OrderedDict[tuple[str, str], tuple[LogHead, _Clocks]] = OrderedDict()
        self._lock = threading.Lock()

    def timed(
        self, unit: DossierUnit, rows: tuple[DossierRow, ...], now: Moment
    ) -> list[TimedDossier]:
        """The clocks of these dossiers, as :func:`timed_dossiers` gives them.

        Args:
            unit: of the tenant whose rows these are.
            rows: at most a page.
            now: at which moment, by this book's calendar.
        """
        heads = unit.heads.of(tuple(row.id for row in rows)) if rows else {}
        with self._lock:
            known = {row.id: self._current(unit.tenant, row.id, heads, now.at) for row in rows}
        read = self._replayed(unit, [name for name in known if known[name] is None], heads, now.at)
        both = ((row, known[row.id] or read.get(row.id)) for row in rows)
        return [_read(row, clocks, now) for row, clocks in both if clocks is not None]

    def _current(
        self, tenant: str, name: str, heads: Mapping[str, LogHead], now: datetime
    ) -> _Clocks | None:
        """What is kept of a dossier, if it is of this head and can be read now."""
        key = (tenant, name)
        head, clocks = self._kept.get(key, (None, None))
        if clocks is None or head != heads.get(name):
            return None
        if clocks.until is not None and clocks.until > now:
            return None
        self._kept.move_to_end(key)
        return clocks

    def _replayed(
        self, unit: DossierUnit, names: Sequence[str], heads: Mapping[str, LogHead], now: datetime
    ) -> dict[str, _Clocks]:
        found: dict[str, _Clocks] = {}
        for name, log in _logs_of(unit, names).items():
            marks = log.marks()
            if marks is None:
                continue
            past = [one for one in marks if one.at <= now]
            found[name] = clocks = _clocks_after(past, marks, self.calendar)
            # Only what is whole, and of the very head that was read before it: lines may have come in between.
            if len(past) == len(marks) and log.head == heads.get(name):
                with self._lock:
                    self._keep((unit.tenant, name), log.head, clocks)
        return found

    def _keep(self, key: tuple[str, str], head: LogHead, clocks: _Clocks) -> None:
        self._kept[key] = (head, clocks)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def timed_dossiers(
    unit: DossierUnit, rows: tuple[DossierRow, ...], calendar: WorkingCalendar, now: datetime
) -> list[TimedDossier]:
    """The clocks of these dossiers at ``now``. One whose log is damaged is left out, and said in the log of the process."""
    moment, logs = Moment(now, calendar), _logs_of(unit, [row.id for row in rows])
    found: list[TimedDossier] = []
    for row in rows:
        marks = logs[row.id].marks()
        if marks is not None:
            past = [one for one in marks if one.at <= now]
            found.append(_read(row, _clocks_after(past, marks, calendar), moment))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Logs:
    """A dossier's log, and those of the sessions that it names."""

    own: tuple[LoggedAction, ...]
    theirs: tuple[tuple[LoggedAction, ...], ...]

    @property
    def head(self) -> LogHead:
        """Where they end."""
        ends = [log[-1].sequence for log in self.theirs if log]
        return LogHead(self.own[-1].sequence if self.own else 0, len(self.theirs), sum(ends))

    def marks(self) -> list[Marked] | None:
        """What they say that clocks care for; ``None``: they are damaged."""
        try:
            theirs: list[tuple[Action, ...]] = [
                tuple(map(session_action, log)) for log in self.theirs
            ]
            return marks_of(map(file_action, self.own), theirs)
        except TransitionError as error:
            _LOG.error("a dossier cannot be read: %s", error.code)
            return None


def _logs_of(unit: DossierUnit, names: Sequence[str]) -> dict[str, _Logs]:
    own = unit.logs.of_many(tuple(names)) if names else {}
    sessions = {
        name: [str(line.body["session_id"]) for line in own.get(name, ()) if line.kind == _ADDED]
        for name in names
    }
    wanted = tuple(one for theirs in sessions.values() for one in theirs)
    kept = unit.logs.of_many(wanted) if wanted else {}
    return {
        name: _Logs(
            own=own.get(name, ()), theirs=tuple(kept.get(one, ()) for one in sessions[name])
        )
        for name in names
    }


def _clocks_after(
    past: Sequence[Marked], marks: Sequence[Marked], calendar: WorkingCalendar
) -> _Clocks:
    return _Clocks(
        states=tuple(state_after(clock, past, calendar) for clock in builtin_clocks()),
        is_decided=any(one.mark is Mark.DECIDED for one in marks),
        until=past[-1].at if past else None,
    )


def _read(row: DossierRow, clocks: _Clocks, now: Moment) -> TimedDossier:
    alerts: list[GivenAlert] = []
    if row.state == DossierState.OPEN.value:
        for clock, state in zip(builtin_clocks(), clocks.states, strict=True):
            given = alert_of(clock, state, now)
            if given is not None:
                alerts.append(given)
    return TimedDossier(
        row=row,
        alerts=tuple(alerts),
        processing=spent_at(clocks.states[_processing()], now),
        is_decided=clocks.is_decided,
    )


@cache
def _processing() -> int:
    """The place of the clock that says whether an office kept its time."""
    return next(place for place, one in enumerate(builtin_clocks()) if one.id == PROCESSING)
