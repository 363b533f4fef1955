"""Where text stands on a picture: from a detector's probability map to quadrilaterals, and from those to line crops.

The map comes from a detector of the *differentiable binarisation* family (Liao et al., "Real-time Scene Text
Detection with Differentiable Binarization", AAAI 2020): it is trained on regions shrunk towards their middle, so
each region found is grown back by ``area × ratio / perimeter`` (§3.4 of the paper, there called *unclip*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.imaging.geometry import warp_quad
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage, FloatArray, GrayImage

_MIN_SIDE_PX = 3.0
"""Regions with a shorter side than this in the map are specks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRules:
    """How a probability map becomes regions. Values for PP-OCRv6 tiny, chosen on documents of generated text."""

    pixel_threshold: float = 0.2
    """A map pixel at or above this is text."""
    region_threshold: float = 0.6
    """A region whose mean probability is below this is dropped. Print scores above 0.9, noise up to 0.8."""
    unclip_ratio: float = 1.5
    """How far a region is grown back."""
    max_regions: int = 1000
    """Upper bound of contours looked at, largest first: bounds the time on noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRegion:
    """A line of text found on a picture."""

    quad: QuadPx
    score: float
    """Mean probability inside the region before it was grown, 0–1."""


def regions_from_map(
    probability: FloatArray,
    *,
    scale_x: float = 1.0,
    scale_y: float = 1.0,
    rules: RegionRules | None = None,
) -> tuple[TextRegion, ...]:
    """Regions of a probability map.

    Args:
        probability: float32, shape (height, width), 0–1.
        scale_x: source pixels per map pixel, horizontally.
        scale_y: the same vertically.
        rules: thresholds.

    Returns:
        One region per connected blob that passes the rules, in source pixels, in no particular order.

    Raises:
        InputError: the map is not two-dimensional or holds no finite numbers (code ``image.bad_map``).
    """
    rules = rules or RegionRules()
    if probability.ndim != 2 or not np.isfinite(probability).all():
        raise InputError(
            "a probability map must be finite and two-dimensional", code="image.bad_map"
        )
    mask = (probability >= rules.pixel_threshold).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = sorted(contours, key=len, reverse=True)[: rules.max_regions]
    found = (
        _region(np.asarray(contour, dtype=np.int32), probability, rules, (scale_x, scale_y))
        for contour in largest
    )
    return tuple(region for region in found if region is not None)


def _region(
    contour: NDArray[np.int32],
    probability: FloatArray,
    rules: RegionRules,
    scale: tuple[float, float],
) -> TextRegion | None:
    (centre_x, centre_y), (width, height), angle = cv2.minAreaRect(contour)
    width, height = width + 1.0, height + 1.0  # a contour runs through pixel centres
    if min(width, height) < _MIN_SIDE_PX:
        return None
    score = _mean_inside(contour, probability)
    if score < rules.region_threshold:
        return None
    # Growing a rectangle by an offset d adds 2·d to both sides; its corners would be rounded, and the
    # smallest rectangle around the rounded shape is the grown rectangle again.
    grow = width * height * rules.unclip_ratio / (2 * (width + height))
    corners = cv2.boxPoints(((centre_x, centre_y), (width + 2 * grow, height + 2 * grow), angle))
    corners = (np.asarray(corners, dtype=np.float64) + 0.5) * np.array(scale)
    return TextRegion(quad=order_corners(corners), score=score)


def _mean_inside(contour: NDArray[np.int32], probability: FloatArray) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.drawContours(mask, [contour - (left, top)], -1, 1, thickness=cv2.FILLED)
    return float(cv2.mean(probability[top : top + height, left : left + width], mask)[0])


def order_corners(corners: NDArray[np.float64]) -> QuadPx:
    """Four corners of a convex shape, any order → clockwise from the reading direction's top left.

    The text is taken to run along the longer side, left to right, turned by less than 90°.
    """
    centre = corners.mean(axis=0)
    turn = np.argsort(np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0]))
    clockwise = corners[turn]  # y runs down: a growing angle is clockwise as seen
    first = int(np.argmin(clockwise.sum(axis=1)))
    ring = np.roll(clockwise, -first, axis=0)
    points = [PointPx(float(x), float(y)) for x, y in ring]
    return QuadPx(
        top_left=points[0], top_right=points[1], bottom_right=points[2], bottom_left=points[3]
    )


def quad_size(quad: QuadPx) -> tuple[float, float]:
    """Mean width and height of a quadrilateral in pixels."""
    a, b, c, d = ((p.x, p.y) for p in quad.corners)
    return (
        float((np.hypot(b[0] - a[0], b[1] - a[1]) + np.hypot(c[0] - d[0], c[1] - d[1])) / 2),
        float((np.hypot(d[0] - a[0], d[1] - a[1]) + np.hypot(c[0] - b[0], c[1] - b[1])) / 2),
    )


def grow_quad(quad: QuadPx, *, along: float, across: float) -> QuadPx:
    """Move the short ends out by ``along`` pixels and the long sides by ``across``; negative shrinks."""
    corners = np.array([(p.x, p.y) for p in quad.corners])
    right = _unit(corners[1] + corners[2] - corners[0] - corners[3])
    down = _unit(corners[2] + corners[3] - corners[0] - corners[1])
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    moved = [
        corner + x * along * right + y * across * down
        for corner, (x, y) in zip(corners, signs, strict=True)
    ]
    a, b, c, d = (PointPx(float(x), float(y)) for x, y in moved)
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)


def part_of_quad(quad: QuadPx, left: float, right: float) -> QuadPx:
    """The part of a line between two places, ``left`` and ``right`` as parts of its width, 0–1."""
    a, b, c, d = quad.corners

    def between(one: PointPx, other: PointPx, share: float) -> PointPx:
        return PointPx(one.x + share * (other.x - one.x), one.y + share * (other.y - one.y))

    return QuadPx(
        top_left=between(a, b, left),
        top_right=between(a, b, right),
        bottom_right=between(d, c, right),
        bottom_left=between(d, c, left),
    )


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.hypot(*vector))
    return vector / length if length > 0 else np.array([1.0, 0.0])


def cut_line(
    image: BgrImage,
    quad: QuadPx,
    *,
    margin: tuple[float, float] = (0.0, 0.0),
    max_height: int = 96,
) -> BgrImage:
    """Look straight at one line of text.

    Args:
        image: the page.
        quad: the line, in pixels of the page.
        margin: what is added before and behind, and what above and below, as parts of the line's height.
        max_height: taller lines are shrunk to this many pixels; smaller ones keep their own size.

    Returns:
        uint8, shape (height, width, 3); at least one pixel on each side.
    """
    _, height = quad_size(quad)
    quad = grow_quad(quad, along=margin[0] * height, across=margin[1] * height)
    width, height = quad_size(quad)
    scale = min(1.0, max_height / max(height, 1.0))
    return warp_quad(image, quad, max(1, round(width * scale)), max(1, round(height * scale)))


def split_columns(line: GrayImage, max_aspect: float) -> tuple[tuple[int, int], ...]:
    """Cut a long line into parts at gaps between words.

    Args:
        line: uint8, shape (height, width), dark ink on light paper.
        max_aspect: longest allowed width divided by height.

    Returns:
        Parts as (left, right) in pixels, in order, together covering the line. Each cut lies in the column with
        the least ink (smoothed over a quarter of the height) of the second half of what is still allowed.
    """
    height, width = line.shape
    limit = max(2, int(height * max_aspect))
    if width <= limit:
        return ((0, width),)
    ink = 255.0 - line.astype(np.float32).mean(axis=0)
    window = max(1, height // 4)
    smooth = np.convolve(ink, np.ones(window, dtype=np.float32) / window, mode="same")
    parts: list[tuple[int, int]] = []
    left = 0
    while width - left > limit:
        start = left + limit // 2
        cut = start + int(np.argmin(smooth[start : left + limit]))
        cut = max(cut, left + 1)
        parts.append((left, cut))
        left = cut
    parts.append((left, width))
    return tuple(parts)
