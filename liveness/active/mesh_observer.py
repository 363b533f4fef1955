"""Looks at real frames with the face room: detector, mesh, eyelids, embedder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.errors import InputError
from ekyc.face import FaceProblem, dominant_face, head_pose
from ekyc.imaging import crop, measure_quality
from ekyc.imaging.decode import ImageLimits, decode_image
from ekyc.liveness.active.memory import picture_hash
from ekyc.liveness.active.observation import (
    UNREADABLE,
    FaceObservation,
    FrameObservation,
    ObservationProblem,
)
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.face import DetectedFace, EyeReader, FaceDetector, FaceEmbedder
    from ekyc.face.faces import FaceMesh
    from ekyc.values import BgrImage

FRAME_LIMITS: Final = ImageLimits(max_bytes=512 * 1024, max_pixels=4_000_000, max_side_px=4096)
_SKIN_SHARE: Final = 0.5
"""Middle part of the face's box that counts as skin."""
_STRIP_SHARE: Final = 0.15
"""Left and right strips of the frame that count as background."""
_NOBODY: Final = FrameObservation(face=None, problem=ObservationProblem.NO_FACE)
_SEVERAL: Final = FrameObservation(face=None, problem=ObservationProblem.SEVERAL_FACES)
"""Neither has a hash: empty rooms look alike, and looking alike is called a replay."""


class MeshObserver:
    """A :class:`~ekyc.liveness.active.FrameObserver` over models; safe to share between threads."""

    def __init__(
        self,
        *,
        detector: FaceDetector,
        embedder: FaceEmbedder | None,
        eyes: EyeReader | None = None,
    ) -> None:
        """
        Args:
            detector: with a mesher; a face without a mesh counts as none.
            embedder: tells people apart; without one ``liveness.stream`` stays undecided.
            eyes: follows eyelids; without one do not ask for shut eyes: the mesh hardly sees them.
        """
        self._detector = detector
        self._embedder = embedder
        self._eyes = eyes

    def observe(self, payload: bytes) -> FrameObservation:
        """Look at one encoded picture of at most 4 Mpx.

        Raises:
            ModelError, BusyError: a model failed.
        """
        try:
            image = decode_image(payload, name="frame", limits=FRAME_LIMITS)
        except InputError:
            return UNREADABLE
        found = dominant_face(self._detector.detect(image))
        if isinstance(found, FaceProblem):
            return _SEVERAL if found is FaceProblem.SEVERAL_FACES else _NOBODY
        face = self._detector.refine(image, found)
        if face.mesh is None:
            return _NOBODY
        return FrameObservation(
            face=self._observed(image, face, face.mesh), picture_hash=picture_hash(image)
        )

    def _observed(self, image: BgrImage, face: DetectedFace, mesh: FaceMesh) -> FaceObservation:
        pose = head_pose(mesh)
        marks = face.landmarks
        corners = (marks.right_eye, marks.left_eye, marks.right_mouth, marks.left_mouth, marks.nose)
        eyes = mesh.eye_openness if self._eyes is None else self._eyes.openness(image, mesh)
        vector = None if self._embedder is None else self._embedder.embed(image, face)
        return FaceObservation(
            yaw_deg=pose.yaw_deg,
            pitch_deg=pose.pitch_deg,
            roll_deg=pose.roll_deg,
            eye_openness=max(eyes),
            mouth_opening=mesh.mouth_opening,
            box=face.box,
            face_bgr=_mean_colour(crop(image, _middle(face.box))),
            background_bgr=_background(image),
            embedding=None if vector is None else tuple(map(float, vector)),
            sharpness=measure_quality(image, face.box).sharpness,
            points=tuple((point.x, point.y) for point in corners),
        )


def _middle(box: BoxPx) -> BoxPx:
    across, down = (1 - _SKIN_SHARE) / 2 * box.width, (1 - _SKIN_SHARE) / 2 * box.height
    return BoxPx(
        left=box.left + across,
        top=box.top + down,
        right=box.right - across,
        bottom=box.bottom - down,
    )


def _background(image: BgrImage) -> tuple[float, float, float]:
    width = max(1, round(_STRIP_SHARE * image.shape[1]))
    return _mean_colour(np.concatenate([image[:, :width], image[:, -width:]], axis=1))


def _mean_colour(part: BgrImage) -> tuple[float, float, float]:
    blue, green, red = part.reshape(-1, 3).mean(axis=0).tolist()
    return blue, green, red
