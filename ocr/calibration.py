"""From what a net believes to how often it is right: monotone tables measured on lines it was not trained on.

A net's probabilities are too high where it errs. The table maps a raw number to the share of right ones among the
measured ones with that number. Between its points the line is straight; beyond the last points it is flat, so nothing
is ever called more certain than was measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.errors import InputError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.ocr.ctc import ReadChar
    from ekyc.values import FloatArray

Table = tuple[tuple[float, float], ...]
"""Points (raw, share right), rising in both."""
SCHEMA = "ekyc.line-calibration/1"
_LEAST_GROUP = 25
"""Measured ones that share a point of the table at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCalibration:
    """Tables of a recogniser: for characters by their confidence, for lines by :func:`ekyc.ocr.ctc.path_evidence`."""

    chars: Table = ()
    """Without points characters keep their raw confidence."""
    lines: Table = ()
    """Without points lines have no certainty."""

    def of_chars(self, chars: Sequence[ReadChar]) -> tuple[ReadChar, ...]:
        """The characters with calibrated confidence."""
        if not self.chars:
            return tuple(chars)
        shares = _look_up(self.chars, [char.confidence for char in chars])
        return tuple(
            replace(char, confidence=float(share))
            for char, share in zip(chars, shares, strict=True)
        )

    def of_line(self, evidence: float) -> float | None:
        """Probability that the whole line is right, or None without a table."""
        return float(_look_up(self.lines, [evidence])[0]) if self.lines else None


UNCALIBRATED = LineCalibration()


def load_calibration(path: Path) -> LineCalibration:
    """Tables from a JSON object with the lists of points ``chars`` and ``lines``.

    Raises:
        ModelError: the file is missing, or its points do not rise within 0–1 (code ``model.bad_calibration``).
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return LineCalibration(chars=_table(content["chars"]), lines=_table(content["lines"]))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelError(
            "the calibration cannot be read", code="model.bad_calibration", subject=path.name
        ) from exc


def fit_table(raw: Sequence[float], right: Sequence[bool]) -> Table:
    """The monotone table that fits measured ones best (isotonic regression, pool adjacent violators).

    M. Ayer et al., "An Empirical Distribution Function for Sampling with Incomplete Information" (1955). Each point
    stands for at least 25 measured ones. Its share is that of (right + ½) / (all + 1), so that no finite number of
    lines makes a certainty of 1.

    Raises:
        InputError: no measurements, or lists of unlike length (code ``ocr.calibration_empty``).
    """
    if not raw or len(raw) != len(right):
        raise InputError("nothing measured to calibrate by", code="ocr.calibration_empty")
    order = np.argsort(raw, kind="stable")
    size = max(1, len(order) // _LEAST_GROUP)
    pooled: list[_Group] = []
    for part in np.array_split(order, size):
        group = _Group(
            total=len(part),
            right=sum(bool(right[i]) for i in part),
            raw=float(np.mean([raw[i] for i in part])),
        )
        while pooled and (group.share <= pooled[-1].share or group.raw <= pooled[-1].raw):
            group = pooled.pop().with_(group)
        pooled.append(group)
    return tuple((group.raw, group.smoothed) for group in _rising(pooled))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    total: int
    right: int
    raw: float
    """Mean of the raw numbers."""

    @property
    def share(self) -> float:
        return self.right / self.total

    @property
    def smoothed(self) -> float:
        return (self.right + 0.5) / (self.total + 1)

    def with_(self, other: _Group) -> _Group:
        total = self.total + other.total
        return _Group(
            total=total,
            right=self.right + other.right,
            raw=(self.raw * self.total + other.raw * other.total) / total,
        )


def _rising(groups: Sequence[_Group]) -> list[_Group]:
    """Smoothing may turn two near groups round, and two may share a raw number: such are merged."""
    kept: list[_Group] = []
    for item in groups:
        group = item
        while kept and (group.smoothed <= kept[-1].smoothed or group.raw <= kept[-1].raw):
            group = kept.pop().with_(group)
        kept.append(group)
    return kept


def _table(points: Any) -> Table:
    table = tuple((float(raw), float(share)) for raw, share in points)
    flat = [number for point in table for number in point]
    if not all(math.isfinite(number) and 0.0 <= number <= 1.0 for number in flat):
        raise ValueError("a point outside 0 to 1")
    for (raw, share), (next_raw, next_share) in pairwise(table):
        if next_raw <= raw or next_share < share:
            raise ValueError("points do not rise")
    return table


def _look_up(table: Table, raw: Sequence[float]) -> FloatArray:
    at, shares = zip(*table, strict=True)
    return np.asarray(np.interp(raw, at, shares), dtype=np.float32)
