"""``ekyc demo``: the whole chain on a sample citizen, with or without an attack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ekyc.cli.output import JsonFlag, checks_table, console, exit_for, fail, say, write_json
from ekyc.cli.verify import Language, LanguageOption, ProgressPrinter, print_result
from ekyc.errors import EkycError, ModelError

if TYPE_CHECKING:
    from rich.console import Console

    from ekyc.inference import Engine
    from ekyc.samples.demonstration import Demonstration, DemonstrationPictures
    from ekyc.values import BgrImage


def register(app: typer.Typer) -> None:
    """Mount ``demo`` on the root command."""
    app.command()(demo)


def demo(
    portrait: Annotated[
        Path | None,
        typer.Option(
            help="Photograph of a face for chip and card, instead of the sample.", metavar="FILE"
        ),
    ] = None,
    selfie: Annotated[
        Path | None, typer.Option(help="Photograph before the camera.", metavar="FILE")
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="cloned-chip, altered-dg, stripped-evidence, foreign-signer, impostor, screen-replay, "
            "portrait-injection, altered-copy, tampered-pdf or replayed-nonce.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where reports, case and signed PDF go.")
    ] = Path("ekyc-demo"),
    language: LanguageOption = Language.EN,
    json_output: JsonFlag = False,
) -> None:
    """Verify a complete sample case and sign the result; or let an attack be stopped.

    The citizen is a sample. Frames rendered from a photograph prove nothing about liveness.
    Exit code 0 accepted, 10 review, 11 rejected.
    """
    from ekyc.samples.attacks import ATTACKS
    from ekyc.samples.demonstration import run_demonstration

    err = console(json_output=True)
    if attack is not None and attack not in ATTACKS:
        raise typer.BadParameter(
            f"unknown attack; known are {', '.join(ATTACKS)}", param_hint="--attack"
        )
    try:
        with _engine(err) as engine:
            demonstration = run_demonstration(
                out,
                _pictures(engine, portrait, selfie),
                engine=engine,
                attack=ATTACKS[attack] if attack else None,
                announce=lambda text: err.print(f"[dim]·[/] {text}", soft_wrap=True),
                progress=ProgressPrinter(err),
            )
    except EkycError as error:
        fail(error, json_output=json_output, command="demo")
    except KeyboardInterrupt:
        err.print("interrupted; what was already written is whole")
        raise typer.Exit(130) from None
    if json_output:
        write_json(_as_json(demonstration, attack))
    else:
        _print(console(), demonstration, out, attack, language)
    exit_for(demonstration.outcome)


def _engine(err: Console) -> Engine:
    """The installed models; on a first run they are fetched, with visible progress."""
    from ekyc.cli.models import install_with_progress
    from ekyc.inference import Engine, ModelStore, RegistryFetcher

    try:
        return Engine.open()
    except ModelError as error:
        if error.code != "model.not_installed":
            raise
    err.print("The models are not installed yet; fetching them (once).")
    store = ModelStore()
    with RegistryFetcher() as fetcher:
        for _ in install_with_progress(
            store, fetcher, store.registry.select(None), json_output=True
        ):
            pass
    return Engine.open()


def _pictures(engine: Engine, portrait: Path | None, selfie: Path | None) -> DemonstrationPictures:
    from ekyc.imaging.decode import read_image
    from ekyc.samples.demonstration import DemonstrationPictures

    def asset(name: str) -> BgrImage:
        return read_image(engine.store.asset_path(name))

    shown = read_image(portrait) if portrait else asset("portrait-astronaut")
    return DemonstrationPictures(
        portrait=shown,
        selfie=read_image(selfie) if selfie else shown,
        impostor=asset("portrait-hopper"),
    )


def _as_json(demonstration: Demonstration, attack: str | None) -> dict[str, Any]:
    from ekyc.flows import result_as_json

    result = result_as_json(demonstration.result)
    validation = demonstration.validation
    result["schema"] = "ekyc.demo/1"
    result["outcome"] = demonstration.outcome.value
    result["attack"] = attack
    result["files"] = [str(path) for path in demonstration.written]
    result["signatures"] = (
        [{"indication": s.indication.value} for s in validation.signatures] if validation else []
    )
    if attack == "tampered-pdf" and validation is not None:
        from ekyc.outcomes import check_as_json

        result["checks"] += [check_as_json(check) for check in validation.checks]
        result["reasons"] = list(
            dict.fromkeys(code for check in validation.checks for code in check.reasons)
        )
    return result


def _print(
    out: Console, demonstration: Demonstration, folder: Path, attack: str | None, language: str
) -> None:
    print_result(out, demonstration.result, language)
    validation = demonstration.validation
    if validation is not None:
        out.print()
        out.print(checks_table(validation.checks, language))
    out.print()
    for path in demonstration.written:
        say(out, f"wrote {path}")
    out.print()
    out.print(
        "The citizen is a sample, and frames rendered from one photograph prove nothing about liveness.",
        style="dim",
        soft_wrap=True,
    )
    if attack is None and validation is not None:
        out.print("Try next:")
        say(out, f"  ekyc validate {folder / 'result.pdf'} --trust {folder / 'trust/root.pem'}")
        out.print("  ekyc demo --attack cloned-chip")
    elif attack is not None:
        out.print(
            f"Attack {attack}: {'stopped' if demonstration.outcome.value != 'PASSED' else 'NOT STOPPED'}."
        )
