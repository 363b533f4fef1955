"""Suite ``liveness``: which real attacks get through, and how often does the grid cue cry wolf?

1. *Presentations.* Each labelled picture is a presentation of one frame. APCER by species and BPCER as ISO/IEC 30107-3
   counts them, non-responses apart. One frame can never pass, so an APCER is 0 by rule; ``scored_as_live`` says what
   the network and the grid cue alone would have let through.
2. *Grid cue.* Honest portraits (London) and whole press photographs (LFW): how many are taken for a screen?

Five presentations are an example, not a rate: read the intervals.
"""

from __future__ import annotations

import csv
import tarfile
from typing import TYPE_CHECKING

from ekyc.face import FaceDetector
from ekyc.imaging.decode import decode_image, read_image
from ekyc.inference import Engine
from ekyc.liveness import (
    DEFAULT_PAD,
    LivenessReport,
    Presentation,
    Rate,
    check_liveness,
    error_rates,
    measure_screen_lines,
)
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.ports import Model

DETECTOR, PAD = "yunet-2023mar", "faceplugin-liveness"
_LFW_ARCHIVE = "lfw_folds_1_5_250px.tar"


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    assert options.data is not None  # the runner has seen to it
    with Engine.open(ids=(DETECTOR, PAD)) as engine:
        for model in (DETECTOR, PAD):
            recorder.uses(engine.store.registry[model])
        detector = FaceDetector(engine.model(DETECTOR))
        _presentations(recorder, options.data / "liveness", detector, engine.model(PAD))
        _grid_on_portraits(recorder, options.data / "faces/london", detector, options.quick)
    archive = options.data / "faces" / _LFW_ARCHIVE
    if archive.is_file() and not options.quick:
        _grid_on_press_photographs(recorder, archive)


def _presentations(
    recorder: Recorder, folder: Path, detector: FaceDetector, pad_model: Model
) -> None:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    presentations: list[Presentation] = []
    let_through: dict[str, list[bool]] = {}
    for done, row in enumerate(rows):
        recorder.progress("presentations", done, len(rows))
        frame = read_image(folder / row["file"])
        report = check_liveness([frame], detector=detector, pad_model=pad_model)
        species = row["species"] if row["label"] == "attack" else None
        presentations.append(Presentation(species=species, outcome=report.check.outcome))
        let_through.setdefault(species or "bona_fide", []).append(_looks_live(report))
        _observe(recorder, row, report)
    rates = error_rates(presentations)
    for name, rate in rates.apcer.items():
        _record(recorder, f"apcer.{name}", rate)
    _record(recorder, "bpcer", rates.bpcer)
    _record(recorder, "bpnrr", rates.bpnrr)
    for name, found in let_through.items():
        recorder.rate(f"scored_as_live.{name}", sum(found), len(found))


def _looks_live(report: LivenessReport) -> bool:
    """What the scores alone would say, without the rule on the number of frames."""
    if report.median is None or report.screen_lines_nats is None:
        return False
    return (
        report.median >= DEFAULT_PAD.live_at
        and report.screen_lines_nats < DEFAULT_PAD.screen_lines_at
    )


def _observe(recorder: Recorder, row: dict[str, str], report: LivenessReport) -> None:
    recorder.observe(
        file=row["file"],
        label=row["label"],
        species=row["species"],
        outcome=report.check.outcome.value,
        reasons=list(report.check.reasons),
        live=report.median,
        cuts=[{"wide": score.wide, "square": score.square} for score in report.scored],
        screen_lines_nats=report.screen_lines_nats,
    )


def _record(recorder: Recorder, name: str, rate: Rate) -> None:
    if rate.total:
        recorder.rate(name, rate.errors, rate.total)


def _grid_on_portraits(
    recorder: Recorder, folder: Path, detector: FaceDetector, quick: bool
) -> None:
    files = sorted(folder.glob("*.jpg"))[:: 10 if quick else 1]
    found: list[float] = []
    for done, path in enumerate(files):
        recorder.progress("grid cue on portraits", done, len(files))
        image = read_image(path)
        found.extend(measure_screen_lines(image, face.box) for face in detector.detect(image)[:1])
    _record_grid(recorder, "portraits", found)


def _grid_on_press_photographs(recorder: Recorder, archive: Path) -> None:
    """The whole picture is searched, clothes and all: the faces alone are too small to tell."""
    found: list[float] = []
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.name.endswith(".jpg")]
        for done, member in enumerate(members):
            recorder.progress("grid cue on press photographs", done, len(members))
            content = tar.extractfile(member)
            assert content is not None  # a plain file
            image = decode_image(content.read(), name=member.name)
            height, width = image.shape[:2]
            whole = BoxPx(left=0, top=0, right=width, bottom=height)
            found.append(measure_screen_lines(image, whole))
            if found[-1] >= DEFAULT_PAD.screen_lines_at:
                recorder.observe(set="lfw", file=member.name, screen_lines_nats=found[-1])
    _record_grid(recorder, "press_photographs", found)


def _record_grid(recorder: Recorder, name: str, found: list[float]) -> None:
    if not found:
        return
    hits = sum(value >= DEFAULT_PAD.screen_lines_at for value in found)
    recorder.rate(f"taken_for_a_screen.{name}", hits, len(found))
    recorder.exact(f"strongest_line.{name}", max(found), n=len(found), unit="nat")
