"""``ekyc validate``: check the digital signatures of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ekyc.cli.given_files import read_given
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
from ekyc.errors import EkycError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from ekyc.signing import SignatureReport, ValidationReport
    from ekyc.signing.validation.anchors import Anchor

_COMMAND: Final = "validate"
_MAX_BYTES: Final = 64 << 20
_MAX_TRUST_BYTES: Final = 32 << 20
_STYLE: Final = {"TOTAL-PASSED": "green", "INDETERMINATE": "yellow", "TOTAL-FAILED": "bold red"}


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("validate")(validate_command)


def validate_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The signed file: PDF, XML, JWS, or a detached CMS."),
    ],
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            "--trust",
            metavar="FILE",
            help="Certificate of an authority to trust, or one of its revocation lists (PEM, DER). "
            "May be given several times. Without one, no signature can pass.",
        ),
    ] = None,
    content: Annotated[
        Path | None,
        typer.Option(
            "--content", metavar="FILE", help="What a detached CMS (.p7s) is over, of up to 4 GiB."
        ),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            "--anchors",
            metavar="LIST",
            help="List of anchors with their kinds (TOML: NEAC, official-duty, test); see docs/validation.md.",
        ),
    ] = None,
    report_to: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="New folder for report.html with pictures of pages that changed. It names the signers.",
        ),
    ] = None,
    at: AtOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Check the signatures of a file: intact, covering what is shown, and leading to an authority you trust.

    Exit code 0: every signature is TOTAL-PASSED. 10: not decided, or not signed at all. 11: a signature is
    TOTAL-FAILED. 1: the file cannot be opened. Nothing is fetched from a network.
    """
    moment = None if at is None else moment_of(at)
    try:
        trusted, crls = _load_trust(trust or [], anchors)
        data = read_given(file, _MAX_BYTES)
        report = _validated(data, content, {"anchors": trusted, "crls": crls, "at": moment})
        if report_to is not None:
            _write_report(report_to, data, report, file.name)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        from ekyc.signing.validation.report_json import report_as_json

        facts = report_as_json(report)
        write_json(result_object(_COMMAND, report.outcome.value, report.checks, **facts))
    else:
        _print(console(), report)
    exit_for(report.outcome)


def _validated(data: bytes, content: Path | None, options: dict[str, Any]) -> ValidationReport:
    from ekyc.signing.validation.any_file import validate_file

    if content is None:
        return validate_file(data, **options)
    try:
        with content.open("rb") as stream:
            return validate_file(data, content=stream, **options)
    except OSError as exc:
        raise InputError(
            "cannot be read", code="input.file_unreadable", subject=content.name
        ) from exc


def _write_report(folder: Path, data: bytes, report: ValidationReport, name: str) -> None:
    """Into a folder that is made: nothing is overwritten."""
    from ekyc.signing.validation.page_pictures import picture_changes
    from ekyc.signing.validation.report_page import report_files

    pictures = picture_changes(data, report)
    try:
        folder.mkdir()
        for file, contents in report_files(report, pictures, title=name).items():
            (folder / file).write_bytes(contents)
    except OSError as exc:
        raise InputError(
            "the folder exists already, or cannot be written",
            code="input.folder_unwritable",
            subject=folder.name,
        ) from exc


def _print(out: Console, report: ValidationReport) -> None:
    from rich.markup import escape

    from ekyc.signing.validation.words import word

    for entry in (*report.signatures, *report.document_timestamps):
        style = _STYLE[entry.indication.value]
        sub = f" ({entry.sub_indication})" if entry.sub_indication else ""
        out.print(f"{escape(entry.field_name)}: [{style}]{entry.indication.value}[/]{sub}")
        if entry.signer_subject is not None:
            out.print(f"  signer     {escape(entry.signer_subject.reveal())}", soft_wrap=True)
        out.print(f"  anchor     {escape(entry.anchor_subject or 'none that you trust')}")
        if entry.anchor_kind is not None:
            out.print(f"  kind       {word('anchor', entry.anchor_kind.value, 'en')}")
        if entry.timestamp is not None:
            stamp = entry.timestamp
            out.print(f"  timestamp  {stamp.time.isoformat()} {stamp.indication.value}")
        elif entry.claimed_time is not None:
            out.print(f"  claimed    {entry.claimed_time.isoformat()} (not proven)")
        _print_changes(out, report, entry)
    out.print()
    out.print(checks_table(report.checks))


def _print_changes(out: Console, report: ValidationReport, entry: SignatureReport) -> None:
    from rich.markup import escape

    from ekyc.signing.validation.words import change_in_words, word

    if entry.revision is None:
        return
    out.print(f"  covers     revision {entry.revision} of {len(report.revisions) or '?'}")
    for revision in report.changes_after(entry):
        told = "; ".join(change_in_words(change, "en") for change in revision.changes) or "nothing"
        out.print(f"  after      revision {revision.number}: {escape(told)}", soft_wrap=True)
    if entry.shown is not None:
        pages = (
            f" (pages {', '.join(map(str, entry.changed_pages))})" if entry.changed_pages else ""
        )
        out.print(f"  pages      {word('shown', entry.shown.value, 'en')}{pages}")


def load_anchor_list(listed: Path) -> tuple[Anchor, ...]:
    """A list of anchors with their kinds, and the files that it names.

    Raises:
        InputError, LimitError: it is no such list, or a file cannot be read, is too large, or is another than was pinned.
    """
    from ekyc.signing.validation.anchors import read_anchor_list

    text = read_given(listed, _MAX_TRUST_BYTES)
    return read_anchor_list(text, lambda name: read_given(listed.parent / name, _MAX_TRUST_BYTES))


def _load_trust(files: list[Path], listed: Path | None) -> tuple[list[Anchor], list[bytes]]:
    """Sort certificates from revocation lists by trying to read them; those of the list have kinds."""
    from ekyc.signing import read_trust_material
    from ekyc.signing.validation.anchors import Anchor

    anchors: list[Anchor] = []
    crls: list[bytes] = []
    if listed is not None:
        anchors += load_anchor_list(listed)
    for file in files:
        try:
            found = read_trust_material(read_given(file, _MAX_TRUST_BYTES))
        except InputError as error:
            raise InputError(error.message, code=error.code, subject=file.name) from error
        anchors += (Anchor(certificate=der) for der in found.certificates)
        crls += found.crls
    return anchors, crls
