"""``ekyc verify-result``: is a result genuine, and does it still stand? Offline."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
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
    say,
    write_json,
)
from ekyc.errors import EkycError, InputError, LimitError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from ekyc.signing.credentials import ResultReport, TrustAnchor

_COMMAND: Final = "verify-result"
_MAX_PAPER_BYTES: Final = 32 << 20
_MAX_LIST_BYTES: Final = (4 << 20) + 1
_PREFIX: Final = b"EKYC1:"


class Language(StrEnum):
    """Of what is written for people."""

    VI = "vi"
    EN = "en"


TrustListOption = Annotated[
    Path,
    typer.Option("--trust-list", metavar="FILE", help="Signed list of issuers and their keys."),
]
OperatorKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--operator-key",
        metavar="FILE",
        help="Public key (PEM) of whoever keeps the trust list. Without it, nothing can pass.",
    ),
]


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("verify-result")(verify_result)


def verify_result(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Picture or PDF with the QR code, or its text."),
    ],
    trust_list: TrustListOption,
    operator_key: OperatorKeyOption = None,
    status_list: Annotated[
        list[Path] | None,
        typer.Option(
            "--status-list",
            metavar="FILE",
            help="Signed status list of the issuer. May be given several times; the newest that fits counts.",
        ),
    ] = None,
    at: AtOption = None,
    max_status_age: Annotated[
        float | None,
        typer.Option(
            min=0.0, metavar="HOURS", help="How old a status list may be. Default: as it says."
        ),
    ] = None,
    language: Annotated[Language, typer.Option(help="Of the words for people.")] = Language.VI,
    json_output: JsonFlag = False,
) -> None:
    """Check a result from its QR code: who issued it, whether it was altered, and whether it still stands.

    Exit code 0: genuine and in force. 10: not decided, such as without a fresh status list. 11: altered, not of a known
    issuer's key, expired, suspended or revoked. 1: a file cannot be read. Nothing is fetched from a network.
    """
    from ekyc.signing.credentials import inspect_result

    moment = moment_of(at)
    try:
        report = inspect_result(
            read_code(file),
            anchor=load_anchor(trust_list, operator_key),
            status_lists=[read_bytes(path, _MAX_LIST_BYTES) for path in status_list or ()],
            at=moment,
            max_status_age=None if max_status_age is None else timedelta(hours=max_status_age),
        )
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        write_json(report_as_json(report, moment))
    else:
        _print(console(), report, moment, language.value)
    exit_for(report.outcome)


def read_code(file: Path) -> str:
    """The text of the one result in a file.

    Raises:
        InputError: ``credential.no_code``: none; ``credential.several_codes``.
    """
    data = read_bytes(file, _MAX_PAPER_BYTES)
    if data.startswith(_PREFIX):
        return data.decode("utf-8", "replace").rstrip("\r\n")
    from ekyc.imaging.barcode import read_qr_texts
    from ekyc.imaging.document_pages import decode_pages

    pages = decode_pages(data, name=file.name)
    found = list(dict.fromkeys(text for page in pages for text in read_qr_texts(page)))
    results = [text for text in found if text.startswith(_PREFIX.decode())]
    if len(results) > 1:
        raise InputError(
            "several results are in this file: give one at a time",
            code="credential.several_codes",
            subject=file.name,
        )
    if not found:
        raise InputError(
            "no QR code can be read in this file", code="credential.no_code", subject=file.name
        )
    return (results or found)[0]


def load_anchor(trust_list: Path, operator_key: Path | None) -> TrustAnchor:
    """The trust list and the key to hold it against."""
    from ekyc.signing.credentials import CredentialKey, TrustAnchor, read_trust_list

    text = read_bytes(trust_list, _MAX_LIST_BYTES).decode("ascii", "replace")
    key = None
    if operator_key is not None:
        key = CredentialKey.from_pem(read_bytes(operator_key, 1 << 16))
    return TrustAnchor(listed=read_trust_list(text), operator_key=key)


def read_bytes(file: Path, most: int) -> bytes:
    """A file, bounded.

    Raises:
        InputError, LimitError: it cannot be read, or is larger.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as exc:
        raise InputError("cannot be read", code="input.file_unreadable", subject=file.name) from exc
    if len(data) > most:
        raise LimitError("larger than any such file", subject=file.name)
    return data


def report_as_json(report: ResultReport, at: datetime) -> dict[str, Any]:
    """The object that ``ekyc verify-result --json`` writes."""
    result, issuer, listed = report.result, report.issuer, report.status_list
    trust = report.trust_list
    return result_object(
        _COMMAND,
        report.outcome.value,
        report.checks,
        at=at.isoformat(),
        result=None
        if result is None
        else {
            "id": result.id.hex(),
            "schema": result.schema.id,
            "version": result.schema.version,
            "subject": result.subject,
            "issued_at": result.issued_at.isoformat(),
            "expires_at": result.expires_at.isoformat(),
            "fields": dict(result.values),
        },
        issuer=None
        if issuer is None
        else {"id": issuer.id, "name_vi": issuer.name_vi, "name_en": issuer.name_en},
        trust_list={
            "operator": trust.operator,
            "number": trust.number,
            "issued_at": trust.issued_at.isoformat(),
            "expires_at": trust.expires_at.isoformat(),
        },
        status=None if report.status is None else report.status.name.lower(),
        status_list=None
        if listed is None
        else {"uri": listed.uri, "issued_at": listed.issued_at.isoformat()},
    )


_VERDICT: Final = {
    "PASSED": ("[green]Kết quả thật và đang có hiệu lực.[/]", "[green]Genuine and in force.[/]"),
    "FAILED": ("[bold red]Không chấp nhận kết quả này.[/]", "[bold red]Do not accept this.[/]"),
    "INDETERMINATE": ("[yellow]Chưa kết luận được.[/]", "[yellow]Not decided.[/]"),
    "NOT_PERFORMED": ("[yellow]Chưa kết luận được.[/]", "[yellow]Not decided.[/]"),
}


def _print(out: Console, report: ResultReport, at: datetime, language: str) -> None:
    english = language == "en"
    out.print(_VERDICT[report.outcome.value][english])
    if report.result is not None and report.issuer is not None:
        schema = report.result.schema
        out.print()
        say(out, schema.title_en if english else schema.title_vi)
        for label, text in schema.describe(report.result.values, language):
            say(out, f"  {label}: {text}")
        name = report.issuer.name_en if english else report.issuer.name_vi
        issued, expires = (
            f"{moment:%d/%m/%Y}" for moment in (report.result.issued_at, report.result.expires_at)
        )
        say(out, f"{'Issued by' if english else 'Nơi cấp'}: {name} ({report.issuer.id})")
        say(out, f"{'Issued, until' if english else 'Ngày cấp, hạn'}: {issued} – {expires}")
    trust = report.trust_list
    days = (at - trust.issued_at).days
    words = "Trust list: number {}, {} days old" if english else "Danh sách tin cậy: số {}, {} ngày"
    say(out, words.format(trust.number, days))
    out.print()
    out.print(checks_table(report.checks, language))
    if report.result is not None:
        note = (
            "A code can be copied: hold the fields against the person's identity card."
            if english
            else "Mã có thể bị sao chép: hãy đối chiếu các trường với giấy tờ của người xuất trình."
        )
        say(out, note)
