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
    low, high = np.percentile(even, (1, 80))
    stretched = darkest + (even - low) / max(float(high - low), 1e-3) * (lightest - darkest)
    return np.asarray(stretched.clip(darkest, lightest), dtype=np.uint8)


def divide_by_paper(gray: GrayImage, bridge_px: int) -> FloatArray:
    """A picture divided by its own paper: float32, same shape, about 1 on paper and less on ink.

    Args:
        gray: uint8, shape (height, width).
        bridge_px: odd; strokes narrower than this are ink, wider dark areas are paper.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (bridge_px, bridge_px))
    paper = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, kernel)
    paper = cv2.GaussianBlur(paper, (0, 0), bridge_px / 2)
    return np.asarray(gray.astype(np.float32) / np.maximum(paper, 1), dtype=np.float32)


def ink_of_page(gray: GrayImage, *, bridge_px: int) -> FloatArray:
    """How much ink stands at each pixel: float32, same shape, 0 on paper to 1 on the page's darkest ink.

    Args:
        gray: uint8, shape (height, width).
        bridge_px: odd; about the height of a line of text.
    """
    ink = 1.0 - divide_by_paper(gray, bridge_px)
    full = max(float(np.percentile(ink, 99.5)), 0.1)
    return np.asarray((ink / full).clip(0.0, 1.0), dtype=np.float32)
