"""Passive presentation-attack detection: do these frames show a living face, or a picture of one?

1. Exactly repeated frames count once.
2. Gates: one dominant face, wide enough, with surroundings, neither blurred nor badly lit. A frame that fails a gate
   is set aside; bad quality is never called an attack.
3. Each remaining frame is scored by a network on four cuts (:mod:`ekyc.liveness.score`), and searched for the pixel
   grid of a screen (:mod:`ekyc.liveness.screen_lines`).
4. The medians over frames are held against thresholds. FAILED may follow from a single frame; PASSED needs
   ``min_frames``, because single frames of a replayed video do pass.

Terms follow ISO/IEC 30107-1 (presentation attack, bona fide) and 30107-3 (APCER, BPCER). Nothing here is certified to
them.

What PASSED does not prove: one colour camera and one network with undisclosed training data stop prints and most
screens; they do **not** stop masks (two of three paper masks and two of three 3D masks pass), nor generated or
injected video, nor that the frames are fresh. See docs/liveness.md.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.errors import InputError, LimitError
from ekyc.face import FaceProblem, dominant_face
from ekyc.imaging import CaptureQuality, measure_quality
from ekyc.liveness.score import FrameScore, context_scale, score_frame
from ekyc.liveness.screen_lines import measure_screen_lines
from ekyc.outcomes import Check, Measurement, Outcome

if TYPE_CHECKING:
    from ekyc.face import DetectedFace, FaceDetector
    from ekyc.ports import Model
    from ekyc.values import BgrImage

CHECK_ID = "liveness.passive"
LEAST_MIN_FRAMES = 3
"""A median over fewer frames is no median."""


class FrameProblem(StrEnum):
    """Why a frame is not scored; the value is the last part of the reason code ``liveness.…``."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    NO_SURROUNDINGS = "no_surroundings"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PadThresholds:
    """Bounds of passive detection with ``faceplugin-liveness``.

    ``live_at`` and ``spoof_below`` come from a study of 20 attack and 4 bona fide presentations with this network
    and these cuts (docs/liveness.md gives rates and intervals). The sample is tiny and the thresholds were chosen on
    it; calibrate on your own captures. The gates on light and sharpness only shut out frames that show nothing.
    """

    live_at: float = 0.50
    """PASSED from this median on."""
    spoof_below: float = 0.40
    """FAILED below this median; between the two INDETERMINATE."""
    screen_lines_at: float = 3.0
    """FAILED from this median excess of a regular line on (nats of power). Chosen on honest pictures alone: at most
    1.5 on the 204 London faces, at most 2.8 on 3,809 whole LFW pictures; the two that exceed it, of 3,811, show a
    television screen."""
    min_frames: int = 5
    """Distinct, usable frames that PASSED needs; at least 3."""
    max_frames: int = 60
    """More are refused: each costs four runs of the network."""
    min_face_width_px: float = 160.0
    """Smaller faces carry too little of the texture that tells a screen or print."""
    min_context: float = 1.5
    """Sides of the largest cut that fits around the face, in sides of its box: on tight cuts the network lets
    every attack through."""
    min_sharpness: float = 8.0
    """Variance of the Laplacian, see :class:`~ekyc.imaging.CaptureQuality`."""
    min_brightness: float = 30.0
    """Mean luma of the face."""
    max_brightness: float = 235.0
    """Mean luma of the face."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.spoof_below <= self.live_at <= 1.0:
            raise InputError(
                "thresholds must keep 0 ≤ spoof_below ≤ live_at ≤ 1",
                code="liveness.thresholds_invalid",
            )
        if not LEAST_MIN_FRAMES <= self.min_frames <= self.max_frames:
            raise InputError(
                f"min_frames must be at least {LEAST_MIN_FRAMES} and at most max_frames",
                code="liveness.thresholds_invalid",
            )


DEFAULT_PAD = PadThresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLiveness:
    """What was found in one frame."""

    index: int
    """Position of the frame among those submitted."""
    problem: FrameProblem | None
    """Why the frame was not scored, or None."""
    score: FrameScore | None
    """The network's scores, or None."""
    screen_lines_nats: float | None
    """Excess of the strongest regular line over the face, or None."""
    face_width_px: float | None
    quality: CaptureQuality | None
    """Of the face's box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessReport:
    """Result of :func:`check_liveness`. For the operator: telling the scores to the person before the camera
    teaches an attacker.
    """

    check: Check
    """``liveness.passive``."""
    thresholds: PadThresholds
    median: float | None
    """Median live score of the scored frames, 0 (attack) to 1 (bona fide), or None."""
    screen_lines_nats: float | None
    """Median over the scored frames, or None."""
    frames: tuple[FrameLiveness, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        return (self.check,)

    @property
    def scored(self) -> tuple[FrameScore, ...]:
        """Scores of the frames that passed the gates."""
        return tuple(frame.score for frame in self.frames if frame.score is not None)


def check_liveness(
    frames: Sequence[BgrImage],
    *,
    detector: FaceDetector,
    pad_model: Model,
    thresholds: PadThresholds = DEFAULT_PAD,
) -> LivenessReport:
    """Score the frames of one capture and judge them together.

    Args:
        frames: whole camera frames, not cut to the face: uint8 (height, width, 3), blue-green-red.
        detector: finds the faces.
        pad_model: registry entry ``faceplugin-liveness``.
        thresholds: gates and bounds.

    Returns:
        Check ``liveness.passive``: PASSED, FAILED (``liveness.presentation_attack``), INDETERMINATE (between the
        thresholds, too few usable frames), or NOT_PERFORMED without frames.

    Raises:
        LimitError: ``liveness.too_many_frames``.
        ModelError, BusyError: a model failed; nothing about the pictures raises.
    """
    started = time.perf_counter()
    verify_frame_count(len(frames), thresholds)
    looked_at = _look_at_all(frames, detector, pad_model, thresholds)
    scores = [frame.score.live for frame in looked_at if frame.score is not None]
    median = statistics.median(scores) if scores else None
    lines = [f.screen_lines_nats for f in looked_at if f.screen_lines_nats is not None]
    median_lines = statistics.median(lines) if lines else None
    outcome, reasons = _judge(looked_at, median, median_lines, thresholds)
    check = Check(
        id=CHECK_ID,
        outcome=outcome,
        reasons=reasons,
        measurements=_measurements(median, median_lines, len(scores), thresholds),
        duration_ms=(time.perf_counter() - started) * 1000,
    )
    return LivenessReport(
        check=check,
        thresholds=thresholds,
        median=median,
        screen_lines_nats=median_lines,
        frames=looked_at,
    )


def verify_frame_count(count: int, thresholds: PadThresholds = DEFAULT_PAD) -> None:
    """Refuse too many frames, best before they are decoded.

    Raises:
        LimitError: ``liveness.too_many_frames``.
    """
    if count > thresholds.max_frames:
        raise LimitError(
            f"more than {thresholds.max_frames} frames", code="liveness.too_many_frames"
        )


def _look_at_all(
    frames: Sequence[BgrImage],
    detector: FaceDetector,
    pad_model: Model,
    thresholds: PadThresholds,
) -> tuple[FrameLiveness, ...]:
    seen: set[bytes] = set()
    found: list[FrameLiveness] = []
    for index, frame in enumerate(frames):
        digest = _digest(frame)
        if digest in seen:  # (1)
            found.append(_set_aside(index, FrameProblem.REPEATED))
        else:
            found.append(_look_at(index, frame, detector, pad_model, thresholds))
        seen.add(digest)
    return tuple(found)


def _look_at(
    index: int,
    frame: BgrImage,
    detector: FaceDetector,
    pad_model: Model,
    thresholds: PadThresholds,
) -> FrameLiveness:
    face = dominant_face(detector.detect(frame))  # (2)
    if isinstance(face, FaceProblem):
        return _set_aside(index, FrameProblem(face.value))
    quality = measure_quality(frame, face.box)
    problem = _gate(frame, face, quality, thresholds)
    return FrameLiveness(
        index=index,
        problem=problem,
        score=None if problem else score_frame(frame, face.box, pad_model),  # (3)
        screen_lines_nats=None if problem else measure_screen_lines(frame, face.box),
        face_width_px=face.box.width,
        quality=quality,
    )


def _gate(
    frame: BgrImage, face: DetectedFace, quality: CaptureQuality, thresholds: PadThresholds
) -> FrameProblem | None:
    height, width = frame.shape[:2]
    failing = (
        (face.box.width < thresholds.min_face_width_px, FrameProblem.FACE_TOO_SMALL),
        (
            context_scale(face.box, width, height) < thresholds.min_context,
            FrameProblem.NO_SURROUNDINGS,
        ),
        (quality.brightness < thresholds.min_brightness, FrameProblem.TOO_DARK),
        (quality.brightness > thresholds.max_brightness, FrameProblem.TOO_BRIGHT),
        (quality.sharpness < thresholds.min_sharpness, FrameProblem.BLURRED),
    )
    return next((problem for fails, problem in failing if fails), None)


def _judge(
    frames: Sequence[FrameLiveness],
    median: float | None,
    screen_lines: float | None,
    thresholds: PadThresholds,
) -> tuple[Outcome, tuple[str, ...]]:
    """Step 4."""
    if not frames:
        return Outcome.NOT_PERFORMED, ("liveness.no_frames",)
    problems = _problems(frames)
    if median is None or screen_lines is None:
        return Outcome.INDETERMINATE, problems
    attack = _attack_reasons(median, screen_lines, thresholds)
    if attack:
        return Outcome.FAILED, attack
    if median < thresholds.live_at:
        return Outcome.INDETERMINATE, ("liveness.uncertain",)
    if sum(frame.score is not None for frame in frames) < thresholds.min_frames:
        return Outcome.INDETERMINATE, ("liveness.too_few_frames", *problems)
    return Outcome.PASSED, ()


def _attack_reasons(
    median: float, screen_lines: float, thresholds: PadThresholds
) -> tuple[str, ...]:
    signs = (
        (median < thresholds.spoof_below, "liveness.presentation_attack"),
        (screen_lines >= thresholds.screen_lines_at, "liveness.screen_pattern"),
    )
    return tuple(code for shown, code in signs if shown)


def _problems(frames: Sequence[FrameLiveness]) -> tuple[str, ...]:
    """Reason codes of the frames set aside, the commonest first."""
    counted = Counter(frame.problem for frame in frames if frame.problem is not None)
    return tuple(f"liveness.{problem}" for problem, _ in counted.most_common())


def _set_aside(index: int, problem: FrameProblem) -> FrameLiveness:
    return FrameLiveness(
        index=index,
        problem=problem,
        score=None,
        screen_lines_nats=None,
        face_width_px=None,
        quality=None,
    )


def _digest(frame: BgrImage) -> bytes:
    return hashlib.sha256(repr(frame.shape).encode() + frame.tobytes()).digest()


def _measurements(
    median: float | None, screen_lines: float | None, scored: int, thresholds: PadThresholds
) -> tuple[Measurement, ...]:
    measured = (
        ("live_score", median, "", thresholds.live_at),
        ("screen_lines", screen_lines, "nat", thresholds.screen_lines_at),
        ("usable_frames", float(scored), "", float(thresholds.min_frames)),
    )
    return tuple(
        Measurement(name=name, value=value, unit=unit, threshold=threshold)
        for name, value, unit, threshold in measured
        if value is not None
    )
