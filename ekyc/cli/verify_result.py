"""``ekyc verify-result``: is a result genuine, and does it still stand? Offline."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
    say,
    write_json,
)
from ekyc.errors import EkycError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from ekyc.signing.credentials import ResultReport, TrustAnchor

_COMMAND: Final = "verify-result"
_MAX_PAPER_BYTES: Final = 32 << 20
_MAX_LIST_BYTES: Final = (4 << 20) + 1


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
            status_lists=[read_given(path, _MAX_LIST_BYTES) for path in status_list or ()],
            at=moment,
            max_status_age=None if max_status_age is None else timedelta(hours=max_status_age),
        )
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        from ekyc.signing.credentials.report_json import report_as_json

        facts = report_as_json(report, moment)
        write_json(result_object(_COMMAND, report.outcome.value, report.checks, **facts))
    else:
        _print(console(), report, moment, language.value)
    exit_for(report.outcome)


def read_code(file: Path) -> str:
    """The text of the one result in a file.

    Raises:
        InputError: ``credential.no_code``: none; ``credential.several_codes``.
    """
    from ekyc.signing.credentials.scanning import code_in

    return code_in(read_given(file, _MAX_PAPER_BYTES), name=file.name)


def load_anchor(trust_list: Path, operator_key: Path | None) -> TrustAnchor:
    """The trust list and the key to hold it against."""
    from ekyc.signing.credentials import CredentialKey, TrustAnchor, read_trust_list

    text = read_given(trust_list, _MAX_LIST_BYTES).decode("ascii", "replace")
    key = None
    if operator_key is not None:
        key = CredentialKey.from_pem(read_given(operator_key, 1 << 16))
    return TrustAnchor(listed=read_trust_list(text), operator_key=key)


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
