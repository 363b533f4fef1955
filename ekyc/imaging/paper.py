"""The paper under the print, quickly: for pictures that are held against each other, many per page.

The same idea as :func:`ekyc.imaging.illumination.divide_by_paper`, but estimated at a quarter of the size, because paper
is smooth: the same answer in a fraction of the time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ekyc.values import FloatArray, GrayImage

_STEP = 4
"""The paper is estimated at one pixel for so many."""


def darkness(gray: GrayImage, *, bridge_px: int) -> FloatArray:
    """By how much each pixel is darker than its paper: float32, same shape, 0 (paper) to 1 (black).

    Args:
        gray: uint8, shape (height, width).
        bridge_px: strokes narrower than this are ink, wider dark areas are paper.
    """
    height, width = gray.shape
    size = (max(1, width // _STEP), max(1, height // _STEP))
    lightest = cv2.dilate(gray, np.ones((_STEP, _STEP), np.uint8))
    small = cv2.resize(lightest, size, interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, _bridge(bridge_px))
    paper = cv2.GaussianBlur(paper, (0, 0), bridge_px / 2 / _STEP)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    dark = np.float32(1.0) - gray.astype(np.float32) / np.maximum(paper, 1)
    return np.asarray(np.maximum(dark, np.float32(0.0)), dtype=np.float32)


@cache
def _bridge(bridge_px: int) -> NDArray[np.uint8]:
    side = max(3, bridge_px // _STEP | 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)
