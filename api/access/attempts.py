"""How often one place may be wrong. Counted in this process, within bounds, and forgotten after five minutes."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ekyc.api.access.errors import AttemptsExceededError
from ekyc.ports import Clock

_WINDOW: Final = timedelta(minutes=5)
_MOST_REMEMBERED: Final = 20_000
_ONE_LINE: Final = 64
"""Bits of an IPv6 address that name a subscriber; the others they choose themselves (RFC 6177 §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """How many failed attempts five minutes hold."""

    of_an_address: int = 30
    of_a_client: int = 100
    """From all addresses together; then only addresses that have not failed themselves are still heard."""


@dataclass(slots=True)
class _Count:
    since: datetime
    failures: int = 0


class Attempts:
    """Counts failures by network address, of IPv6 by the /64, and by the client that was named. Safe across threads.

    What has no address (a Unix socket before which no proxy names one) is counted together, and then only failures are
    answered with the limit: who shows a good secret is never locked out by others.
    """

    def __init__(self, clock: Clock, limits: AttemptLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or AttemptLimits()
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._lock = threading.Lock()

    def require_room(self, address: str | None, client: str | None = None) -> None:
        """Return if an attempt from there is heard at all.

        Raises:
            AttemptsExceededError: ``access.too_many_attempts``.
        """
        if address is None:
            return
        with self._lock:
            here = self._current(("address", _place(address)))
            there = None if client is None else self._current(("client", client))
            if here is None:
                return
            if here.failures >= self._limits.of_an_address:
                raise self._refusal(here)
            if there is not None and there.failures >= self._limits.of_a_client:
                raise self._refusal(there)

    def failed(self, address: str | None, client: str | None = None) -> None:
        """Count a failure.

        Raises:
            AttemptsExceededError: it was one too many.
        """
        with self._lock:
            here = self._count(("address", _place(address or "")))
            if client is not None:
                self._count(("client", client))
            if here.failures > self._limits.of_an_address:
                raise self._refusal(here)

    def _current(self, name: tuple[str, str]) -> _Count | None:
        count = self._counts.get(name)
        if count is None or self._clock.now() - count.since >= _WINDOW:
            return None
        return count

    def _count(self, name: tuple[str, str]) -> _Count:
        count = self._current(name)
        if count is None:
            count = self._counts[name] = _Count(self._clock.now())
        self._counts.move_to_end(name)
        if len(self._counts) > _MOST_REMEMBERED:
            self._counts.popitem(last=False)
        count.failures += 1
        return count

    def _refusal(self, count: _Count) -> AttemptsExceededError:
        left = _WINDOW - (self._clock.now() - count.since)
        return AttemptsExceededError(max(1.0, left.total_seconds()))


def _place(address: str) -> str:
    """What counts as one place: an IPv4 address, or all that one line of IPv6 may call itself."""
    try:
        known = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(ipaddress.IPv6Network((int(known), _ONE_LINE), strict=False))
