"""The operator's calendar is taken by service and worker, or refused before they start; its end is told sixty days before."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from ekyc.api.metrics import ServiceMetrics
from ekyc.cli.calendars import load_calendar, warn_of_end
from ekyc.cli.serve_parts import expose_calendar
from ekyc.cli.worker_timers import worker_timers
from ekyc.dossiers import default_calendar
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, RetentionPolicy, ServiceKey, Storage
from ekyc.testing import FixedClock

OWN = b"""
schema = "ekyc.calendar/1"
utc_offset = "+07:00"
hours = ["07:30-11:30", "13:30-17:00"]
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat"]
every_year = ["01-01"]

[years.2031]
off = ["2031-01-23"]
"""
END = datetime(2027, 12, 31, 17, tzinfo=UTC)
"""Of the calendar that ships, at midnight in Vietnam."""


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "calendar.toml"
    made.write_bytes(OWN)
    return made


def test_the_operators_calendar_takes_the_place_of_the_one_that_ships(file):
    own = load_calendar(file)
    saturday = date(2026, 11, 28)
    assert (own.is_worked(saturday), load_calendar(None).is_worked(saturday)) == (True, False)
    assert load_calendar(None) is default_calendar()


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize(
    ("content", "code"), [(b"schema = 1", "calendar.invalid"), (b"[", "calendar.invalid")]
)
def test_what_is_no_calendar_is_refused_before_anything_starts(cli, file, command, content, code):
    file.write_bytes(content)
    status, _, said = cli(command, "--calendar", file)
    assert status == 1
    assert code in said


@pytest.mark.parametrize(
    ("left", "days"),
    [(timedelta(days=61), None), (timedelta(days=60), 60), (timedelta(days=-9), 0)],
)
def test_the_end_is_told_sixty_days_before(caplog, left, days):
    with caplog.at_level(logging.WARNING, "ekyc.calendar"):
        assert warn_of_end(default_calendar(), END - left) is (days is not None)
    told = [one.getMessage() for one in caplog.records]
    expected = f"the calendar of offices knows {days} more days: give --calendar"
    assert told == ([] if days is None else [expected])


def test_an_operators_years_put_the_end_off(file):
    assert not warn_of_end(load_calendar(file), END)


def test_the_worker_tells_it_each_day(tmp_path, caplog, file):
    key = ServiceKey(bytes(32))
    with Storage.open(tmp_path / "state.sqlite3", clock=FixedClock()) as storage:
        keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
        vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))
        policy = RetentionPolicy.default()
        told = []
        for calendar in (default_calendar(), load_calendar(file)):
            timers = worker_timers(storage, key, vault, policy, calendar)
            (timer,) = (one for one in timers if one.name == "calendar")
            assert timer.every == timedelta(days=1)
            with caplog.at_level(logging.WARNING, "ekyc.calendar"):
                caplog.clear()
                timer.sweep(END)
                told.append(len(caplog.records))
    assert told == [1, 0]


def test_what_is_left_is_a_figure():
    figures = ServiceMetrics()
    expose_calendar(figures, default_calendar())
    assert b"ekyc_calendar_left_seconds " in figures.render()
