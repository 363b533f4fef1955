"""Is the person before the camera the one in the portrait? One to one only; there is no search in a gallery.

1. The portrait must show exactly one usable face.
2. Of the frames, those with exactly one usable face count; each is embedded.
3. All frames that count must show one person: otherwise a stranger could be live in some and the holder be pictured
   in the one that is compared.
4. The best frame, by quality and never by likeness, is held against the portrait.
5. The cosine is held against two thresholds; between them a person decides.

What it does not prove: that the face is alive (:mod:`ekyc.liveness`), or that the portrait is genuine
(:mod:`ekyc.chip`). Twins and close relatives may pass.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.errors import InputError
from ekyc.face.embed import cosine
from ekyc.face.select import FaceProblem, FindsFaces, UsableFace, usable_face
from ekyc.face.thresholds import DEFAULT_MATCH, MatchThresholds
from ekyc.outcomes import Check, Measurement, Outcome

if TYPE_CHECKING:
    from ekyc.face.embed import FaceEmbedder
    from ekyc.values import BgrImage, FloatArray

CHECK_ID = "face.match"
SFACE_ID = "sface-2021dec"
"""The embedder that the shipped thresholds were measured with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFace:
    """What was found in one frame."""

    index: int
    """Position of the frame among those submitted."""
    problem: FaceProblem | None
    """Why the frame does not count, or None."""
    rank: float
    """Quality by which the best frame was chosen, 0 to 1; 0 where the frame does not count."""
    advice: tuple[str, ...] = ()
    """Reason codes of what could be better in a frame that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceComparison:
    """Result of :func:`compare_faces`. Holds no embedding: a template of a face is as personal as the face."""

    check: Check
    """``face.match``."""
    thresholds: MatchThresholds
    cosine: float | None
    """Likeness of portrait and best frame, −1 to 1, or None where nothing could be compared."""
    best_frame: int | None
    """Index of the frame that was compared."""
    frames: tuple[FrameFace, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        return (self.check,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """Everything but the time it took."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    cosine: float | None = None
    best_frame: int | None = None
    frames: tuple[FrameFace, ...] = ()


def compare_faces(
    reference: BgrImage,
    probes: Sequence[BgrImage],
    detector: FindsFaces,
    embedder: FaceEmbedder,
    *,
    thresholds: MatchThresholds = DEFAULT_MATCH,
) -> FaceComparison:
    """Compare a portrait with frames of the person who claims it.

    Args:
        reference: portrait, usually data group 2 of the chip: uint8 (height, width, 3), blue-green-red.
        probes: frames of one capture, same form, any sizes.
        detector: finds the faces.
        embedder: turns them into vectors.
        thresholds: what the cosine is held against.

    Returns:
        Check ``face.match``: PASSED, FAILED (``face.not_same_person``), INDETERMINATE (borderline, unusable
        pictures, frames of several people), or NOT_PERFORMED without frames.

    Raises:
        InputError: ``face.thresholds_of_another_model``: the default thresholds with another embedder than SFace.
        ModelError, BusyError: a model failed; nothing about the pictures raises.
    """
    if embedder.model_id != SFACE_ID and thresholds == DEFAULT_MATCH:
        raise InputError(
            "the default thresholds hold for SFace only; calibrate",
            code="face.thresholds_of_another_model",
            subject=embedder.model_id,
        )
    started = time.perf_counter()
    found = _compare(reference, probes, detector, embedder, thresholds)
    measured = () if found.cosine is None else (_measurement(found.cosine, thresholds),)
    check = Check(
        id=CHECK_ID,
        outcome=found.outcome,
        reasons=found.reasons,
        measurements=measured,
        duration_ms=(time.perf_counter() - started) * 1000,
    )
    return FaceComparison(
        check=check,
        thresholds=thresholds,
        cosine=found.cosine,
        best_frame=found.best_frame,
        frames=found.frames,
    )


def judge_cosine(value: float, thresholds: MatchThresholds) -> tuple[Outcome, tuple[str, ...]]:
    """Outcome and reasons of one cosine (step 5)."""
    if value >= thresholds.accept_at:
        return Outcome.PASSED, ()
    if value < thresholds.reject_below:
        return Outcome.FAILED, ("face.not_same_person",)
    return Outcome.INDETERMINATE, ("face.borderline",)


def _compare(
    reference: BgrImage,
    probes: Sequence[BgrImage],
    detector: FindsFaces,
    embedder: FaceEmbedder,
    thresholds: MatchThresholds,
) -> _Finding:
    if not probes:
        return _Finding(outcome=Outcome.NOT_PERFORMED, reasons=("face.no_frames",))
    portrait = _usable(reference, detector)  # (1)
    if isinstance(portrait, FaceProblem):
        return _Finding(outcome=Outcome.INDETERMINATE, reasons=(f"face.portrait_{portrait}",))
    found = [_usable(probe, detector) for probe in probes]  # (2)
    frames = tuple(_report(index, item) for index, item in enumerate(found))
    usable = {i: item for i, item in enumerate(found) if isinstance(item, UsableFace)}
    if not usable:
        return _Finding(
            outcome=Outcome.INDETERMINATE, reasons=(_commonest_problem(frames),), frames=frames
        )
    best = max(usable, key=lambda index: usable[index].rank)
    vectors = {index: embedder.embed(probes[index], item.face) for index, item in usable.items()}
    value = cosine(embedder.embed(reference, portrait.face), vectors[best])  # (4)
    outcome, reasons = judge_cosine(value, thresholds)  # (5)
    if outcome is not Outcome.FAILED and not _same_person(vectors, best, thresholds):  # (3)
        outcome, reasons = Outcome.INDETERMINATE, ("face.frames_differ",)
    return _Finding(outcome=outcome, reasons=reasons, cosine=value, best_frame=best, frames=frames)


def _usable(image: BgrImage, detector: FindsFaces) -> UsableFace | FaceProblem:
    try:
        return usable_face(image, detector.detect(image), detector=detector)
    except InputError:  # points that coincide: no face can be placed by them
        return FaceProblem.NO_FACE


def _same_person(vectors: dict[int, FloatArray], best: int, thresholds: MatchThresholds) -> bool:
    return all(
        cosine(vector, vectors[best]) >= thresholds.reject_below for vector in vectors.values()
    )


def _report(index: int, found: UsableFace | FaceProblem) -> FrameFace:
    if isinstance(found, FaceProblem):
        return FrameFace(index=index, problem=found, rank=0.0)
    return FrameFace(
        index=index,
        problem=None,
        rank=found.rank,
        advice=tuple(f"face.{fault}" for fault in found.advice),
    )


def _commonest_problem(frames: Sequence[FrameFace]) -> str:
    counted = Counter(frame.problem for frame in frames if frame.problem is not None)
    return f"face.{counted.most_common(1)[0][0]}"


def _measurement(value: float, thresholds: MatchThresholds) -> Measurement:
    return Measurement(name="cosine", value=value, threshold=thresholds.accept_at)
