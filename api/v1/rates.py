"""How often a client may ask: a bucket of tokens for each, refilled steadily.

Headers as in draft-ietf-httpapi-ratelimit-headers: ``RateLimit-Policy`` says the rule, ``RateLimit`` what is left.
Buckets are those of this process: behind several processes a client gets as many times as much.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ekyc.errors import BusyError

_POLICY: Final = "default"


class RateError(BusyError):
    """The client asked too often.

    Code: ``rate.exceeded``.
    """

    default_code = "rate.exceeded"

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many requests; wait")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The rule for one client."""

    requests: int = 600
    """That may come at once, and in each window."""
    window_s: float = 60.0
    clients: int = 10_000
    """Whose buckets are remembered; whoever was away longest is forgotten, which is to say full."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Rates:
    """The buckets of one process. Lives in one event loop.

    Args:
        limit: the rule.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, limit: RateLimit, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> Mapping[str, str]:
        """Take a token; gives the headers that say how many are left.

        Raises:
            RateError: there is none.
        """
        limit, now_s = self._limit, self._monotonic()
        bucket = self._buckets.pop(client, None) or _Bucket(limit.requests, now_s)
        per_s = limit.requests / limit.window_s
        bucket.tokens = min(limit.requests, bucket.tokens + (now_s - bucket.at_s) * per_s)
        bucket.at_s = now_s
        self._buckets[client] = bucket
        if len(self._buckets) > limit.clients:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            raise RateError((1 - bucket.tokens) / per_s)
        bucket.tokens -= 1
        return self._headers(bucket, per_s)

    def headers_when_spent(self, wait_s: float) -> Mapping[str, str]:
        """The headers beside a refusal."""
        return self._told(0, math.ceil(wait_s))

    def _headers(self, bucket: _Bucket, per_s: float) -> Mapping[str, str]:
        full_in_s = (self._limit.requests - bucket.tokens) / per_s
        return self._told(math.floor(bucket.tokens), math.ceil(full_in_s))

    def _told(self, left: int, reset_s: int) -> Mapping[str, str]:
        window_s = math.ceil(self._limit.window_s)
        return {
            "RateLimit-Policy": f'"{_POLICY}";q={self._limit.requests};w={window_s}',
            "RateLimit": f'"{_POLICY}";r={left};t={reset_s}',
        }
