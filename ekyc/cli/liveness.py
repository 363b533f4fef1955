"""``ekyc liveness``: examine frames for presentation attacks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

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
from ekyc.errors import EkycError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.liveness import FrameLiveness, LivenessReport

liveness_app = typer.Typer(help="Examine frames for presentation attacks.", no_args_is_help=True)

_DETECTOR = "yunet-2023mar"
_PAD = "faceplugin-liveness"
_LIMITS = (
    "passive, one camera: stops prints and most screens; not masks, nor generated or injected video"
)


@liveness_app.callback()
def _liveness() -> None:
    """Keep ``check`` a word of its own: Typer would fold a single command into the group."""


@liveness_app.command()
def check(
    frames: Annotated[
        list[Path],
        typer.Argument(metavar="FRAMES...", help="Frames of one capture: pictures or folders."),
    ],
    json_output: JsonFlag = False,
) -> None:
    """Is there a living face before the camera? Exit code 0 yes, 11 an attack, 10 undecided.

    Frames must be whole and as the camera gave them. A single frame can show an attack; that a face is live takes
    five.
    """
    try:
        files = picture_files(frames)
        report = _check(files)
    except EkycError as error:
        fail(error, json_output=json_output, command="liveness-check")
    if json_output:
        write_json(_as_json(report, files))
    else:
        _print(report, files)
    exit_for(report.check.outcome)


def _check(files: Sequence[Path]) -> LivenessReport:
    from ekyc.face import FaceDetector
    from ekyc.imaging import read_image
    from ekyc.inference import Engine
    from ekyc.liveness import DEFAULT_PAD, check_liveness, verify_frame_count

    verify_frame_count(len(files), DEFAULT_PAD)
    pictures = [read_image(path) for path in files]
    with Engine.open(ids=(_DETECTOR, _PAD)) as engine:
        return check_liveness(
            pictures,
            detector=FaceDetector(engine.model(_DETECTOR)),
            pad_model=engine.model(_PAD),
        )


def _as_json(report: LivenessReport, files: Sequence[Path]) -> dict[str, Any]:
    return result_object(
        "liveness-check",
        report.check.outcome.value,
        report.checks,
        median=report.median,
        screen_lines_nats=report.screen_lines_nats,
        thresholds=asdict(report.thresholds),
        frames=[_frame_as_json(frame, files[frame.index].name) for frame in report.frames],
        models=[_DETECTOR, _PAD],
        limits=_LIMITS,
    )


def _frame_as_json(frame: FrameLiveness, name: str) -> dict[str, Any]:
    score, quality = frame.score, frame.quality
    return {
        "file": name,
        "problem": frame.problem,
        "live": score.live if score else None,
        "wide": score.wide if score else None,
        "square": score.square if score else None,
        "screen_lines_nats": frame.screen_lines_nats,
        "face_width_px": frame.face_width_px,
        "quality": asdict(quality) if quality else None,
    }


def _print(report: LivenessReport, files: Sequence[Path]) -> None:
    out = console()
    table = Table(box=None, pad_edge=False)
    for column in ("frame", "live", "screen lines", "set aside"):
        table.add_column(column, justify="left" if column in {"frame", "set aside"} else "right")
    for frame in report.frames:
        table.add_row(
            files[frame.index].name,
            _number(frame.score.live if frame.score else None),
            _number(frame.screen_lines_nats),
            frame.problem or "",
        )
    out.print(table)
    out.print(checks_table(report.checks))
    out.print(f"[dim]{_LIMITS}[/]")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
