"""Suite ``face``: at the shipped thresholds, who is let through and who is turned away?

1. *London.* 102 people, neutral against smiling, and every pair of different people: an easy set, licence-clean.
2. *LFW.* Every pair among the pictures of folds 1 to 5: press photographs, harder and larger.
3. *Groups.* Pairs of different people within one group of the London set. The groups are tiny: a warning light, not a
   measurement of bias.

Intervals treat pairs as independent, which pairs that share a picture are not: true intervals are wider.
"""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ekyc.face import DEFAULT_MATCH, DetectedFace, FaceDetector, FaceEmbedder
from ekyc.imaging.decode import decode_image, read_image
from ekyc.inference import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.values import BgrImage

DETECTOR, EMBEDDER = "yunet-2023mar", "sface-2021dec"
_LFW_ARCHIVE = "lfw_folds_1_5_250px.tar"
_LFW_CENTRE_PX = 125.0
_QUICK_PEOPLE = 12


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
    with Engine.open(ids=(DETECTOR, EMBEDDER)) as engine:
        for model in (DETECTOR, EMBEDDER):
            recorder.uses(engine.store.registry[model])
        detector = FaceDetector(engine.model(DETECTOR))
        embedder = FaceEmbedder(engine.model(EMBEDDER))
        london = list(_london(recorder, faces / "london", detector, embedder, options.quick))
        _rates(recorder, "london", london)
        _rates_by_group(recorder, london)
        archive = faces / _LFW_ARCHIVE
        if archive.is_file() and not options.quick:
            _rates(recorder, "lfw", list(_lfw(recorder, archive, detector, embedder)))


def _london(
    recorder: Recorder, folder: Path, detector: FaceDetector, embedder: FaceEmbedder, quick: bool
) -> Iterator[_Embedded]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if quick:
        few = sorted({row["identity"] for row in rows})[:_QUICK_PEOPLE]
        rows = [row for row in rows if row["identity"] in few]
    for done, row in enumerate(rows):
        recorder.progress("london", done, len(rows))
        image = read_image(folder / row["file"])
        faces = detector.detect(image)
        if len(faces) != 1:
            recorder.observe(set="london", file=row["file"], faces=len(faces))
            continue
        vector = embedder.embed(image, faces[0])
        yield _Embedded(person=row["identity"], group=row["ethnicity"], vector=vector)


def _lfw(
    recorder: Recorder, archive: Path, detector: FaceDetector, embedder: FaceEmbedder
) -> Iterator[_Embedded]:
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.name.endswith(".jpg")]
        for done, member in enumerate(members):
            recorder.progress("lfw", done, len(members))
            content = tar.extractfile(member)
            assert content is not None  # a plain file
            name = member.name.rsplit("/", 1)[-1]
            image = decode_image(content.read(), name=name)
            face = _central(image, detector)
            if face is None:
                recorder.observe(set="lfw", file=name, faces=0)
                continue
            person = name.rsplit("_", 1)[0]
            yield _Embedded(person=person, group="", vector=embedder.embed(image, face))


def _central(image: BgrImage, detector: FaceDetector) -> DetectedFace | None:
    """LFW labels the face in the middle."""

    def off_centre(face: DetectedFace) -> float:
        nose = face.landmarks.nose
        return (nose.x - _LFW_CENTRE_PX) ** 2 + (nose.y - _LFW_CENTRE_PX) ** 2

    return min(detector.detect(image), key=off_centre, default=None)


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
    _, person = np.unique([picture.person for picture in pictures], return_inverse=True)
    first, second = np.triu_indices(len(pictures), 1)
    alike = (vectors @ vectors.T)[first, second]
    same = person[first] == person[second]
    return alike[same], alike[~same]
