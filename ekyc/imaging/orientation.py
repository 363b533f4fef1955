"""Which way text runs on a picture, and whether the picture is nothing but a sheet of paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.edge_lines import to_lab
from ekyc.imaging.geometry import resize_long_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ekyc.values import BgrImage, QuadPx

    _Floats = NDArray[np.float64]

_LEAST_ASPECT: Final = 2.5
"""Shorter regions are words of a letter or two and run anywhere."""
_ALIKE_DEG: Final = 8.0
_LEAST_SHARE: Final = 0.5
_LOOK_PX: Final = 480
_RING: Final = 0.02
"""Width of the border that is looked at, as a share of the longer side."""
_PAPER_LEVELS: Final = 34.0
_PAPER_SHARE: Final = 0.93


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDirection:
    """How lines of text run. Which end they begin at is not known."""

    slant_deg: float
    """From the picture's horizontal, clockwise, −90 exclusive to 90 inclusive."""
    spread_deg: float
    """Mean deviation of the lines from it; a view from the side fans lines out."""


def text_direction(quads: Sequence[QuadPx]) -> TextDirection | None:
    """The direction that most text runs in, long lines counting more; None where lines run in several.

    Args:
        quads: places of lines; which of their corners comes first does not matter.
    """
    runs = np.array([_run(quad) for quad in quads]).reshape(-1, 3)
    runs = runs[runs[:, 1] >= _LEAST_ASPECT * runs[:, 2]]
    if not len(runs):
        return None
    slants, lengths = runs[:, 0], runs[:, 1]
    near = np.abs(_apart(slants[:, None], slants[None])) < _ALIKE_DEG
    weights = near @ lengths
    best = int(np.argmax(weights))
    if weights[best] < _LEAST_SHARE * lengths.sum():
        return None
    away = _apart(slants[near[best]], slants[best])
    middle = float(np.average(away, weights=lengths[near[best]]))
    spread = float(np.average(np.abs(away - middle), weights=lengths[near[best]]))
    slant = float(_apart(slants[best] + middle, 0.0))
    return TextDirection(slant_deg=90.0 if slant <= -90.0 else slant, spread_deg=spread)


def fills_the_picture(image: BgrImage) -> bool:
    """Whether all four borders of a picture are of the colour that most of it has, and that is light: a scan of a sheet,
    or a sheet on a ground of its own colour.
    """
    lab = to_lab(resize_long_side(image, _LOOK_PX))
    height, width = lab.shape[:2]
    ring = max(1, round(_RING * max(height, width)))
    if min(height, width) <= 4 * ring:
        return False
    paper = np.median(lab.reshape(-1, 3), axis=0)
    if paper[0] < 110:
        return False
    borders = (lab[:ring], lab[-ring:], lab[:, :ring], lab[:, -ring:])
    return all(
        float((np.linalg.norm(border - paper, axis=2) < _PAPER_LEVELS).mean()) > _PAPER_SHARE
        for border in borders
    )


def _run(quad: QuadPx) -> tuple[float, float, float]:
    """Slant in degrees of the longer side, its length, and that of the shorter side."""
    a, b, c, d = (np.array([p.x, p.y]) for p in quad.corners)
    right, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    wide, high = float(np.hypot(*right)), float(np.hypot(*down))
    along = right if wide >= high else down
    slant = float(np.degrees(np.arctan2(along[1], along[0])))
    return slant, max(wide, high), min(wide, high)


def _apart(one: _Floats, other: _Floats | float) -> _Floats:
    """Difference of directions that are the same after half a turn: −90 to 90 degrees."""
    return np.asarray((one - other + 90.0) % 180.0 - 90.0)
