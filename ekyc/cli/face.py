"""``ekyc face``: compare a portrait with pictures of the person who claims it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ekyc.cli.face_calibrate import calibrate
from ekyc.cli.output import (
    JsonFlag,
    checks_table,
    console,
    exit_for,
    fail,
    result_object,
    write_json,
)
from ekyc.cli.pictures import picture_files
from ekyc.errors import EkycError, InputError
from ekyc.ports import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.face import FaceComparison, MatchThresholds

face_app = typer.Typer(help="Compare faces, one to one.", no_args_is_help=True)
face_app.command()(calibrate)


@face_app.command()
def compare(
    portrait: Annotated[Path, typer.Argument(metavar="A", help="Portrait: picture with one face.")],
    probe: Annotated[
        Path, typer.Argument(metavar="B", help="Picture of the person, or a folder of frames.")
    ],
    issued: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Day on which A was issued: old portraits are judged milder."
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Thresholds from `ekyc face calibrate`."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Do A and B show the same person? Exit code 0 yes, 11 no, 10 undecided.

    It does not tell a living face from a picture of one: that is `ekyc liveness check`.
    """
    try:
        frames = picture_files([probe])
        comparison = _compare(portrait, frames, _thresholds(issued, calibration))
    except EkycError as error:
        fail(error, json_output=json_output, command="face-compare")
    if json_output:
        write_json(_as_json(comparison, frames))
    else:
        _print(comparison)
    exit_for(comparison.check.outcome)


def _thresholds(issued: datetime | None, calibration: Path | None) -> MatchThresholds:
    from ekyc.face import DEFAULT_MATCH, thresholds_for_portrait
    from ekyc.face.calibrate import parse_calibration

    if calibration is not None and issued is not None:
        raise InputError(
            "give --issued or --calibration, not both", code="face.option_invalid", subject="issued"
        )
    if calibration is not None:
        return parse_calibration(_text_of(calibration)).loosest_to_strictest()
    if issued is None:
        return DEFAULT_MATCH
    return thresholds_for_portrait(issued.date(), SystemClock().now().date())


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            "cannot be read", code="face.calibration_invalid", subject=path.name
        ) from exc


def _compare(portrait: Path, frames: Sequence[Path], thresholds: MatchThresholds) -> FaceComparison:
    from ekyc.face import FacePipeline, compare_faces
    from ekyc.imaging import read_image
    from ekyc.inference import Engine

    reference = read_image(portrait)
    probes = [read_image(path) for path in frames]
    with Engine.open(ids=FacePipeline.MODELS) as engine:
        pipeline = FacePipeline.over(engine)
        return compare_faces(
            reference, probes, pipeline.detector, pipeline.embedder, thresholds=thresholds
        )


def _as_json(comparison: FaceComparison, frames: Sequence[Path]) -> dict[str, Any]:
    from ekyc.face import FacePipeline

    return result_object(
        "face-compare",
        comparison.check.outcome.value,
        comparison.checks,
        cosine=comparison.cosine,
        thresholds=asdict(comparison.thresholds),
        best_frame=comparison.best_frame,
        frames=[
            {
                "file": frames[frame.index].name,
                "problem": frame.problem,
                "rank": frame.rank,
                "advice": list(frame.advice),
            }
            for frame in comparison.frames
        ],
        models=list(FacePipeline.MODELS),
    )


def _print(comparison: FaceComparison) -> None:
    out = console()
    out.print(checks_table(comparison.checks))
    if comparison.cosine is not None:
        bounds = comparison.thresholds
        out.print(
            f"cosine {comparison.cosine:.3f} "
            f"(same person from {bounds.accept_at}, another below {bounds.reject_below})"
        )
