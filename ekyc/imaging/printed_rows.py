"""Rows of print on a quadrilateral looked at straight: what tells a document from a portrait, a box or a tile.

Straight sides, the right proportions and another colour around are what portraits, printed frames, notes and tiles
have too. Documents carry print that runs along them, many rows of it. So the quadrilateral is straightened with a
margin, small dark strokes are joined to rows, and those rows count that

1. are long and low,
2. alternate between stroke and ground as letters do: joints, borders and shadows do not,
3. stand free of what is above and below: the modules of a QR code do not,
4. lie along the document's way of reading, upright or upside down.

Nothing is read: letters of any script and nonsense count alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage, GrayImage

    _Box = tuple[int, int, int, int]
    _Floats = NDArray[np.float64]

_LONG_SIDE_PX: Final = 640
"""Print of a card is then at least 8 pixels high."""
_MARGIN: Final = 0.09
"""Of the long side, around the quadrilateral."""
_STROKE_PX: Final = 15
"""Wider dark parts are no strokes."""
_LEAST_INK: Final = 18.0
"""Levels below a white ground."""
_DARKEST_GROUND: Final = 64.0
"""Below, noise would count as print."""
_INK_SHARE: Final = 0.35
"""Of the darkest strokes: what is fainter is background pattern."""
_GAP_PX: Final = 13
"""Between the words of a row."""
_LEAST_ROW_PX: Final = (3, 17)
"""Height and width."""
_ROW_HEIGHT: Final = 0.14
"""Share of the quadrilateral's height at most."""
_ROW_WIDTH: Final = 0.07
"""Share of the quadrilateral's width at least."""
_ROW_ASPECT: Final = 2.0
_ROW_FILL: Final = 0.35
_STROKE_PITCH_PX: Final = 26.0
"""A row has a stroke in every so many pixels at least."""
_DIRECTED: Final = 3.5
"""Times its height a row is long whose slope counts."""
_FREE_PX: Final = 3
_MOST_BESIDE: Final = 0.4
_MAX_PARTS: Final = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRows:
    """What was found. Shares are of the quadrilateral's width and height."""

    count: int
    """Rows that lie inside wholly."""
    slant: float
    """Median slope of the rows, absolute; 0 where the sides are those that the print was set by. 1 without rows."""
    fan: float
    """Mean deviation of the rows' slopes from their median. 1 without rows."""
    width: float
    """From the leftmost to the rightmost row."""
    height: float
    """From the highest to the lowest row."""


def find_printed_rows(image: BgrImage, quad: _Floats, aspect: float) -> PrintedRows:
    """Find rows of print.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        quad: corners in its pixels, as :class:`~ekyc.values.QuadPx` counts, clockwise, shape (4, 2); print runs from
            the first to the second or from the third to the fourth.
        aspect: width divided by height of the flat document.
    """
    long = _LONG_SIDE_PX
    width, height = (long, round(long / aspect)) if aspect >= 1 else (round(long * aspect), long)
    margin = round(_MARGIN * long)
    strokes = _strokes(_straightened(image, quad, (width, height), margin), margin)
    rows = _rows(strokes, width, height)
    frame = (margin, margin, margin + width, margin + height)
    inner = [row for row in rows if _lies_inside(row, frame)]
    slant, fan = _slopes(strokes, inner)
    boxes = np.array(inner or [(0, 0, 0, 0)])
    ends = boxes[:, :2] + boxes[:, 2:]
    reach = ends.max(axis=0) - boxes[:, :2].min(axis=0)
    return PrintedRows(
        count=len(inner),
        slant=slant,
        fan=fan,
        width=float(reach[0]) / width,
        height=float(reach[1]) / height,
    )


def _rows(strokes: NDArray[np.uint8], width: int, height: int) -> list[_Box]:
    starts = np.zeros_like(strokes)
    starts[:, 1:] = (strokes[:, 1:] == 1) & (strokes[:, :-1] == 0)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((1, _GAP_PX), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones(_LEAST_ROW_PX, np.uint8))
    count, _, parts, _ = cv2.connectedComponentsWithStats(joined)
    found = []
    for part in parts[1 : min(count, _MAX_PARTS)]:
        x, y, w, h, area = (int(value) for value in part)
        is_low = h <= _ROW_HEIGHT * height and w >= _ROW_ASPECT * h
        if is_low and w >= _ROW_WIDTH * width and area >= _ROW_FILL * w * h:
            # In every pixel row of the upper half by strokes: descenders and accents have few.
            counts = np.sort(starts[y : y + h, x : x + w].sum(axis=1))[-max(1, h // 2) :]
            if counts.mean() >= w / _STROKE_PITCH_PX and _stands_free(strokes, (x, y, w, h)):
                found.append((x, y, w, h))
    return found


def _stands_free(strokes: NDArray[np.uint8], row: _Box) -> bool:
    """Whether there is less ink just above and below than in the row: in a QR code there is as much."""
    x, y, w, h = row
    inked = strokes[y : y + h, x : x + w].mean()
    above = strokes[max(0, y - _FREE_PX) : y, x : x + w]
    below = strokes[y + h : y + h + _FREE_PX, x : x + w]
    return all(not side.size or side.mean() < _MOST_BESIDE * inked for side in (above, below))


def _lies_inside(row: _Box, frame: _Box) -> bool:
    x, y, w, h = row
    left, top, right, bottom = frame
    return x > left + 1 and y > top + 1 and x + w < right - 1 and y + h < bottom - 1


def _slopes(strokes: NDArray[np.uint8], rows: list[_Box]) -> tuple[float, float]:
    """Median slope and mean deviation from it; rows count by their length, short ones have no direction."""
    slopes, lengths = list[float](), list[int]()
    for x, y, w, h in rows:
        if w >= _DIRECTED * h:
            down, along = np.nonzero(strokes[y : y + h, x : x + w])
            centred = along - along.mean()
            slopes.append(
                float((centred * (down - down.mean())).sum() / max((centred**2).sum(), 1.0))
            )
            lengths.append(w)
    if not slopes:
        return 1.0, 1.0
    order = np.argsort(slopes)
    running = np.cumsum(np.array(lengths)[order])
    median = slopes[order[np.searchsorted(running, running[-1] / 2)]]
    return abs(median), float(np.average(np.abs(np.array(slopes) - median), weights=lengths))


def _straightened(image: BgrImage, quad: _Floats, size: tuple[int, int], margin: int) -> GrayImage:
    width, height = size
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) + margin
    # Corners are edges between pixels, OpenCV counts pixel centres: half a pixel apart.
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32) - 0.5, target - 0.5)
    frame = (width + 2 * margin, height + 2 * margin)
    flat = cv2.warpPerspective(
        image, matrix, frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def _strokes(flat: GrayImage, margin: int) -> NDArray[np.uint8]:
    """1 where a small dark stroke is."""
    kernel = np.ones((_STROKE_PX, _STROKE_PX), np.uint8)
    ground = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, kernel).astype(np.float32)
    # As on white paper: print in a shadow is as dark beside its ground as print in the light.
    ink = (ground - flat) * (255.0 / np.maximum(ground, _DARKEST_GROUND))
    darkest = float(np.percentile(ink[margin:-margin, margin:-margin], 98))
    return np.asarray(ink > max(_LEAST_INK, _INK_SHARE * darkest), dtype=np.uint8)
