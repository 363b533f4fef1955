"""Refine a detected face with MediaPipe's mesh, and say how the head is turned.

The detector's five points place a crop of 192 pixels; the mesh finds 468 points in it. All of them together place the
face for the embedder: single points tremble, their least-squares fit to the mean face hardly does.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError, ModelError
from ekyc.face.faces import MESH_POINTS, FaceMesh, HeadPose
from ekyc.imaging import to_rgb_planes
from ekyc.imaging.align import Similarity, fit_similarity, warp_similarity

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

CROP_SIDE_PX = 192
CROP_POINTS = np.array([(71, 75), (121, 75), (96, 102.5), (75, 131.5), (117, 131.5)])
"""Where the detector's five points go in the crop, so that the mesh spans two thirds of it: the net was trained on
such crops."""
MIN_PRESENCE = 0.0
"""Logit from which on the mesh is believed: an even chance."""
_VALUES = 3 * MESH_POINTS


class FaceMesher:
    """MediaPipe's face mesh behind a :class:`~ekyc.ports.Model`; safe to share between threads."""

    def __init__(self, model: Model) -> None:
        """
        Args:
            model: registry entry ``mediapipe-face-mesh``: float32 (3, 192, 192), red-green-blue planes, 0–1; outputs
                468 points x, y, z in pixels of the crop, and a logit of presence.
        """
        self._model = model

    def refine(self, image: BgrImage, face: DetectedFace) -> DetectedFace:
        """The face with its mesh and the mesh's five points; as it was where the net sees no face in the crop.

        Raises:
            ModelError: ``model.unexpected_output``.
            BusyError: the model's queue is full.
        """
        try:
            similarity = fit_similarity(face.landmarks.points, CROP_POINTS)
        except InputError:  # the points coincide: no crop can be placed
            return face
        crop = warp_similarity(image, similarity, CROP_SIDE_PX, CROP_SIDE_PX)
        mesh = decode_mesh(self._model.infer(to_rgb_planes(crop) / np.float32(255)), similarity)
        if mesh.presence < MIN_PRESENCE:
            return face
        return replace(face, landmarks=mesh.landmarks, mesh=mesh)


def decode_mesh(outputs: tuple[FloatArray, ...], similarity: Similarity) -> FaceMesh:
    """The net's answer in pixels of the source picture.

    Args:
        outputs: 1404 numbers, 468 times x, y, z, where x = 0 is the **edge** of the crop's first pixel; a logit.
        similarity: what took the source picture to the crop.

    Raises:
        ModelError: ``model.unexpected_output``.
    """
    if [output.shape for output in outputs] != [(_VALUES,), (1,)] or not all(
        np.isfinite(output).all() for output in outputs
    ):
        raise ModelError(
            "the face mesh did not give 468 points and a logit", code="model.unexpected_output"
        )
    points = outputs[0].reshape(MESH_POINTS, 3).astype(np.float64)
    z = (points[:, 0] - 0.5) + 1j * (points[:, 1] - 0.5)
    source = (z - similarity.shift) / similarity.turn
    depth = points[:, 2] / similarity.scale
    return FaceMesh(
        points=np.stack([source.real, source.imag, depth], axis=1), presence=float(outputs[1][0])
    )


@cache
def mean_face() -> NDArray[np.float64]:
    """float64, shape (468, 3): the mean face in the embedder's 112 × 112 pixels; provenance stands in the file."""
    file = resources.files("ekyc.data") / "face_template.json"
    points = np.array(json.loads(file.read_text(encoding="utf-8"))["points"])
    points.flags.writeable = False
    return points


def alignment_of(mesh: FaceMesh) -> Similarity:
    """What takes the source picture to the embedder's 112 × 112 pixels: least squares over all 468 points.

    Raises:
        InputError: ``face.degenerate_landmarks``.
    """
    return fit_similarity(mesh.points[:, :2], mean_face()[:, :2])


def head_pose(mesh: FaceMesh) -> HeadPose:
    """The rotation that takes the mean face nearest to a mesh (Kabsch 1976), as three angles."""
    mean, found = (points - points.mean(axis=0) for points in (mean_face(), mesh.points))
    left, _, right = np.linalg.svd(found.T @ mean)
    sign = np.sign(np.linalg.det(left @ right))
    rotation = left @ np.diag([1.0, 1.0, sign]) @ right
    forward, across = -rotation[:, 2], rotation[:, 0]
    return HeadPose(
        yaw_deg=float(np.degrees(np.arctan2(forward[0], -forward[2]))),
        pitch_deg=float(np.degrees(np.arctan2(-forward[1], np.hypot(forward[0], forward[2])))),
        roll_deg=float(np.degrees(np.arctan2(across[1], across[0]))),
    )
