"""What only the run of frames tells: loops, cuts, flatness.

A living head is never twice at the same place in the same way: hands and neck tremble by more than a detector's error
over a re-encoded picture. A recording that starts again repeats its tremble.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ekyc.liveness.active.gestures import TimedFace
from ekyc.liveness.active.observation import FaceObservation

SHORTEST_LOOP_FRAMES: Final = 12
REPEATS_BELOW: Final = 0.35
"""Difference of two stretches over their own frame-to-frame difference: about 1 or more for a living head, near 0 for
a stretch that is shown again."""
JUMP_FACES: Final = 0.7
"""A face that moves by this much of its width between two frames was not moved but cut."""
JUMP_WITHIN_S: Final = 0.2
PARALLAX_POINTS: Final = ("right eye", "left eye", "right mouth", "left mouth", "nose")

_Floats = NDArray[np.float64]


def motion_repeats(faces: Sequence[TimedFace]) -> float:
    """How closely a later stretch of 12 or more frames follows an earlier one, in units of their own tremble.

    Returns:
        The smallest ratio over all pairs of stretches; below :data:`REPEATS_BELOW` the motion repeats. Infinite where
        there are too few frames or no motion at all.
    """
    track = _track([face for _, face in faces])
    if len(track) < 2 * SHORTEST_LOOP_FRAMES:
        return float("inf")
    steps = np.diff(track, axis=0)
    spread = np.median(np.abs(steps), axis=0)
    moving = spread > 1e-9
    if not moving.any():
        return float("inf")
    scaled = track[:, moving] / spread[moving]
    width, count = SHORTEST_LOOP_FRAMES, len(scaled)
    own = _sliding_mean(np.square(np.diff(scaled, axis=0)).mean(axis=1), width - 1)
    square = np.square(scaled).sum(axis=1)
    apart = (square[:, None] + square[None, :] - 2 * scaled @ scaled.T) / scaled.shape[1]
    lowest = float("inf")
    for lag in range(width, count - width + 1):
        window = _sliding_mean(np.maximum(np.diagonal(apart, lag), 0.0), width)
        lowest = min(lowest, float((window / np.maximum(own[: len(window)], 1e-12)).min()))
    return float(np.sqrt(lowest))


def picture_jumps(faces: Sequence[TimedFace]) -> int:
    """How often the face is elsewhere, or of another size, from one frame to the next."""
    jumps = 0
    for (before_s, before), (after_s, after) in pairwise(faces):
        if after_s - before_s > JUMP_WITHIN_S:
            continue
        width = max(before.box.width, after.box.width)
        moved = max(
            abs(after.box.left + after.box.right - before.box.left - before.box.right) / 2,
            abs(after.box.top + after.box.bottom - before.box.top - before.box.bottom) / 2,
            2 * abs(after.box.width - before.box.width),
        )
        jumps += moved > JUMP_FACES * width
    return jumps


def measure_parallax(straight: FaceObservation, turned: FaceObservation) -> float | None:
    """How far the nose leaves the plane of eyes and mouth when the head turns, in eye distances.

    A soft cue: a flat picture keeps it near 0, but landmark nets imagine depth in pictures too. It decides nothing.

    Args:
        straight: with the five points of :data:`PARALLAX_POINTS`.
        turned: the same, turned by 15 degrees or more.

    Returns:
        The distance, or None without points.
    """
    if min(len(straight.points), len(turned.points)) < len(PARALLAX_POINTS):
        return None
    source, target = np.array(straight.points[:5]), np.array(turned.points[:5])
    plane = np.c_[source[:4], np.ones(4)]
    solution, *_ = np.linalg.lstsq(plane, target[:4], rcond=None)
    expected = np.r_[source[4], 1.0] @ solution
    eyes = float(np.linalg.norm(source[1] - source[0]))
    return float(np.linalg.norm(target[4] - expected)) / eyes if eyes > 0 else None


def _track(faces: Sequence[FaceObservation]) -> _Floats:
    """Shape (frames, 6): angles in degrees, centre and width in percent of a face."""
    if not faces:
        return np.empty((0, 6))
    width = float(np.median([face.box.width for face in faces]))
    return np.array(
        [
            (
                face.yaw_deg,
                face.pitch_deg,
                face.roll_deg,
                50 * (face.box.left + face.box.right) / width,
                50 * (face.box.top + face.box.bottom) / width,
                100 * face.box.width / width,
            )
            for face in faces
        ]
    )


def _sliding_mean(values: _Floats, width: int) -> _Floats:
    sums = np.cumsum(np.r_[0.0, values])
    return np.asarray((sums[width:] - sums[:-width]) / width)
