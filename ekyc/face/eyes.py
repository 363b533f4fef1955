"""How far each eye is open, by MediaPipe's iris net: it follows eyelids, which the mesh of the whole face does not.

The mesh places a crop of 64 pixels around each eye, level with its corners; the net marks the eyelids in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError, ModelError
from ekyc.imaging import flip_horizontally, to_rgb_planes
from ekyc.imaging.align import fit_similarity, warp_similarity

if TYPE_CHECKING:
    from ekyc.face.faces import FaceMesh
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

EYE_SIDE_PX: Final = 64
_MARGIN: Final = 2.3
"""Side of the crop over the width of the eye, as in MediaPipe's own graph."""
_RIGHT_CORNERS: Final = (33, 133)
"""Of the mesh, from left to right in the picture: outer and inner corner of the person's right eye."""
_LEFT_CORNERS: Final = (362, 263)
_CONTOUR_POINTS: Final = 71
_LOWER_LID: Final = slice(1, 8)
"""The contour begins with corner, lower lid, corner, upper lid, each lid from the first corner to the other."""
_OTHER_CORNER: Final = 8
_UPPER_LID: Final = slice(9, 16)


class EyeReader:
    """MediaPipe's iris net behind a :class:`~ekyc.ports.Model`; safe to share between threads."""

    def __init__(self, model: Model) -> None:
        """
        Args:
            model: registry entry ``mediapipe-iris``: float32 (3, 64, 64), red-green-blue planes, 0–1, a left eye; outputs
                71 points x, y, z of lids and brow in pixels of the crop, and 5 points of the iris.
        """
        self._model = model

    def openness(self, image: BgrImage, mesh: FaceMesh) -> tuple[float, float]:
        """Height of the eye over its width, the person's right and left eye; 0 is shut.

        Open eyes have about 0.15 to 0.35. An eye that looks down counts as nearly shut, and what the net says of an eye
        behind dark glass or a hand means nothing.

        Args:
            image: uint8, shape (height, width, 3), blue-green-red.
            mesh: of the face, in pixels of ``image``.

        Raises:
            ModelError: ``model.unexpected_output``.
            BusyError: the model's queue is full.
        """
        return (
            self._one(image, mesh, _RIGHT_CORNERS, mirrored=True),
            self._one(image, mesh, _LEFT_CORNERS, mirrored=False),
        )

    def _one(
        self, image: BgrImage, mesh: FaceMesh, corners: tuple[int, int], *, mirrored: bool
    ) -> float:
        try:
            similarity = fit_similarity(mesh.points[list(corners), :2], _CROP_CORNERS)
        except InputError:  # the corners coincide: an eye seen from the side shows no opening
            return 0.0
        crop = warp_similarity(image, similarity, EYE_SIDE_PX, EYE_SIDE_PX)
        if mirrored:
            crop = flip_horizontally(crop)
        return lid_opening(self._model.infer(to_rgb_planes(crop) / np.float32(255)))


def lid_opening(outputs: tuple[FloatArray, ...]) -> float:
    """Mean distance of the lids over the distance of the corners.

    Args:
        outputs: 213 numbers, 71 times x, y, z; others are not looked at.

    Raises:
        ModelError: ``model.unexpected_output``.
    """
    if (
        not outputs
        or outputs[0].shape != (3 * _CONTOUR_POINTS,)
        or not np.isfinite(outputs[0]).all()
    ):
        raise ModelError("the iris net did not give 71 points", code="model.unexpected_output")
    points = outputs[0].reshape(_CONTOUR_POINTS, 3)[:, :2].astype(np.float64)
    width = float(np.hypot(*(points[_OTHER_CORNER] - points[0])))
    gaps = np.hypot(*(points[_UPPER_LID] - points[_LOWER_LID]).T)
    return float(gaps.mean()) / width if width else 0.0


def _crop_corners() -> NDArray[np.float64]:
    middle, half = (EYE_SIDE_PX - 1) / 2, EYE_SIDE_PX / _MARGIN / 2
    return np.array([(middle - half, middle), (middle + half, middle)])


_CROP_CORNERS: Final = _crop_corners()
