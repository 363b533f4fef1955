"""Suite ``pad``: who gets past passive detection, who is turned away, and what does a frame cost?

1. *Presentations* of an auditor's folder (:mod:`ekyc.benchmarks.pad_material`), for each profile. Per level of assurance:
   APCER of each species and the greatest of them, BPCER, non-responses of both kinds, all with exact intervals. At ``low``
   a single frame may pass: that is the harder test for attacks, and the targets stand there. At ``substantial`` single
   frames never pass, so pictures are non-responses by rule. The median scores and the points of the DET curve are among
   the raw observations.
2. *Honest faces in bad light* (:mod:`ekyc.benchmarks.pad_honest`): how often is a person called an attack?
3. *Ablation*: what cuts, mirror images, the second look and frames in the median are good for.
4. *Processor time* per frame, one thread.

All thresholds were fixed before, on other material; ``ekyc/liveness/profiles.py`` says how. No average of error rates is
reported: it hides the species that gets through.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.pad_honest import ablation, honest_in_bad_light
from ekyc.benchmarks.pad_material import RealPresentation, presentations
from ekyc.errors import InputError
from ekyc.face import FaceDetector
from ekyc.imaging import read_image, resize
from ekyc.inference import BatchPolicy, Engine
from ekyc.liveness import (
    PROFILES,
    Assurance,
    LivenessReport,
    PadPolicy,
    PadProfile,
    Presentation,
    ProfileName,
    Rate,
    check_liveness,
    error_rates,
)
from ekyc.liveness.passive import judge
from ekyc.liveness.profiles import Views
from ekyc.liveness.score import ALL_VIEWS, INPUT_SIDE_PX
from ekyc.liveness.silent_face import SilentFace
from ekyc.outcomes import Outcome

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.ports import Model
    from ekyc.values import BgrImage

WEIGHTS_VARIABLE: Final = "EKYC_SILENT_FACE"
LEVELS: Final = (Assurance.LOW, Assurance.SUBSTANTIAL)
_MODELS: Final = ("yunet-2023mar", "faceplugin-liveness")
_BOUNDS_MS: Final = {ProfileName.FAST: 10.0, ProfileName.DEFAULT: 35.0}
_MUST_NOT_PASS: Final = frozenset({"print", "screen", "replay", "screen_video", "screen_replay"})
_DETECTOR_SIDE_PX: Final = {
    ProfileName.FAST: 256,
    ProfileName.DEFAULT: 480,
    ProfileName.USER_WEIGHTS: 480,
}
_TIMED_FRAMES, _QUICK_FRAMES = 40, 8
_SELFIE_SIDE_PX: Final = 720


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A profile with the nets that it needs."""

    profile: PadProfile
    detector_model: Model
    pad_model: Model
    silent_face: SilentFace | None = None

    @property
    def detector(self) -> FaceDetector:
        return FaceDetector(self.detector_model)

    def check(self, frames: tuple[BgrImage, ...]) -> LivenessReport:
        """At the lowest level: what the scores alone say."""
        return check_liveness(
            frames,
            detector=self.detector,
            pad_model=self.pad_model,
            profile=self.profile,
            policy=PadPolicy(assurance=Assurance.LOW),
            silent_face=self.silent_face,
        )


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    assert options.data is not None  # the runner has seen to it
    real = presentations(options.data)
    with Engine.open(ids=_MODELS, policy=BatchPolicy(workers=1)) as engine:
        for model in _MODELS:
            recorder.uses(engine.store.registry[model])
        seer, net = engine.model(_MODELS[0]), engine.model(_MODELS[1])
        detector = FaceDetector(seer)
        settings = [
            Setting(profile=PROFILES[name], detector_model=seer, pad_model=net)
            for name in (ProfileName.FAST, ProfileName.DEFAULT)
        ]
        folder = os.environ.get(WEIGHTS_VARIABLE)
        if folder:
            settings.append(
                Setting(
                    profile=PROFILES[ProfileName.USER_WEIGHTS],
                    detector_model=seer,
                    pad_model=net,
                    silent_face=SilentFace.open(Path(folder)),
                )
            )
        for setting in settings:
            _on_presentations(recorder, real, setting)
        london = options.data / "faces/london"
        if london.is_dir():
            honest_in_bad_light(recorder, london, detector, net, quick=options.quick)
            ablation(recorder, london, detector, net, quick=options.quick)
            for setting in settings:
                _processor_time(recorder, london, setting, quick=options.quick)


def _on_presentations(
    recorder: Recorder, real: tuple[RealPresentation, ...], setting: Setting
) -> None:
    name = setting.profile.name.value
    found: dict[Assurance, list[Presentation]] = {level: [] for level in LEVELS}
    scores: list[tuple[bool, float]] = []
    for done, item in enumerate(real):
        recorder.progress(f"presentations, {name}", done, len(real))
        report = _examined(item, setting)
        outcomes = {level: _outcome(report, level) for level in LEVELS}
        for level, outcome in outcomes.items():
            found[level].append(Presentation(species=item.species, outcome=outcome))
        if report is not None and report.median is not None:
            scores.append((item.species is None, report.median))
        _observe(recorder, item, report, outcomes, name)
    for level in LEVELS:
        _rates(recorder, f"{name}.{level.value}", found[level])
    recorder.observe(profile=name, det=_det(scores))
    _targets(recorder, f"{name}.{Assurance.LOW.value}")


def _examined(item: RealPresentation, setting: Setting) -> LivenessReport | None:
    """None where the files cannot be read: a non-response."""
    try:
        return setting.check(item.frames())
    except InputError:
        return None


def _outcome(report: LivenessReport | None, level: Assurance) -> Outcome:
    if report is None:
        return Outcome.NOT_PERFORMED
    outcome, _ = judge(
        report.frames,
        median=report.median,
        at_best=report.at_best,
        screen_lines=report.screen_lines_nats,
        thresholds=report.thresholds,
        frames_needed=PadPolicy(assurance=level).frames_needed(report.thresholds),
    )
    return outcome


def _observe(
    recorder: Recorder,
    item: RealPresentation,
    report: LivenessReport | None,
    outcomes: dict[Assurance, Outcome],
    profile: str,
) -> None:
    recorder.observe(
        profile=profile,
        presentation=item.name,
        species=item.species,
        outcomes={level.value: outcome.value for level, outcome in outcomes.items()},
        reasons=[] if report is None else list(report.check.reasons),
        frames=0 if report is None else len(report.frames),
        scored=0 if report is None else len(report.scored),
        live=None if report is None else report.median,
        at_best=None if report is None else report.at_best,
        screen_lines_nats=None if report is None else report.screen_lines_nats,
    )


def _rates(recorder: Recorder, name: str, found: list[Presentation]) -> None:
    rates = error_rates(found)
    for species, rate in rates.apcer.items():
        _record(recorder, f"{name}.apcer.{species}", rate)
        _record(recorder, f"{name}.apnrr.{species}", rates.apnrr[species])
    if rates.worst_apcer is not None:
        _record(recorder, f"{name}.apcer_max", rates.worst_apcer)
    _record(recorder, f"{name}.bpcer", rates.bpcer)
    _record(recorder, f"{name}.bpnrr", rates.bpnrr)
    live = [item.outcome for item in found if item.species is None]
    _record(
        recorder, f"{name}.live_passed", Rate(errors=live.count(Outcome.PASSED), total=len(live))
    )
    undecided = sum(item.outcome not in {Outcome.PASSED, Outcome.FAILED} for item in found)
    _record(recorder, f"{name}.undecided", Rate(errors=undecided, total=len(found)))


def _record(recorder: Recorder, name: str, rate: Rate) -> None:
    if rate.total:
        recorder.rate(name, rate.errors, rate.total)


def _targets(recorder: Recorder, name: str) -> None:
    for metric in list(recorder.metrics):
        if metric.startswith(f"{name}.apcer.") and metric.rsplit(".", 1)[-1] in _MUST_NOT_PASS:
            recorder.must(metric, at_most=0.0)
    recorder.must(f"{name}.bpcer", at_most=0.0)
    recorder.must(f"{name}.live_passed", at_least=0.75)
    recorder.must(f"{name}.undecided", at_most=0.25)


def _det(scores: list[tuple[bool, float]]) -> list[dict[str, float]]:
    """Points of the detection error trade-off (ISO/IEC 30107-3 §13.2): both rates at every score that occurs."""
    live = np.array([score for bona_fide, score in scores if bona_fide])
    attacks = np.array([score for bona_fide, score in scores if not bona_fide])
    if not live.size or not attacks.size:
        return []
    return [
        {
            "live_at": float(at),
            "apcer_all_species": float((attacks >= at).mean()),
            "bpcer": float((live < at).mean()),
        }
        for at in np.unique(np.concatenate([live, attacks]))
    ]


def _bare_nets_ms(setting: Setting, *, detector_side_px: int) -> list[float]:
    """The same nets in the same run on empty inputs, as often as a frame asks for: what the machine is worth today."""
    runs = 1 if setting.profile.views is Views.IN_TURN else len(ALL_VIEWS)
    shown = np.zeros((3, detector_side_px, detector_side_px), dtype=np.float32)
    cut = np.zeros((3, INPUT_SIDE_PX, INPUT_SIDE_PX), dtype=np.float32)
    times = []
    for _ in range(_QUICK_FRAMES):
        started = time.process_time()
        setting.detector_model.infer(shown)
        for _ in range(runs):
            setting.pad_model.infer(cut)
        times.append((time.process_time() - started) * 1000)
    return times


def _processor_time(recorder: Recorder, london: Path, setting: Setting, *, quick: bool) -> None:
    """Whole check per frame, detection and all, on London portraits at the size of a selfie camera."""
    files = sorted(london.glob("*.jpg"))[: _QUICK_FRAMES if quick else _TIMED_FRAMES]
    pictures = [resize(read_image(path), _SELFIE_SIDE_PX, _SELFIE_SIDE_PX) for path in files]
    name = setting.profile.name
    per_frame: list[float] = []
    batch = _QUICK_FRAMES
    for at in range(0, len(pictures), batch):
        frames = tuple(pictures[at : at + batch])
        times = []
        for _ in range(3):
            started = time.process_time()
            setting.check(frames)
            times.append((time.process_time() - started) * 1000 / len(frames))
        per_frame.append(min(times))
    recorder.samples(f"cpu_per_frame.{name.value}", per_frame, unit="ms")
    bare = _bare_nets_ms(setting, detector_side_px=_DETECTOR_SIDE_PX[name])
    recorder.samples(f"cpu_per_frame.{name.value}.bare_nets", bare, unit="ms")
    if name in _BOUNDS_MS:
        recorder.must(f"cpu_per_frame.{name.value}", at_most=_BOUNDS_MS[name])
