"""What is known of a face in a picture: where it is, its five points, its mesh, how the head is turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ekyc.values import BoxPx, PointPx

MESH_POINTS = 468

RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
"""Points of the mesh around the **person's** right eye."""
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
NOSE, RIGHT_MOUTH, LEFT_MOUTH = 4, 61, 291
_RIGHT_LIDS = ((33, 133), (160, 144), (158, 153))
"""The two corners of the eye, then two pairs of upper and lower lid."""
_LEFT_LIDS = ((263, 362), (387, 373), (385, 380))
_INNER_MOUTH = ((78, 308), (82, 87), (13, 14), (312, 317))


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """Five points in pixels of the source picture; left and right are the **person's** own."""

    right_eye: PointPx
    left_eye: PointPx
    nose: PointPx
    right_mouth: PointPx
    left_mouth: PointPx

    @classmethod
    def of(cls, points: NDArray[np.float64]) -> Landmarks:
        """From shape (5, 2), in the order of the fields."""
        listed = [PointPx(x, y) for x, y in points.tolist()]
        return cls(
            right_eye=listed[0],
            left_eye=listed[1],
            nose=listed[2],
            right_mouth=listed[3],
            left_mouth=listed[4],
        )

    @property
    def points(self) -> NDArray[np.float64]:
        """float64, shape (5, 2), in the order of the fields."""
        listed = (self.right_eye, self.left_eye, self.nose, self.right_mouth, self.left_mouth)
        return np.array([(point.x, point.y) for point in listed])

    @property
    def eye_distance_px(self) -> float:
        """Distance of the eye centres in pixels."""
        return float(
            np.hypot(self.left_eye.x - self.right_eye.x, self.left_eye.y - self.right_eye.y)
        )

    @property
    def frontality(self) -> float:
        """1 where the nose lies midway between the eyes, 0 where it lies below one of them.

        A cheap measure of turning left or right (yaw); it is blind to nodding.
        """
        points = self.points
        axis = points[1] - points[0]
        length = float(axis @ axis)
        if length == 0:
            return 0.0
        along = float((points[2] - points[0]) @ axis) / length
        return max(0.0, 1.0 - 2.0 * abs(along - 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPose:
    """How a head is turned, in degrees, against the mean of frontal portraits. Good to a few degrees at best."""

    yaw_deg: float
    """Positive towards the person's own left."""
    pitch_deg: float
    """Positive upwards."""
    roll_deg: float
    """Positive clockwise in the picture: the person leans to the own left shoulder."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceMesh:
    """The 468 points of MediaPipe's face mesh."""

    points: NDArray[np.float64]
    """float64, shape (468, 3): x, y in pixels of the source picture (0 is the middle of the first pixel), z in the
    same unit, growing away from the camera."""
    presence: float
    """Logit that there is a face in the crop, about 10 to 60 on faces; says nothing about identity or liveness."""

    @property
    def landmarks(self) -> Landmarks:
        """The five points of alignment; an eye is the mean of its contour."""
        flat = self.points[:, :2]
        eyes = [flat[list(contour)].mean(axis=0) for contour in (RIGHT_EYE, LEFT_EYE)]
        return Landmarks.of(np.array([*eyes, flat[NOSE], flat[RIGHT_MOUTH], flat[LEFT_MOUTH]]))

    @property
    def eye_openness(self) -> tuple[float, float]:
        """Height of the eye over its width, the person's right and left eye; 0 is shut.

        Open eyes have about 0.2 to 0.4 and differ from person to person: a blink is a drop against the person's own
        open eye, never a number of its own.
        """
        return self._opening(_RIGHT_LIDS), self._opening(_LEFT_LIDS)

    @property
    def mouth_opening(self) -> float:
        """Height of the gap between the lips over the width of the mouth; 0 is shut."""
        return self._opening(_INNER_MOUTH)

    def _opening(self, pairs: tuple[tuple[int, int], ...]) -> float:
        """Mean distance of the later pairs over that of the first."""
        width, *gaps = (
            float(np.hypot(*(self.points[first, :2] - self.points[second, :2])))
            for first, second in pairs
        )
        return float(np.mean(gaps)) / width if width else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFace:
    """One face in a picture."""

    box: BoxPx
    """In pixels of the source picture; may reach outside it."""
    landmarks: Landmarks
    """Of the detector; of the mesh where there is one."""
    score: float
    """Detector's confidence, 0 to 1; says nothing about identity or liveness."""
    mesh: FaceMesh | None = None
    """Where a mesh was asked for and found."""
