"""``ekyc face calibrate``: thresholds for an operator's own people."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.face_pipeline import AcceptOption, OpenPipeline, PackOption, open_pipeline
from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.pictures import picture_files
from ekyc.errors import EkycError, InputError

if TYPE_CHECKING:
    from ekyc.face import FacePipeline
    from ekyc.face.calibrate import Calibration, Sample


def calibrate(
    pairs: Annotated[
        Path,
        typer.Option(
            "--pairs", metavar="DIR", help="One folder per person, with at least two pictures each."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the calibration is written (JSON).")
    ],
    fmr: Annotated[
        list[float] | None,
        typer.Option(
            "--fmr", metavar="RATE", help="False match rate to claim; may be given several times."
        ),
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Add the mirrored face to every vector.")
    ] = False,
    insightface: PackOption = None,
    accept_licence: AcceptOption = False,
    json_output: JsonFlag = False,
) -> None:
    """Measure thresholds on your own pictures, with intervals; refused where they are too few.

    Use it with `ekyc face compare --calibration FILE`. The file holds no picture, no vector and no name.
    """
    try:
        with open_pipeline(insightface, accept_licence=accept_licence, flip=flip) as opened:
            result = _calibrate(pairs, tuple(fmr or (1e-2, 1e-3)), opened, flip=flip)
        _write(out, result)
    except EkycError as error:
        fail(error, json_output=json_output, command="face-calibrate")
    if json_output:
        facts = {key: value for key, value in result.as_json().items() if key != "schema"}
        write_json(result_object("face-calibrate", "PASSED", (), calibration=facts))
    else:
        _print(result, out)


def _calibrate(
    folder: Path, fmrs: tuple[float, ...], opened: OpenPipeline, *, flip: bool
) -> Calibration:
    from ekyc.face.calibrate import calibrate as measure
    from ekyc.face.calibrate import dataset_digest

    people = _people(folder)
    digests = [
        (person, hashlib.sha256(path.read_bytes()).digest())
        for person, files in enumerate(people)
        for path in files
    ]
    samples, unusable = _samples(people, opened.pipeline)
    return measure(
        samples,
        fmrs,
        dataset_sha256=dataset_digest(digests),
        unusable=unusable,
        models=opened.models,
        flip=flip,
    )


def _people(folder: Path) -> list[tuple[Path, ...]]:
    if not folder.is_dir():
        raise InputError("is no folder", code="input.not_a_folder", subject=folder.name)
    found = [picture_files([person]) for person in sorted(folder.iterdir()) if person.is_dir()]
    if not found:
        raise InputError("holds no folder of a person", code="face.calibration_too_few_people")
    return found


def _samples(people: list[tuple[Path, ...]], pipeline: FacePipeline) -> tuple[list[Sample], int]:
    """A vector of each picture with one usable face, and how many had none."""
    from ekyc.face import UsableFace, usable_face
    from ekyc.face.calibrate import Sample
    from ekyc.imaging import read_image

    samples, unusable = [], 0
    for person, files in enumerate(people):
        for path in files:
            image = read_image(path)
            found = usable_face(image, pipeline.detector.detect(image), detector=pipeline.detector)
            if isinstance(found, UsableFace):
                vector = pipeline.embedder.embed(image, found.face)
                samples.append(Sample(person=person, vector=vector))
            else:
                unusable += 1
    return samples, unusable


def _write(out: Path, result: Calibration) -> None:
    text = json.dumps(result.as_json(), ensure_ascii=False, indent=1) + "\n"
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise InputError("cannot be written", code="input.unwritable", subject=out.name) from exc


def _print(result: Calibration, out: Path) -> None:
    out_lines = console()
    say(
        out_lines,
        f"{result.people} people, {result.pictures} pictures "
        f"({result.pictures_without_a_usable_face} more without a usable face)",
    )
    for row in result.thresholds:
        support = "an estimate" if row.support == "estimate" else "only a bound (rule of 30)"
        say(
            out_lines,
            f"FMR {row.fmr:g}: cosine {row.cosine:.3f} ({row.cosine_low:.3f} – {row.cosine_high:.3f}), "
            f"FNMR {row.fnmr:.2%} ({row.fnmr_low:.2%} – {row.fnmr_high:.2%}), {support}",
        )
    say(
        out_lines,
        "95 % intervals by resampling people. They hold for people, cameras and light like these.",
    )
    say(out_lines, f"written to {out}")
