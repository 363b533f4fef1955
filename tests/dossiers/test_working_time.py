"""When offices work: holidays, moved days, and periods that end where the law says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from working_hours import after_working_time

from ekyc.dossiers import WorkingCalendar
from ekyc.dossiers.working_time import MAX_WORKING_DAYS
from ekyc.errors import InputError, LimitError

HERE = timezone(timedelta(hours=7))
CALENDAR = WorkingCalendar.default()
MOMENTS = st.integers(min_value=0, max_value=455 * 86_400).map(
    lambda s: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(seconds=s)
)
SPANS = st.integers(min_value=0, max_value=40 * 3600).map(lambda s: timedelta(seconds=s))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=HERE)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2026-01-01", False),
        ("2026-01-02", False),
        ("2026-01-10", True),  # the Saturday that is worked for it
        ("2026-01-17", False),
        ("2026-02-16", False),
        ("2026-02-20", False),
        ("2026-02-23", True),
        ("2026-04-27", False),
        ("2026-04-30", False),
        ("2026-05-01", False),
        ("2026-08-22", True),
        ("2026-08-31", False),
        ("2026-09-02", False),
        ("2026-09-03", True),
        ("2025-01-27", False),
        ("2025-02-03", True),
        ("2025-04-07", False),
        ("2025-04-26", True),
        ("2025-05-02", False),
        ("2025-09-01", False),
        ("2027-02-04", True),  # by the choice of the government; until then it counts
        ("2027-02-05", False),
        ("2027-02-10", False),
        ("2027-02-11", True),
        ("2027-04-16", False),
        ("2027-05-03", False),
        ("2027-09-02", False),
        ("2027-09-01", True),
        ("2028-09-02", False),  # a year that is not listed has its fixed days
        ("2028-09-01", True),
    ],
)
def test_days_of_rest_are_data(day, worked):
    assert CALENDAR.is_worked(date.fromisoformat(day)) is worked


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-03-02T09:00", 2, "2026-03-05T00:00"),  # Monday: the day itself does not count
        ("2026-03-06T23:59", 2, "2026-03-11T00:00"),  # Friday: neither does the week's end
        ("2026-03-07T09:00", 1, "2026-03-10T00:00"),  # Saturday
        ("2026-02-13T16:00", 2, "2026-02-25T00:00"),  # Lunar New Year lies between
        ("2026-01-08T09:00", 2, "2026-01-11T00:00"),  # a Saturday that is worked counts
    ],
)
def test_working_days_begin_tomorrow_and_end_at_midnight(start, days, end):
    assert CALENDAR.end_of_working_days(at(start), days) == at(end)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-02T08:00", 4, "2026-03-02T12:00"),
        ("2026-03-02T10:00", 4, "2026-03-02T15:00"),  # an hour at noon
        ("2026-03-02T16:00", 4, "2026-03-03T11:00"),
        ("2026-03-02T22:00", 1, "2026-03-03T09:00"),
        ("2026-03-06T16:30", 4, "2026-03-09T11:30"),
        ("2026-02-13T16:00", 2, "2026-02-23T09:00"),
    ],
)
def test_working_hours_stand_still_while_offices_are_closed(start, hours, end):
    found = after_working_time(CALENDAR, at(start), timedelta(hours=hours))
    assert found == at(end)
    assert CALENDAR.worked_between(at(start), at(end)) == timedelta(hours=hours)


@given(MOMENTS, SPANS)
def test_what_is_added_is_what_is_counted(start, span):
    end = after_working_time(CALENDAR, start, span)
    assert end >= start
    assert CALENDAR.worked_between(start, end) == span


@given(MOMENTS, MOMENTS, MOMENTS)
def test_counted_time_adds_up_and_is_never_longer_than_time(a, b, c):
    a, b, c = sorted((a, b, c))
    count = CALENDAR.worked_between
    assert count(a, b) + count(b, c) == count(a, c)
    assert timedelta() <= count(a, c) <= c - a
    assert count(c, a) == timedelta()


@given(MOMENTS, st.integers(min_value=1, max_value=60))
def test_a_later_start_or_one_day_more_never_ends_earlier(start, days):
    end = CALENDAR.end_of_working_days
    assert end(start, days) < end(start, days + 1)
    assert end(start, days) <= end(start + timedelta(hours=7), days)
    assert CALENDAR.is_worked((end(start, days) - timedelta(seconds=1)).astimezone(HERE).date())


@pytest.mark.parametrize("days", [0, -1, MAX_WORKING_DAYS + 1])
def test_periods_are_bounded(days):
    with pytest.raises(LimitError):
        CALENDAR.end_of_working_days(at("2026-03-02T09:00"), days)


GOOD = """
schema = "ekyc.calendar/1"
utc_offset = "+07:00"
hours = ["07:30-11:30", "13:30-17:30"]
weekdays = ["mon"]
every_year = ["01-01"]
[years.2026]
off = ["2026-03-02"]
"""


def test_an_operator_has_hours_of_its_own():
    own = WorkingCalendar.parse(GOOD.encode())
    begun = after_working_time(own, at("2026-03-01T00:00"), timedelta(minutes=1))
    assert begun == at("2026-03-09T07:31")


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("ekyc.calendar/1", "ekyc.calendar/2", "schema"),
        ("+07:00", "Asia/Ho_Chi_Minh", "utc_offset"),
        ("07:30-11:30", "11:30-07:30", "hours"),
        ("07:30-11:30", "07:30-14:30", "hours"),
        ("07:30-11:30", "07:30-25:30", "hours"),
        ('["mon"]', "[]", "hours"),
        ('["mon"]', '["monday"]', "weekdays"),
        ('"01-01"', '"13-01"', "every_year"),
        ("2026-03-02", "2026-02-30", "off"),
        ("2026-03-02", "2027-03-02", "off"),
        ("off =", "closed =", "years"),
        ("weekdays =", "work_days =", "schema"),
        ("[years.2026]", "[years", "toml"),
    ],
)
def test_a_calendar_that_is_none_is_refused_by_its_member(old, new, subject):
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        WorkingCalendar.parse(GOOD.replace(old, new).encode())
    assert (caught.value.code, caught.value.subject) == ("calendar.invalid", subject)


def test_a_calendar_in_which_nobody_works_ends():
    years = "".join(f'"2026-{m:02}-{d:02}",' for m in (3, 4, 5) for d in range(1, 31))
    idle = WorkingCalendar.parse(GOOD.replace('"2026-03-02"', years).encode())
    with pytest.raises(InputError):
        idle.end_of_working_days(at("2026-03-01T09:00"), 1)
