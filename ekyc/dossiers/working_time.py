"""When offices work, and how long something took in their time. Pure; the calendar is data.

A period in working days begins on the day after, and ends at the end of its last working day (Civil Code 2015, articles 147
and 148). A period in working hours counts the minutes in which offices are open, from the moment itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from importlib import resources
from typing import Any, Final, Self

from ekyc.errors import InputError, LimitError

SCHEMA: Final = "ekyc.calendar/1"
MAX_WORKING_DAYS: Final = 400
_MOST_BYTES: Final = 64 * 1024
_MOST_DATES: Final = 2000
_MOST_IDLE_DAYS: Final = 60
"""In a row: more is a calendar in which nobody ever works."""
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OFFSET: Final = re.compile(r"([+-])([01][0-9]):([0-5][0-9])\Z")
_HOURS: Final = re.compile(r"([0-2][0-9]:[0-5][0-9])-([0-2][0-9]:[0-5][0-9])\Z")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCalendar:
    """Working days and hours of offices.

    Raises:
        InputError: ``calendar.invalid``: hours overlap or run backwards, or no day of the week is worked.
    """

    zone: timezone
    """Offset from UTC: there is no summer time here."""
    hours: tuple[tuple[time, time], ...]
    """Begin and end of each stretch of a day, in order."""
    weekdays: frozenset[int]
    """0 is Monday."""
    every_year: frozenset[tuple[int, int]]
    """Month and day of holidays that the moon does not move."""
    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    """Days of rest that are worked in place of others."""

    def __post_init__(self) -> None:
        edges = [edge for stretch in self.hours for edge in stretch]
        if not edges or edges != sorted(set(edges)) or not self.weekdays:
            raise _invalid("hours")

    @classmethod
    def default(cls) -> Self:
        """The calendar of ``ekyc/data/calendar.toml``."""
        return cls.parse((resources.files("ekyc.data") / "calendar.toml").read_bytes())

    @classmethod
    def parse(cls, toml: bytes) -> Self:
        """A calendar as a TOML file of at most 64 KiB has it; :meth:`default` is an example.

        Raises:
            InputError: ``calendar.invalid``; ``subject`` names the member.
        """
        if len(toml) > _MOST_BYTES:
            raise _invalid("size")
        try:
            tables = tomllib.loads(toml.decode("utf-8"))
        except (ValueError, RecursionError) as exc:
            raise _invalid("toml") from exc
        members = {"schema", "utc_offset", "hours", "weekdays", "every_year", "years"}
        if tables.get("schema") != SCHEMA or set(tables) - members:
            raise _invalid("schema")
        years = _table(tables.get("years", {}), "years")
        return cls(
            zone=_zone(tables.get("utc_offset")),
            hours=tuple(map(_stretch, _texts(tables.get("hours"), "hours"))),
            weekdays=frozenset(map(_weekday, _texts(tables.get("weekdays"), "weekdays"))),
            every_year=frozenset(map(_month_day, _texts(tables.get("every_year"), "every_year"))),
            off=_dates(years, "off"),
            worked=_dates(years, "worked"),
        )

    def time_left(self, now: datetime) -> timedelta:
        """For how long yet its years are listed; negative when they are over, and without any year.

        Args:
            now: aware.
        """
        last = max((day.year for day in (*self.off, *self.worked)), default=1)
        return datetime(last + 1, 1, 1, tzinfo=self.zone) - now

    def is_worked(self, day: date) -> bool:
        """Whether offices open on a day of theirs."""
        if day in self.worked:
            return True
        if day in self.off or (day.month, day.day) in self.every_year:
            return False
        return day.weekday() in self.weekdays

    def end_of_working_days(self, start: datetime, days: int) -> datetime:
        """The end of the last of so many working days, of which the day of ``start`` is none.

        Args:
            start: aware.
            days: 1 to :data:`MAX_WORKING_DAYS`.

        Raises:
            LimitError: ``days`` is out of its range.
            InputError: ``calendar.invalid``: for two months nobody works.
        """
        if not 1 <= days <= MAX_WORKING_DAYS:
            raise LimitError(f"1 to {MAX_WORKING_DAYS} working days", subject="days")
        day = start.astimezone(self.zone).date()
        for _ in range(days):
            day = self._next_worked(day + _DAY)
        return datetime.combine(day + _DAY, time(), self.zone).astimezone(start.tzinfo)

    def worked_between(self, start: datetime, end: datetime) -> timedelta:
        """For how long offices were open from ``start`` to ``end``; nothing where it ends before."""
        total = timedelta()
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            for begin, close in self._stretches(day):
                total += max(timedelta(), min(close, end) - max(begin, start))
            day += _DAY
        return total

    def _stretches(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if self.is_worked(day):
            for begin, close in self.hours:
                yield (
                    datetime.combine(day, begin, self.zone),
                    datetime.combine(day, close, self.zone),
                )

    def _next_worked(self, day: date) -> date:
        for ahead in range(_MOST_IDLE_DAYS):
            if self.is_worked(day + ahead * _DAY):
                return day + ahead * _DAY
        raise _invalid("weekdays")


@cache
def default_calendar() -> WorkingCalendar:
    """:meth:`WorkingCalendar.default`, read once."""
    return WorkingCalendar.default()


def _zone(value: Any) -> timezone:
    found = _OFFSET.match(value) if isinstance(value, str) else None
    if found is None:
        raise _invalid("utc_offset")
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def _stretch(text: str) -> tuple[time, time]:
    found = _HOURS.match(text)
    if found is None:
        raise _invalid("hours")
    try:
        return time.fromisoformat(found[1]), time.fromisoformat(found[2])
    except ValueError as exc:
        raise _invalid("hours") from exc


def _weekday(text: str) -> int:
    if text not in _WEEK:
        raise _invalid("weekdays")
    return _WEEK.index(text)


def _month_day(text: str) -> tuple[int, int]:
    day = _date(f"2000-{text}", "every_year")  # a leap year: 29 February is a day too
    return day.month, day.day


def _dates(years: Mapping[str, Any], name: str) -> frozenset[date]:
    found: set[date] = set()
    for year, table in years.items():
        listed = _table(table, "years")
        if set(listed) - {"off", "worked"}:
            raise _invalid("years")
        for text in _texts(listed.get(name, []), name):
            day = _date(text, name)
            if str(day.year) != year:
                raise _invalid(name)
            found.add(day)
    return frozenset(found)


def _date(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise _invalid(name) from exc


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(name)
    return value


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST_DATES:
        raise _invalid(name)
    if not all(isinstance(one, str) for one in value):
        raise _invalid(name)
    return value


def _invalid(member: str) -> InputError:
    return InputError("not a calendar of offices", code="calendar.invalid", subject=member)
