"""``ekyc batch``: many case folders handed in to a service, and what came of each. Whatever is cut off can be gone on with."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ekyc.cli.output import console, fail, say
from ekyc.errors import EkycError, InputError
from ekyc.files import replace_file

if TYPE_CHECKING:
    from ekyc.cli.batch_notes import Notes
    from ekyc.client import Client

KEY_VARIABLE: Final = "EKYC_API_KEY"
_LOOKS_EVERY_S: Final = 2.0
_RUNNING: Final = "running"

UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="EKYC_URL",
        metavar="URL",
        help=f"Address of the service. Key or token for it: in the variable {KEY_VARIABLE}.",
    ),
]
FolderArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="Folder of case folders; what each is called is the reference of its item.",
        exists=True,
        file_okay=False,
    ),
]
BatchArgument = Annotated[
    str, typer.Argument(metavar="BATCH", help="Id of the batch, as `submit` told it.")
]

batch_app = typer.Typer(
    help="Many cases at once, verified by a service: `submit` a folder of case folders, look at the `status`, fetch the "
    "`results`. Nothing is decided on a person by a batch.",
    no_args_is_help=True,
)


@batch_app.command()
def submit(
    folder: FolderArgument,
    url: UrlOption,
    office: Annotated[
        str | None, typer.Option("--office", metavar="ID", help="Office that it belongs to.")
    ] = None,
) -> None:
    """Hand in every case folder of FOLDER as one batch, and tell its id.

    What was uploaded is noted in FOLDER.batch.json beside it. After Ctrl-C, or where the service was away, `ekyc batch resume
    FOLDER` goes on within a day; nothing is handed in twice.
    """
    from ekyc.cli.batch_notes import begin_notes

    try:
        _hand_in(begin_notes(folder, office), folder, url)
    except EkycError as error:
        fail(error, json_output=False, command="batch-submit")


@batch_app.command()
def resume(folder: FolderArgument, url: UrlOption) -> None:
    """Go on with a `submit` that was cut off. One that was not tells the id of its batch again."""
    from ekyc.cli.batch_notes import read_notes

    try:
        _hand_in(read_notes(folder), folder, url)
    except EkycError as error:
        fail(error, json_output=False, command="batch-resume")


@batch_app.command()
def status(
    batch: BatchArgument,
    url: UrlOption,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Until nothing waits any more. Ctrl-C stops the waiting only."),
    ] = False,
) -> None:
    """Tell how far a batch is: items that wait, are done, failed, or were called off."""
    try:
        with open_client(url) as ekyc, _progress() as bar:
            seen = ekyc.batches.get(batch)
            task = bar.add_task("verified", total=seen.items)
            while True:
                bar.update(task, completed=seen.items - seen.counts["waiting"])
                if not wait or seen.state != _RUNNING:
                    break
                time.sleep(_LOOKS_EVERY_S)
                seen = ekyc.batches.get(batch)
    except EkycError as error:
        fail(error, json_output=False, command="batch-status")
    counts = ", ".join(f"{count} {state}" for state, count in seen.counts.items())
    say(console(), f"{seen.state}: {seen.items} items, {counts}")


@batch_app.command()
def results(
    batch: BatchArgument,
    url: UrlOption,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="Where they go: a line of JSON for each item."),
    ],
) -> None:
    """Fetch the items of a batch with their results, those that wait too. FILE is whole, or as it was before."""
    count = 0
    try:
        with open_client(url) as ekyc, _progress() as bar:
            task = bar.add_task("fetched", total=ekyc.batches.get(batch).items)
            lines = []
            for item in ekyc.batches.items(batch):
                lines.append(json.dumps(item.raw, ensure_ascii=False))
                bar.advance(task)
        count = len(lines)
        _write(out, lines)
    except EkycError as error:
        fail(error, json_output=False, command="batch-results")
    say(console(), f"{count} items written to {out}")


def open_client(url: str) -> Client:
    """Whoever speaks to the service, with the key of the environment."""
    from ekyc.client import Client

    return Client(url, key=os.environ.get(KEY_VARIABLE) or None)


def _hand_in(notes: Notes, folder: Path, url: str) -> None:
    """Upload what was not, then make the batch of it."""
    from ekyc.cli import batch_notes

    if notes.batch is None:
        with open_client(url) as ekyc, _progress() as bar:
            there = sum(case is not None for case in notes.cases.values())
            task = bar.add_task("uploaded", total=len(notes.cases), completed=there)
            for number, (reference, case) in enumerate(notes.cases.items()):
                if case is None:
                    key = f"{notes.run}-{number}"
                    notes.cases[reference] = ekyc.batches.upload(
                        folder / reference, office=notes.office, idempotency_key=key
                    )
                    batch_notes.write_notes(folder, notes)
                    bar.advance(task)
            uploaded = {name: case for name, case in notes.cases.items() if case is not None}
            made = ekyc.batches.create(uploaded, office=notes.office, idempotency_key=notes.run)
            notes.batch = made.id
            batch_notes.write_notes(folder, notes)
    say(console(), notes.batch)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(json_output=True),
    )


def _write(out: Path, lines: Iterable[str]) -> None:
    """Whole or not at all, for its owner alone. Lone surrogates are JSON still, as escapes."""
    text = "".join(f"{line}\n" for line in lines)
    try:
        replace_file(out, text.encode("utf-8", "backslashreplace"))
    except OSError as exc:
        raise InputError("cannot be written", code="input.invalid", subject=out.name) from exc
