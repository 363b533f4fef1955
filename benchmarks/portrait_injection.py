"""Suite ``portrait-injection``: are frames made from a chip's portrait told from other photographs of the same person?

1. A picture of each person becomes a chip portrait: head and shoulders, JPEG 2000 of about 15 kB, every third one grey.
2. *Attacks.* The portrait is made into a frame in the ways of :mod:`ekyc.samples.injection`; APCER is the share of
   frames for which the check passes.
3. *Bona fide.* Another photograph of the same person is the frame: on LFW taken elsewhere and on another day as a
   rule, on London in the same studio minutes later, which no card holder's frame is. BPCER is the share for which it
   fails; the share left undecided stands beside it.

Only people are measured who had no say in the bounds: folds 4 and 5 of LFW, and those of the London set with an odd
number. The bounds were set on the others (:func:`people`, ``kept=False``). Terms follow ISO/IEC 30107-3; one frame
decides here, where a verification looks at all frames of a capture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.face_material import (
    LFW_ARCHIVE,
    LFW_PAIRS,
    Pictured,
    central,
    lfw,
    lfw_pairs,
    london,
)
from ekyc.face import FaceDetector, FaceMesh, FaceMesher, FaceProblem
from ekyc.face.portrait_copy import (
    TextureAgreement,
    default_copy_bounds,
    judge_frames,
    texture_agreement,
)
from ekyc.imaging import decode_image, encode_jpeg2000, to_gray
from ekyc.inference import Engine
from ekyc.outcomes import Outcome
from ekyc.samples.faces import FacePicture, portrait_of
from ekyc.samples.injection import ALTERATIONS, inject

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.values import BgrImage

MODELS: Final = ("yunet-2023mar", "mediapipe-face-mesh")
BONA_FIDE: Final = "bona_fide"
_PORTRAITS: Final = ((413, 531, 15_000), (240, 320, 10_000))
"""Width, height and bytes of chip portraits, drawn in turn."""
_GREY_SHARE: Final = 1 / 3
_PROBES: Final = 2
"""Other photographs of a person that count."""
_ATTACKS_PER_PERSON: Final = 3
_LFW_PEOPLE, _QUICK_PEOPLE = 150, 5
_FIT_FOLDS: Final = frozenset({0, 1, 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One frame held against a chip portrait."""

    kind: str
    """:data:`BONA_FIDE`, or how the portrait was altered."""
    person: str
    agreement: TextureAgreement | FaceProblem
    """Or that no face was found in the frame."""


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question with the installed models."""
    assert options.data is not None  # the runner has seen to it
    faces = options.data / "faces"
    most = _QUICK_PEOPLE if options.quick else _LFW_PEOPLE
    with Engine.open(ids=MODELS) as engine:
        for model in MODELS:
            recorder.uses(engine.store.registry[model])
        detector = FaceDetector(engine.model(MODELS[0]), mesher=FaceMesher(engine.model(MODELS[1])))
        for name in ("london", "lfw"):
            if name == "lfw" and not (faces / LFW_ARCHIVE).is_file():
                continue
            random = np.random.default_rng(options.seed)
            chosen = people(recorder, faces, name, kept=True)[:most]
            shown: list[Shown] = []
            for done, pictures in enumerate(chosen):
                recorder.progress(name, done, len(chosen))
                shown.extend(show(pictures, detector, random))
            _rates(recorder, name, shown)


def people(recorder: Recorder, faces: Path, name: str, *, kept: bool) -> list[tuple[Pictured, ...]]:
    """The pictures of everyone with at least two, in the order of their names.

    Args:
        recorder: is told the progress.
        faces: folder of the sets.
        name: ``lfw`` or ``london``.
        kept: whether those that were kept aside are wanted, or those on whom the bounds were set.
    """
    found: dict[str, list[Pictured]] = defaultdict(list)
    if name == "london":
        for picture in london(recorder, faces / "london", quick=False):
            if (int(picture.person) % 2 == 1) is kept:
                found[picture.person].append(picture)
    else:
        fold = {
            name.rsplit("_", 1)[0]: pair.fold
            for pair in lfw_pairs(faces / LFW_PAIRS)
            for name in (pair.first, pair.second)
        }
        for picture in lfw(recorder, faces / LFW_ARCHIVE):
            if picture.person in fold and (fold[picture.person] not in _FIT_FOLDS) is kept:
                found[picture.person].append(picture)
    return [tuple(found[person]) for person in sorted(found) if len(found[person]) > 1]


def show(
    pictures: tuple[Pictured, ...],
    detector: FaceDetector,
    random: np.random.Generator,
    *,
    attacks: int = _ATTACKS_PER_PERSON,
) -> Iterator[Shown]:
    """A person's first picture as chip portrait, against the others and against so many frames made from it."""
    first, *others = pictures
    portrait = chip_portrait(first.image, detector, random)
    mesh = None if portrait is None else _mesh(portrait, detector)
    if portrait is None or mesh is None:
        return
    frames = [(BONA_FIDE, other.image) for other in others[:_PROBES]]
    kinds = random.choice(list(ALTERATIONS), attacks, replace=False).tolist()
    frames += [(kind, inject(portrait, mesh, kind, random)) for kind in kinds]
    for kind, frame in frames:
        found = _mesh(frame, detector)
        yield Shown(
            kind=kind,
            person=first.person,
            agreement=FaceProblem.NO_FACE
            if found is None
            else texture_agreement(portrait, mesh, frame, found),
        )


def chip_portrait(
    image: BgrImage, detector: FaceDetector, random: np.random.Generator
) -> BgrImage | None:
    """A picture as chips hold it; None where no face is found in it."""
    face = central(detector.detect(image))
    if face is None:
        return None
    width, height, size = _PORTRAITS[int(random.integers(len(_PORTRAITS)))]
    portrait = portrait_of(FacePicture(image=image, face=face.box), width, height)
    if random.random() < _GREY_SHARE:
        portrait = np.repeat(to_gray(portrait)[:, :, None], 3, axis=2)
    return decode_image(encode_jpeg2000(portrait, portrait.size / size), name="portrait")


def _mesh(image: BgrImage, detector: FaceDetector) -> FaceMesh | None:
    faces = detector.detect(image)
    return detector.refine(image, faces[0]).mesh if faces else None


def _rates(recorder: Recorder, name: str, shown: list[Shown]) -> None:
    bounds = default_copy_bounds()
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for item in shown:
        outcome, _ = judge_frames([item.agreement], bounds)
        by_kind[item.kind].append(outcome)
        if isinstance(item.agreement, TextureAgreement):
            recorder.observe(
                set=name,
                kind=item.kind,
                skin=round(item.agreement.skin, 3),
                face=round(item.agreement.face, 3),
                sharpness=round(item.agreement.sharpness, 2),
                middle_sharpness=round(item.agreement.middle_sharpness, 2),
                outcome=outcome.value,
            )
    honest = by_kind.pop(BONA_FIDE, [])
    if honest:
        recorder.rate(f"{name}.bpcer", honest.count(Outcome.FAILED), len(honest))
        recorder.rate(f"{name}.undecided", honest.count(Outcome.INDETERMINATE), len(honest))
    for kind in ALTERATIONS:
        outcomes = by_kind.get(kind, [])
        if outcomes:
            recorder.rate(f"{name}.apcer.{kind}", outcomes.count(Outcome.PASSED), len(outcomes))
            recorder.rate(
                f"{name}.named_an_attack.{kind}", outcomes.count(Outcome.FAILED), len(outcomes)
            )
