"""How noisy a picture is, where it shows nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ekyc.imaging.geometry import to_gray

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_TILE_PX: Final = 16
_FLATTEST: Final = 0.1
_LEVELS: Final = (25, 230)
"""Tiles darker or brighter than this are clipped or crushed and hold no noise to measure."""
_KERNEL: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_KERNEL_NORM: Final = 6.0
"""Root of the sum of the kernel's squares: white noise of 1 comes out as this."""


def noise_level(image: BgrImage) -> float | None:
    """Standard deviation of fine noise in grey levels, in the flattest tenth of the picture (after Immerkær 1996).

    None where no tile is neither too dark nor too bright. What denoising and compression took away is not counted: the
    number is of the file, not of the sensor.
    """
    gray = to_gray(image).astype(np.float32)
    rows, columns = (side // _TILE_PX for side in gray.shape)
    if not rows or not columns:
        return None
    fine = cv2.filter2D(gray, -1, _KERNEL)
    shape = (rows, _TILE_PX, columns, _TILE_PX)
    cut = np.s_[: rows * _TILE_PX, : columns * _TILE_PX]
    levels = gray[cut].reshape(shape).mean(axis=(1, 3))
    power = (fine[cut].reshape(shape) ** 2).mean(axis=(1, 3))
    usable = power[(levels > _LEVELS[0]) & (levels < _LEVELS[1])]
    if not usable.size:
        return None
    flattest = np.sort(usable)[: max(1, round(_FLATTEST * usable.size))]
    return float(np.sqrt(np.median(flattest)) / _KERNEL_NORM)
