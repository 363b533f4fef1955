"""``ekyc validate``: check the digital signatures of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

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
from ekyc.errors import EkycError, InputError, LimitError

if TYPE_CHECKING:
    from rich.console import Console

    from ekyc.signing import SignatureReport, TimestampReport, ValidationReport

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
    at: AtOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Check the signatures of a file: intact, covering what is shown, and leading to an authority you trust.

    Exit code 0: every signature is TOTAL-PASSED. 10: not decided, or not signed at all. 11: a signature is
    TOTAL-FAILED. 1: the file cannot be opened. Nothing is fetched from a network.
    """
    moment = None if at is None else moment_of(at)
    try:
        anchors, crls = _load_trust(trust or [])
        options = {"anchors": anchors, "crls": crls, "at": moment}
        report = _inspect(_read(file, _MAX_BYTES), content, options)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        write_json(report_as_json(report))
    else:
        _print(console(), report)
    exit_for(report.outcome)


def _inspect(data: bytes, content: Path | None, options: dict[str, Any]) -> ValidationReport:
    """By what the file holds; a detached CMS is one that comes with its content."""
    from ekyc.cli.sign_forms import form_in
    from ekyc.signing import inspect_pdf
    from ekyc.signing.inspect_cades import inspect_cades
    from ekyc.signing.inspect_jades import inspect_jws
    from ekyc.signing.inspect_xades import inspect_xml

    if content is not None:
        try:
            with content.open("rb") as stream:
                return inspect_cades(data, stream, **options)
        except OSError as exc:
            raise InputError(
                "cannot be read", code="input.file_unreadable", subject=content.name
            ) from exc
    inspect = {"xml": inspect_xml, "json": inspect_jws}.get(form_in(data), inspect_pdf)
    return inspect(data, **options)


def report_as_json(report: ValidationReport) -> dict[str, Any]:
    """The object that ``ekyc validate --json`` writes."""
    return result_object(
        _COMMAND,
        report.outcome.value,
        report.checks,
        signatures=[_as_json(entry) for entry in report.signatures],
        document_timestamps=[_as_json(entry) for entry in report.document_timestamps],
    )


def _as_json(entry: SignatureReport) -> dict[str, Any]:
    return {
        "field": entry.field_name,
        "indication": entry.indication.value,
        "sub_indication": entry.sub_indication,
        "integrity": entry.integrity.value,
        "coverage": entry.coverage.value if entry.coverage else None,
        "modifications": entry.modifications.value if entry.modifications else None,
        "signer": entry.signer_subject.reveal() if entry.signer_subject else None,
        "anchor": entry.anchor_subject,
        "claimed_time": entry.claimed_time.isoformat() if entry.claimed_time else None,
        "timestamp": _timestamp_as_json(entry.timestamp) if entry.timestamp else None,
    }


def _timestamp_as_json(timestamp: TimestampReport) -> dict[str, Any]:
    return {
        "indication": timestamp.indication.value,
        "sub_indication": timestamp.sub_indication,
        "time": timestamp.time.isoformat(),
    }


def _print(out: Console, report: ValidationReport) -> None:
    from rich.markup import escape

    for entry in (*report.signatures, *report.document_timestamps):
        style = _STYLE[entry.indication.value]
        sub = f" ({entry.sub_indication})" if entry.sub_indication else ""
        out.print(f"{escape(entry.field_name)}: [{style}]{entry.indication.value}[/]{sub}")
        if entry.signer_subject is not None:
            out.print(f"  signer     {escape(entry.signer_subject.reveal())}", soft_wrap=True)
        out.print(f"  anchor     {escape(entry.anchor_subject or 'none that you trust')}")
        if entry.timestamp is not None:
            stamp = entry.timestamp
            out.print(f"  timestamp  {stamp.time.isoformat()} {stamp.indication.value}")
        elif entry.claimed_time is not None:
            out.print(f"  claimed    {entry.claimed_time.isoformat()} (not proven)")
    out.print()
    out.print(checks_table(report.checks))


def _load_trust(files: list[Path]) -> tuple[list[bytes], list[bytes]]:
    """Sort certificates from revocation lists by trying to read them."""
    from ekyc.signing import read_trust_material

    anchors: list[bytes] = []
    crls: list[bytes] = []
    for file in files:
        try:
            found = read_trust_material(_read(file, _MAX_TRUST_BYTES))
        except InputError as error:
            raise InputError(error.message, code=error.code, subject=file.name) from error
        anchors += found.certificates
        crls += found.crls
    return anchors, crls


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as exc:
        raise InputError("cannot be read", code="input.file_unreadable", subject=file.name) from exc
    if len(data) > most:
        raise LimitError(f"more than {most >> 20} MiB", subject=file.name)
    return data
