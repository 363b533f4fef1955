"""Turn a face into a vector with SFace; near vectors are likely the same person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import InputError, ModelError
from ekyc.face.mesh import alignment_of
from ekyc.imaging import flip_horizontally, to_rgb_planes
from ekyc.imaging.align import fit_similarity, warp_similarity

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

ALIGNED_SIDE_PX = 112
EMBEDDING_LENGTH = 128

ALIGNED_POINTS = np.array(
    [
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ]
)
"""Where SFace (like every ArcFace-style embedder) expects eyes, nose and mouth corners in 112 × 112 pixels,
in the order of :class:`~ekyc.face.faces.Landmarks`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelForm:
    """What an embedder wants done to red-green-blue values 0–255, and how long its vectors are."""

    mean: float
    scale: float
    """Values become (value − mean) / scale."""
    length: int | None
    """None takes any length."""


SFACE = PixelForm(mean=0.0, scale=1.0, length=EMBEDDING_LENGTH)
"""Normalisation is in the graph."""
ARCFACE = PixelForm(mean=127.5, scale=127.5, length=None)
"""Embedders of InsightFace's packs."""


class FaceEmbedder:
    """SFace, or another embedder that takes the same 112 × 112 pixels, behind a :class:`~ekyc.ports.Model`; safe to share between threads."""

    def __init__(self, model: Model, *, pixels: PixelForm = SFACE, flip: bool = False) -> None:
        """
        Args:
            model: registry entry ``sface-2021dec``: float32 (3, 112, 112), red-green-blue planes, 0–255
                (normalisation is in the graph); output (128,).
            pixels: the form that another model wants.
            flip: add the vector of the mirrored face: twice the work (what it gains: docs/face.md).
        """
        self._model = model
        self._pixels = pixels
        self.flip = flip

    @property
    def model_id(self) -> str:
        """Id of the model in the registry."""
        return self._model.id

    def embed(self, image: BgrImage, face: DetectedFace) -> FloatArray:
        """The face's vector: float32, shape (128,), length 1.

        Raises:
            InputError: ``face.degenerate_landmarks``.
            ModelError: the output is not 128 finite numbers, or all are zero.
        """
        return unit_vector(self.embed_crop(align_face(image, face)))

    def embed_crop(self, aligned: BgrImage) -> FloatArray:
        """The vector of an aligned face as the model gives it, not of length 1: float32, shape (128,).

        Args:
            aligned: uint8, shape (112, 112, 3), blue-green-red, as :func:`align_face` gives it.

        Raises:
            InputError: ``face.not_aligned``: another shape.
            ModelError: the output is not 128 finite numbers, or all are zero.
        """
        if aligned.shape != (ALIGNED_SIDE_PX, ALIGNED_SIDE_PX, 3):
            raise InputError("an aligned face is 112 × 112 pixels", code="face.not_aligned")
        raw = self._infer(aligned)
        return raw + self._infer(flip_horizontally(aligned)) if self.flip else raw

    def _infer(self, aligned: BgrImage) -> FloatArray:
        form, planes = self._pixels, to_rgb_planes(aligned)
        if form.mean or form.scale != 1.0:
            planes = (planes - np.float32(form.mean)) / np.float32(form.scale)
        (raw,) = self._model.infer(planes)
        right_length = raw.ndim == 1 and form.length in {None, len(raw)}
        if not right_length or not np.isfinite(raw).all() or not raw.any():
            raise ModelError(
                f"the face embedder did not give {form.length or 'a row of'} finite numbers",
                code="model.unexpected_output",
            )
        return raw


def unit_vector(raw: FloatArray) -> FloatArray:
    """A vector brought to length 1."""
    length = float(np.linalg.norm(raw))
    if length == 0:
        raise ModelError("a vector of length 0", code="model.unexpected_output")
    return (raw / length).astype(np.float32)


def align_face(image: BgrImage, face: DetectedFace) -> BgrImage:
    """The face upright and centred: uint8, shape (112, 112, 3), blue-green-red.

    By all points of the mesh where there is one, else by the five points.

    Raises:
        InputError: ``face.degenerate_landmarks``.
    """
    if face.mesh is not None:
        similarity = alignment_of(face.mesh)
    else:
        similarity = fit_similarity(face.landmarks.points, ALIGNED_POINTS)
    return warp_similarity(image, similarity, ALIGNED_SIDE_PX, ALIGNED_SIDE_PX)


def cosine(first: FloatArray, second: FloatArray) -> float:
    """Cosine of two unit vectors, −1 to 1; higher is more alike."""
    return float(np.clip(np.dot(first.astype(np.float64), second.astype(np.float64)), -1.0, 1.0))
