"""Holidays of the shipped calendar that the moon moves, held against the moon."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest

from ekyc.dossiers import WorkingCalendar

EPOCH, MONTH = 2451550.09766, 29.530588861
UNIX_JULIAN, VIETNAM = 2440587.5, 7 / 24


def new_moon(k):
    """Day in Vietnam of the new moon number ``k`` since January 2000: Meeus, Astronomical Algorithms, chapter 49; the terms left
    out come to a few minutes.
    """
    t = k / 1236.85
    e = 1 - 0.002516 * t
    sun = math.radians(2.5534 + 29.10535670 * k)
    moon = math.radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t)
    node = math.radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    days = (
        EPOCH
        + MONTH * k
        + 0.00015437 * t * t
        - 0.40720 * math.sin(moon)
        + 0.17241 * e * math.sin(sun)
        + 0.01608 * math.sin(2 * moon)
        + 0.01039 * math.sin(2 * node)
        + 0.00739 * e * math.sin(moon - sun)
        - 0.00514 * e * math.sin(moon + sun)
        + 0.00208 * e * e * math.sin(2 * sun)
    )
    return date(1970, 1, 1) + timedelta(days=math.floor(days - UNIX_JULIAN + VIETNAM))


def lunar_year(year):
    """First days of the first and of the third month; the year begins between 21 January and 20 February."""
    first = next(
        k
        for k in range((year - 2000) * 12, (year - 2000) * 13 + 3)
        if date(year, 1, 21) <= new_moon(k) <= date(year, 2, 20)
    )
    return new_moon(first), new_moon(first + 2)


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_lunar_new_year_and_the_kings_day_are_off(year):
    calendar = WorkingCalendar.default()
    new_year, third = lunar_year(year)
    kings = third + timedelta(days=9)
    while kings.weekday() > 4:  # made good on the next working day
        kings += timedelta(days=1)
    assert not calendar.is_worked(kings)
    for ahead in (-1, 0, 1, 2, 3):  # on either choice of the government
        assert not calendar.is_worked(new_year + timedelta(days=ahead))


def test_the_new_years_are_those_of_the_almanac():
    assert [lunar_year(year)[0] for year in (2025, 2026, 2027)] == [
        date(2025, 1, 29),
        date(2026, 2, 17),
        date(2027, 2, 6),
    ]
