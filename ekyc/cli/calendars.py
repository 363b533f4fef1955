"""``--calendar``: when offices work, for ``ekyc serve`` and ``ekyc worker``; and a word before what is known of it ends."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from ekyc.dossiers import WorkingCalendar

_LOG: Final = logging.getLogger("ekyc.calendar")
_MOST_BYTES: Final = 64 * 1024
WARNED_BEFORE: Final = timedelta(days=60)

CalendarOption = Annotated[
    Path | None,
    typer.Option(
        "--calendar",
        metavar="FILE",
        envvar="EKYC_CALENDAR",
        help="When offices work, in the place of what ships (TOML): hours, days of the week, public holidays and moved working days "
        "by year; docs/operations.md. The same for every process of a service.",
    ),
]


def load_calendar(file: Path | None) -> WorkingCalendar:
    """When offices work, by the operator's file or by the one that ships.

    Raises:
        InputError: the file cannot be read; ``calendar.invalid``.
    """
    from ekyc.chip.files import read_bounded
    from ekyc.dossiers import WorkingCalendar, default_calendar

    if file is None:
        return default_calendar()
    return WorkingCalendar.parse(read_bounded(file, _MOST_BYTES))


def warn_of_end(calendar: WorkingCalendar, now: datetime) -> bool:
    """Say in the log that holidays of the days to come are not known; whether it was said."""
    left = calendar.time_left(now)
    if left > WARNED_BEFORE:
        return False
    _LOG.warning("the calendar of offices knows %d more days: give --calendar", max(left.days, 0))
    return True
