"""``ekyc bench generate``: material for suites, where its generator lies beside the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.errors import EkycError


def generate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to generate: ocr.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the material goes.")],
    seed: Annotated[int, typer.Option("--seed", help="For everything drawn at random.")] = 20261122,
    lines: Annotated[int, typer.Option("--lines", min=0, help="Lines of text.")] = 600,
    papers: Annotated[int, typer.Option("--papers", min=0, help="Papers and cards.")] = 30,
    generator: Annotated[
        Path | None, typer.Option("--generator", metavar="FILE", help="Another generator.")
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Generate the material of a suite. Installs nothing; its fonts come with `make bench-data`."""
    from ekyc.benchmarks.generate import generate as run

    try:
        run(name, out, seed=seed, lines=lines, papers=papers, generator=generator)
    except EkycError as exc:
        fail(exc, json_output=json_output, command="bench-generate")
    if json_output:
        write_json(result_object("bench-generate", "PASSED", [], folder=str(out), seed=seed))
    else:
        say(console(), f"written to {out}")
