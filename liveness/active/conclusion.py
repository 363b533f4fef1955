"""What a finished session shows, judged once and as a whole.

Check ``liveness.challenge`` – was everything asked, and answered by movements of a face?

1. A session that was stopped has the reason for it.
2. Where colours were shown, the face must have followed them (:mod:`ekyc.liveness.active.colours`).

Check ``liveness.stream`` – do the frames come from one person and one run of a camera?

3. The person at every prompt is the person at the first, and the one on the frame that is compared with the chip: a
   median over frames would not notice one frame of somebody else. The same holds for the frames of each movement by
   themselves: a helper who only moves is seen in a few of a prompt's frames.
4. No frame returns after others came, and no stretch of motion does (:mod:`ekyc.liveness.active.motion`).
5. The face is never elsewhere from one frame to the next.
6. The frames were not seen in an earlier session (:mod:`ekyc.liveness.active.memory`).

FAILED is kept for what no honest camera and person produce. What they may produce, a lost connection, a wrong turn, a
sunlit face, is INDETERMINATE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ekyc.face import DEFAULT_MATCH
from ekyc.liveness.active.colours import (
    UNMEASURED,
    ColourResponse,
    colour_response,
    draw_other_colours,
)
from ekyc.liveness.active.gestures import Baseline, TimedFace, level, rest_of
from ekyc.liveness.active.motion import (
    REPEATS_BELOW,
    measure_parallax,
    motion_repeats,
    picture_jumps,
)
from ekyc.liveness.active.observation import FaceObservation
from ekyc.liveness.active.plan import PromptKind
from ekyc.liveness.active.session import ReplyKind, SeenFrame, Session
from ekyc.outcomes import Check, Measurement, Outcome

CHECK_CHALLENGE: Final = "liveness.challenge"
CHECK_STREAM: Final = "liveness.stream"

_FORGED: Final = frozenset(
    {
        "liveness.other_session",
        "liveness.stream_tampered",
        "liveness.order_violation",
        "liveness.captured_out_of_order",
        "liveness.answered_before_asked",
    }
)
"""Reasons that no honest client gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveThresholds:
    """Bounds of the conclusion."""

    colours_p: float = 0.01
    same_person_at: float = DEFAULT_MATCH.accept_at
    """Median cosine to the person of the first prompt, at every prompt."""
    other_person_below: float = DEFAULT_MATCH.reject_below
    repeats_below: float = REPEATS_BELOW
    known_frames: int = 3
    """Frames of an earlier session that make this one its replay."""


DEFAULT_CONCLUSION: Final = ActiveThresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvidence:
    """What was looked up beside the session; None where nobody looked."""

    known_frames: int | None = None
    """Of :class:`~ekyc.liveness.active.FrameMemory`."""


def check_challenge(session: Session, thresholds: ActiveThresholds = DEFAULT_CONCLUSION) -> Check:
    """Check ``liveness.challenge`` (1, 2)."""
    measured: tuple[Measurement, ...] = ()
    reasons = session.stopped_by
    if session.ended is None:
        reasons = ("liveness.challenge_unfinished",)
    if session.ended is ReplyKind.DONE and session.plan.colours:
        response = session_colours(session)
        measured = (
            Measurement(name="colour_p", value=response.p_value, threshold=thresholds.colours_p),
            Measurement(name="colour_correlation", value=response.correlation),
        )
        if response.p_value > thresholds.colours_p or response.correlation <= 0:
            reasons = ("liveness.colours_not_seen",)
    outcome = Outcome.INDETERMINATE if reasons else Outcome.PASSED
    if _FORGED.intersection(reasons):
        outcome = Outcome.FAILED
    return Check(id=CHECK_CHALLENGE, outcome=outcome, reasons=reasons, measurements=measured)


def check_stream(
    session: Session,
    evidence: SessionEvidence,
    thresholds: ActiveThresholds = DEFAULT_CONCLUSION,
) -> Check:
    """Check ``liveness.stream`` (3 to 6)."""
    faces = [(f.captured_s, f.seen.face) for f in session.frames if f.seen.face is not None]
    if len(faces) < 3:
        return Check(
            id=CHECK_STREAM,
            outcome=Outcome.INDETERMINATE if session.frames else Outcome.NOT_PERFORMED,
            reasons=("liveness.too_few_frames" if session.frames else "liveness.no_frames",),
        )
    repeats = motion_repeats(faces)
    likeness, moving = subject_likeness(session), movement_likeness(session)
    failed: list[str] = []
    doubtful: list[str] = []
    if repeats < thresholds.repeats_below or returning_frames(session.frames):
        failed.append("liveness.frames_looped")
    if (evidence.known_frames or 0) >= thresholds.known_frames:
        failed.append("liveness.replayed_session")
    if likeness is None or likeness < thresholds.same_person_at:
        other = likeness is not None and likeness < thresholds.other_person_below
        (failed if other else doubtful).append(
            "liveness.subject_switch" if other else "liveness.subject_unclear"
        )
    elif moving is None or moving < thresholds.other_person_below:
        doubtful.append("liveness.subject_unclear")
    if picture_jumps(faces):
        doubtful.append("liveness.picture_jumps")
    outcome = Outcome.INDETERMINATE if doubtful else Outcome.PASSED
    return Check(
        id=CHECK_STREAM,
        outcome=Outcome.FAILED if failed else outcome,
        reasons=(*failed, *doubtful),
        measurements=_measured(session, evidence, thresholds, repeats, (likeness, moving)),
    )


def session_colours(session: Session) -> ColourResponse:
    """Step 2. The colours began with the first frame that was captured while they were shown, at the earliest."""
    last = len(session.plan.prompts) - 1
    faces = session.faces(last)
    if not faces:
        return UNMEASURED
    shown = session.plan.colours
    return colour_response(
        faces,
        shown,
        draw_other_colours(session.secret, len(shown)),
        began_s=min(f.captured_s for f in session.frames if f.prompt == last),
        colour_s=session.plan.colour_s,
    )


def subject_likeness(session: Session) -> float | None:
    """Step 3: lowest, over the prompts, of the median cosine to the first prompt's person.

    None where a prompt to look straight has no face to compare. Turned faces of the other prompts count where they
    were compared at all. The same holds for the person of :func:`best_frame`; the lower of both counts.
    """
    found = [_embeddings(session.faces(prompt.index)) for prompt in session.plan.prompts]
    people = _people(session)
    if people is None:
        return None
    lowest = 1.0
    for prompt, vectors in zip(session.plan.prompts, found, strict=True):
        if prompt.index > session.prompt:
            break
        if len(vectors):
            lowest = min(lowest, *(float(np.median(vectors @ person)) for person in people))
        elif prompt.kind is not PromptKind.STEP and prompt.index < session.prompt:
            return None
    return lowest


def movement_likeness(session: Session) -> float | None:
    """Step 3: lowest, over the steps that were answered, of the median cosine of the frames that show the movement to
    the session's people. None where such frames could not be compared; 1 where nothing was answered.

    A turned face is less like a straight one, so the bound is the lower one, and nobody is accused by it.
    """
    people = _people(session)
    if people is None:
        return None
    rules, lowest = session.policy.gestures, 1.0
    for prompt in session.plan.prompts[: session.prompt + (session.ended is ReplyKind.DONE)]:
        if prompt.step is None:
            continue
        before, shown = session.faces(prompt.index - 1), session.faces(prompt.index)
        base = rest_of([face for _, face in before[len(before) // 2 :]])
        moved = _embeddings([f for f in shown if level(prompt.step, f[1], base, rules) >= 1.0])
        if not len(moved) or any(len(moved[0]) != len(person) for person in people):
            return None
        lowest = min(lowest, *(float(np.median(moved @ person)) for person in people))
    return lowest


def _people(session: Session) -> list[NDArray[np.float64]] | None:
    """The person of the first prompt, and the one on the compared frame; None where they could not be compared."""
    found = _embeddings(session.faces(0))
    if not len(found):
        return None
    first = found.mean(axis=0)
    first /= max(float(np.linalg.norm(first)), 1e-12)
    compared = best_frame(session)
    if compared is None:
        return [first]
    face = compared.seen.face
    if face is None or len(face.embedding or ()) != len(first):
        return None
    return [first, np.array(face.embedding)]


def returning_frames(frames: tuple[SeenFrame, ...]) -> int:
    """Step 4: how many frames return exactly after another came. One that is sent twice in a row is a slow camera."""
    seen: set[str] = set()
    last = ""
    returned = 0
    for frame in frames:
        returned += frame.digest != last and frame.digest in seen
        seen.add(frame.digest)
        last = frame.digest
    return returned


def best_frame(session: Session) -> SeenFrame | None:
    """The frame to compare with the chip, chosen by the verifier: looking straight, eyes open, sharp.

    Frames lit by the colours or showing a step do not count. None before the person looked straight.
    """
    base = session.baseline
    if base is None:
        return None
    straight = {p.index for p in session.plan.prompts if p.kind is PromptKind.LOOK_STRAIGHT}
    ranked = [
        (_rank(frame.seen.face, base), -index, frame)
        for index, frame in enumerate(session.frames)
        if frame.prompt in straight and frame.seen.face is not None
    ]
    return max(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _rank(face: FaceObservation, base: Baseline) -> float:
    off_axis = abs(face.yaw_deg) / 10 + abs(face.pitch_deg - base.pitch_deg) / 10
    eyes = min(1.0, face.eye_openness / base.eye_openness)
    sharp = face.sharpness / (face.sharpness + 100.0) if face.sharpness > 0 else 0.0
    return 2 * eyes + sharp - off_axis


def _measured(
    session: Session,
    evidence: SessionEvidence,
    thresholds: ActiveThresholds,
    repeats: float,
    likenesses: tuple[float | None, float | None],
) -> tuple[Measurement, ...]:
    known = evidence.known_frames
    likeness, moving = likenesses
    listed: tuple[tuple[str, float | None, float | None], ...] = (
        ("motion_repeats", repeats if repeats < 1e6 else None, thresholds.repeats_below),
        ("subject_likeness", likeness, thresholds.same_person_at),
        ("movement_likeness", moving, thresholds.other_person_below),
        ("known_frames", None if known is None else float(known), float(thresholds.known_frames)),
        ("parallax", _parallax(session), None),
    )
    return tuple(
        Measurement(name=name, value=value, threshold=threshold)
        for name, value, threshold in listed
        if value is not None
    )


def _parallax(session: Session) -> float | None:
    """Between the straightest and the most turned face, where they differ by 15 degrees."""
    faces = [frame.seen.face for frame in session.frames if frame.seen.face is not None]
    straight = min(faces, key=lambda face: abs(face.yaw_deg))
    turned = max(faces, key=lambda face: abs(face.yaw_deg))
    if abs(turned.yaw_deg - straight.yaw_deg) < 15:
        return None
    return measure_parallax(straight, turned)


def _embeddings(faces: list[TimedFace]) -> NDArray[np.float64]:
    """Shape (faces, values); vectors of another length than the first count as missing."""
    vectors = [face.embedding for _, face in faces if face.embedding is not None]
    return np.array([vector for vector in vectors if len(vector) == len(vectors[0])])
