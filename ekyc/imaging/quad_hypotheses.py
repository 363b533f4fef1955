"""Quadrilaterals that edges of a picture span, with what speaks for and against each.

Two pairs of roughly opposite lines make a quadrilateral. There are many thousand; all are weighed at once by arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.edge_lines import spread_over_directions
from ekyc.imaging.perspective import misfit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.imaging.edge_lines import EdgeLines

    _Floats = NDArray[np.float64]
    _Indices = NDArray[np.intp]

MAX_MISFIT: Final = 0.05
"""Generated views stay below 0.03 and fits of them below 0.04; what a fingertip adds to a side starts at 0.06."""
_OPPOSITE_RAD: Final = np.deg2rad(32.0)
_CROSSING_RAD: Final = np.deg2rad(50.0)
_APART: Final = 0.08
"""Least distance of opposite lines, as a share of the picture's shorter side."""
_MIN_AREA: Final = 0.025
"""Of the picture."""
_OUTSIDE: Final = 0.015
"""How far a corner may lie outside the picture, as a share of its longer side."""
_MAX_PAIRS: Final = 1600
_MAX_QUADS: Final = 150_000
_JOINT_PX: Final = (8.0, 44.0)
"""Where beside a corner its sides are looked for: corners are round."""
_JOINT_SUPPORT: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """Quadrilaterals; all arrays have one row for each."""

    quads: _Floats
    """Corners in pixels, clockwise, shape (n, 4, 2); the side from the first to the second corner lies where the
    shape's width lies."""
    support: _Floats
    """Shape (n, 4): share of each side that is an edge."""
    beyond: _Floats
    """Shape (n, 4): share of a stretch beyond both ends of each side that is an edge as well, as of a table's joint."""
    misfits: _Floats
    """Shape (n,), see :func:`ekyc.imaging.perspective.misfit`."""
    areas: _Floats
    """Shape (n,): share of the picture."""

    def take(self, index: _Indices | NDArray[np.bool_]) -> Hypotheses:
        """Some of them."""
        return Hypotheses(
            quads=self.quads[index],
            support=self.support[index],
            beyond=self.beyond[index],
            misfits=self.misfits[index],
            areas=self.areas[index],
        )


def propose(lines: EdgeLines, width: int, height: int, aspect: float) -> Hypotheses:
    """All quadrilaterals that lines span and that a rectangle of ``aspect`` can look like."""
    first, second = _opposite_pairs(lines, width, height)
    crossings, joined = _crossings(lines, width, height)
    sides = _around(lines, first, second, joined)
    quads, sides = _clockwise(crossings[np.roll(sides, 1, axis=1), sides], sides)
    areas = polygon_areas(quads) / (width * height)
    large = areas > _MIN_AREA
    quads, sides, areas = quads[large], sides[large], areas[large]
    lying, standing = misfit(quads, aspect, width, height), misfit(quads, 1 / aspect, width, height)
    turned = standing < lying
    quads[turned], sides[turned] = np.roll(quads[turned], -1, 1), np.roll(sides[turned], -1, 1)
    misfits = np.minimum(lying, standing)
    fits = misfits < MAX_MISFIT
    quads, sides, areas, misfits = quads[fits], sides[fits], areas[fits], misfits[fits]
    support, beyond = _support(lines, quads, sides)
    return Hypotheses(quads=quads, support=support, beyond=beyond, misfits=misfits, areas=areas)


def _opposite_pairs(lines: EdgeLines, width: int, height: int) -> tuple[_Indices, _Indices]:
    """Pairs of lines that may be opposite sides, the best covered first."""
    one, two = np.triu_indices(len(lines.offsets), 1)
    facing = (lines.normals[one] * lines.normals[two]).sum(axis=1)
    middle = np.array([width / 2, height / 2])
    distance = lines.offsets - lines.normals @ middle
    apart = np.abs(distance[one] - np.sign(facing) * distance[two])
    near = (np.abs(facing) > np.cos(_OPPOSITE_RAD)) & (apart > _APART * min(width, height))
    one, two = one[near], two[near]
    shorter = np.minimum(lines.lengths[one], lines.lengths[two])
    longer = np.maximum(lines.lengths[one], lines.lengths[two])
    order = np.argsort(-(shorter + 0.25 * longer), kind="stable")
    best = spread_over_directions(_mean_angle(lines, one, two), order, _MAX_PAIRS)
    return one[best], two[best]


def _mean_angle(lines: EdgeLines, one: _Indices, two: _Indices) -> _Floats:
    """Direction between the normals of two lines, modulo a half turn."""
    angle = np.arctan2(lines.normals[:, 1], lines.normals[:, 0])
    return np.asarray(np.angle(np.exp(2j * angle[one]) + np.exp(2j * angle[two])) / 2)


def _around(lines: EdgeLines, one: _Indices, two: _Indices, joined: NDArray[np.bool_]) -> _Indices:
    """Pairs of pairs that join in four corners: the four lines in order around, shape (n, 4)."""
    mean = _mean_angle(lines, one, two)
    a, b = np.triu_indices(len(one), 1)
    corner = joined[one[a], one[b]] & joined[one[a], two[b]]
    a, b = a[corner], b[corner]
    corner = joined[two[a], one[b]] & joined[two[a], two[b]]
    a, b = a[corner], b[corner]
    between = np.abs((mean[a] - mean[b] + np.pi / 2) % np.pi - np.pi / 2)
    crossing = between > _CROSSING_RAD
    a, b = a[crossing][:_MAX_QUADS], b[crossing][:_MAX_QUADS]
    return np.stack([one[a], two[b], two[a], one[b]], axis=1)


def _crossings(lines: EdgeLines, width: int, height: int) -> tuple[_Floats, NDArray[np.bool_]]:
    """Where each line meets each other, shape (lines, lines, 2), and whether a corner may be there: inside the
    picture, and both lines are edges on at least one side of it.
    """
    p, q = lines.normals[:, None], lines.normals[None]
    a, b = lines.offsets[:, None], lines.offsets[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        size = p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]
        x = (a * q[..., 1] - b * p[..., 1]) / size
        y = (p[..., 0] * b - q[..., 0] * a) / size
    margin = _OUTSIDE * max(width, height)
    with np.errstate(invalid="ignore"):
        inside = (x > -margin) & (x < width + margin) & (y > -margin) & (y < height + margin)
    points = np.where(inside[..., None], np.stack([x, y], axis=2), 0.0)
    along = np.stack([-lines.normals[:, 1], lines.normals[:, 0]], axis=1)
    count = len(lines.offsets)
    row = np.repeat(np.arange(count), count)
    at = (points * along[:, None]).sum(axis=2).ravel()
    near, far = _JOINT_PX
    ends = lines.support(row, at + near, at + far), lines.support(row, at - far, at - near)
    leaves = (np.maximum(*ends) > _JOINT_SUPPORT).reshape(count, count)
    return points, inside & leaves & leaves.T


def _clockwise(quads: _Floats, sides: _Indices) -> tuple[_Floats, _Indices]:
    """Convex ones only, corners clockwise as seen, side ``i`` from corner ``i`` to the next."""
    edge = np.roll(quads, -1, axis=1) - quads
    following = np.roll(edge, -1, axis=1)
    turn = edge[..., 0] * following[..., 1] - edge[..., 1] * following[..., 0]
    convex = (turn > 0).all(axis=1) | (turn < 0).all(axis=1)
    quads, sides, turn = quads[convex], sides[convex], turn[convex]
    against = turn[:, 0] < 0
    quads[against] = quads[against][:, [0, 3, 2, 1]]
    sides[against] = sides[against][:, [3, 2, 1, 0]]
    return quads, sides


def _support(lines: EdgeLines, quads: _Floats, sides: _Indices) -> tuple[_Floats, _Floats]:
    along = np.stack([-lines.normals[:, 1], lines.normals[:, 0]], axis=1)
    support, beyond = np.zeros((len(quads), 4)), np.zeros((len(quads), 4))
    for k in range(4):
        line = sides[:, k]
        begin = (quads[:, k] * along[line]).sum(axis=1)
        end = (quads[:, (k + 1) % 4] * along[line]).sum(axis=1)
        length = end - begin
        # Corners are round: the outer 7 % of a side may lack its edge.
        support[:, k] = lines.support(line, begin + 0.07 * length, end - 0.07 * length)
        before = lines.support(line, begin - 0.03 * length, begin - 0.14 * length)
        after = lines.support(line, end + 0.03 * length, end + 0.14 * length)
        beyond[:, k] = (before + after) / 2
    return support, beyond


def steps_at_sides(
    lab: NDArray[np.float32], quads: _Floats, depths: tuple[float, ...] = (3.0, 4.5, 6.0)
) -> _Floats:
    """How much the picture differs between the inside and the outside of each side.

    Args:
        lab: float32, shape (height, width, 3).
        quads: clockwise, shape (n, 4, 2).
        depths: how far inside and outside of a side colours are taken, in pixels.

    Returns:
        Shape (n, 4): distance of the median colours inside and outside, in levels.
    """
    height, width = lab.shape[:2]
    at = np.linspace(0.08, 0.92, 24)
    steps = np.zeros((len(quads), 4))
    for k in range(4):
        a, b = quads[:, k], quads[:, (k + 1) % 4]
        along = b - a
        length = np.hypot(along[:, 0], along[:, 1])[:, None]
        inward = np.stack([-along[:, 1], along[:, 0]], axis=1) / length
        points = a[:, None] + at[None, :, None] * along[:, None]
        colours = []
        for sign in (1.0, -1.0):
            samples = []
            for depth in depths:
                place = np.rint(points + sign * depth * inward[:, None]).astype(np.intp)
                x = np.clip(place[..., 0], 0, width - 1)
                y = np.clip(place[..., 1], 0, height - 1)
                samples.append(lab[y, x])
            colours.append(np.median(np.stack(samples, axis=0), axis=0))
        difference = np.median(colours[0] - colours[1], axis=1)
        steps[:, k] = np.linalg.norm(difference, axis=1)
    return steps


def polygon_areas(quads: _Floats) -> _Floats:
    """Areas of quadrilaterals, shape (n,)."""
    x, y = quads[:, :, 0], quads[:, :, 1]
    return np.asarray(np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(axis=1)) / 2)
