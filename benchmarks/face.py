"""Suite ``face``: at the shipped thresholds, who is let through and who is turned away?

1. *London.* 102 people, neutral against smiling, and every pair of different people: an easy set, licence-clean.
2. *LFW.* Every pair among the pictures of folds 1 to 5: press photographs, harder and larger.
3. *Groups.* Pairs of different people within one group of the London set. The groups are tiny: a warning light, not a
   measurement of bias.

Intervals treat pairs as independent, which pairs that share a picture are not: true intervals are wider.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ekyc.benchmarks.face_material import LFW_ARCHIVE, Pictured, central, cosines, lfw, london
from ekyc.face import DEFAULT_MATCH, FaceEmbedder, FacePipeline
from ekyc.inference import Engine

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.face.select import FindsFaces


@dataclass(frozen=True, slots=True, kw_only=True)
class _Embedded:
    """One picture's vector and who is on it."""

    person: str
    group: str
    vector: NDArray[np.float32]


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    assert options.data is not None  # the runner has seen to it
    faces = options.data / "faces"
    with Engine.open(ids=FacePipeline.MODELS) as engine:
        for model in FacePipeline.MODELS:
            recorder.uses(engine.store.registry[model])
        pipeline = FacePipeline.over(engine)
        workers = pipeline.detector, pipeline.embedder
        portraits = london(recorder, faces / "london", quick=options.quick)
        pictures = list(_embedded(recorder, portraits, *workers))
        _rates(recorder, "london", pictures)
        _rates_by_group(recorder, pictures)
        archive = faces / LFW_ARCHIVE
        if archive.is_file() and not options.quick:
            _rates(recorder, "lfw", list(_embedded(recorder, lfw(recorder, archive), *workers)))


def _embedded(
    recorder: Recorder, pictures: Iterator[Pictured], detector: FindsFaces, embedder: FaceEmbedder
) -> Iterator[_Embedded]:
    for picture in pictures:
        faces = detector.detect(picture.image)
        wild = not picture.group  # LFW shows strangers around the one who is meant
        face = central(faces) if wild or len(faces) == 1 else None
        if face is None:
            recorder.observe(file=picture.name, faces=len(faces))
            continue
        vector = embedder.embed(picture.image, detector.refine(picture.image, face))
        yield _Embedded(person=picture.person, group=picture.group, vector=vector)


def _rates(recorder: Recorder, name: str, pictures: list[_Embedded]) -> None:
    mates, others = _cosines(pictures)
    accept, reject = DEFAULT_MATCH.accept_at, DEFAULT_MATCH.reject_below
    counted = (
        ("true_match_rate", mates >= accept),
        ("false_non_match_rate", mates < reject),
        ("mates_left_to_an_officer", (mates >= reject) & (mates < accept)),
        ("false_match_rate", others >= accept),
        ("others_left_to_an_officer", (others >= reject) & (others < accept)),
    )
    for metric, hits in counted:
        recorder.rate(f"{name}.{metric}", int(hits.sum()), len(hits))
    recorder.exact(f"{name}.lowest_mate", float(mates.min()), n=len(mates), unit="cosine")
    recorder.exact(f"{name}.highest_other", float(others.max()), n=len(others), unit="cosine")


def _rates_by_group(recorder: Recorder, pictures: list[_Embedded]) -> None:
    for group in sorted({picture.group for picture in pictures}):
        within = [picture for picture in pictures if picture.group == group]
        _, others = _cosines(within)
        if len(others):
            hits = int((others >= DEFAULT_MATCH.accept_at).sum())
            recorder.rate(f"london.false_match_rate.{group}", hits, len(others))


def _cosines(pictures: list[_Embedded]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines of all pairs of pictures: of one person, of two."""
    vectors = np.array([picture.vector for picture in pictures])
    return cosines(vectors, [picture.person for picture in pictures])
