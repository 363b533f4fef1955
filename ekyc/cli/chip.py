"""``ekyc chip``: inspect what was read from a chip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ekyc.cli.output import (
    AtOption,
    JsonFlag,
    checks_table,
    console,
    exit_for,
    fail,
    moment_of,
    result_object,
    write_json,
)
from ekyc.cli.state import TrustOption, load_trust
from ekyc.errors import EkycError, InputError
from ekyc.outcomes import Outcome, worst

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from ekyc.chip import ChipReport, SignedFileReport
    from ekyc.pki import TrustStore

chip_app = typer.Typer(
    help="Inspect chip data of identity cards and passports.", no_args_is_help=True
)

_COMMAND = "chip-inspect"
_UNIT = {
    "EF.COM": "groups listed",
    "EF.SOD": "groups signed",
    "EF.DG1": "zone",
    "EF.DG2": "faces",
    "EF.DG3": "templates",
    "EF.DG4": "templates",
    "EF.DG5": "images",
    "EF.DG7": "images",
    "EF.DG11": "fields",
    "EF.DG12": "fields",
    "EF.DG13": "fields",
    "EF.DG14": "protocols",
    "EF.DG15": "key",
    "EF.DG16": "persons",
}


@chip_app.callback()
def _group() -> None:
    """Inspect chip data of identity cards and passports."""


@chip_app.command("inspect")
def inspect_command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="Folder of elementary files (EF.SOD, EF.DG1 …), or one EF.SOD or EF.CardSecurity file.",
        ),
    ],
    trust: TrustOption = None,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Let SHA-1 and short RSA keys count, with a remark.")
    ] = False,
    at: AtOption = None,
    show_identity: Annotated[
        bool,
        typer.Option(
            "--show-identity",
            help="Write the bearer's personal data too, where stdout is no terminal or with --json.",
        ),
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Verify the signature, the data group hashes and the chain to a trust anchor.

    Exit code 0: all hold. 10: no anchor, a weak algorithm, or a data group that the signature does not cover.
    11: damaged or refuted. 1: not readable at all.
    """
    try:
        outcome, result = _inspect(
            path,
            load_trust(trust),
            legacy=legacy,
            at=moment_of(at),
            show_identity=show_identity or (sys.stdout.isatty() and not json_output),
            out=console(json_output=json_output),
        )
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        write_json(result)
    exit_for(outcome)


def _inspect(
    path: Path,
    trust: TrustStore,
    *,
    legacy: bool,
    at: datetime,
    show_identity: bool,
    out: Console,
) -> tuple[Outcome, dict[str, Any]]:
    """Outcome and JSON object; the report for people is printed on the way."""
    from ekyc.chip import ChipFiles, inspect_chip

    if not path.exists():
        raise InputError("no such file or folder", code="chip.file_unreadable", subject=path.name)
    if path.is_dir():
        report = inspect_chip(ChipFiles.from_folder(path), trust=trust, legacy=legacy, at=at)
        return _present_folder(report, out, show_identity=show_identity)
    return _present_file(_inspect_file(path, trust, legacy=legacy, at=at), out)


def _inspect_file(path: Path, trust: TrustStore, *, legacy: bool, at: datetime) -> SignedFileReport:
    from ekyc.chip import inspect_signed_file
    from ekyc.chip.files import read_bounded

    return inspect_signed_file(read_bounded(path), trust=trust, legacy=legacy, at=at)


def _present_folder(
    report: ChipReport, out: Console, *, show_identity: bool
) -> tuple[Outcome, dict[str, Any]]:
    from ekyc.chip import chip_report_as_json, details_as_json, identity_as_json
    from ekyc.chip.report import DECIDING_CHECKS

    facts = chip_report_as_json(report)
    outcome = worst(
        check.outcome
        for check in report.checks
        if check.id in DECIDING_CHECKS or check.outcome is Outcome.FAILED
    )
    out.print(checks_table(report.checks))
    _print_trust(out, facts["passive_authentication"])
    _print_contents(out, facts["contents"])
    if show_identity and report.identity:
        facts["identity"] = identity_as_json(report.identity)
        facts["details"] = details_as_json(report.details) if report.details else {}
        out.print("")
        for name, value in (facts["identity"] | facts["details"]).items():
            out.print(f"{name}: {value}", markup=False)
    return outcome, result_object(_COMMAND, outcome.value, report.checks, **facts)


def _present_file(report: SignedFileReport, out: Console) -> tuple[Outcome, dict[str, Any]]:
    from ekyc.chip import signed_file_as_json

    facts = signed_file_as_json(report)
    out.print(checks_table(report.checks))
    _print_trust(out, facts["passive_authentication"])
    return report.outcome, result_object(_COMMAND, report.outcome.value, report.checks, **facts)


def _print_trust(out: Console, passive: dict[str, Any]) -> None:
    """Signer, anchor and coverage; nothing of the bearer."""
    chain = passive["chain"]
    lines = [("chain", chain["verdict"]), ("signer", _named(passive["signer"]))]
    lines.append(("anchor", _named(chain["anchor"])))
    lines += [(name, found) for name, found in passive.get("data_groups", {}).items()]
    out.print("")
    for name, value in lines:
        out.print(f"{name:<10} {value}", markup=False)


def _print_contents(out: Console, contents: dict[str, Any]) -> None:
    """What each file holds, by number and kind."""
    out.print("")
    for name, held in contents.items():
        parts = [*held["formats"], f"{held['count']} {_UNIT.get(name, 'entries')}"]
        for what in ("unreadable", "unknown"):
            parts += [f"{what} {', '.join(held[what])}"] if held[what] else []
        out.print(f"{name:<10} {'; '.join(parts)}", markup=False)


def _named(certificate: dict[str, Any] | None) -> str:
    if certificate is None:
        return "-"
    name = certificate["common_name"] or "no common name"
    return f"{certificate['country']}, {name}, sha256 {certificate['sha256'][:16]}…"
