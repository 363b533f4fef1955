"""Was a step answered? Judged against the person's own rest and by transitions, never by absolute numbers.

Absolute numbers mislead: a photograph on a telephone shows eyes as good as shut (height 0.05 of the width), and cameras
hang above or below the face. So a session measures the person at rest, looking straight, before every step.

A step counts when it goes from rest to the movement: a face that is turned already when the step is revealed answered
before it was asked.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ekyc.liveness.active.observation import FaceObservation
from ekyc.liveness.active.plan import Step

TimedFace = tuple[float, FaceObservation]
"""Capture time in seconds and what was seen."""

REST_BELOW: Final = 0.4
"""Share of a movement below which a face is at rest."""
_LEAST_EYE: Final = 0.03
_NEARLY: Final = 0.9
"""Neither rest nor movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GestureRules:
    """How far is far enough. The angles leave three times the mesh's error of some five degrees."""

    turn_deg: float = 16.0
    nod_deg: float = 10.0
    closer: float = 0.22
    """Growth of the face's width."""
    eyes_shut: float = 0.5
    """Loss of the eye's openness, as a share of the person's own."""
    mouth_open: float = 0.22
    """Gain of the mouth's opening."""
    hold_s: float = 0.2
    """How long a movement must last; spontaneous blinks are mostly shorter."""
    least_reaction_s: float = 0.15
    """Nobody reads an instruction and moves sooner."""
    straight_deg: float = 20.0
    """At rest the face may be off the camera's axis by so much, sideways; half as much again up and down."""
    steady_deg: float = 5.0
    """While looking straight the head may move by so much to either side."""


DEFAULT_GESTURES: Final = GestureRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The person at rest: medians while looking straight."""

    yaw_deg: float
    pitch_deg: float
    eye_openness: float
    mouth_opening: float
    width_px: float


class Answer(StrEnum):
    """What the frames since a step was revealed show."""

    WAITING = "waiting"
    GIVEN = "given"
    EARLY = "early"
    """The movement was under way before it could have been asked for."""
    WRONG = "wrong"
    """Another movement, clear and held."""


def find_baseline(
    faces: Sequence[TimedFace], hold_s: float, rules: GestureRules = DEFAULT_GESTURES
) -> Baseline | None:
    """The person at rest, once the last ``hold_s`` seconds show a steady face that looks straight.

    Args:
        faces: since the prompt was revealed, in time's order.
        hold_s: how long to look straight, more than 0.
        rules: what is straight and steady.
    """
    if not faces or faces[-1][0] - faces[0][0] < hold_s:
        return None
    recent = [face for at, face in faces if at >= faces[-1][0] - hold_s]
    if len(recent) < 3:
        return None
    found = rest_of(recent)
    straight = (
        abs(found.yaw_deg) <= rules.straight_deg
        and abs(found.pitch_deg) <= 1.5 * rules.straight_deg
    )
    steady = all(
        abs(face.yaw_deg - found.yaw_deg) <= rules.steady_deg
        and abs(face.pitch_deg - found.pitch_deg) <= rules.steady_deg
        for face in recent
    )
    return found if straight and steady else None


def rest_of(faces: Sequence[FaceObservation]) -> Baseline:
    """Medians of at least one face."""
    return Baseline(
        yaw_deg=statistics.median(face.yaw_deg for face in faces),
        pitch_deg=statistics.median(face.pitch_deg for face in faces),
        eye_openness=max(_LEAST_EYE, statistics.median(face.eye_openness for face in faces)),
        mouth_opening=statistics.median(face.mouth_opening for face in faces),
        width_px=statistics.median(face.box.width for face in faces),
    )


def is_back_at_rest(
    now: Baseline, before: Baseline, rules: GestureRules = DEFAULT_GESTURES
) -> bool:
    """Whether a person looks straight as before the last step, by half of what counts as a movement.

    A head held turned, or eyes held shut, is steady too; measured as rest, it would make the way back look like an
    answer that nobody asked for.
    """
    return (
        abs(now.yaw_deg - before.yaw_deg) <= rules.turn_deg / 2
        and abs(now.pitch_deg - before.pitch_deg) <= rules.nod_deg / 2
        and abs(now.width_px / before.width_px - 1.0) <= rules.closer / 2
        and abs(now.mouth_opening - before.mouth_opening) <= rules.mouth_open / 2
        and now.eye_openness >= (1.0 - rules.eyes_shut / 2) * before.eye_openness
    )


def level(
    step: Step, face: FaceObservation, base: Baseline, rules: GestureRules = DEFAULT_GESTURES
) -> float:
    """How much of a movement a face shows: 0 at rest, 1 where it counts."""
    match step:
        case Step.TURN_LEFT:
            return (face.yaw_deg - base.yaw_deg) / rules.turn_deg
        case Step.TURN_RIGHT:
            return (base.yaw_deg - face.yaw_deg) / rules.turn_deg
        case Step.LOOK_UP:
            return (face.pitch_deg - base.pitch_deg) / rules.nod_deg
        case Step.COME_CLOSER:
            return (face.box.width / base.width_px - 1.0) / rules.closer
        case Step.BLINK:
            shut = (1.0 - face.eye_openness / base.eye_openness) / rules.eyes_shut
            return shut if _head_is_still(face, base, rules) else min(shut, _NEARLY)
        case Step.OPEN_MOUTH:
            return (face.mouth_opening - base.mouth_opening) / rules.mouth_open


def _head_is_still(face: FaceObservation, base: Baseline, rules: GestureRules) -> bool:
    """Foreshortened eyes look shut: a picture that is tilted far enough must not count."""
    return (
        abs(face.yaw_deg - base.yaw_deg) <= rules.turn_deg
        and abs(face.pitch_deg - base.pitch_deg) <= rules.nod_deg
    )


def judge_answer(
    step: Step,
    faces: Sequence[TimedFace],
    base: Baseline,
    asked_at_s: float,
    rules: GestureRules = DEFAULT_GESTURES,
) -> Answer:
    """Judge the frames since a step was revealed.

    Args:
        step: what was asked.
        faces: captured while the step was shown, in time's order.
        base: the person at rest, measured before.
        asked_at_s: when the step was revealed, on the clock of ``faces``.
        rules: how far and how long.
    """
    levels = [level(step, face, base, rules) for _, face in faces]
    times = [at for at, _ in faces]
    run = _held(levels, times, rules.hold_s)
    if run is None:
        return Answer.WRONG if _moved_otherwise(step, faces, base, rules) else Answer.WAITING
    start, end = run
    rest = [index for index in range(start) if levels[index] < REST_BELOW]
    if not rest or times[rest[-1] + 1] - asked_at_s < rules.least_reaction_s:
        return Answer.EARLY
    if step is Step.BLINK and not any(value < REST_BELOW for value in levels[end:]):
        return Answer.WAITING
    return Answer.GIVEN


def _held(levels: Sequence[float], times: Sequence[float], hold_s: float) -> tuple[int, int] | None:
    """First stretch of frames at 1 or more that lasts: its beginning and the index after its end."""
    start: int | None = None
    for index, value in enumerate([*levels, 0.0]):
        if value >= 1.0 and index < len(levels):
            start = index if start is None else start
        elif start is not None:
            last = index - 1
            if last > start and times[last] - times[start] >= hold_s:
                return start, index
            start = None
    return None


_RIVALS: Final = (Step.TURN_LEFT, Step.TURN_RIGHT, Step.LOOK_UP, Step.COME_CLOSER)


def _moved_otherwise(
    step: Step, faces: Sequence[TimedFace], base: Baseline, rules: GestureRules
) -> bool:
    times = [at for at, _ in faces]
    for other in _RIVALS:
        if other is step:
            continue
        run = _held([level(other, face, base, rules) for _, face in faces], times, rules.hold_s)
        if run is None:
            continue
        own = max(level(step, face, base, rules) for _, face in faces[run[0] : run[1]])
        if own < REST_BELOW:
            return True
    return False
