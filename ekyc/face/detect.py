"""Find faces and their five landmarks with YuNet.

YuNet (libfacedetection, OpenCV Zoo ``face_detection_yunet_2023mar``) was trained on faces of about 10 to 300
pixels, so pictures are shrunk before they are shown to it, and shown at other sizes only when nothing was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from ekyc.face.cells import Boxes, CellNet, as_faces, decode_cells, shown_at
from ekyc.imaging import to_bgr_planes

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.face.mesh import FaceMesher
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

LONG_SIDES_PX = (480, 1280, 192)
"""Sizes at which a picture is shown, in turn until a face is found: a portrait or selfie, a small face in a large
picture, a face that fills the picture. A picture is never enlarged. On the London set eye centres are 5.3 % of the
eye distance off at 480 px and 8.1 % at 320 px."""
SCORE_THRESHOLD = 0.5
"""No face missed on 7,701 LFW and 204 London pictures, no box too many on London (measured, docs/face.md)."""
_MAX_LOG_SIDE = 8.0
"""exp(8) cells are larger than any picture shown: bounds what a broken model can claim."""


class FaceDetector:
    """YuNet behind a :class:`~ekyc.ports.Model`; safe to share between threads."""

    def __init__(
        self,
        model: Model,
        *,
        mesher: FaceMesher | None = None,
        long_sides_px: Sequence[int] = LONG_SIDES_PX,
        score_threshold: float = SCORE_THRESHOLD,
    ) -> None:
        """
        Args:
            model: registry entry ``yunet-2023mar``: float32 (3, H, W), blue-green-red planes, 0–255, H and W
                multiples of 32; outputs cls, obj, bbox, kps for the strides 8, 16, 32.
            mesher: what :meth:`refine` asks; without it faces keep the detector's points.
            long_sides_px: longer side at which a picture is shown; the next is tried when nothing was found.
            score_threshold: least score of a face, 0 to 1.
        """
        self._model = model
        self._mesher = mesher
        self._score_threshold = score_threshold
        self._long_sides_px = tuple(long_sides_px)

    def configured(self, *, long_sides_px: Sequence[int] | None, score_threshold: float) -> Self:
        """The same models with other settings; None keeps the sizes of its kind."""
        sizes = LONG_SIDES_PX if long_sides_px is None else long_sides_px
        return type(self)(
            self._model,
            mesher=self._mesher,
            long_sides_px=sizes,
            score_threshold=score_threshold,
        )

    def detect(self, image: BgrImage) -> tuple[DetectedFace, ...]:
        """Faces in a picture, the largest first.

        Args:
            image: uint8, shape (height, width, 3), blue-green-red, upright.

        Raises:
            ModelError: the model's outputs have the wrong number or shapes.
            BusyError: the model's queue is full.
        """
        for shown, scale in shown_at(image, self._long_sides_px):
            planes = to_bgr_planes(shown)
            rows = decode_yunet(
                self._model.infer(planes),
                height=planes.shape[1],
                width=planes.shape[2],
                score_threshold=self._score_threshold,
            )
            if len(rows):
                return as_faces(rows, scale)
        return ()

    def refine(self, image: BgrImage, face: DetectedFace) -> DetectedFace:
        """A face of this picture with its mesh, where the detector was given a mesher and it sees the face.

        Raises:
            ModelError, BusyError: as :meth:`detect`.
        """
        return face if self._mesher is None else self._mesher.refine(image, face)


def decode_yunet(
    outputs: Sequence[FloatArray],
    *,
    height: int,
    width: int,
    score_threshold: float = SCORE_THRESHOLD,
) -> Boxes:
    """YuNet's twelve outputs as faces, overlapping ones removed, best score first.

    A cell (row r, column c) of stride s names one face: its score is √(cls · obj), its centre
    ((c + b₀) · s, (r + b₁) · s), its sides (exp b₂ · s, exp b₃ · s), its landmarks ((c + kₓ) · s, (r + k_y) · s).

    Args:
        outputs: cls (n, 1), obj (n, 1), bbox (n, 4), kps (n, 10), each for the strides 8, 16, 32, in this order;
            n = height / s · width / s cells, row by row.
        height: of the model's input, a multiple of 32.
        width: the same.
        score_threshold: least score of a face.

    Returns:
        float64, shape (faces, 15): left, top, right, bottom, five points x, y, score.

    Raises:
        ModelError: ``model.unexpected_output``.
    """
    return decode_cells(outputs, _YUNET, height=height, width=width, least=score_threshold)


def _score(outputs: Sequence[FloatArray]) -> FloatArray:
    cls, obj = outputs[0][:, 0], outputs[1][:, 0]
    return np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))


def _box(corner: Boxes, bbox: FloatArray) -> Boxes:
    centre = corner + bbox[:, :2]
    half = np.exp(np.minimum(bbox[:, 2:].astype(np.float64), _MAX_LOG_SIDE)) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


_YUNET: Final = CellNet(name="YuNet", values=(1, 1, 4, 10), anchors=1, score=_score, box=_box)
