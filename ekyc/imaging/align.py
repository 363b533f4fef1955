"""Bring a face into the position that an embedder was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.imaging.geometry import resize

if TYPE_CHECKING:
    from ekyc.values import BgrImage

Points = NDArray[np.float64]
"""float64, shape (n, 2): x, y in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """Rotation, scale and shift of the plane; never a mirror image.

    Written with complex numbers, a point z = x + iy goes to ``turn`` · z + ``shift``.
    """

    turn: complex
    """Its modulus is the scale, its argument the rotation."""
    shift: complex

    @property
    def scale(self) -> float:
        return abs(self.turn)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The affine 2 × 3 matrix."""
        a, b = self.turn.real, self.turn.imag
        return np.array([[a, -b, self.shift.real], [b, a, self.shift.imag]])

    def apply(self, points: Points) -> Points:
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]


def fit_similarity(source: Points, target: Points) -> Similarity:
    """The similarity that takes ``source`` nearest to ``target`` in the sense of least squares.

    Args:
        source: float64, shape (n, 2), n ≥ 2, not all the same point.
        target: same shape.

    Raises:
        InputError: ``face.degenerate_landmarks``: the source points coincide or are not finite.
    """
    z = source[:, 0] + 1j * source[:, 1]
    w = target[:, 0] + 1j * target[:, 1]
    centred = z - z.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    if not np.isfinite(spread) or spread < 1e-6:
        raise InputError("the landmarks coincide", code="face.degenerate_landmarks")
    turn = complex(np.sum(np.conj(centred) * (w - w.mean())) / spread)
    if abs(turn) < 1e-9:
        raise InputError("the landmarks have no orientation", code="face.degenerate_landmarks")
    return Similarity(turn=turn, shift=complex(w.mean() - turn * z.mean()))


def warp_similarity(image: BgrImage, similarity: Similarity, width: int, height: int) -> BgrImage:
    """The ``width`` × ``height`` picture that a similarity makes of ``image``; outside is black.

    Strong shrinking is done in two steps, area mean first, because bilinear sampling alone would pick single
    pixels and alias.
    """
    matrix = similarity.matrix
    steps = int(1 / similarity.scale)
    if steps > 1:
        source_height, source_width = image.shape[:2]
        image = resize(image, max(1, source_width // steps), max(1, source_height // steps))
        x_step, y_step = source_width / image.shape[1], source_height / image.shape[0]
        # Pixel i of the small picture is the mean of pixels around (i + ½) · step − ½ of the large one.
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ np.array([(x_step - 1) / 2, (y_step - 1) / 2])
        matrix[:, :2] *= (x_step, y_step)
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8
    )
