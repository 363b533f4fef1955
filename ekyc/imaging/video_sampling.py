"""Which frames of a video are kept: few, and evenly spread over its time. Pure, one pass, bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")
_HELD = 3


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_T]):
    time_s: float
    index: int
    item: _T


class EvenSampler(Generic[_T]):
    """Keeps ``count`` items of a stream whose length nobody knows, spread evenly over its **time**, not its number.

    Up to three times as many are held on the way; when there are more, the spacing grows and the crowded ones go. Frames of a burst
    in a video of variable rate therefore count no more than their share of time.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: list[_Kept[_T]] = []
        self._spacing_s = 0.0

    def wants(self, time_s: float) -> bool:
        """Whether an item of this time would be kept: ask before paying for a copy."""
        return not self._kept or time_s - self._kept[-1].time_s >= self._spacing_s

    def offer(self, time_s: float, index: int, item: _T) -> None:
        """The next item; times must not fall."""
        if not self.wants(time_s):
            return
        self._kept.append(_Kept(time_s, index, item))
        if len(self._kept) > _HELD * self._count:
            self._thin()

    def chosen(self) -> tuple[tuple[int, _T], ...]:
        """Index and item nearest to the middle of each of ``count`` equal parts of the time, in order."""
        if len(self._kept) <= self._count:
            return tuple((kept.index, kept.item) for kept in self._kept)
        first, last = self._kept[0].time_s, self._kept[-1].time_s
        left = list(self._kept)
        picked: list[_Kept[_T]] = []
        for part in range(self._count):
            target = first + (last - first) * (part + 0.5) / self._count
            nearest = min(left, key=lambda kept: abs(kept.time_s - target))
            left.remove(nearest)
            picked.append(nearest)
        return tuple((kept.index, kept.item) for kept in sorted(picked, key=lambda k: k.index))

    def _thin(self) -> None:
        span = self._kept[-1].time_s - self._kept[0].time_s
        self._spacing_s = max(1.5 * self._spacing_s, span / (_HELD - 1) / self._count)
        thinned = self._kept[:1]
        for kept in self._kept[1:]:
            if kept.time_s - thinned[-1].time_s >= self._spacing_s:
                thinned.append(kept)
        # Times that stand still would never thin by spacing.
        self._kept = thinned if len(thinned) < len(self._kept) else self._kept[::2]
