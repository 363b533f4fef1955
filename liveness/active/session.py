"""The active challenge as a state machine without clock, randomness, network or pictures.

1. :func:`open_session` draws the plan from the verifier's secret and reveals the first prompt.
2. :func:`receive` takes a chunk whose seal was verified, with what was seen in its frames. It answers with the next
   state; :attr:`Session.reply` is all that the client may be told: *continue* with a prompt, *done* or *over*.
3. *Over* ends a session that cannot go on: a chunk out of its place, a step unanswered in time. *Done* says that
   everything was asked, **not** that it passed: what speaks against a recording is judged afterwards
   (:mod:`ekyc.liveness.active.conclusion`), so that nobody can try out what is noticed.

Two clocks meet here. The client's capture times say how fast somebody moved; the verifier's own say when a prompt was
revealed and when an answer arrived. The shortest time between capture and arrival joins them: it is never less than
the true difference, so a frame counts as captured no earlier than it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

from ekyc.errors import InputError
from ekyc.liveness.active.envelope import Chunk, ChunkFrame, chain_start
from ekyc.liveness.active.gestures import (
    DEFAULT_GESTURES,
    Answer,
    Baseline,
    GestureRules,
    TimedFace,
    find_baseline,
    is_back_at_rest,
    judge_answer,
)
from ekyc.liveness.active.observation import FrameObservation, checked
from ekyc.liveness.active.plan import (
    DEFAULT_SHAPE,
    ChallengePlan,
    PlanShape,
    Prompt,
    PromptKind,
    draw_plan,
)

MAX_FRAMES: Final = 900
MAX_CHUNKS: Final = 600
_MOST_BYTES: Final = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePolicy:
    """Windows and bounds of a session."""

    shape: PlanShape = DEFAULT_SHAPE
    gestures: GestureRules = DEFAULT_GESTURES
    session_s: float = 90.0
    """From opening to the last chunk."""
    prompt_s: float = 10.0
    """To look straight or to do a step."""
    most_lag_s: float = 1.5
    """How much longer than the quickest chunk a chunk may take to arrive."""
    most_gap_s: float = 1.0
    """Between frames of one prompt."""
    fewest_frames_per_s: float = 4.0
    most_frames_per_s: float = 70.0

    def __post_init__(self) -> None:
        numbers = (self.session_s, self.prompt_s, self.most_lag_s, self.most_gap_s)
        if not all(math.isfinite(number) and number > 0 for number in numbers) or not (
            0 < self.fewest_frames_per_s < self.most_frames_per_s <= 1000
        ):
            raise InputError("no such session is possible", code="liveness.thresholds_invalid")


DEFAULT_ACTIVE: Final = ActivePolicy()


class ReplyKind(StrEnum):
    """All that the client is told."""

    CONTINUE = "continue"
    DONE = "done"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the client is told, and what to show."""

    kind: ReplyKind
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFrame:
    """A frame of the session."""

    captured_s: float
    """By the client's clock."""
    prompt: int
    digest: str
    """SHA-256 of the encoded picture, hexadecimal."""
    seen: FrameObservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """State of one challenge. Holds personal data: keep it in memory, for as long as it runs."""

    id: bytes = field(repr=False)
    key: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    policy: ActivePolicy
    plan: ChallengePlan = field(repr=False)
    opened_s: float
    prompt: int = 0
    """Index of the prompt in force."""
    revealed_s: tuple[float, ...]
    """When each prompt so far was revealed, by the verifier's clock."""
    now_s: float
    chunks: int = 0
    byte_count: int = 0
    chain: bytes = field(repr=False)
    offset_s: float = math.inf
    """Least difference so far between a chunk's arrival and its last capture."""
    frames: tuple[SeenFrame, ...] = ()
    baseline: Baseline | None = None
    stopped_by: tuple[str, ...] = ()
    """Reason codes for which the session is over."""
    ended: ReplyKind | None = None

    @property
    def reply(self) -> Reply:
        """What the client may be told."""
        if self.ended is not None:
            return Reply(kind=self.ended)
        return Reply(kind=ReplyKind.CONTINUE, prompt=self.plan.prompts[self.prompt])

    def faces(self, prompt: int) -> list[TimedFace]:
        """Faces captured while a prompt was shown, with the client's times."""
        return [
            (frame.captured_s, frame.seen.face)
            for frame in self.frames
            if frame.prompt == prompt and frame.seen.face is not None
        ]

    def asked_at_s(self, prompt: int) -> float:
        """When a prompt was revealed, on the client's clock, at the earliest."""
        return self.revealed_s[prompt] - self.offset_s


def open_session(
    *, session_id: bytes, secret: bytes, key: bytes, policy: ActivePolicy, now_s: float
) -> Session:
    """Begin a session.

    Args:
        session_id: 16 bytes, as the chunks name it.
        secret: 32 bytes that only the verifier knows; used for this session alone.
        key: of the chunks.
        policy: windows and bounds.
        now_s: the verifier's clock in seconds; its zero does not matter, but it must never run backwards.

    Raises:
        InputError: the secret has another length, or the time is not a number.
    """
    _require_time(now_s)
    return Session(
        id=session_id,
        key=key,
        secret=secret,
        policy=policy,
        plan=draw_plan(secret, policy.shape),
        opened_s=now_s,
        revealed_s=(now_s,),
        now_s=now_s,
        chain=chain_start(session_id),
    )


def tick(session: Session, now_s: float) -> Session:
    """The state after time has passed without a chunk.

    Raises:
        InputError: the time is not a number, or lies before the last one.
    """
    _require_time(now_s)
    if now_s < session.now_s:
        raise InputError("the verifier's clock ran backwards", code="liveness.clock_invalid")
    session = replace(session, now_s=now_s)
    if session.ended is not None:
        return session
    if now_s - session.opened_s > session.policy.session_s:
        return stop(session, "liveness.session_too_long")
    if now_s - session.revealed_s[-1] > _window_s(session):
        return stop(session, "liveness.challenge_timeout", *_problems(session))
    return session


def receive(
    session: Session, chunk: Chunk, seen: Sequence[tuple[str, FrameObservation]], now_s: float
) -> Session:
    """The state after a chunk.

    Args:
        session: the state before.
        chunk: opened with the session's key (:func:`~ekyc.liveness.active.open_chunk`).
        seen: digest of each frame's picture and what an observer saw in it, in the frames' order.
        now_s: when the chunk arrived, by the verifier's clock.

    Raises:
        InputError: the time is not a number or lies before the last one, or ``seen`` has another length than the
            chunk. Nothing about the chunk raises.
    """
    if len(seen) != len(chunk.frames):
        raise InputError("one observation a frame", code="liveness.observations_mismatch")
    session = tick(session, now_s)
    if session.ended is not None:
        return session
    wrong = out_of_place(session, chunk)
    if wrong is not None:
        return stop(session, wrong)
    session = _stored(session, chunk, seen)
    return _advanced(session) if session.ended is None else session


def stop(session: Session, *reasons: str) -> Session:
    """The session is over before everything was asked."""
    return replace(session, ended=ReplyKind.OVER, stopped_by=reasons)


def _window_s(session: Session) -> float:
    prompt = session.plan.prompts[session.prompt]
    return session.policy.prompt_s + len(prompt.colours) * prompt.colour_s


def out_of_place(session: Session, chunk: Chunk) -> str | None:
    """Why a chunk cannot follow those before it, as a reason code; None where it can."""
    if chunk.sequence != session.chunks or chunk.previous != session.chain:
        return "liveness.order_violation"
    shown_before = session.frames[-1].prompt if session.frames else 0
    if not shown_before <= chunk.prompt <= session.prompt:
        return "liveness.order_violation"
    if (
        session.chunks >= MAX_CHUNKS
        or len(session.frames) + len(chunk.frames) > MAX_FRAMES
        or session.byte_count + _size(chunk) > _MOST_BYTES
    ):
        return "liveness.stream_too_long"
    times = [session.frames[-1].captured_s] if session.frames else []
    times += [frame.captured_us / 1e6 for frame in chunk.frames]
    if any(after <= before for before, after in pairwise(times)):
        return "liveness.captured_out_of_order"
    return None


def _stored(
    session: Session, chunk: Chunk, seen: Sequence[tuple[str, FrameObservation]]
) -> Session:
    """The chunk is in its place: keep its frames and hold its times against ours."""
    lag = session.now_s - chunk.frames[-1].captured_us / 1e6
    offset = min(session.offset_s, lag)
    frames = tuple(
        _seen_frame(frame, chunk.prompt, digest, what)
        for frame, (digest, what) in zip(chunk.frames, seen, strict=True)
    )
    kept = replace(
        session,
        chunks=session.chunks + 1,
        byte_count=session.byte_count + _size(chunk),
        chain=chunk.digest,
        offset_s=offset,
        frames=(*session.frames, *frames),
    )
    if lag - offset > session.policy.most_lag_s:
        return stop(kept, "liveness.stream_late")
    revealed = kept.asked_at_s(chunk.prompt)
    if frames[0].captured_s < revealed:
        return stop(kept, "liveness.answered_before_asked")
    return kept


def _seen_frame(frame: ChunkFrame, prompt: int, digest: str, seen: FrameObservation) -> SeenFrame:
    return SeenFrame(
        captured_s=frame.captured_us / 1e6, prompt=prompt, digest=digest, seen=checked(seen)
    )


def _advanced(session: Session) -> Session:
    prompt = session.plan.prompts[session.prompt]
    if _uneven(session):
        return stop(session, "liveness.stream_gaps")
    faces = session.faces(session.prompt)
    match prompt.kind:
        case PromptKind.LOOK_STRAIGHT:
            hold_s = session.plan.holds_s[session.prompt // 2]
            base = find_baseline(faces, hold_s, session.policy.gestures)
            if base is None or not _rests(base, session):
                return session
            return _next(replace(session, baseline=base))
        case PromptKind.STEP:
            return _after_step(session, faces)
        case PromptKind.COLOURS:
            shown_s = len(prompt.colours) * prompt.colour_s
            at = [frame.captured_s for frame in session.frames if frame.prompt == session.prompt]
            return _next(session) if at and at[-1] - at[0] >= shown_s else session


def _rests(base: Baseline, session: Session) -> bool:
    before = session.baseline
    return before is None or is_back_at_rest(base, before, session.policy.gestures)


def _after_step(session: Session, faces: list[TimedFace]) -> Session:
    step = session.plan.prompts[session.prompt].step
    assert step is not None  # prompts of this kind have one
    assert session.baseline is not None  # measured at the prompt before
    asked = session.asked_at_s(session.prompt)
    match judge_answer(step, faces, session.baseline, asked, session.policy.gestures):
        case Answer.GIVEN:
            return _next(session)
        case Answer.EARLY:
            return stop(session, "liveness.answered_before_asked")
        case Answer.WRONG:
            return stop(session, "liveness.challenge_wrong_answer")
        case Answer.WAITING:
            return session


def _next(session: Session) -> Session:
    if session.prompt + 1 == len(session.plan.prompts):
        return replace(session, ended=ReplyKind.DONE)
    return replace(
        session,
        prompt=session.prompt + 1,
        revealed_s=(*session.revealed_s, session.now_s),
    )


def _uneven(session: Session) -> bool:
    """Whether frames of the prompt in force come too seldom, too fast, or with a hole."""
    at = [frame.captured_s for frame in session.frames if frame.prompt == session.prompt]
    gaps = [after - before for before, after in pairwise(at)]
    if not gaps:
        return False
    if max(gaps) > session.policy.most_gap_s:
        return True
    rate = len(gaps) / sum(gaps)
    if rate > session.policy.most_frames_per_s and len(gaps) >= 3:
        return True
    return sum(gaps) >= 2.0 and rate < session.policy.fewest_frames_per_s


def _problems(session: Session) -> tuple[str, ...]:
    """What kept the prompt in force from being answered, as far as the frames show it."""
    shown = [frame.seen for frame in session.frames if frame.prompt == session.prompt]
    problems = [seen.problem for seen in shown if seen.problem is not None]
    if 2 * len(problems) <= len(shown):
        return ()
    return tuple(dict.fromkeys(f"liveness.{problem}" for problem in problems))


def _size(chunk: Chunk) -> int:
    return sum(len(frame.payload) for frame in chunk.frames)


def _require_time(now_s: float) -> None:
    if not math.isfinite(now_s):
        raise InputError("a time must be a finite number", code="liveness.clock_invalid")
