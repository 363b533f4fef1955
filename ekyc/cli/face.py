"""``ekyc face``: compare a portrait with pictures of the person who claims it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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

    from ekyc.face import FaceComparison

face_app = typer.Typer(help="Compare faces, one to one.", no_args_is_help=True)


@face_app.callback()
def _face() -> None:
    """Keep ``compare`` a word of its own: Typer would fold a single command into the group."""


@face_app.command()
def compare(
    portrait: Annotated[Path, typer.Argument(metavar="A", help="Portrait: picture with one face.")],
    probe: Annotated[
        Path, typer.Argument(metavar="B", help="Picture of the person, or a folder of frames.")
    ],
    json_output: JsonFlag = False,
) -> None:
    """Do A and B show the same person? Exit code 0 yes, 11 no, 10 undecided.

    It does not tell a living face from a picture of one: that is `ekyc liveness check`.
    """
    try:
        frames = picture_files([probe])
        comparison = _compare(portrait, frames)
    except EkycError as error:
        fail(error, json_output=json_output, command="face-compare")
    if json_output:
        write_json(_as_json(comparison, frames))
    else:
        _print(comparison)
    exit_for(comparison.check.outcome)


def _compare(portrait: Path, frames: Sequence[Path]) -> FaceComparison:
    from ekyc.face import FacePipeline, compare_faces
    from ekyc.imaging import read_image
    from ekyc.inference import Engine

    reference = read_image(portrait)
    probes = [read_image(path) for path in frames]
    with Engine.open(ids=FacePipeline.MODELS) as engine:
        pipeline = FacePipeline.over(engine)
        return compare_faces(reference, probes, pipeline.detector, pipeline.embedder)


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
