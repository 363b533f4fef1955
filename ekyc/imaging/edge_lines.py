"""Long straight edges of a picture, and how much of a stretch of them is truly edge.

1. Segments are found by LSD (Grompone von Gioi et al., "LSD: a fast line segment detector", 2010) on lightness, on both
   colour channels and on a median-filtered lightness, in which grain and print have gone and outlines remain; where they are few, on amplified lightness too.
2. Segments that continue each other become one line.
3. Along every line each pixel is asked whether the picture changes across the line there, more than along it and more
   than the picture's own noise. Running sums of the answers give the supported share of any stretch at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_Floats = NDArray[np.float64]

_MIN_SEGMENT: Final = 0.025
"""Shorter segments, as a share of the picture's diagonal, are print and texture."""
_SAME_ANGLE_RAD: Final = 0.045
_SAME_LINE_PX: Final = 2.5
_REACH_PX: Final = 2
"""How far beside a line its edge may lie."""
_FEW_SEGMENTS: Final = 150
"""Where there are fewer, faint edges are looked for as well; on textures they would be endless."""
_MAX_SEGMENTS: Final = 1200
"""Longest segments that are looked at: bounds the time on textures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """How lightness and colour change at each pixel. float32, shape (channels, height, width), levels per pixel."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    floor: float
    """Change that noise alone brings about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLines:
    """Lines in normal form: ``normal · point = offset``, with running sums of their support.

    All arrays have one row per line, the longest support first.
    """

    normals: _Floats
    """Shape (lines, 2), unit length."""
    offsets: _Floats
    """Shape (lines,), pixels."""
    lengths: _Floats
    """Shape (lines,): pixels covered by segments."""
    sums: _Floats
    """Shape (lines, steps + 1): supported pixels up to each step along the line."""
    start: float
    """Position along a line, in pixels from the foot of the perpendicular, of the first step."""

    def support(self, line: NDArray[np.intp], begin: _Floats, end: _Floats) -> _Floats:
        """Supported share, 0 to 1, of stretches of lines; positions in pixels from the foot."""
        low, high = np.minimum(begin, end) - self.start, np.maximum(begin, end) - self.start
        last = self.sums.shape[1] - 1
        first = np.clip(np.rint(low), 0, last).astype(np.intp)
        final = np.clip(np.rint(high), 0, last).astype(np.intp)
        covered = self.sums[line, final] - self.sums[line, first]
        return np.asarray(covered / np.maximum(final - first, 1))


def measure_gradients(lab: NDArray[np.float32]) -> Gradients:
    """Changes of a picture.

    Args:
        lab: float32, shape (height, width, channels), levels 0 to 255.
    """
    soft = cv2.GaussianBlur(lab, (0, 0), 1.0)
    x = np.stack([cv2.Sobel(soft[:, :, c], cv2.CV_32F, 1, 0) for c in range(lab.shape[2])]) / 8
    y = np.stack([cv2.Sobel(soft[:, :, c], cv2.CV_32F, 0, 1) for c in range(lab.shape[2])]) / 8
    strength = np.hypot(x[0], y[0])
    # Half of the pixels of almost every picture lie on no edge.
    floor = max(0.5, 1.6 * float(np.median(strength)))
    return Gradients(x=x.astype(np.float32), y=y.astype(np.float32), floor=floor)


def to_lab(image: BgrImage) -> NDArray[np.float32]:
    """Lightness and colour: float32, shape (height, width, 3), each 0 to 255."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2LAB), dtype=np.float32)


def find_edge_lines(lab: NDArray[np.float32], gradients: Gradients, *, count: int) -> EdgeLines:
    """The ``count`` best supported straight lines of a picture (see the module's text)."""
    height, width = lab.shape[:2]
    diagonal = float(np.hypot(height, width))
    segments = _segments(lab, _MIN_SEGMENT * diagonal)
    normals, offsets, lengths = _merged(segments, count)
    start = -diagonal
    sums = _running_support(normals, offsets, gradients, start, round(2 * diagonal))
    return EdgeLines(normals=normals, offsets=offsets, lengths=lengths, sums=sums, start=start)


def _segments(lab: NDArray[np.float32], shortest: float) -> _Floats:
    """Segments as (x1, y1, x2, y2), longest first."""
    levels = np.clip(lab, 0, 255).astype(np.uint8)
    light = np.ascontiguousarray(levels[:, :, 0])
    planes = [light, np.asarray(cv2.medianBlur(light, 9), dtype=np.uint8)]
    planes += [_stretched(levels[:, :, channel]) for channel in (1, 2)]
    found = np.concatenate([_straight_segments(plane, shortest) for plane in planes])
    if len(found) < _FEW_SEGMENTS:
        found = np.concatenate([found, _straight_segments(_faint(lab), shortest)])
    order = np.argsort(-_length(found), kind="stable")
    return found[order[:_MAX_SEGMENTS]]


def _straight_segments(plane: NDArray[np.uint8], shortest: float) -> _Floats:
    """Segments as (x1, y1, x2, y2)."""
    lines = cv2.createLineSegmentDetector().detect(plane)[0]
    if lines is None:
        return np.zeros((0, 4))
    segments = np.asarray(lines, dtype=np.float64).reshape(-1, 4)
    return segments[_length(segments) >= shortest]


def _length(segments: _Floats) -> _Floats:
    return np.asarray(np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]))


def _faint(lab: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lightness against that of the surroundings, at six times its contrast: paper on a table of its own colour."""
    light = lab[:, :, 0]
    beside = cv2.GaussianBlur(light, (0, 0), 1.5) - cv2.GaussianBlur(light, (0, 0), 25)
    return np.asarray(np.clip(6 * beside + 128, 0, 255), dtype=np.uint8)


def _stretched(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A colour channel at four times its contrast, softened: colours differ by few levels."""
    soft = np.asarray(cv2.medianBlur(np.ascontiguousarray(channel), 5), dtype=np.float32)
    wide = (soft - float(np.median(soft))) * 3 + 128
    return np.asarray(np.clip(wide, 0, 255), dtype=np.uint8)


def _merged(segments: _Floats, count: int) -> tuple[_Floats, _Floats, _Floats]:
    """Lines through segments that continue each other, the most covered first."""
    groups: list[list[_Floats]] = []
    normals, offsets = np.zeros((0, 2)), np.zeros(0)
    for segment in segments:
        ends = segment.reshape(2, 2)
        along = ends[1] - ends[0]
        along = along / np.hypot(*along)
        normal = np.array([-along[1], along[0]])
        if groups:
            turn = np.abs(normals[:, 0] * along[0] + normals[:, 1] * along[1])
            apart = np.abs(ends @ normals.T - offsets).max(axis=0)
            near = np.flatnonzero((turn < _SAME_ANGLE_RAD) & (apart < _SAME_LINE_PX))
            if len(near):
                groups[int(near[np.argmin(apart[near])])].append(ends)
                continue
        groups.append([ends])
        normals = np.vstack([normals, normal])
        offsets = np.append(offsets, normal @ ends.mean(axis=0))
    covered = np.array([_covered(group) for group in groups])
    best = spread_over_directions(
        np.arctan2(normals[:, 1], normals[:, 0]), np.argsort(-covered, kind="stable"), count
    )
    fitted = [_fitted(groups[int(i)]) for i in best]
    return (
        np.array([normal for normal, _ in fitted]).reshape(-1, 2),
        np.array([offset for _, offset in fitted]),
        covered[best] if groups else np.zeros(0),
    )


def spread_over_directions(
    angles: _Floats, order: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """The first ``count`` of ``order``, of which no sixth of all directions may take more than two fifths: wood has so
    many lines along its grain that nothing would be left for the rest.

    Args:
        angles: radians, modulo a half turn, one for each thing that ``order`` counts.
        order: indices, best first.
        count: how many are wanted.
    """
    sector = (angles % np.pi // (np.pi / 6)).astype(int)[order]
    kept = np.zeros(len(order), dtype=bool)
    for value in range(7):
        mine = np.flatnonzero(sector == value)
        kept[mine[: round(0.4 * count)]] = True
    return order[kept][:count]


def _covered(group: list[_Floats]) -> float:
    """Length of the union of segments along their common line."""
    ends = np.array(group)
    along = ends[0, 1] - ends[0, 0]
    at = np.sort(ends @ (along / np.hypot(*along)), axis=1)
    at = at[np.argsort(at[:, 0])]
    total, reached = 0.0, -np.inf
    for low, high in at:
        total += max(0.0, high - max(low, reached))
        reached = max(reached, high)
    return total


def _fitted(group: list[_Floats]) -> tuple[_Floats, float]:
    """Line through segments, each counting by its length."""
    ends = np.array(group)
    weight = np.repeat(np.hypot(*(ends[:, 1] - ends[:, 0]).T), 2)
    points = ends.reshape(-1, 2)
    middle = (points * weight[:, None]).sum(axis=0) / weight.sum()
    spread = ((points - middle) * weight[:, None]).T @ (points - middle)
    normal = np.linalg.eigh(spread)[1][:, 0]
    return normal, float(normal @ middle)


def _running_support(
    normals: _Floats, offsets: _Floats, gradients: Gradients, start: float, steps: int
) -> _Floats:
    if not len(offsets):
        return np.zeros((0, steps + 1))
    along = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
    at = start + np.arange(steps) + 0.5
    foot = normals * offsets[:, None]
    points = foot[:, None, :] + along[:, None, :] * at[None, :, None]
    answers = supported(points, normals[:, None, :], gradients)
    return np.concatenate([np.zeros((len(offsets), 1)), np.cumsum(answers, axis=1)], axis=1)


def supported(points: _Floats, normals: _Floats, gradients: Gradients) -> _Floats:
    """Whether an edge along the line runs through each point: 1 or 0; outside the picture 0.

    Args:
        points: shape (lines, steps, 2), pixels.
        normals: of the lines, shape (lines, 1, 2).
        gradients: of the picture.
    """
    height, width = gradients.x.shape[1:]
    answer = np.zeros(points.shape[:2])
    for shift in range(-_REACH_PX, _REACH_PX + 1):
        moved = np.rint(points + shift * normals).astype(np.intp)
        x, y = moved[..., 0], moved[..., 1]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        for gx, gy in zip(gradients.x, gradients.y, strict=True):
            across = np.abs(gx[y, x] * normals[..., 0] + gy[y, x] * normals[..., 1])
            beside = np.abs(gy[y, x] * normals[..., 0] - gx[y, x] * normals[..., 1])
            hit = inside & (across > gradients.floor) & (across > 2.0 * beside)
            answer = np.maximum(answer, hit)
    return answer
