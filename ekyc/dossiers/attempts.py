"""How often one person may try one procedure within a window: data, and a rule over times. Pure.

1. Attempts within the window count, whatever sessions they were made in.
2. One more than may be: a person who is known before must wait until the oldest leaves the window; where it shows only
   afterwards whose chip it was, nothing is decided by machine.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from ekyc.errors import BusyError

SCHEMA: Final = "ekyc.attempts/1"
MOST_WINDOW: Final = timedelta(days=30)
REASON: Final = "session.person_attempts"


class PersonAttemptsError(BusyError):
    """The person tried this procedure too often.

    Code: ``session.person_attempts``.
    """

    default_code = REASON

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many attempts of one person; wait, or ask an officer")
        self.wait_s = wait_s
        """Seconds after which another attempt is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimit:
    """The rule for one procedure."""

    most: int
    window: timedelta

    def __post_init__(self) -> None:
        if not (1 <= self.most <= 100 and timedelta(0) < self.window <= MOST_WINDOW):
            raise ValueError("1 to 100 attempts within at most 30 days")

    def wait(self, times: Sequence[datetime], now: datetime) -> timedelta:
        """How long after attempts at these times another must wait; zero where it need not (1)."""
        within = sorted(at for at in times if at > now - self.window)
        if len(within) < self.most:
            return timedelta(0)
        return within[-self.most] + self.window - now


@cache
def attempt_limit(procedure: str) -> AttemptLimit:
    """The rule for a procedure, from the data that ships with the package."""
    text = resources.files("ekyc.data").joinpath("attempts.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    rows: Mapping[str, Any] = document["procedures"]
    row = rows.get(procedure, document["default"])
    return AttemptLimit(most=row["most"], window=timedelta(hours=row["window_hours"]))
