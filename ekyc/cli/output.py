"""What every command shares: exit codes, the JSON contract and the table of checks.

With ``--json`` a command writes exactly one JSON object to stdout; everything meant for people goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome, check_as_json, describe_reason
from ekyc.ports import SystemClock

_WIDTH_OF_FILES: Final = 200

EXIT_PASSED = 0
EXIT_ERROR = 1
EXIT_INTERRUPTED = 130
EXIT_USAGE = 2
EXIT_REVIEW = 10
EXIT_REJECTED = 11

JsonFlag = Annotated[
    bool,
    typer.Option("--json", help="Write one JSON object to stdout; everything else goes to stderr."),
]

AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        metavar="DATE",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        help="Judge as of this moment (UTC). Default: now.",
    ),
]

_EXIT_OF_OUTCOME: Mapping[Outcome, int] = {
    Outcome.PASSED: EXIT_PASSED,
    Outcome.FAILED: EXIT_REJECTED,
    Outcome.INDETERMINATE: EXIT_REVIEW,
    Outcome.NOT_PERFORMED: EXIT_REVIEW,
}
STYLE_OF_OUTCOME: Mapping[Outcome, str] = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.INDETERMINATE: "yellow",
    Outcome.NOT_PERFORMED: "dim",
}


def console(*, json_output: bool = False) -> Console:
    """Console for people: stdout, or stderr when stdout carries JSON. What goes to a file or a pipe is not squeezed."""
    stream = sys.stderr if json_output else sys.stdout
    asked = stream.isatty() or "COLUMNS" in os.environ
    return Console(stderr=json_output, highlight=False, width=None if asked else _WIDTH_OF_FILES)


def say(out: Console, text: str) -> None:
    """Print a line as it is: names of files may look like markup, and paths are copied from the terminal."""
    out.print(text, markup=False, soft_wrap=True)


def result_object(
    command: str, outcome: str, checks: Iterable[Check], **facts: Any
) -> dict[str, Any]:
    """The JSON object of a command: schema, outcome, reasons in order of appearance, checks, further facts."""
    listed = tuple(checks)
    reasons = list(dict.fromkeys(code for check in listed for code in check.reasons))
    return {
        "schema": f"ekyc.{command}/1",
        "outcome": outcome,
        "reasons": facts.pop("reasons", reasons),
        "checks": [check_as_json(check) for check in listed],
        **facts,
    }


def write_json(result: Mapping[str, Any]) -> None:
    """Write the command's one JSON object to stdout, in UTF-8 whatever the terminal speaks.

    A file name that is not UTF-8 holds lone surrogates; as escapes they are JSON still.
    """
    text = json.dumps(result, ensure_ascii=False, indent=2) + "\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def checks_table(checks: Iterable[Check], language: str = "en") -> Table:
    """Table of checks for people."""
    table = Table(box=None, pad_edge=False)
    for column in ("check", "outcome", "why", "ms"):
        table.add_column(column, justify="right" if column == "ms" else "left")
    for check in checks:
        why = "; ".join(describe_reason(code, language) for code in check.reasons)
        if check.subjects:
            why += f" [{', '.join(check.subjects)}]"
        style = STYLE_OF_OUTCOME[check.outcome]
        table.add_row(
            check.id,
            f"[{style}]{check.outcome.value}[/]",
            escape(why),
            _milliseconds(check.duration_ms),
        )
    return table


def _milliseconds(duration_ms: float) -> str:
    return f"{duration_ms:.1f}" if duration_ms < 10 else f"{duration_ms:.0f}"


def moment_of(at: datetime | None) -> datetime:
    """What :data:`AtOption` was given, aware; now if it was not given."""
    if at is None:
        return SystemClock().now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def exit_for(outcome: Outcome) -> NoReturn:
    """Leave with the exit code that the contract gives to an outcome."""
    raise typer.Exit(_EXIT_OF_OUTCOME[outcome])


def fail(error: EkycError, *, json_output: bool, command: str) -> NoReturn:
    """Report a typed error and leave with exit code 1."""
    report(error, json_output=json_output, command=command)
    raise typer.Exit(EXIT_ERROR)


def report(error: EkycError, *, json_output: bool, command: str) -> None:
    """Report an error: to people on stderr, to programs as one JSON object."""
    message = Text.assemble(("error", "bold red"), f" {error.code}: {error}")
    console(json_output=True).print(message, soft_wrap=True)
    if json_output:
        write_json(
            {
                "schema": f"ekyc.{command}/1",
                "outcome": "ERROR",
                "reasons": [error.code],
                "checks": [],
                "error": {
                    "code": error.code,
                    "message": error.message,
                    "subject": error.subject,
                    "retryable": error.retryable,
                },
            }
        )
