"""``ekyc bench``: the auditors' suites."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ekyc.cli.bench_generate import generate
from ekyc.cli.output import EXIT_ERROR, JsonFlag, console, fail, result_object, say, write_json
from ekyc.errors import EkycError, InputError

bench_app = typer.Typer(
    help="Measure, with intervals and everything to recompute the figures.", no_args_is_help=True
)


@bench_app.command("list")
def list_suites(json_output: JsonFlag = False) -> None:
    """Show the suites and the data they need."""
    from ekyc.benchmarks import SUITES

    if json_output:
        facts = [
            {"name": suite.name, "question": suite.question, "data": suite.data}
            for suite in SUITES.values()
        ]
        write_json(result_object("bench-list", "PASSED", [], suites=facts))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("suite", "question", "data"):
        table.add_column(column)
    for suite in SUITES.values():
        table.add_row(suite.name, suite.question, suite.data or "[dim]none[/]")
    console().print(table)


bench_app.command("generate")(generate)


@bench_app.command("run")
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A suite of `ekyc bench list`.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the result goes.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The suite's data.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="For everything drawn at random.")] = 20261122,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few repetitions; gives no figure to quote.")
    ] = False,
    pages: Annotated[
        int | None,
        typer.Option("--pages", min=1, help="Papers drawn, for suites that draw their own."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL|postgresql",
            help="For `service`: measure what is stored on PostgreSQL too, in an empty database (its tables stay), or with "
            "`postgresql` in a server of its own, where PostgreSQL is installed; it is gone afterwards.",
        ),
    ] = None,
    peers: Annotated[
        bool,
        typer.Option("--peers", help="Other engines on the same material; see `make bench-peers`."),
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Run one suite. Ctrl-C keeps what was measured so far."""
    from ekyc.benchmarks import SUITES, RunOptions, run_suite

    options = RunOptions(
        data=data, seed=seed, quick=quick, pages=pages, database=database, peers=peers
    )
    try:
        if name not in SUITES:
            raise InputError(
                f"known suites: {', '.join(SUITES)}", code="bench.unknown", subject=name
            )
        with _progress(json_output=json_output) as progress:
            task = progress.add_task(name, total=None)

            def report(what: str, done: int, total: int) -> None:
                progress.update(task, description=what, completed=done, total=total)

            result = run_suite(SUITES[name], options, out, report=report)
    except EkycError as exc:
        fail(exc, json_output=json_output, command="bench-run")
    except KeyboardInterrupt:
        say(console(json_output=True), f"interrupted; what was measured is in {out}")
        raise typer.Exit(EXIT_ERROR) from None
    if json_output:
        write_json(result)
    else:
        console().print(_table(result))
        say(console(), f"written to {out}")


def _progress(*, json_output: bool) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console(json_output=json_output),
    )


def _table(result: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("metric", "value", "95 % interval", "n", "unit", "must be"):
        left = column in {"metric", "unit", "must be"}
        table.add_column(column, justify="left" if left else "right", no_wrap=column == "metric")
    peers: dict[str, dict[str, Any]] = result["peers"]
    for peer in peers:
        table.add_column(peer, justify="right")
    names = dict.fromkeys([*result["metrics"], *(name for some in peers.values() for name in some)])
    for name in names:
        table.add_row(
            name,
            *_own_cells(result["metrics"].get(name), result["targets"].get(name)),
            *(f"{some[name]['value']:.4g}" if name in some else "" for some in peers.values()),
        )
    return table


def _own_cells(metric: dict[str, Any] | None, target: dict[str, Any] | None) -> list[str]:
    if metric is None:
        return [""] * 5
    interval = f"{metric['low']:.4g} – {metric['high']:.4g}"
    wanted = _wanted(target) if target else ""
    return [f"{metric['value']:.4g}", interval, str(metric["n"]), metric["unit"], wanted]


def _wanted(target: dict[str, Any]) -> str:
    sign = "≤" if target["sense"] == "at_most" else "≥"
    met = "[green]met[/]" if target["met"] else "[bold red]missed[/]"
    return f"{sign} {target['bound']:.4g} {met}"
