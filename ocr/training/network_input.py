"""The shape of what goes into the net; no torch needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LINE_HEIGHT = 40
WIDTH_MULTIPLE = 8
STEP_COLUMNS = 4
"""Columns of the picture per time step: tone marks and narrow letters need them this fine."""


def batch_of(lines: Sequence[NDArray[np.uint8]], width: int = 0) -> NDArray[np.float32]:
    """float32, shape (lines, 2, 40, width): ink 0–1, and 1 inside each line's true width; padded with zeros."""
    widest = max(width, *(line.shape[1] for line in lines))
    width = -(-widest // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
    batch = np.zeros((len(lines), 2, LINE_HEIGHT, width), dtype=np.float32)
    for row, line in zip(batch, lines, strict=True):
        row[0, :, : line.shape[1]] = (255 - line) / np.float32(255)
        row[1, :, : line.shape[1]] = 1.0
    return batch


def steps_of(width: int) -> int:
    """Time steps of a line of this true width."""
    return -(-width // STEP_COLUMNS)
