"""A cue without a network: the pixel grid of a screen lies over the face as a fine regular pattern.

A camera that looks at a screen samples one grid with another. What it records holds a line in the spectrum that no
skin has: narrow, strong, the same all over the face, and, because nobody holds a telephone exactly parallel to a
screen, off the axes of the picture. Lines exactly on the axes are left out: block edges of JPEG and careless
enlarging make those in honest pictures.

The cue speaks for an attack only. Its absence means nothing: prints have no grid, and good screens seen from further
away show none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ekyc.imaging import crop, to_gray
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage

TILE_PX = 64
STEP_PX = 32
MIN_TILES = 12
MAX_SIDE_PX = 640
"""Larger faces are looked at in their middle, at full resolution: shrinking would remove the grid."""
LOWEST_FREQUENCY = 0.2
"""Cycles per pixel; below it (periods over 5 px) eyelashes, hair and cloth have structure of their own."""
_AXIS_BINS = 1.5
_INNER, _OUTER = 2, 6
"""A line is held against the median of the ring of bins this far away."""


def measure_screen_lines(frame: BgrImage, face: BoxPx) -> float:
    """How far the strongest regular line stands out of the spectrum around it.

    1. The face is cut into overlapping tiles, each windowed (Hann) and transformed.
    2. The logarithms of their power spectra are averaged: what only some tiles hold drops out.
    3. Each frequency is held against its neighbourhood; the largest excess counts.

    Args:
        frame: whole frame at the camera's resolution, uint8 (height, width, 3), blue-green-red.
        face: the face's box in pixels of the frame.

    Returns:
        Excess in nats of power, about 1 on skin, or 0 where the face is too small to tell.
    """
    gray = to_gray(crop(frame, _middle(face))).astype(np.float64)
    if min(gray.shape) < TILE_PX:
        return 0.0
    tiles = sliding_window_view(gray, (TILE_PX, TILE_PX))[::STEP_PX, ::STEP_PX]
    tiles = tiles.reshape(-1, TILE_PX, TILE_PX)
    if len(tiles) < MIN_TILES:
        return 0.0
    log_power = _mean_log_power(tiles)
    excess = log_power - _surroundings(log_power)
    return float(excess[_SEARCHED].max())


def _middle(face: BoxPx) -> BoxPx:
    across = max(0.0, (face.width - MAX_SIDE_PX) / 2)
    down = max(0.0, (face.height - MAX_SIDE_PX) / 2)
    return BoxPx(
        left=face.left + across,
        top=face.top + down,
        right=face.right - across,
        bottom=face.bottom - down,
    )


def _mean_log_power(tiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps 1 and 2: shape (64, 64), zero frequency in the middle."""
    hann = np.hanning(TILE_PX)
    windowed = (tiles - tiles.mean(axis=(1, 2), keepdims=True)) * np.outer(hann, hann)
    power = np.abs(np.fft.fft2(windowed)) ** 2
    # Plus one: far below the noise of any camera, and the logarithm of a flat tile stays finite.
    return np.fft.fftshift(np.log(power + 1.0).mean(axis=0))


def _surroundings(log_power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the ring around each frequency; the spectrum is periodic, so it wraps."""
    side = 2 * _OUTER + 1
    windows = sliding_window_view(np.pad(log_power, _OUTER, mode="wrap"), (side, side))
    return np.asarray(np.median(windows[:, :, _RING], axis=2))


def _searched_frequencies() -> NDArray[np.bool_]:
    bins = np.abs(np.fft.fftshift(np.fft.fftfreq(TILE_PX, d=1 / TILE_PX)))
    off_axis = np.minimum(bins[:, None], bins[None, :]) > _AXIS_BINS
    fine = np.hypot(bins[:, None], bins[None, :]) >= LOWEST_FREQUENCY * TILE_PX
    return off_axis & fine


def _ring() -> NDArray[np.bool_]:
    away = np.abs(np.arange(-_OUTER, _OUTER + 1))
    return np.maximum(away[:, None], away[None, :]) > _INNER


_SEARCHED = _searched_frequencies()
_RING = _ring()
