"""Lay one picture of a page over another: which point of the copy shows which point of the original.

1. Both pages are shrunk to one working size and described by SIFT features (Lowe 2004): ORB is faster but loses the
   small, repeated shapes of printed text after a scan at another resolution.
2. Features are paired by the ratio test, and a homography is fitted by MAGSAC, which needs no exact inlier bound.
3. A fit counts only when its inliers are many and spread over the page, and when it is no mirror image and no
   extreme distortion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.geometry import resize_long_side, to_gray
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage, GrayImage

_WORKING_SIDE = 1000
_MAX_FEATURES = 3000
_RATIO = 0.75
_MIN_INLIERS = 40
_MIN_SPREAD = 0.35
"""Inliers must cover this part of the page's width and height (between their 5th and 95th percentile)."""
_MAX_STRETCH = 4.0
"""A fit that scales one direction this much more than the other is no picture of the same page."""
_REPROJECTION_PX = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A copy laid over its original."""

    matrix: NDArray[np.float64]
    """float64, shape (3, 3): homography from pixels of the original to pixels of the copy."""
    residual_px: float
    """Median distance of paired features after the fit, in pixels of the original."""
    inliers: int
    """Pairs of features that agree with the fit."""
    inlier_ratio: float
    """Their part of all pairs, 0–1. Low for pages that share a printed form and little else."""

    def to_copy(self, point: PointPx) -> PointPx:
        """Where the copy shows a point of the original."""
        x, y, w = self.matrix @ (point.x, point.y, 1.0)
        return PointPx(float(x / w), float(y / w))

    def quad_to_copy(self, quad: QuadPx) -> QuadPx:
        """Where the copy shows a quadrilateral of the original."""
        a, b, c, d = (self.to_copy(corner) for corner in quad.corners)
        return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)

    def to_original(self, point: PointPx) -> PointPx:
        """Where the original shows a point of the copy."""
        x, y, w = np.linalg.inv(self.matrix) @ (point.x, point.y, 1.0)
        return PointPx(float(x / w), float(y / w))

    def quad_to_original(self, quad: QuadPx) -> QuadPx:
        """Where the original shows a quadrilateral of the copy."""
        a, b, c, d = (self.to_original(corner) for corner in quad.corners)
        return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)


def register_page(original: BgrImage, copy: BgrImage) -> Registration | None:
    """Find how a copy lies over its original.

    Args:
        original: a page, upright, at least a few hundred pixels high.
        copy: the same page scanned or photographed; turned by any angle, in perspective, at another resolution.

    Returns:
        The registration, or None when no trustworthy one exists: another page, a part of it, or too blurred.
    """
    small_one, scale_one = _working_picture(original)
    small_other, scale_other = _working_picture(copy)
    pairs = _paired_points(small_one, small_other)
    if pairs is None:
        return None
    source, target = pairs
    found, mask = cv2.findHomography(
        source, target, cv2.USAC_MAGSAC, _REPROJECTION_PX, maxIters=5000, confidence=0.999
    )
    if found is None:
        return None
    matrix = np.asarray(found, dtype=np.float64)
    inlier = mask.ravel().astype(bool)
    if not _is_trustworthy(matrix, source[inlier], small_one.shape):
        return None
    back = cv2.perspectiveTransform(target[inlier, None], np.linalg.inv(matrix))[:, 0]
    residual = float(np.median(np.linalg.norm(back - source[inlier], axis=1)))
    full = np.diag([1 / scale_other, 1 / scale_other, 1.0]) @ matrix
    full = full @ np.diag([scale_one, scale_one, 1.0])
    return Registration(
        matrix=np.asarray(full / full[2, 2], dtype=np.float64),
        residual_px=residual / scale_one,
        inliers=int(inlier.sum()),
        inlier_ratio=float(inlier.mean()),
    )


def lay_over(original: BgrImage, copy: BgrImage, registration: Registration) -> BgrImage:
    """The copy warped into the frame of the original: uint8, shape of the original.

    What the copy does not show is white.
    """
    height, width = original.shape[:2]
    warped = cv2.warpPerspective(
        copy,
        registration.matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )
    return np.asarray(warped, dtype=np.uint8)


def _working_picture(image: BgrImage) -> tuple[GrayImage, float]:
    long_side = max(image.shape[:2])
    scale = min(1.0, _WORKING_SIDE / long_side)
    small = resize_long_side(image, round(long_side * scale)) if scale < 1 else image
    return to_gray(small), scale


def _paired_points(
    one: GrayImage, other: GrayImage
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Points of both pictures that look alike, each at most once."""
    finder = cv2.SIFT.create(nfeatures=_MAX_FEATURES)
    points_one, about_one = finder.detectAndCompute(one, None)
    points_other, about_other = finder.detectAndCompute(other, None)
    if min(len(points_one), len(points_other)) < _MIN_INLIERS:
        return None
    candidates = cv2.BFMatcher(cv2.NORM_L2).knnMatch(about_one, about_other, k=2)
    good = [
        pair[0]
        for pair in candidates
        if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance
    ]
    unique = {match.trainIdx: match for match in sorted(good, key=lambda m: -m.distance)}
    if len(unique) < _MIN_INLIERS:
        return None
    source = np.array([points_one[m.queryIdx].pt for m in unique.values()], dtype=np.float32)
    target = np.array([points_other[m.trainIdx].pt for m in unique.values()], dtype=np.float32)
    return source, target


def _is_trustworthy(
    matrix: NDArray[np.float64], inliers: NDArray[np.float32], shape: tuple[int, ...]
) -> bool:
    if len(inliers) < _MIN_INLIERS:
        return False
    low, high = np.percentile(inliers, (5, 95), axis=0)
    if ((high - low) < _MIN_SPREAD * np.array([shape[1], shape[0]])).any():
        return False
    linear = matrix[:2, :2]
    if np.linalg.det(linear) <= 0:
        return False
    stretch = np.linalg.svd(linear, compute_uv=False)
    return bool(stretch[0] < _MAX_STRETCH * stretch[1])
