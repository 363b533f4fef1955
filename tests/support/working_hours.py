"""The other way round than :meth:`ekyc.dossiers.WorkingCalendar.worked_between`: when so much time will have been worked."""

from __future__ import annotations

from datetime import datetime, timedelta

MOST_DAYS = 400


def after_working_time(calendar, start, limit):
    """The first moment by which offices were open for ``limit`` since ``start``."""
    day, left = start.astimezone(calendar.zone).date(), limit
    if left <= timedelta():
        return start
    for ahead in range(MOST_DAYS):
        today = day + timedelta(days=ahead)
        for begin, close in calendar.hours if calendar.is_worked(today) else ():
            opened = max(datetime.combine(today, begin, calendar.zone), start)
            here = max(timedelta(), datetime.combine(today, close, calendar.zone) - opened)
            if left <= here:
                return (opened + left).astimezone(start.tzinfo)
            left -= here
    raise AssertionError("nobody works")
