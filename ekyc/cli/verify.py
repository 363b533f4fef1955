"""``ekyc verify``: one case in, checks and a decision out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.output import (
    EXIT_PASSED,
    EXIT_REJECTED,
    EXIT_REVIEW,
    JsonFlag,
    checks_table,
    console,
    fail,
    say,
    write_json,
)
from ekyc.cli.state import (
    NationalServiceOption,
    ResultIssuerOption,
    ResultKeyOption,
    ResultKeysOption,
    ServiceKeyOption,
    StateOption,
    TrustOption,
    load_trust,
    open_authority,
    open_national_service,
    open_result_issuer,
    open_storage,
)
from ekyc.errors import EkycError
from ekyc.outcomes import describe_reason
from ekyc.policy import Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from ekyc.flows import StageFinished, VerificationResult

EXIT_OF_VERDICT = {
    Verdict.ACCEPT: EXIT_PASSED,
    Verdict.REVIEW: EXIT_REVIEW,
    Verdict.REJECT: EXIT_REJECTED,
}
_STYLE_OF_VERDICT = {
    Verdict.ACCEPT: "bold green",
    Verdict.REVIEW: "bold yellow",
    Verdict.REJECT: "bold red",
}
_WORD_OF_VERDICT = {
    Verdict.ACCEPT: {"en": "ACCEPTED", "vi": "CHẤP NHẬN"},
    Verdict.REVIEW: {"en": "TO BE REVIEWED BY AN OFFICER", "vi": "CHUYỂN CÁN BỘ XEM XÉT"},
    Verdict.REJECT: {"en": "REJECTED", "vi": "TỪ CHỐI"},
}
_INTERRUPTED = "interrupted; nothing was decided"
_INTERRUPTED_LATE = (
    "interrupted; the decision was recorded, but not all of its files were written: verify again"
)


class Language(StrEnum):
    """Language of what people read."""

    EN = "en"
    VI = "vi"


LanguageOption = Annotated[
    Language,
    typer.Option("--language", envvar="EKYC_LANGUAGE", help="Language of reasons."),
]


def register(app: typer.Typer) -> None:
    """Mount ``verify`` on the root command."""
    app.command()(verify)


def verify(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Case folder; see `ekyc case new`.")],
    challenge: Annotated[
        str | None,
        typer.Option("--challenge", metavar="ID", help="Challenge of `ekyc challenge new`; spent."),
    ] = None,
    trust: TrustOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write report.json, report.html, decision.json."),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(
            "--authority",
            metavar="DIR",
            help="Signing keys of `ekyc authority new` or `ceremony`; an accepted case gets a signed result.pdf.",
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Judge by this profile, not the case's own.")
    ] = None,
    national_service: NationalServiceOption = None,
    result_issuer: ResultIssuerOption = None,
    result_keys: ResultKeysOption = None,
    result_key: ResultKeyOption = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    language: LanguageOption = Language.EN,
    json_output: JsonFlag = False,
) -> None:
    """Verify a case: chip, card, copy against original, face, liveness; then decide.

    Exit code 0 accepted, 10 review, 11 rejected.
    """
    from dataclasses import replace

    from ekyc.flows import Verifier, load_case, result_as_json, write_outputs

    err = console(json_output=True)
    result: VerificationResult | None = None
    try:
        loaded = load_case(case)
        if profile is not None:
            loaded = replace(loaded, profile_id=profile)
        anchors = load_trust(trust)
        national = open_national_service(national_service)
        with open_storage(state) as storage:
            keys = open_authority(authority, storage)
            issuer = open_result_issuer(
                result_issuer, result_keys, result_key, storage, service_key
            )
            with Verifier.open(trust=anchors, storage=storage, authority=national) as verifier:
                result = verifier.verify(
                    loaded, challenge_id=challenge, progress=progress_printer(err)
                )
            written = (
                () if out is None else write_outputs(result, out, authority=keys, issuer=issuer)
            )
    except EkycError as error:
        fail(error, json_output=json_output, command="verify")
    except KeyboardInterrupt:
        err.print(_INTERRUPTED if result is None else _INTERRUPTED_LATE)
        raise typer.Exit(130) from None
    if json_output:
        write_json(result_as_json(result))
    else:
        print_result(console(), result, language)
    for path in written:
        say(err, f"wrote {path}")
    raise typer.Exit(EXIT_OF_VERDICT[result.decision.verdict])


def progress_printer(out: Console) -> ProgressPrinter:
    """A progress callback that prints one line when a stage ends."""
    return ProgressPrinter(out)


class ProgressPrinter:
    """Prints a line for each finished stage; called from several threads."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def __call__(self, event: StageFinished) -> None:
        outcomes = ", ".join(dict.fromkeys(check.outcome.value for check in event.checks))
        self._out.print(f"  {event.stage.value:<10} {event.duration_ms:7.0f} ms  {outcomes}")


def print_result(out: Console, result: VerificationResult, language: str = "en") -> None:
    """The table of checks, the verdict and its reasons, for people."""
    out.print()
    out.print(checks_table(result.checks, language))
    verdict = result.decision.verdict
    word = _WORD_OF_VERDICT[verdict]["vi" if language == "vi" else "en"]
    out.print()
    out.print(f"[{_STYLE_OF_VERDICT[verdict]}]{word}[/]  (profile {result.profile.id})")
    for code in result.decision.reasons:
        out.print(f"  {code}: {describe_reason(code, language)}", soft_wrap=True)
