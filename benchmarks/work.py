"""Sharing of work among threads, for suites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def spread_over_threads(
    function: Callable[[_In], _Out], items: Sequence[_In], *, threads: int
) -> list[_Out]:
    """Results in the order of the items; the first error is raised after all have ended."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(function, items))
