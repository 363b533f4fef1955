"""Find faces and their five landmarks with SCRFD (Guo et al. 2021), as InsightFace's model packs ship it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from ekyc.errors import ModelError
from ekyc.face.detect import STRIDES, Boxes, as_faces, suppress_overlaps
from ekyc.imaging import pad_to_multiple, resize_long_side, to_rgb_planes

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

LONG_SIDES_PX = (640, 128)
"""As InsightFace: a usual picture, then one that a face fills. A picture is never enlarged."""
SCORE_THRESHOLD = 0.5
_ANCHORS = 2
"""Per cell, both in its corner."""


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
        for long_side in dict.fromkeys(
            min(size, max(image.shape[:2])) for size in self._long_sides_px
        ):
            small = resize_long_side(image, long_side)
            planes = to_rgb_planes(pad_to_multiple(small, STRIDES[-1]))
            outputs = self._model.infer((planes - np.float32(127.5)) / np.float32(128))
            rows = decode_scrfd(
                outputs,
                height=planes.shape[1],
                width=planes.shape[2],
                score_threshold=self._score_threshold,
            )
            if len(rows):
                scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
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
    expected = [
        (_ANCHORS * (height // stride) * (width // stride), values)
        for values in (1, 4, 10)
        for stride in STRIDES
    ]
    if [output.shape for output in outputs] != expected:
        raise ModelError(
            "the face detector's outputs do not have the shapes of SCRFD with key points",
            code="model.unexpected_output",
        )
    found = [
        _decode_stride(
            *outputs[i::3], stride=stride, columns=width // stride, least=score_threshold
        )
        for i, stride in enumerate(STRIDES)
    ]
    rows = np.concatenate(found)
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    return rows[suppress_overlaps(rows[:, :4])]


def _decode_stride(
    score: FloatArray,
    box: FloatArray,
    points: FloatArray,
    *,
    stride: int,
    columns: int,
    least: float,
) -> Boxes:
    kept = np.flatnonzero(score[:, 0] >= least)
    cells = kept // _ANCHORS
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64) * stride
    return np.concatenate(
        [
            corner - box[kept, :2] * stride,
            corner + box[kept, 2:] * stride,
            np.tile(corner, 5) + points[kept] * stride,
            np.clip(score[kept].astype(np.float64), 0, 1),
        ],
        axis=1,
    )
