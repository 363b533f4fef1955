"""When a delivery is tried again, and what an answer means. Pure: time and randomness come in.

The schedule is the example of Standard Webhooks 1.0.0: ten attempts within about 76 hours. Each delay is lengthened by up
to a tenth at random, so that what failed together does not come back together.

1. 2xx is success, and nothing else is; a redirect is a failure.
2. 410: the endpoint wants nothing any more.
3. 429, 502, 503, 504: everything for the endpoint waits, as long as ``Retry-After`` asks or the schedule says.
4. ``Retry-After`` lengthens any delay, to a day at most, and shortens none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from ekyc.storage import DeliveryFailure

if TYPE_CHECKING:
    from ekyc.ports import Random

DELAYS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""Before each attempt, counted from the one before."""
MOST_WAIT: Final = timedelta(days=1)
_JITTER: Final = 0.1
_MOST_PAUSE: Final = timedelta(minutes=5)
"""Of the whole endpoint, where it does not say how long."""
_GONE: Final = 410
_THROTTLED: Final = frozenset({429, 502, 503, 504})
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is left of an answer."""

    status: int
    retry_after: str | None = None


def is_success(status: int) -> bool:
    """Whether a status means that the event arrived."""
    return 200 <= status <= 299


def cause_of(status: int) -> str:
    """A word for a status, as the record of deliveries has it."""
    if is_success(status):
        return "delivered"
    return "redirect" if 300 <= status <= 399 else "status"


def after_failure(
    answer: Answer | None, *, number: int, now: datetime, random: Random
) -> DeliveryFailure:
    """What follows from an attempt that failed.

    Args:
        answer: of the receiver; ``None``: there was none.
        number: of the attempt, from 1.
        now: when it ended.
        random: for the jitter.
    """
    if answer is not None and answer.status == _GONE:
        return DeliveryFailure(retry_at=None, gone=True)
    asked = timedelta(0) if answer is None else _asked(answer.retry_after, now)
    delay = max(_delay(number, random), asked)
    paused = None
    if answer is not None and answer.status in _THROTTLED:
        paused = now + max(min(delay, _MOST_PAUSE), asked)
    retry = now + delay if number < len(DELAYS) else None
    return DeliveryFailure(retry_at=retry, pause_until=paused)


def _delay(number: int, random: Random) -> timedelta:
    """After the attempt of this number."""
    plain = DELAYS[min(number, len(DELAYS) - 1)]
    share = int.from_bytes(random.token_bytes(4)) / (1 << 32)
    return plain * (1 + _JITTER * share)


def _asked(value: str | None, now: datetime) -> timedelta:
    """What ``Retry-After`` asks for (RFC 9110 §10.2.3): seconds or a date; 0 for anything else."""
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(timedelta(seconds=int(text)), MOST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return timedelta(0)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        wanted = at - now
    except OverflowError:
        return timedelta(0)
    return min(max(wanted, timedelta(0)), MOST_WAIT)
