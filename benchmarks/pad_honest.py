"""Honest faces under light and cameras that mislead, and what each part of the detector is good for.

The people here are those of the London set that ``spoof_below`` was **not** set on: every third file of the neutral
pictures, from the first on, was used for that. Light and cameras are rendered, so the figures say how the network bends,
not how often real people meet such light. Screens are rendered too (:mod:`ekyc.samples.faces`): a regression test of the
parts against each other, no evidence about real screens.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging import effects, read_image, resize_long_side
from ekyc.liveness import DEFAULT_PAD, check_liveness
from ekyc.liveness.score import ALL_VIEWS, View, score_frame
from ekyc.samples.faces import FacePicture, render_face_frames, render_screen_replay

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.face import FaceDetector
    from ekyc.liveness import FrameScore
    from ekyc.ports import Model
    from ekyc.values import BgrImage

_CALIBRATED_EVERY: Final = 3
_PEOPLE, _QUICK_PEOPLE = 40, 3
_ABLATION_PEOPLE: Final = 12
_FRAMES: Final = 10
_VARIANTS: Final[Mapping[str, tuple[View, ...]]] = {
    "wide": ALL_VIEWS[:1],
    "wide_and_mirror": ALL_VIEWS[:2],
    "square": ALL_VIEWS[2:3],
    "square_and_mirror": ALL_VIEWS[2:],
    "both": (ALL_VIEWS[0], ALL_VIEWS[2]),
    "both_and_mirror": ALL_VIEWS,
}
Change = Callable[["BgrImage", np.random.Generator], "BgrImage"]


def _dim(gain: float, noise: float) -> Change:
    def change(image: BgrImage, random: np.random.Generator) -> BgrImage:
        dark = effects.add_noise(effects.adjust(image, gain=gain), noise, random)
        return effects.jpeg_round_trip(dark, 85)

    return change


def _poor_camera(image: BgrImage, random: np.random.Generator) -> BgrImage:
    soft = effects.blur(resize_long_side(image, 430), 0.8)
    return effects.jpeg_round_trip(effects.add_noise(soft, 5, random), 60)


CONDITIONS: Final[Mapping[str, Change]] = {
    "as_they_are": lambda image, _random: image,
    "poor_camera": _poor_camera,
    "side_light": lambda image, _random: effects.shade(image, angle_deg=0, darkest=0.3),
    "light_0.7": _dim(0.7, 3),
    "light_0.5": _dim(0.5, 3),
    "light_0.35": _dim(0.35, 3),
    "light_0.25": _dim(0.25, 3),
    "overexposed": lambda image, _random: effects.adjust(image, gain=1.6),
}


def people(london: Path) -> list[Path]:
    """Neutral pictures of the people that no threshold was set on."""
    with (london / "labels.csv").open(encoding="utf-8", newline="") as file:
        neutral = [row for row in csv.DictReader(file) if row["view"].startswith("neutral")]
    return [london / row["file"] for i, row in enumerate(neutral) if i % _CALIBRATED_EVERY]


def honest_in_bad_light(
    recorder: Recorder, london: Path, detector: FaceDetector, net: Model, *, quick: bool
) -> None:
    """Shares of single honest frames called an attack: as judged, and as they were without the second look."""
    files = people(london)[: _QUICK_PEOPLE if quick else _PEOPLE]
    for name, change in CONDITIONS.items():
        random = np.random.default_rng(recorder.seed)
        scores: list[FrameScore] = []
        for done, path in enumerate(files):
            recorder.progress(f"honest faces, {name}", done, len(files))
            report = check_liveness(
                [change(read_image(path), random)], detector=detector, pad_model=net
            )
            scores.extend(report.scored)
        if scores:
            _record_honest(recorder, name, scores)


def _record_honest(recorder: Recorder, name: str, scores: list[FrameScore]) -> None:
    count, spoof = len(scores), DEFAULT_PAD.spoof_below
    held = sum(score.at_best < spoof for score in scores)
    once = sum(score.live < spoof for score in scores)
    live = sum(score.live >= DEFAULT_PAD.live_at for score in scores)
    recorder.rate(f"honest.{name}.called_attack", held, count)
    recorder.rate(f"honest.{name}.called_attack_without_second_look", once, count)
    recorder.rate(f"honest.{name}.scored_as_live", live, count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clip:
    """Live scores of each variant, frame by frame."""

    attack: bool
    scores: Mapping[str, list[float]]


def ablation(
    recorder: Recorder, london: Path, detector: FaceDetector, net: Model, *, quick: bool
) -> None:
    """Errors at 0.50 by cuts, mirror images and frames in the median, on rendered captures and rendered screens."""
    files = people(london)[: _QUICK_PEOPLE if quick else _ABLATION_PEOPLE]
    clips: list[_Clip] = []
    for done, path in enumerate(files):
        recorder.progress("ablation", done, len(files))
        image = read_image(path)
        faces = detector.detect(image)
        if not faces:
            continue
        live = render_face_frames(
            FacePicture(image=image, face=faces[0].box), count=_FRAMES, seed=done
        )
        shown = render_screen_replay(live, seed=done)
        clips.append(_scored(live, detector, net, attack=False))
        clips.append(_scored(shown, detector, net, attack=True))
    for variant in _VARIANTS:
        _errors(recorder, f"ablation.{variant}", clips, variant, _FRAMES)
    for frames in (1, 3, 5, _FRAMES):
        _errors(recorder, f"ablation.median_of_{frames}", clips, "both_and_mirror", frames)


def _scored(
    frames: tuple[BgrImage, ...], detector: FaceDetector, net: Model, *, attack: bool
) -> _Clip:
    found: dict[str, list[float]] = {name: [] for name in _VARIANTS}
    for frame in frames:
        faces = detector.detect(frame)
        if faces:
            views = [score_frame(frame, faces[0].box, net, views=(v,)).live for v in ALL_VIEWS]
            by_view = dict(zip(ALL_VIEWS, views, strict=True))
            for name, chosen in _VARIANTS.items():
                found[name].append(statistics.fmean(by_view[view] for view in chosen))
    return _Clip(attack=attack, scores=found)


def _errors(recorder: Recorder, name: str, clips: list[_Clip], variant: str, frames: int) -> None:
    """Every run of so many frames counts as one decision."""
    for attack, metric in ((True, "rendered_screens_accepted"), (False, "rendered_live_refused")):
        wrong = total = 0
        for clip in clips:
            scores = clip.scores[variant]
            if clip.attack is not attack:
                continue
            for at in range(0, len(scores) - frames + 1, frames):
                live = statistics.median(scores[at : at + frames]) >= DEFAULT_PAD.live_at
                wrong += live is attack
                total += 1
        if total:
            recorder.rate(f"{name}.{metric}", wrong, total)
