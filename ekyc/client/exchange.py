"""When a call is sent again, sans-IO: a generator that says what to do and is told what came of it.

1. A call without an answer, or answered 429, 502, 503 or 504, is sent again after a while, a bounded number of times.
   So is one whose idempotency key is still being worked on (409 ``idempotency.in_flight``).
2. ``Retry-After`` is obeyed up to a bound; otherwise the wait doubles, with jitter.
3. What may not be done twice and has no key (PATCH) is not sent again without an answer: it may have been done.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.client.errors import ApiError, UnreachableError

_LATER: Final = frozenset({429, 502, 503, 504})
_IN_FLIGHT: Final = "idempotency.in_flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and when a call is sent again."""

    attempts: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    jitter: Callable[[], float] = field(default=random.random, repr=False)
    """From 0 to 1."""

    def wait_s(self, attempt: int, retry_after: str | None) -> float:
        """Seconds to wait after ``attempt``, from 1."""
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            return min(float(retry_after), self.longest_wait_s)
        doubled = self.first_wait_s * 2.0 ** (attempt - 1)
        return min(doubled, self.longest_wait_s) * (0.5 + self.jitter() / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the service."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Of JSON."""
    parts: tuple[tuple[str, str | None, bytes], ...] = field(default=(), repr=False)
    """Of a multipart body: name, file name, bytes."""
    content: bytes | None = field(default=None, repr=False)
    """A body of its own kind, with its ``Content-Type`` among the headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; an empty object where it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return {}


class Send:
    """Send the call; answer with a :class:`Reply`, or ``None`` if there was none."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds; answer with ``None``."""

    seconds: float


Exchange = Generator[Send | Wait, Reply | None, Reply]


def exchange(call: Call, policy: RetryPolicy) -> Exchange:
    """Carry out a call.

    Raises:
        ApiError, UnreachableError: it was refused, or did not come through.
    """
    for attempt in range(1, policy.attempts + 1):
        reply = yield Send()
        last = attempt == policy.attempts
        if reply is None:
            if last or call.method == "PATCH":  # (3)
                raise UnreachableError.after(attempt)
            yield Wait(policy.wait_s(attempt, None))
        elif 200 <= reply.status < 300:
            return reply
        elif last or not _comes_later(reply):
            problem = reply.json()
            raise ApiError.of(reply.status, problem if isinstance(problem, dict) else {})
        else:
            yield Wait(policy.wait_s(attempt, reply.headers.get("retry-after")))
    raise UnreachableError.after(policy.attempts)


def _comes_later(reply: Reply) -> bool:  # (1)
    if reply.status == 409:
        problem = reply.json()
        return isinstance(problem, dict) and problem.get("code") == _IN_FLIGHT
    return reply.status in _LATER
