"""Passive presentation-attack detection: do these frames show a living face, or a picture of one?

1. Exactly repeated frames count once.
2. Gates: one dominant face, wide enough, with surroundings, neither blurred nor badly lit. A frame that fails a gate
   is set aside; bad quality is never called an attack.
3. Each remaining frame is scored by a network on the cuts of the profile (:mod:`ekyc.liveness.score`), and searched for
   the pixel grid of a screen (:mod:`ekyc.liveness.screen_lines`). One that scores as an attack is looked at again at
   ordinary exposure, because the network takes dim pictures of anything for attacks.
4. The medians over frames are held against thresholds. FAILED may follow from a single frame, but from the better of both
   looks; PASSED follows from the first look alone, and needs ``min_frames`` above the policy's level for single frames,
   because single frames of a replayed video do pass.

Terms follow ISO/IEC 30107-1 and 30107-3; nothing here is certified to them.

What PASSED does not prove: one colour camera and one network with undisclosed training data stop prints and most
screens; they do **not** stop masks (two of three paper masks and two of three 3D masks pass), nor generated or
injected video, nor that the frames are fresh. See docs/liveness.md.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.errors import InputError, LimitError
from ekyc.face import FaceProblem, dominant_face
from ekyc.face.detect import SCORE_THRESHOLD
from ekyc.imaging import CaptureQuality, measure_quality
from ekyc.liveness.gates import FrameProblem, find_problem
from ekyc.liveness.profiles import (
    DEFAULT_PAD,
    DEFAULT_POLICY,
    DEFAULT_PROFILE,
    PadPolicy,
    PadProfile,
    PadThresholds,
    Views,
)
from ekyc.liveness.score import (
    ALL_VIEWS,
    VIEWS_IN_TURN,
    FrameScore,
    View,
    gain_to,
    score_frame,
)
from ekyc.liveness.screen_lines import measure_screen_lines
from ekyc.outcomes import Check, Measurement, Outcome
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.face import FaceDetector
    from ekyc.liveness.silent_face import SilentFace
    from ekyc.ports import Model
    from ekyc.values import BgrImage

CHECK_ID = "liveness.passive"
_FORBIDDEN: Final[tuple[Outcome, tuple[str, ...]]] = (
    Outcome.NOT_PERFORMED,
    ("model.undisclosed_not_allowed",),
)
_MUCH: Final = 0.1
"""A gain this near to 1 shows the network nothing new."""


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
    profile: PadProfile
    policy: PadPolicy
    median: float | None
    """Median live score of the scored frames, 0 (attack) to 1 (bona fide), or None. Where cuts are looked at in turn, the
    mean of the medians of each."""
    at_best: float | None
    """The same of the better of both looks: what FAILED is decided by."""
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
    profile: PadProfile = DEFAULT_PROFILE,
    policy: PadPolicy = DEFAULT_POLICY,
    thresholds: PadThresholds | None = None,
    silent_face: SilentFace | None = None,
) -> LivenessReport:
    """Score the frames of one capture and judge them together.

    Args:
        frames: whole camera frames, not cut to the face: uint8 (height, width, 3), blue-green-red.
        detector: finds the faces.
        pad_model: registry entry ``faceplugin-liveness``.
        profile: what the network sees, and gates and bounds.
        policy: what the operator accepts.
        thresholds: other gates and bounds than the profile's.
        silent_face: the nets that the profile ``user_weights`` asks for.

    Returns:
        Check ``liveness.passive``: PASSED, FAILED (``liveness.presentation_attack``, ``liveness.screen_pattern``),
        INDETERMINATE (between the thresholds, poor light, too few usable frames), or NOT_PERFORMED without frames or when
        the policy forbids the nets.

    Raises:
        InputError: ``liveness.weights_missing``: the profile asks for nets that were not given.
        LimitError: ``liveness.too_many_frames``.
        ModelError, BusyError: a model failed; nothing about the pictures raises.
    """
    started = time.perf_counter()
    if profile.user_weights and silent_face is None:
        raise InputError(
            "this profile needs nets that the user brings",
            code="liveness.weights_missing",
            subject=profile.name.value,
        )
    bounds = profile.thresholds if thresholds is None else thresholds
    verify_frame_count(len(frames), bounds)
    eye = _Eye(
        detector=_detector_of(profile, detector),
        pad_model=pad_model,
        silent_face=silent_face if profile.user_weights else None,
        profile=profile,
        bounds=bounds,
        thrifty=len(frames) >= bounds.min_frames,
    )
    forbidden = not policy.allow_undisclosed and not profile.training_data_disclosed
    looked_at = None if forbidden else eye.look_at_all(frames)
    return _concluded(looked_at, profile, policy, bounds, started)


def _concluded(
    looked_at: tuple[FrameLiveness, ...] | None,
    profile: PadProfile,
    policy: PadPolicy,
    bounds: PadThresholds,
    started: float,
) -> LivenessReport:
    """Step 4; ``looked_at`` is None where the policy forbids to look."""
    frames = looked_at or ()
    scores = [frame.score for frame in frames if frame.score is not None]
    median = _combined(scores, lambda score: score.live)
    at_best = _combined(scores, lambda score: score.at_best)
    lines = [f.screen_lines_nats for f in frames if f.screen_lines_nats is not None]
    median_lines = statistics.median(lines) if lines else None
    needed = policy.frames_needed(bounds)
    outcome, reasons = _FORBIDDEN
    if looked_at is not None:
        outcome, reasons = judge(
            frames,
            median=median,
            at_best=at_best,
            screen_lines=median_lines,
            thresholds=bounds,
            frames_needed=needed,
        )
    check = Check(
        id=CHECK_ID,
        outcome=outcome,
        reasons=reasons,
        measurements=_measurements(
            median, median_lines, len(scores), needed=needed, thresholds=bounds
        ),
        duration_ms=(time.perf_counter() - started) * 1000,
    )
    return LivenessReport(
        check=check,
        thresholds=bounds,
        profile=profile,
        policy=policy,
        median=median,
        at_best=at_best,
        screen_lines_nats=median_lines,
        frames=frames,
    )


def _detector_of(profile: PadProfile, detector: FaceDetector) -> FaceDetector:
    if profile.detector_long_sides_px is None:
        return detector
    return detector.configured(
        long_sides_px=profile.detector_long_sides_px, score_threshold=SCORE_THRESHOLD
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Eye:
    """Steps 1 to 3."""

    detector: FaceDetector
    pad_model: Model
    silent_face: SilentFace | None
    profile: PadProfile
    bounds: PadThresholds
    thrifty: bool
    """Whether views and grid may take turns. Few frames are looked at in every way: one cut alone decides nothing, for
    the cuts fail on different people."""

    def look_at_all(self, frames: Sequence[BgrImage]) -> tuple[FrameLiveness, ...]:
        seen: set[bytes] = set()
        found: list[FrameLiveness] = []
        scored = 0
        for index, frame in enumerate(frames):
            digest = _digest(frame)
            if digest in seen:  # (1)
                found.append(_set_aside(index, FrameProblem.REPEATED))
            else:
                found.append(self._look_at(index, frame, scored))
                scored += found[-1].score is not None
            seen.add(digest)
        return tuple(found)

    def _look_at(self, index: int, frame: BgrImage, scored: int) -> FrameLiveness:
        found = self._face(frame)  # (2)
        if isinstance(found, FrameProblem):
            return _set_aside(index, found)
        quality = measure_quality(frame, found)
        problem = find_problem(frame, found, quality, self.bounds)
        return FrameLiveness(
            index=index,
            problem=problem,
            score=None if problem else self._score(frame, found, scored),  # (3)
            screen_lines_nats=None if problem else self._screen_lines(frame, found, scored),
            face_width_px=found.width,
            quality=quality,
        )

    def _face(self, frame: BgrImage) -> BoxPx | FrameProblem:
        limit = self.profile.detector_thinned_to_px
        every = 1 if limit is None else max(1, -(-max(frame.shape[:2]) // limit))
        shown = frame if every == 1 else np.ascontiguousarray(frame[::every, ::every])
        face = dominant_face(self.detector.detect(shown))
        if isinstance(face, FaceProblem):
            return FrameProblem(face.value)
        sides = asdict(face.box)
        return face.box if every == 1 else BoxPx(**{k: v * every for k, v in sides.items()})

    def _screen_lines(self, frame: BgrImage, face: BoxPx, scored: int) -> float | None:
        skipped = self.thrifty and scored % self.profile.screen_lines_every
        return None if skipped else measure_screen_lines(frame, face)

    def _score(self, frame: BgrImage, face: BoxPx, scored: int) -> FrameScore:
        views: tuple[View, ...] = ALL_VIEWS
        if self.thrifty and self.profile.views is Views.IN_TURN:
            views = (VIEWS_IN_TURN[scored % len(VIEWS_IN_TURN)],)
        first = self._once(frame, face, views, 1.0)
        if first.live >= self.bounds.second_look_below:
            return first
        gain = gain_to(frame, face, luma=self.bounds.ordinary_luma, most=self.bounds.max_gain)
        if abs(gain - 1) < _MUCH:
            return first
        return replace(first, second_look=self._once(frame, face, views, gain).live)

    def _once(self, frame: BgrImage, face: BoxPx, views: Sequence[View], gain: float) -> FrameScore:
        score = score_frame(frame, face, self.pad_model, views=views, gain=gain)
        if self.silent_face is None:
            return score
        return replace(score, silent_face=self.silent_face.score(frame, face, gain=gain))


def _combined(scores: Sequence[FrameScore], value: Callable[[FrameScore], float]) -> float | None:
    """Median over frames that saw the same cuts, and the mean of these medians; None where one cut was never seen."""
    groups: dict[tuple[bool, bool], list[float]] = {}
    for score in scores:
        seen = (score.wide is not None, score.square is not None)
        groups.setdefault(seen, []).append(value(score))
    medians = [statistics.median(group) for group in groups.values()]
    cuts_seen = [any(seen[cut] for seen in groups) for cut in (0, 1)]
    return statistics.fmean(medians) if all(cuts_seen) else None


def judge(
    frames: Sequence[FrameLiveness],
    *,
    median: float | None,
    at_best: float | None,
    screen_lines: float | None,
    thresholds: PadThresholds,
    frames_needed: int,
) -> tuple[Outcome, tuple[str, ...]]:
    """Step 4: outcome and reasons. Pure."""
    if not frames:
        return Outcome.NOT_PERFORMED, ("liveness.no_frames",)
    problems = _problems(frames)
    if median is None or at_best is None or screen_lines is None:
        return Outcome.INDETERMINATE, problems or ("liveness.too_few_frames",)
    attack = _attack_reasons(at_best, screen_lines, thresholds)
    if attack:
        return Outcome.FAILED, attack
    if median < thresholds.live_at:
        dim = at_best >= thresholds.second_look_below > median
        return Outcome.INDETERMINATE, ("liveness.poor_light" if dim else "liveness.uncertain",)
    if sum(frame.score is not None for frame in frames) < frames_needed:
        return Outcome.INDETERMINATE, ("liveness.too_few_frames", *problems)
    return Outcome.PASSED, ()


def _attack_reasons(
    at_best: float, screen_lines: float, thresholds: PadThresholds
) -> tuple[str, ...]:
    signs = (
        (at_best < thresholds.spoof_below, "liveness.presentation_attack"),
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
    """Of every eighth row: noise alone makes any two frames of a camera differ in them."""
    return hashlib.sha256(repr(frame.shape).encode() + frame[::8].tobytes()).digest()


def _measurements(
    median: float | None,
    screen_lines: float | None,
    scored: int,
    *,
    needed: int,
    thresholds: PadThresholds,
) -> tuple[Measurement, ...]:
    measured = (
        ("live_score", median, "", thresholds.live_at),
        ("screen_lines", screen_lines, "nat", thresholds.screen_lines_at),
        ("usable_frames", float(scored), "", float(needed)),
    )
    return tuple(
        Measurement(name=name, value=value, unit=unit, threshold=threshold)
        for name, value, unit, threshold in measured
        if value is not None
    )
