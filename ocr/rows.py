"""Lines on a tilted page, as if the page were level: rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ekyc.imaging.text_regions import quad_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.lines import ReadLine

_SAME_ROW = 0.5
"""Two lines stand in one row when their middles differ by less than this part of the lower one's height."""
_MIN_LINES_FOR_FAN = 6
"""With fewer lines only one slant is estimated for the page, not how it changes from top to bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line with its place in a frame in which text runs level. Lengths in pixels of the page."""

    line: ReadLine
    index: int
    """Number of the line among those that were placed."""
    left: float
    right: float
    middle: float
    """Height on the page of the middle of the line, carried along the slant to the page's left edge."""
    height: float


def place_lines(lines: Sequence[ReadLine]) -> tuple[PlacedLine, ...]:
    """Places of lines, the page's slant taken out.

    The slant is fitted to all lines, long ones counting more, as a function of the height on the page: a photograph
    from an angle fans the lines out.
    """
    if not lines:
        return ()
    ends = np.array([(*_middle(line, left=True), *_middle(line, left=False)) for line in lines])
    run = np.maximum(ends[:, 2] - ends[:, 0], 1.0)
    slants = (ends[:, 3] - ends[:, 1]) / run
    heights = [quad_size(line.quad)[1] for line in lines]
    slant_at = _fit(ends[:, 1], slants, run)
    return tuple(
        PlacedLine(
            line=line,
            index=index,
            left=float(x0),
            right=float(x1),
            middle=float((y0 - x0 * slant + y1 - x1 * slant) / 2),
            height=height,
        )
        for index, (line, (x0, y0, x1, y1), slant, height) in enumerate(
            zip(lines, ends, slant_at, heights, strict=True)
        )
    )


def _fit(
    at: np.ndarray[tuple[int], np.dtype[np.float64]],
    slants: np.ndarray[tuple[int], np.dtype[np.float64]],
    weights: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    order = np.argsort(slants)
    share = np.cumsum(weights[order]) / weights.sum()
    median = float(slants[order][np.searchsorted(share, 0.5)])
    if len(slants) < _MIN_LINES_FOR_FAN or np.ptp(at) < 1.0:
        return np.full_like(slants, median)
    near = np.abs(slants - median) < 0.05
    if near.sum() < _MIN_LINES_FOR_FAN:
        return np.full_like(slants, median)
    rise, level = np.polyfit(at[near], slants[near], 1, w=np.sqrt(weights[near]))
    return np.asarray(rise * at + level)


def group_rows(lines: Sequence[PlacedLine]) -> tuple[tuple[PlacedLine, ...], ...]:
    """Lines that stand beside each other, row by row from the top, each row from the left."""
    rows: list[list[PlacedLine]] = []
    for line in sorted(lines, key=lambda item: item.middle):
        row = rows[-1] if rows else []
        if row and all(_beside(other, line) for other in row):
            row.append(line)
        else:
            rows.append([line])
    return tuple(tuple(sorted(row, key=lambda item: item.left)) for row in rows)


def _beside(one: PlacedLine, other: PlacedLine) -> bool:
    height = min(one.height, other.height)
    apart = one.right <= other.left + height or other.right <= one.left + height
    return apart and abs(one.middle - other.middle) < _SAME_ROW * height


def _middle(line: ReadLine, *, left: bool) -> tuple[float, float]:
    quad = line.quad
    a, b = (quad.top_left, quad.bottom_left) if left else (quad.top_right, quad.bottom_right)
    return (a.x + b.x) / 2, (a.y + b.y) / 2
