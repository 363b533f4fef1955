"""Find faces and their five landmarks with SCRFD (Guo et al. 2021), as InsightFace's model packs ship it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from ekyc.face.cells import Boxes, CellNet, as_faces, decode_cells, shown_at
from ekyc.imaging import to_rgb_planes

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

LONG_SIDES_PX = (640, 128)
"""As InsightFace: a usual picture, then one that a face fills. A picture is never enlarged."""
SCORE_THRESHOLD = 0.5


class ScrfdDetector:
    """SCRFD with key points behind a :class:`~ekyc.ports.Model`; used like
    :class:`~ekyc.face.detect.FaceDetector`.
    """

    def __init__(
        self,
        model: Model,
        *,
        long_sides_px: Sequence[int] = LONG_SIDES_PX,
        score_threshold: float = SCORE_THRESHOLD,
    ) -> None:
        """
        Args:
            model: float32 (3, H, W), red-green-blue planes, (value − 127.5) / 128, H and W multiples of 32; outputs
                score, box, key points, each for the strides 8, 16, 32.
            long_sides_px: longer side at which a picture is shown; the next is tried when nothing was found.
            score_threshold: least score of a face, 0 to 1.
        """
        self._model = model
        self._long_sides_px = tuple(long_sides_px)
        self._score_threshold = score_threshold

    def configured(self, *, long_sides_px: Sequence[int] | None, score_threshold: float) -> Self:
        """The same model with other settings; None keeps the sizes of its kind."""
        sizes = LONG_SIDES_PX if long_sides_px is None else long_sides_px
        return type(self)(self._model, long_sides_px=sizes, score_threshold=score_threshold)

    def detect(self, image: BgrImage) -> tuple[DetectedFace, ...]:
        """Faces in a picture, the largest first.

        Args:
            image: uint8, shape (height, width, 3), blue-green-red, upright.

        Raises:
            ModelError: the model's outputs have the wrong number or shapes.
        """
        for shown, scale in shown_at(image, self._long_sides_px):
            planes = to_rgb_planes(shown)
            rows = decode_scrfd(
                self._model.infer((planes - np.float32(127.5)) / np.float32(128)),
                height=planes.shape[1],
                width=planes.shape[2],
                score_threshold=self._score_threshold,
            )
            if len(rows):
                return as_faces(rows, scale)
        return ()

    def refine(self, image: BgrImage, face: DetectedFace) -> DetectedFace:
        """The face as it is: this detector has no mesh."""
        del image
        return face


def decode_scrfd(
    outputs: Sequence[FloatArray],
    *,
    height: int,
    width: int,
    score_threshold: float = SCORE_THRESHOLD,
) -> Boxes:
    """SCRFD's nine outputs as faces, overlapping ones removed, best score first.

    An anchor in the corner (x, y) of its cell, of stride s, names one face: box (x − d₀ s, y − d₁ s, x + d₂ s,
    y + d₃ s), landmarks (x + kₓ s, y + k_y s).

    Args:
        outputs: score (n, 1), box (n, 4), key points (n, 10), each for the strides 8, 16, 32, in this order, n = 2
            anchors for each of height / s · width / s cells, row by row.
        height: of the model's input, a multiple of 32.
        width: the same.
        score_threshold: least score of a face.

    Returns:
        float64, shape (faces, 15): left, top, right, bottom, five points x, y, score.

    Raises:
        ModelError: ``model.unexpected_output``.
    """
    return decode_cells(outputs, _SCRFD, height=height, width=width, least=score_threshold)


def _score(outputs: Sequence[FloatArray]) -> FloatArray:
    return np.clip(outputs[0][:, 0], 0, 1)


def _box(corner: Boxes, box: FloatArray) -> Boxes:
    return np.concatenate([corner - box[:, :2], corner + box[:, 2:]], axis=1)


_SCRFD: Final = CellNet(
    name="SCRFD with key points", values=(1, 4, 10), anchors=2, score=_score, box=_box
)
