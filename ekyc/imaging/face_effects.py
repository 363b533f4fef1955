"""What an attacker's tools do to a portrait before it goes into the camera's place. Pure, like the other effects.

Simulations with the means of image editing; no generator of faces is among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_GRID_PX: Final = 16
"""The displacement is computed at every so many pixels and read off between them."""
_STIFFNESS: Final = 1e-4

Points = NDArray[np.float64]


def drag_points(image: BgrImage, source: Points, target: Points) -> BgrImage:
    """The picture bent so that what lay at ``source`` lies at ``target``, smoothly in between.

    A thin-plate spline (Bookstein 1989) through the points and the middles and corners of the edges, which stay.

    Args:
        image: uint8, shape (height, width, 3).
        source: float64, shape (n, 2), n of 1 to 200, all different.
        target: same shape.
    """
    height, width = image.shape[:2]
    right, bottom = width - 1.0, height - 1.0
    xs, ys = (0.0, right / 2, right), (0.0, bottom / 2, bottom)
    rim = np.array([(x, y) for x in xs for y in ys if not (x == xs[1] and y == ys[1])])
    span = float(max(height, width))
    nodes = np.concatenate([target, rim]) / span
    pull = np.concatenate([source - target, np.zeros_like(rim)]) / span
    weights = _spline(nodes, pull)
    columns, rows = (
        np.arange(0, width + _GRID_PX, _GRID_PX),
        np.arange(0, height + _GRID_PX, _GRID_PX),
    )
    at = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2) / span
    coarse = (_terms(at, nodes) @ weights * span).reshape(len(rows), len(columns), 2)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    step = np.float32(_GRID_PX)
    bend = cv2.remap(coarse.astype(np.float32), x / step, y / step, cv2.INTER_LINEAR)
    bent = cv2.remap(
        image, x + bend[..., 0], y + bend[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(bent, dtype=np.uint8)


def smooth_skin(image: BgrImage) -> BgrImage:
    """Even skin, sharp edges, as a beauty filter makes them (bilateral filter)."""
    return np.asarray(cv2.bilateralFilter(image, 7, 30, 5), dtype=np.uint8)


def _spline(nodes: Points, pull: Points) -> Points:
    count = len(nodes)
    matrix = np.zeros((count + 3, count + 3))
    matrix[:count] = _terms(nodes, nodes)
    matrix[:count, :count] += _STIFFNESS * np.eye(count)
    matrix[count:, :count] = matrix[:count, count:].T
    known = np.concatenate([pull, np.zeros((3, 2))])
    return np.asarray(np.linalg.solve(matrix, known), dtype=np.float64)


def _terms(at: Points, nodes: Points) -> Points:
    square = ((at[:, None] - nodes[None]) ** 2).sum(axis=2)
    bowl = square * np.log(np.maximum(square, 1e-12))
    return np.concatenate([bowl, np.ones((len(at), 1)), at], axis=1)
