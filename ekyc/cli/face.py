"""``ekyc face``: compare a portrait with pictures of the person who claims it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ekyc.cli.face_calibrate import calibrate
from ekyc.cli.face_pipeline import AcceptOption, OpenPipeline, PackOption, open_pipeline
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
    from ekyc.face.calibrate import Calibration
    from ekyc.values import BgrImage

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
    insightface: PackOption = None,
    accept_licence: AcceptOption = False,
    json_output: JsonFlag = False,
) -> None:
    """Do A and B show the same person? Exit code 0 yes, 11 no, 10 undecided.

    It does not tell a living face from a picture of one: that is `ekyc liveness check`. Our thresholds hold for our own
    models only; with --insightface give a --calibration made with the same pack.
    """
    try:
        frames = picture_files([probe])
        made = _calibration(issued, calibration)
        pictures = _read([portrait, *frames])
        with open_pipeline(insightface, accept_licence=accept_licence) as opened:
            comparison = _compare(pictures, _thresholds(issued, made, opened), opened)
    except EkycError as error:
        fail(error, json_output=json_output, command="face-compare")
    if json_output:
        write_json(_as_json(comparison, frames, opened))
    else:
        _print(comparison)
    exit_for(comparison.check.outcome)


def _calibration(issued: datetime | None, calibration: Path | None) -> Calibration | None:
    from ekyc.face.calibrate import parse_calibration

    if calibration is None:
        return None
    if issued is not None:
        raise InputError(
            "give --issued or --calibration, not both", code="face.option_invalid", subject="issued"
        )
    return parse_calibration(_text_of(calibration))


def _thresholds(
    issued: datetime | None, calibration: Calibration | None, opened: OpenPipeline
) -> MatchThresholds:
    from ekyc.face import DEFAULT_MATCH, thresholds_for_portrait

    if calibration is not None:
        if opened.models[-1] not in calibration.models:
            raise InputError(
                "the calibration was made with another embedder",
                code="face.thresholds_of_another_model",
                subject=opened.models[-1][0],
            )
        return calibration.loosest_to_strictest()
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


def _read(files: Sequence[Path]) -> list[BgrImage]:
    from ekyc.imaging import read_image

    return [read_image(file) for file in files]


def _compare(
    pictures: list[BgrImage], thresholds: MatchThresholds, opened: OpenPipeline
) -> FaceComparison:
    from ekyc.face import compare_faces

    reference, *probes = pictures
    pipeline = opened.pipeline
    return compare_faces(
        reference, probes, pipeline.detector, pipeline.embedder, thresholds=thresholds
    )


def _as_json(
    comparison: FaceComparison, frames: Sequence[Path], opened: OpenPipeline
) -> dict[str, Any]:
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
        models=[name for name, _ in opened.models],
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
