"""From what a net believes to how often it is right: monotone tables measured on lines it was not trained on.

A net's probabilities are too high where it errs. The table maps a raw number to the share of right ones among the
measured ones with that number. Between its points the line is straight; beyond the last points it is flat, so nothing
is ever called more certain than was measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ekyc.values import FloatArray

Table = tuple[tuple[float, float], ...]
"""Points (raw, share right), rising in both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCalibration:
    """Tables of a recogniser: for characters by their confidence, for lines by :attr:`ekyc.ocr.ctc.PathDoubts.evidence`."""

    chars: Table = ()
    """Without points characters keep their raw confidence."""
    lines: Table = ()
    """Without points lines have no certainty."""
    likely: Table = ()
    """For lines read with language in mind, by the evidence of :mod:`ekyc.ocr.language_reading`; as ``lines``."""

    def of_peaks(self, peaks: FloatArray) -> FloatArray:
        """Confidences of characters: float32, shape (characters,), 0–1, in and out."""
        return _look_up(self.chars, peaks) if self.chars else peaks

    def of_line(self, evidence: float) -> float | None:
        """Probability that the whole line is right, or None without a table."""
        return float(_look_up(self.lines, [evidence])[0]) if self.lines else None

    def of_likely(self, evidence: float) -> float | None:
        """Probability that all of a line read with language in mind is right, or None without a table."""
        return float(_look_up(self.likely, [evidence])[0]) if self.likely else None


UNCALIBRATED = LineCalibration()


def load_calibration(path: Path) -> LineCalibration:
    """Tables from a JSON object with the lists of points ``letter``, ``line`` and, where it has it, ``likely``.

    Raises:
        ModelError: the file is missing, or its points do not rise within 0–1 (code ``model.bad_calibration``).
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return LineCalibration(
            chars=_table(content["letter"]),
            lines=_table(content["line"]),
            likely=_table(content.get("likely", [])),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ModelError(
            "the calibration cannot be read", code="model.bad_calibration", subject=path.name
        ) from exc


def _table(points: Any) -> Table:
    table = tuple((float(raw), float(share)) for raw, share in points)
    flat = [number for point in table for number in point]
    if not all(math.isfinite(number) and 0.0 <= number <= 1.0 for number in flat):
        raise ValueError("a point outside 0 to 1")
    if any(raw >= next_raw for (raw, _), (next_raw, _) in pairwise(table)):
        raise ValueError("points do not rise")
    # Where smoothing made a share dip below the one before, the table is level.
    shares = accumulate((share for _, share in table), max)
    return tuple((raw, share) for (raw, _), share in zip(table, shares, strict=True))


def _look_up(table: Table, raw: FloatArray | Sequence[float]) -> FloatArray:
    at, shares = _columns(table)
    return np.asarray(np.interp(raw, at, shares), dtype=np.float32)


@lru_cache(maxsize=16)
def _columns(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at, shares = np.array(table, dtype=np.float64).T
    return at, shares
