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
MAX_TILES = 64
"""More are thinned evenly: a grid lies over all of them."""
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
    3. Each peak is held against its neighbourhood; the largest excess counts.

    Args:
        frame: whole frame at the camera's resolution, uint8 (height, width, 3), blue-green-red.
        face: the face's box in pixels of the frame.

    Returns:
        Excess in nats of power, about 1 on skin, or 0 where the face is too small to tell.
    """
    gray = to_gray(crop(frame, _middle(face))).astype(np.float32)
    if min(gray.shape) < TILE_PX:
        return 0.0
    tiles = sliding_window_view(gray, (TILE_PX, TILE_PX))[::STEP_PX, ::STEP_PX]
    tiles = tiles.reshape(-1, TILE_PX, TILE_PX)
    if len(tiles) < MIN_TILES:
        return 0.0
    if len(tiles) > MAX_TILES:
        tiles = tiles[np.linspace(0, len(tiles) - 1, MAX_TILES).astype(int)]
    return _strongest_line(_mean_log_power(tiles))


def _middle(face: BoxPx) -> BoxPx:
    across = max(0.0, (face.width - MAX_SIDE_PX) / 2)
    down = max(0.0, (face.height - MAX_SIDE_PX) / 2)
    return BoxPx(
        left=face.left + across,
        top=face.top + down,
        right=face.right - across,
        bottom=face.bottom - down,
    )


def _mean_log_power(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Steps 1 and 2: shape (64, 33), rows of rising and then negative frequency as the transform gives them.

    The picture is real, so the other half says the same.
    """
    windowed = (tiles - tiles.mean(axis=(1, 2), keepdims=True)) * _WINDOW
    spectrum = np.fft.rfft2(windowed)
    power = spectrum.real**2 + spectrum.imag**2
    # Plus one: far below the noise of any camera, and the logarithm of a flat tile stays finite.
    return np.asarray(np.log(power + 1.0).mean(axis=0), dtype=np.float32)


def _strongest_line(log_power: NDArray[np.float32]) -> float:
    """Step 3. A line is a peak: nothing next to it is stronger. Its ring's median is what it stands out of."""
    whole = _periodic(log_power)
    height, width = log_power.shape
    inner = whole[_OUTER : _OUTER + height, _OUTER : _OUTER + width]
    peaks = _SEARCHED.copy()
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            top, left = _OUTER + down, _OUTER + across
            peaks &= inner >= whole[top : top + height, left : left + width]
    side = 2 * _OUTER + 1
    rings = sliding_window_view(whole, (side, side))[peaks][:, _RING]
    if not rings.size:
        return 0.0
    return float((inner[peaks] - np.median(rings, axis=1)).max())


def _periodic(half: NDArray[np.float32]) -> NDArray[np.float32]:
    """A half spectrum with a margin all around, from its own symmetry: P(−f) = P(f), and both axes wrap."""
    mirrored = np.roll(half[::-1, ::-1], 1, axis=0)
    # Columns 32 … 0 mirrored stand for −32 … 0; drop the two that the half holds itself.
    full = np.concatenate([half, mirrored[:, 1:-1]], axis=1)
    wrapped = np.pad(full, _OUTER, mode="wrap")
    return wrapped[:, : half.shape[1] + 2 * _OUTER]


def _searched_frequencies() -> NDArray[np.bool_]:
    down = np.abs(np.fft.fftfreq(TILE_PX, d=1 / TILE_PX))[:, None]
    across = np.fft.rfftfreq(TILE_PX, d=1 / TILE_PX)[None, :]
    off_axis = np.minimum(down, across) > _AXIS_BINS
    return np.asarray(off_axis & (np.hypot(down, across) >= LOWEST_FREQUENCY * TILE_PX))


def _ring() -> NDArray[np.bool_]:
    away = np.abs(np.arange(-_OUTER, _OUTER + 1))
    return np.maximum(away[:, None], away[None, :]) > _INNER


_WINDOW = np.outer(np.hanning(TILE_PX), np.hanning(TILE_PX)).astype(np.float32)
_SEARCHED = _searched_frequencies()
_RING = _ring()
