"""Find faces and their five landmarks with YuNet.

YuNet (libfacedetection, OpenCV Zoo ``face_detection_yunet_2023mar``) was trained on faces of about 10 to 300
pixels, so pictures are shrunk before they are shown to it, and shown at other sizes only when nothing was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import ModelError
from ekyc.face.faces import DetectedFace, Landmarks
from ekyc.imaging import pad_to_multiple, resize_long_side, to_bgr_planes
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.face.mesh import FaceMesher
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

STRIDES = (8, 16, 32)
"""Pixels of the model's input per cell, one output of each kind for each stride."""
LONG_SIDES_PX = (480, 1280, 192)
"""Sizes at which a picture is shown, in turn until a face is found: a portrait or selfie, a small face in a large
picture, a face that fills the picture. A picture is never enlarged. On the London set eye centres are 5.3 % of the
eye distance off at 480 px and 8.1 % at 320 px."""
SCORE_THRESHOLD = 0.5
"""No face missed on 7,701 LFW and 204 London pictures, no box too many on London (measured, docs/face.md)."""
NMS_OVERLAP = 0.3
"""Boxes that share more than this (intersection over union) are one face."""
MAX_FACES = 50
_MAX_LOG_SIDE = 8.0
"""exp(8) cells are larger than any picture shown: bounds what a broken model can claim."""

Boxes = NDArray[np.float64]


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
        shown: set[int] = set()
        for long_side in self._long_sides_px:
            size = min(long_side, max(image.shape[:2]))
            if size in shown:
                continue
            shown.add(size)
            faces = self._detect_at(image, size)
            if faces:
                return faces
        return ()

    def refine(self, image: BgrImage, face: DetectedFace) -> DetectedFace:
        """A face of this picture with its mesh, where the detector was given a mesher and it sees the face.

        Raises:
            ModelError, BusyError: as :meth:`detect`.
        """
        return face if self._mesher is None else self._mesher.refine(image, face)

    def _detect_at(self, image: BgrImage, long_side: int) -> tuple[DetectedFace, ...]:
        small = resize_long_side(image, long_side)
        planes = to_bgr_planes(pad_to_multiple(small, STRIDES[-1]))
        outputs = self._model.infer(planes)
        scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        rows = decode_yunet(
            outputs,
            height=planes.shape[1],
            width=planes.shape[2],
            score_threshold=self._score_threshold,
        )
        return as_faces(rows, scale)


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
    _verify_shapes(outputs, height, width)
    found = [
        _decode_stride(
            *outputs[i::3],
            stride=stride,
            columns=width // stride,
            least=score_threshold,
        )
        for i, stride in enumerate(STRIDES)
    ]
    rows = np.concatenate(found)
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    return rows[suppress_overlaps(rows[:, :4])]


def _decode_stride(
    cls: FloatArray,
    obj: FloatArray,
    bbox: FloatArray,
    kps: FloatArray,
    *,
    stride: int,
    columns: int,
    least: float,
) -> Boxes:
    score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
    cells = np.flatnonzero(score >= least)
    origin = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64)
    centre = (origin + bbox[cells, :2]) * stride
    half = np.exp(np.minimum(bbox[cells, 2:].astype(np.float64), _MAX_LOG_SIDE)) * stride / 2
    points = (np.tile(origin, 5) + kps[cells]) * stride
    return np.concatenate([centre - half, centre + half, points, score[cells, None]], axis=1)


def suppress_overlaps(boxes: Boxes) -> list[int]:
    """Indices of the boxes to keep, best first: each one drops those after it that overlap it too much.

    Args:
        boxes: float64, shape (n, 4): left, top, right, bottom, best first.
    """
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept: list[int] = []
    left = np.arange(len(boxes))
    while left.size and len(kept) < MAX_FACES:
        best, rest = left[0], left[1:]
        kept.append(int(best))
        lower = np.maximum(boxes[best, :2], boxes[rest, :2])
        upper = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(upper - lower, 0), axis=1)
        union = areas[best] + areas[rest] - shared
        left = rest[shared <= NMS_OVERLAP * union]
    return kept


def _verify_shapes(outputs: Sequence[FloatArray], height: int, width: int) -> None:
    expected = [
        (height // stride * (width // stride), values)
        for values in (1, 1, 4, 10)
        for stride in STRIDES
    ]
    if [output.shape for output in outputs] != expected:
        raise ModelError(
            "the face detector's outputs do not have the shapes of YuNet",
            code="model.unexpected_output",
        )


def as_faces(rows: Boxes, scale: NDArray[np.float64]) -> tuple[DetectedFace, ...]:
    """Decoded rows as faces of the source picture, the largest first.

    Args:
        rows: float64, shape (faces, 15), as :func:`decode_yunet` gives them.
        scale: source pixels per pixel of the model's input, to the right and down.
    """
    faces = (_as_face(row, scale) for row in rows)
    return tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height))


def _as_face(row: NDArray[np.float64], scale: NDArray[np.float64]) -> DetectedFace:
    left, top, right, bottom = (row[:4].reshape(2, 2) * scale).ravel().tolist()
    return DetectedFace(
        box=BoxPx(left=left, top=top, right=right, bottom=bottom),
        landmarks=Landmarks.of(row[4:14].reshape(5, 2) * scale),
        score=float(row[14]),
    )
