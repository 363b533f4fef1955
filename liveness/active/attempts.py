"""How often may somebody try? Pure: the times of earlier attempts in, a verdict out.

The caller counts per subject **and** per device, asks for both, and heeds the longer wait. Every opened session counts,
passed or not: who may try without end gets the easy plan in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ekyc.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """So many attempts in a window, and a pause that doubles from the second on."""

    most: int = 5
    window: timedelta = timedelta(minutes=15)
    pause: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 100 or self.window <= timedelta(0) or self.pause < timedelta(0):
            raise InputError("no such limit is possible", code="liveness.thresholds_invalid")


DEFAULT_ATTEMPTS: Final = AttemptLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptVerdict:
    """Whether a session may be opened now."""

    wait: timedelta
    """Nothing when it may."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """``liveness.too_many_attempts`` or none."""
        return ("liveness.too_many_attempts",) if self.wait > timedelta(0) else ()


def may_attempt(
    earlier: Sequence[datetime], now: datetime, limits: AttemptLimits = DEFAULT_ATTEMPTS
) -> AttemptVerdict:
    """Judge one more attempt.

    Args:
        earlier: when earlier sessions of the subject or device were opened, aware, in any order; those from the
            future count as made now.
        now: aware.
        limits: how many in which window.
    """
    recent = sorted(min(at, now) for at in earlier if at > now - limits.window)
    if not recent:
        return AttemptVerdict(wait=timedelta(0))
    free_at = recent[-1] + limits.pause * 2 ** min(len(recent) - 1, limits.most)
    if len(recent) >= limits.most:
        free_at = max(free_at, recent[-limits.most] + limits.window)
    return AttemptVerdict(wait=max(timedelta(0), free_at - now))
