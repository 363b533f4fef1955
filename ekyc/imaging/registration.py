"""Lay one picture of a page over another: which point of the copy shows which point of the original.

1. Both pages are shrunk to one working size and described by SIFT features (Lowe 2004): ORB is faster but loses the
   small, repeated shapes of printed text after a scan at another resolution. SIFT does not mind a turned page.
2. Features are paired by the ratio test, and a homography is fitted by MAGSAC, which needs no exact inlier bound.
3. A fit counts only when its inliers are many and spread over the page, and when it is no mirror image and no
   extreme distortion.
4. Paper bends, and scanners pull it unevenly: small patches of the page are looked for around the place where the
   homography expects them (:mod:`ekyc.imaging.bending`), and the rest that is smooth becomes part of the result.
5. What is then still out of place is the residual. A page whose residual is too large is refused: its lines could not
   be held against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.bending import Bend, Fit, fit_bend
from ekyc.imaging.geometry import resize_long_side, to_gray
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage, FloatArray, GrayImage

_WORKING_SIDE = 1000
_MAX_FEATURES = 3000
_RATIO = 0.75
_MIN_INLIERS = 40
_MIN_SPREAD = 0.35
"""Inliers must cover this part of the page's width and height (between their 5th and 95th percentile)."""
_MAX_STRETCH = 4.0
"""A fit that scales one direction this much more than the other is no picture of the same page."""
_REPROJECTION_PX = 3.0
_MAX_RESIDUAL = 0.0025
"""Largest residual, as a part of the page's longer side: 0.75 mm of an A4 page, a third of a letter's height."""
_SMALLEST_SIDE_PX = 64
_BLANK_CONTRAST = 24
"""A page whose grey values, noise aside, differ by less shows nothing."""
_QUARTER = 90
_ROWS_AT_ONCE = 256
"""Rows that are laid over at once: coordinates take eight times the room of the picture."""


class RegistrationProblem(StrEnum):
    """Why a picture could not be laid over a page."""

    BLANK = "blank"
    """One of the pictures shows nothing."""
    NOTHING_SHARED = "nothing_shared"
    """Another page, or one too blurred to tell."""
    CUT_OFF = "cut_off"
    """The two share too small a part of the page, or it is mirrored or distorted beyond use."""
    OUT_OF_PLACE = "out_of_place"
    """Laid over, but too much lies beside its place: crumpled, or printed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A copy laid over its original."""

    matrix: NDArray[np.float64]
    """float64, shape (3, 3): homography from points of the original to points of the copy, in pixels from the edges."""
    residual_px: float
    """Median distance by which parts of the page still miss their place, in pixels of the original."""
    inliers: int
    """Pairs of features that agree with the fit."""
    inlier_ratio: float
    """Their part of all pairs, 0–1. Low for pages that share a printed form and little else."""
    agreement: float = 1.0
    """Likeness of the two pages laid over each other, 0–1: correlation of their ink, at a coarse size."""
    bend: Bend | None = None
    """What the homography cannot explain, in pixels of the original."""

    @property
    def turned_deg(self) -> int:
        """How the copy is turned against the original, clockwise as seen: 0, 90, 180 or 270."""
        along = self.matrix[:2, 0] - self.matrix[:2, 2] * self.matrix[2, 0]
        return round(float(np.degrees(np.arctan2(along[1], along[0]))) / _QUARTER) % 4 * _QUARTER

    def to_copy(self, point: PointPx) -> PointPx:
        """Where the copy shows a point of the original."""
        x, y = point.x, point.y
        if self.bend is not None:
            dx, dy = self.bend.at(x, y)
            x, y = x + dx, y + dy
        u, v, w = self.matrix @ (x, y, 1.0)
        return PointPx(float(u / w), float(v / w))

    def quad_to_copy(self, quad: QuadPx) -> QuadPx:
        """Where the copy shows a quadrilateral of the original."""
        a, b, c, d = (self.to_copy(corner) for corner in quad.corners)
        return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)

    def to_original(self, point: PointPx) -> PointPx:
        """Where the original shows a point of the copy."""
        u, v, w = np.linalg.inv(self.matrix) @ (point.x, point.y, 1.0)
        x, y = float(u / w), float(v / w)
        if self.bend is None:
            return PointPx(x, y)
        u, v = x, y
        for _ in range(8):  # the bend changes slowly along the page, so this closes in quickly
            dx, dy = self.bend.at(x, y)
            x, y = u - dx, v - dy
        return PointPx(float(x), float(y))

    def quad_to_original(self, quad: QuadPx) -> QuadPx:
        """Where the original shows a quadrilateral of the copy."""
        a, b, c, d = (self.to_original(corner) for corner in quad.corners)
        return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)


@dataclass(frozen=True, kw_only=True)
class PageFeatures:
    """What a page is recognised by. Computed once a page, when several pages are tried against each other."""

    gray: GrayImage
    """uint8, the page at working size."""
    scale: float
    """Working pixels per pixel of the page."""
    points: NDArray[np.float32]
    """float32, shape (n, 2), strongest first, in working pixels."""
    descriptors: NDArray[np.float32]
    """float32, shape (n, 128)."""

    @cached_property
    def is_blank(self) -> bool:
        """Whether the page shows nothing: no contrast beyond noise, or too small to hold print."""
        if min(self.gray.shape) < _SMALLEST_SIDE_PX:
            return True
        height, width = self.gray.shape
        edge = min(height, width) // 20
        inner = cv2.medianBlur(self.gray, 5)[edge : height - edge, edge : width - edge]
        paper = cv2.medianBlur(cv2.resize(inner, (64, 64), interpolation=cv2.INTER_AREA), 31)
        even = inner.astype(np.int16) - cv2.resize(paper, inner.shape[::-1]).astype(np.int16)
        low, high = np.percentile(even, (0.05, 99.95))
        return bool(max(-low, high) < _BLANK_CONTRAST)


def page_features(image: BgrImage) -> PageFeatures:
    """Describe a page for :func:`register_features`."""
    small, scale = _working_picture(image)
    points = np.empty((0, 2), dtype=np.float32)
    descriptors = np.empty((0, 128), dtype=np.float32)
    if min(small.shape) >= _SMALLEST_SIDE_PX:
        found, about = cv2.SIFT.create(nfeatures=_MAX_FEATURES).detectAndCompute(small, None)
        if len(found) > 0:
            order = np.argsort([-point.response for point in found], kind="stable")
            points = np.array([found[i].pt for i in order], dtype=np.float32)
            descriptors = np.asarray(about, dtype=np.float32)[order]
    return PageFeatures(gray=small, scale=scale, points=points, descriptors=descriptors)


def likeness(one: PageFeatures, other: PageFeatures, *, features: int = 500) -> int:
    """How many of the strongest features of two pages pair up: a quick guess at which pages belong together."""
    return len(_pairs(one.descriptors[:features], other.descriptors[:features]))


def register_page(original: BgrImage, copy: BgrImage) -> Registration | None:
    """Find how a copy lies over its original.

    Args:
        original: a page, upright, at least a few hundred pixels high.
        copy: the same page scanned or photographed; turned by any angle, in perspective, at another resolution.

    Returns:
        The registration, or None when no trustworthy one exists: another page, a part of it, or too blurred.
    """
    found = register_features(page_features(original), page_features(copy))
    return found if isinstance(found, Registration) else None


def register_features(
    original: PageFeatures, copy: PageFeatures
) -> Registration | RegistrationProblem:
    """As :func:`register_page`, for pages that have been described; says why where it refuses."""
    if original.is_blank or copy.is_blank:
        return RegistrationProblem.BLANK
    pairs = _pairs(original.descriptors, copy.descriptors)
    if len(pairs) < _MIN_INLIERS:
        return RegistrationProblem.NOTHING_SHARED
    source, target = original.points[pairs[:, 0]], copy.points[pairs[:, 1]]
    found, mask = cv2.findHomography(
        source, target, cv2.USAC_MAGSAC, _REPROJECTION_PX, maxIters=5000, confidence=0.999
    )
    inlier = np.asarray(mask, dtype=bool).ravel()
    if inlier.sum() < _MIN_INLIERS:  # also where no homography was found: then nothing is an inlier
        return RegistrationProblem.NOTHING_SHARED
    matrix = np.asarray(found, dtype=np.float64)
    if not _is_plausible(matrix, source[inlier], original.gray.shape):
        return RegistrationProblem.CUT_OFF
    fit = fit_bend(original.gray, copy.gray, matrix)
    if fit.residual_px > _MAX_RESIDUAL * max(original.gray.shape):
        return RegistrationProblem.OUT_OF_PLACE
    return _in_full_size(fit, matrix, inlier, (original.scale, copy.scale))


def lay_over(original: BgrImage, copy: BgrImage, registration: Registration) -> BgrImage:
    """The copy warped into the frame of the original: uint8, shape of the original.

    What the copy does not show is white.
    """
    height, width = original.shape[:2]
    copy, matrix = _near_in_size(copy, registration.matrix)
    m = (_by_half(-1) @ matrix @ _by_half(1)).astype(np.float32)
    over = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        rows = slice(top, min(height, top + _ROWS_AT_ONCE))
        x, y = _places(registration.bend, width, height, rows)
        depth = m[2, 0] * x + m[2, 1] * y + m[2, 2]
        over[rows] = cv2.remap(
            copy,
            (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / depth,
            (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / depth,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(255, 255, 255),
        )
    return over


def _places(
    bend: Bend | None, width: int, height: int, rows: slice
) -> tuple[FloatArray, FloatArray]:
    """Where the pixels of some rows of the original lie before the homography: x and y."""
    if bend is not None:
        return bend.maps(width, height, rows)
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(rows.start, rows.stop, dtype=np.float32)
    )
    return x, y


def _near_in_size(
    copy: BgrImage, matrix: NDArray[np.float64]
) -> tuple[BgrImage, NDArray[np.float64]]:
    """The copy shrunk when it has far more pixels than the original: warping would skip some of them."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if scale < 1.5:
        return copy, matrix
    height, width = copy.shape[:2]
    small = resize_long_side(copy, max(1, round(max(height, width) / scale)))
    back = np.diag([small.shape[1] / width, small.shape[0] / height, 1.0])
    return small, np.asarray(back @ matrix, dtype=np.float64)


def _working_picture(image: BgrImage) -> tuple[GrayImage, float]:
    long_side = max(image.shape[:2])
    scale = min(1.0, _WORKING_SIDE / long_side)
    small = resize_long_side(image, round(long_side * scale)) if scale < 1 else image
    return to_gray(small), scale


def _pairs(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.intp]:
    """Features of both that look alike, each at most once: shape (n, 2), indices into both."""
    if min(len(one), len(other)) < 2:
        return np.empty((0, 2), dtype=np.intp)
    candidates = cv2.BFMatcher(cv2.NORM_L2).knnMatch(one, other, k=2)
    good = [
        pair[0]
        for pair in candidates
        if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance
    ]
    unique = {match.trainIdx: match for match in sorted(good, key=lambda m: -m.distance)}
    indices = [(match.queryIdx, match.trainIdx) for match in unique.values()]
    return np.array(indices, dtype=np.intp).reshape(-1, 2)


def _is_plausible(
    matrix: NDArray[np.float64], inliers: NDArray[np.float32], shape: tuple[int, ...]
) -> bool:
    low, high = np.percentile(inliers, (5, 95), axis=0)
    if ((high - low) < _MIN_SPREAD * np.array([shape[1], shape[0]])).any():
        return False
    linear = matrix[:2, :2]
    if np.linalg.det(linear) <= 0:
        return False
    stretch = np.linalg.svd(linear, compute_uv=False)
    return bool(stretch[0] < _MAX_STRETCH * stretch[1])


def _in_full_size(
    fit: Fit,
    matrix: NDArray[np.float64],
    inlier: NDArray[np.bool_],
    scales: tuple[float, float],
) -> Registration:
    """The fit in pixels of the pages instead of working pixels, counted from edges instead of pixel centres."""
    full = np.diag([1 / scales[1], 1 / scales[1], 1.0]) @ _by_half(1) @ matrix
    full = full @ _by_half(-1) @ np.diag([scales[0], scales[0], 1.0])
    return Registration(
        matrix=np.asarray(full / full[2, 2], dtype=np.float64),
        residual_px=fit.residual_px / scales[0],
        inliers=int(inlier.sum()),
        inlier_ratio=float(inlier.mean()),
        agreement=fit.agreement,
        bend=fit.bend.scaled(1 / scales[0]),
    )


def _by_half(sign: int) -> NDArray[np.float64]:
    """Corners are edges between pixels, features are found at pixel centres: half a pixel apart."""
    return np.array([[1.0, 0.0, sign / 2], [0.0, 1.0, sign / 2], [0.0, 0.0, 1.0]])
