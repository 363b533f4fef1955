"""Uneven light and printed background out of the way: ink stays dark, paper becomes even and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.geometry import to_gray

if TYPE_CHECKING:
    from ekyc.values import BgrImage, FloatArray, GrayImage

_MIN_LINE_HEIGHT = 48
"""Lower lines are enlarged first, so that the background estimate has strokes to bridge."""
_COARSE = 6
"""The paper, soft as it is, is blurred on a grid coarser than its bridge by this factor: four times as fast."""
_BINS = 4096
"""Percentiles are read from a histogram over ``0 … 2`` of the paper's own brightness: exact to 0.0005."""


def normalise_line(line: BgrImage, *, darkest: int = 0, lightest: int = 255) -> GrayImage:
    """Even out the light of one line of text.

    1. Grey, enlarged to at least 48 pixels of height.
    2. The paper is what remains when everything narrower than half the height is closed, then blurred.
    3. Divide by the paper.
    4. Stretch between the 1st and the 80th percentile onto ``darkest`` … ``lightest``.

    Args:
        line: the line, dark on light.
        darkest: grey value that the 1st percentile becomes.
        lightest: grey value that the 80th percentile becomes.

    Returns:
        uint8, shape (height ≥ 48, width).
    """
    gray = to_gray(line)
    height, width = gray.shape
    if height < _MIN_LINE_HEIGHT:
        size = (max(1, round(width * _MIN_LINE_HEIGHT / height)), _MIN_LINE_HEIGHT)
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    even = divide_by_paper(gray, max(15, (gray.shape[0] // 2) | 1))
    low, high = _percentiles(even, (1, 80))
    stretched = darkest + (even - low) / max(high - low, 1e-3) * (lightest - darkest)
    return np.asarray(stretched.clip(darkest, lightest), dtype=np.uint8)


def divide_by_paper(gray: GrayImage, bridge_px: int) -> FloatArray:
    """A picture divided by its own paper: float32, same shape, about 1 on paper and less on ink.

    Args:
        gray: uint8, shape (height, width).
        bridge_px: odd; strokes narrower than this are ink, wider dark areas are paper.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (bridge_px, bridge_px))
    paper = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, kernel)
    paper = _softened(np.asarray(paper, dtype=np.uint8), bridge_px / 2)
    return np.asarray(gray.astype(np.float32) / np.maximum(paper, 1), dtype=np.float32)


def _softened(gray: GrayImage, sigma_px: float) -> FloatArray:
    """A Gaussian blur of ``sigma_px``, made on a coarser grid: float32, same shape."""
    height, width = gray.shape
    step = max(1, round(2 * sigma_px / _COARSE))
    size = (-(-width // step), -(-height // step))
    coarse = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(coarse, (0, 0), sigma_px / step)
    fine = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine, dtype=np.float32)


def _percentiles(even: FloatArray, shares: tuple[float, ...]) -> tuple[float, ...]:
    counts = cv2.calcHist([even], [0], None, [_BINS], [0.0, 2.0]).reshape(-1)
    reached = np.cumsum(counts)
    places = np.searchsorted(reached, [share / 100.0 * reached[-1] for share in shares])
    return tuple((float(place) + 0.5) * 2.0 / _BINS for place in places)


def ink_of_page(gray: GrayImage, *, bridge_px: int) -> FloatArray:
    """How much ink stands at each pixel: float32, same shape, 0 on paper to 1 on the page's darkest ink.

    Args:
        gray: uint8, shape (height, width).
        bridge_px: odd; about the height of a line of text.
    """
    ink = 1.0 - divide_by_paper(gray, bridge_px)
    full = max(float(np.percentile(ink, 99.5)), 0.1)
    return np.asarray((ink / full).clip(0.0, 1.0), dtype=np.float32)
