"""What can be wrong with the picture of a card, in numbers: light, focus, colour, reflections, pixels of a screen.

Measured on the card alone, 856 pixels wide, so that the camera's resolution does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ekyc.imaging.geometry import resize, to_gray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage, GrayImage

_WIDTH_PX: Final = 856
_SATURATED: Final = 252
_LEAST_SPOT: Final = 0.004
"""Smaller saturated areas, as a share of the card, are no glare."""
_SOFT_RING: Final = 243.0
"""Median luma of the ring around a spot from which its edge is soft: printed white fields end abruptly."""
_TILE_PX: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCapture:
    """Measures of a card's picture."""

    sharpness: float
    """How steep the steepest edges are: their second derivative over their first, per pixel; 0 to about 1.5. Does not
    depend on contrast."""
    brightness: float
    """Median luma, 0 to 255."""
    glare: float
    """Share of the card under reflections that wash out the print, 0 to 1."""
    colour: float
    """99th percentile of the distance from grey in the plane of CIE a and b, levels; near 0 on a grey copy."""
    screen: float
    """How far a single spatial frequency between 2.2 and 5 pixels per period stands out of its surroundings in most
    parts of the picture, in powers of ten."""


def measure_card(card: BgrImage) -> CardCapture:
    """Measure a picture that shows the card alone: uint8, shape (height, width, 3), blue-green-red."""
    height, width = card.shape[:2]
    # A strip of a picture would otherwise grow to millions of rows.
    rows = min(2 * _WIDTH_PX, max(2, round(_WIDTH_PX * height / width)))
    even = resize(card, _WIDTH_PX, rows)
    gray = to_gray(even)
    return CardCapture(
        sharpness=_sharpness(gray),
        brightness=float(np.median(gray)),
        glare=_glare(even, gray),
        colour=_colour(even),
        screen=_screen(to_gray(card)),
    )


def _sharpness(gray: GrayImage) -> float:
    soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 0.8)
    first = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)) / 8
    second = np.abs(cv2.Laplacian(soft, cv2.CV_32F))
    return float(np.percentile(second, 99) / max(float(np.percentile(first, 99)), 1e-3))


def _glare(card: BgrImage, gray: GrayImage) -> float:
    burnt = (card.min(axis=2) >= _SATURATED).astype(np.uint8)
    burnt = np.asarray(cv2.morphologyEx(burnt, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)))
    count, marks, stats, _ = cv2.connectedComponentsWithStats(burnt)
    total = 0
    for mark in range(1, min(count, 200)):
        area = int(stats[mark, cv2.CC_STAT_AREA])
        if area < _LEAST_SPOT * gray.size:
            continue
        spot = (marks == mark).astype(np.uint8)
        ring = cv2.dilate(spot, np.ones((13, 13), np.uint8)) - spot
        around = gray[ring > 0]
        # The median, because dark print runs into the ring; no ring at all is a picture that is burnt out whole.
        if not around.size or float(np.median(around)) > _SOFT_RING:
            total += area
    return total / gray.size


def _colour(card: BgrImage) -> float:
    soft = cv2.GaussianBlur(card, (0, 0), 2.0)
    lab = cv2.cvtColor(soft, cv2.COLOR_BGR2LAB).astype(np.float32)
    plane = lab[:, :, 1:] - np.median(lab[:, :, 1:], axis=(0, 1))
    return float(np.percentile(np.hypot(plane[:, :, 0], plane[:, :, 1]), 99))


def _screen(gray: GrayImage) -> float:
    """Median over tiles of the highest peak of the spectrum over the median around it."""
    height, width = gray.shape
    window = np.outer(np.hanning(_TILE_PX), np.hanning(_TILE_PX)).astype(np.float32)
    peaks = []
    for top in range(0, height - _TILE_PX + 1, _TILE_PX):
        for left in range(0, width - _TILE_PX + 1, _TILE_PX):
            tile = gray[top : top + _TILE_PX, left : left + _TILE_PX].astype(np.float32)
            peaks.append(_peak((tile - tile.mean()) * window))
    return float(np.median(peaks)) if peaks else 0.0


def _peak(tile: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft2(tile))
    down = np.abs(np.fft.fftfreq(_TILE_PX))[:, None]
    across = np.fft.rfftfreq(_TILE_PX)[None, :]
    frequency = np.hypot(down, across)
    band = spectrum[(frequency > 0.2) & (frequency < 0.45)]
    # One level more on both sides: an even tile has no spectrum at all.
    return float(np.log10((float(band.max()) + 1) / (float(np.median(band)) + 1)))
