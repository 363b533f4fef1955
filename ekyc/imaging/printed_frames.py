"""Which outlines go around another with nothing but paper between the two: then the inner one is a printed frame.

A printed frame runs along a sheet's edges, a few millimetres inside, and its lines are as straight and often darker than
the edges themselves. Quadrilaterals of its sides and the sheet's, mixed in any way, all look like sheets. What tells
them apart lies between them: beside a frame's line there is the same paper on either side, and surface only behind the
sheet's edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

_SLACK_PX: Final = 5.0
"""By which a side may lie inside the other's and still be the same: one of the two runs along the edge's shadow."""
_WIDEST: Final = 0.12
"""Distance of a frame from the edge, as a share of the sheet's shorter side: nobody prints it further inside."""
_LIKE_PAPER: Final = 12.0
_RATHER_PAPER: Final = 0.4
"""How much the strip may differ from the paper: in levels, and as a share of what lies outside."""
_PLACES: Final = 32
_DEPTHS: Final = 7
_LEAST_STRIP_PX: Final = 4.0
"""In a narrower strip nothing can be seen but the blur of its two edges."""
_BLUR_PX: Final = (2.0, 2.5)
"""Of the edge and of the frame's line: not looked at, as far as the strip is wide enough."""
_INSIDE_PX: Final = (3.0, 5.0, 7.0, 9.0, 12.0)
"""Behind a frame's line, where its paper is looked at."""
_OUTSIDE_PX: Final = (3.0, 4.5, 6.0)


def gaps_around(quads: _Floats, inner: _Floats) -> _Floats:
    """How far the sides of quadrilaterals lie outside another.

    Args:
        quads: corners clockwise, shape (n, 4, 2), pixels.
        inner: corners clockwise, shape (4, 2).

    Returns:
        Shape (n, 4): of each side the least distance of the other's corners inward; negative where one lies outside.
    """
    along = np.roll(quads, -1, axis=1) - quads
    inward = np.stack([-along[..., 1], along[..., 0]], axis=2)
    inward = inward / np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-9)[..., None]
    away = inner[None, None] - quads[:, :, None]
    return np.asarray((away * inward[:, :, None]).sum(axis=3).min(axis=2))


def surrounding(quads: _Floats, inner: _Floats) -> NDArray[np.bool_]:
    """Which quadrilaterals go around another, near enough for it to be their printed frame.

    Args:
        quads: corners clockwise, shape (n, 4, 2), pixels.
        inner: corners clockwise, shape (4, 2).
    """
    gaps = gaps_around(quads, inner)
    sides = np.hypot(*(np.roll(inner, -1, axis=0) - inner).T)
    near = (gaps > -_SLACK_PX).all(axis=1) & (gaps < _WIDEST * sides.min()).all(axis=1)
    return np.asarray(near & (gaps > _LEAST_STRIP_PX).any(axis=1))


def only_paper_between(lab: NDArray[np.float32], outer: _Floats, inner: _Floats) -> bool:
    """Whether between two outlines there is the inner one's paper wherever they part, and none behind the outer one.

    Args:
        lab: float32, shape (height, width, 3), lightness first.
        outer: corners clockwise, shape (4, 2), in its pixels.
        inner: corners clockwise, shape (4, 2), inside.
    """
    return all(
        _is_paper_beside(lab, outer[k], outer[(k + 1) % 4], inner) for k in range(len(outer))
    )


def _is_paper_beside(
    lab: NDArray[np.float32], start: _Floats, end: _Floats, inner: _Floats
) -> bool:
    along = end - start
    inward = np.array([-along[1], along[0]]) / np.hypot(*along)
    at = np.linspace(0.1, 0.9, _PLACES)
    one, other = (inner[np.argmin(np.hypot(*(inner - corner).T))] for corner in (start, end))
    gap = (1 - at) * ((one - start) @ inward) + at * ((other - end) @ inward)
    apart = gap > _LEAST_STRIP_PX
    if not apart.any():
        return True
    points, gap = (start + at[:, None] * along)[apart], gap[apart, None]
    # Print and the second line of a frame are darker than what they stand on.
    paper = _lightest(_colours(lab, points, inward, gap + np.array(_INSIDE_PX)))
    first, last = np.minimum(_BLUR_PX[0], gap / 2), np.maximum(gap - _BLUR_PX[1], gap / 2)
    strip = _colours(lab, points, inward, first + (last - first) * np.linspace(0, 1, _DEPTHS))
    nearest = np.linalg.norm(strip - paper[:, None], axis=2).min(axis=1)
    outside = np.median(
        _colours(lab, points, inward, np.tile(-np.array(_OUTSIDE_PX), gap.shape)), axis=1
    )
    step = float(np.linalg.norm(np.median(outside - paper, axis=0)))
    return float(np.median(nearest)) < min(_LIKE_PAPER, _RATHER_PAPER * step)


def _lightest(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row of colours, shape (n, m, 3), the lightest, shape (n, 3)."""
    return np.asarray(colours[np.arange(len(colours)), np.argmax(colours[..., 0], axis=1)])


def _colours(
    lab: NDArray[np.float32], points: _Floats, inward: _Floats, depths: _Floats
) -> NDArray[np.float32]:
    """Colours beside points, shape (points, depths, 3), at depths of each, shape (points, depths); beyond the picture
    those of its border.
    """
    at = np.rint(points[:, None] + depths[..., None] * inward).astype(np.intp)
    x = np.clip(at[..., 0], 0, lab.shape[1] - 1)
    y = np.clip(at[..., 1], 0, lab.shape[0] - 1)
    return lab[y, x]
