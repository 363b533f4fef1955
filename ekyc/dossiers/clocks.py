"""Clocks of a dossier: whether something takes too long, read from its log and those of its sessions. Pure.

1. The logs are replayed into *marks*: what happened, when, as far as a clock cares.
2. A clock starts and stops at marks, or counts them (``ekyc/data/clocks.toml``). Where the last mark left it is its *state*:
   enough to read it at every later moment.
3. It runs in the working time of offices. Levels that were passed while it runs are *alerts*: the same logs and moment
   give the same alerts.

An alert has a moment of origin that does not depend on when one looks: whoever tells of alerts tells each of them once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final

from ekyc.dossiers.actions import Action, ActorKind, DecisionOutcome, Submitted
from ekyc.dossiers.files import Closed, FileAction, Opened, Reopened
from ekyc.dossiers.sessions import SessionState, SessionView, apply, begin
from ekyc.dossiers.working_time import WorkingCalendar

SCHEMA: Final = "ekyc.clocks/1"
MAX_LIMIT_HOURS: Final = 4000


class Mark(StrEnum):
    """What clocks start, stop and count at."""

    OPENED = "opened"
    SUBMITTED = "submitted"
    TAKEN_UP = "taken_up"
    IN_REVIEW = "in_review"
    REVIEW_ENDED = "review_ended"
    RETURNED = "returned"
    DECIDED = "decided"
    ABANDONED = "abandoned"
    CLOSED = "closed"
    REOPENED = "reopened"


class AlertKind(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    BREACHED = "breached"


class Alert(StrEnum):
    """What an officer's queue may ask for."""

    NOT_RECEIVED = "not_received"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    STUCK_IN_REVIEW = "stuck_in_review"
    RETURNED_TOO_OFTEN = "returned_too_often"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """At which part of the limit, or which count, an alert is given."""

    alert: Alert
    kind: AlertKind
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock: of time where ``limit`` is given, else of counts."""

    id: str
    levels: tuple[Level, ...]
    stops_on: frozenset[Mark]
    starts_on: frozenset[Mark] = frozenset()
    counts: frozenset[Mark] = frozenset()
    limit: timedelta | None = None
    """Of working time."""
    sums: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A mark and its moment."""

    at: datetime
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAlert:
    """A level that was passed."""

    clock: str
    alert: Alert
    kind: AlertKind
    origin: datetime
    """When the clock that passed it was started, or the mark that was one too many was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSpent:
    """What a clock of time shows."""

    elapsed: timedelta
    """Working time, without pauses."""
    origin: datetime | None
    """Where it began; ``None``: it never did."""
    running: bool


def marks_of(dossier: Iterable[FileAction], sessions: Iterable[Sequence[Action]]) -> list[Marked]:
    """The marks of a dossier and its sessions, in the order in which they were made.

    Raises:
        TransitionError: ``dossier.log_damaged``: a log that this software would not have written.
    """
    found = [Marked(at=one.at, mark=mark) for one in dossier for mark in _of_file(one)]
    for log in sessions:
        found.extend(_of_session(log))
    return sorted(found, key=lambda one: one.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """Where marks left a clock."""

    elapsed: timedelta = timedelta()
    """Working time of the stretches that ended; while one runs, less what was worked on its first day before it began."""
    origin: datetime | None = None
    """As of :class:`TimeSpent`."""
    day: datetime | None = None
    """Midnight, where the offices are, before the stretch that runs; ``None``: none does."""
    counted: tuple[datetime, ...] = ()
    """Moments of the marks that a clock of counts has counted."""


class Moment:
    """One moment at which many clocks are read. What was worked until then is computed once for each day.

    Args:
        at: aware.
        calendar: of the offices.
    """

    def __init__(self, at: datetime, calendar: WorkingCalendar) -> None:
        self.at = at
        self._calendar = calendar
        self._worked: dict[datetime, timedelta] = {}

    def worked_since(self, day: datetime) -> timedelta:
        """For how long offices were open from the beginning of a day until this moment."""
        worked = self._worked.get(day)
        if worked is None:
            worked = self._worked[day] = self._calendar.worked_between(day, self.at)
        return worked


def state_after(clock: Clock, marks: Iterable[Marked], calendar: WorkingCalendar) -> ClockState:
    """Where these marks leave a clock; it may be read at the moment of the last one and later."""
    if clock.limit is None:
        return ClockState(counted=_counted(clock, marks))
    elapsed, origin, since = timedelta(), None, None
    for one in marks:
        if since is None and one.mark in clock.starts_on:
            since = one.at
            if origin is None or not clock.sums:
                origin, elapsed = one.at, timedelta()
        elif since is not None and one.mark in clock.stops_on:
            elapsed += calendar.worked_between(since, one.at)
            since = None
    if since is None:
        return ClockState(elapsed=elapsed, origin=origin)
    day = datetime.combine(since.astimezone(calendar.zone), time(), calendar.zone)
    return ClockState(elapsed=elapsed - calendar.worked_between(day, since), origin=origin, day=day)


def spent_at(state: ClockState, now: Moment) -> TimeSpent:
    """What a clock of time in this state shows."""
    if state.day is None:
        return TimeSpent(elapsed=state.elapsed, origin=state.origin, running=False)
    elapsed = state.elapsed + now.worked_since(state.day)
    return TimeSpent(elapsed=elapsed, origin=state.origin, running=True)


def alert_of(clock: Clock, state: ClockState, now: Moment) -> GivenAlert | None:
    """The worst level that a clock in this state has passed; ``None``: none."""
    if clock.limit is None:
        level = _passed(clock, len(state.counted))
        return None if level is None else _given(clock, level, state.counted[int(level.at) - 1])
    if state.day is None or state.origin is None:
        return None
    level = _passed(clock, (state.elapsed + now.worked_since(state.day)) / clock.limit)
    return None if level is None else _given(clock, level, state.origin)


def spent_on(
    clock: Clock, marks: Iterable[Marked], now: datetime, calendar: WorkingCalendar
) -> TimeSpent:
    """What a clock of time shows at ``now``; marks that come later do not count yet."""
    return spent_at(state_after(clock, _until(marks, now), calendar), Moment(now, calendar))


def alerts_at(
    clocks: Iterable[Clock], marks: Iterable[Marked], now: datetime, calendar: WorkingCalendar
) -> tuple[GivenAlert, ...]:
    """The alerts of a dossier with these marks at ``now``, in the order of the clocks; the worst level of each clock."""
    past, moment = list(_until(marks, now)), Moment(now, calendar)
    given = (alert_of(clock, state_after(clock, past, calendar), moment) for clock in clocks)
    return tuple(one for one in given if one is not None)


def _until(marks: Iterable[Marked], now: datetime) -> Iterator[Marked]:
    return takewhile(lambda one: one.at <= now, marks)


def _counted(clock: Clock, marks: Iterable[Marked]) -> tuple[datetime, ...]:
    counted: list[datetime] = []
    for one in marks:
        if one.mark in clock.stops_on:
            counted.clear()
        elif one.mark in clock.counts:
            counted.append(one.at)
    return tuple(counted)


def _passed(clock: Clock, value: float) -> Level | None:
    for one in reversed(clock.levels):
        if value >= one.at:
            return one
    return None


def _given(clock: Clock, level: Level, origin: datetime) -> GivenAlert:
    return GivenAlert(clock=clock.id, alert=level.alert, kind=level.kind, origin=origin)


def _of_file(action: FileAction) -> Iterator[Mark]:
    match action.event:
        case Opened():
            yield Mark.OPENED
        case Closed():
            yield Mark.CLOSED
        case Reopened():
            yield Mark.REOPENED
        case _:
            if action.actor.kind is ActorKind.OFFICER:
                yield Mark.TAKEN_UP


def _of_session(log: Sequence[Action]) -> Iterator[Marked]:
    view: SessionView | None = None
    for action in log:
        after = begin(action) if view is None else apply(view, action)
        for mark in () if view is None else _between(view, after, action):
            yield Marked(at=action.at, mark=mark)
        view = after


def _between(before: SessionView, after: SessionView, action: Action) -> Iterator[Mark]:
    if isinstance(action.event, Submitted):
        yield Mark.SUBMITTED
    elif action.actor.kind is ActorKind.OFFICER:
        yield Mark.TAKEN_UP
    reviewed = SessionState.NEEDS_REVIEW
    if before.state is not reviewed and after.state is reviewed:
        yield Mark.IN_REVIEW
    if before.state is reviewed and after.state is not reviewed:
        yield Mark.REVIEW_ENDED
    made = after.decisions[len(before.decisions) :]
    if any(one.outcome is DecisionOutcome.RESUBMIT for one in made):
        yield Mark.RETURNED
    if before.state is not after.state:
        if after.state is SessionState.DECIDED:
            yield Mark.DECIDED
        elif after.state in {SessionState.EXPIRED, SessionState.CANCELED}:
            yield Mark.ABANDONED


@cache
def builtin_clocks() -> tuple[Clock, ...]:
    """The clocks of ``ekyc/data/clocks.toml``.

    Raises:
        ValueError: the file is not of its form.
    """
    text = resources.files("ekyc.data").joinpath("clocks.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    return tuple(_clock(name, table) for name, table in document["clocks"].items())


_MARKS: Final = ("starts_on", "stops_on", "counts")
_MEMBERS: Final = frozenset({*_MARKS, "limit_hours", "sums", "levels"})


def _clock(name: str, table: Mapping[str, Any]) -> Clock:
    if set(table) - _MEMBERS:
        raise ValueError(f"{name}: a member that clocks do not have")
    hours = table.get("limit_hours")
    if hours is not None and not 0 < hours <= MAX_LIMIT_HOURS:
        raise ValueError(f"{name}: limit_hours")
    levels = tuple(
        Level(alert=Alert(one["alert"]), kind=AlertKind(one["kind"]), at=one["at"])
        for one in table["levels"]
    )
    if not levels or [one.at for one in levels] != sorted({one.at for one in levels}):
        raise ValueError(f"{name}: levels rise")
    if (hours is None) == ("counts" not in table) or (hours is None and levels[0].at < 1):
        raise ValueError(f"{name}: either limit_hours or counts")
    marks = {one: frozenset(map(Mark, table.get(one, ()))) for one in _MARKS}
    return Clock(
        id=name,
        levels=levels,
        limit=None if hours is None else timedelta(hours=hours),
        sums=table.get("sums", False),
        **marks,
    )


PROCESSING: Final = "processing"
"""The clock that says whether an office kept its time."""


@cache
def clocks_by_id() -> Mapping[str, Clock]:
    """:func:`builtin_clocks` by their ids."""
    return MappingProxyType({one.id: one for one in builtin_clocks()})
