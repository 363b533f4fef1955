"""``--check`` of the commands that serve: what they would run with, options of the command line and all, without starting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from ekyc.cli.doctor import Finding

CheckOption = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Start nothing: check what this command line, with the environment, would run with, as `ekyc config check` does.",
    ),
]
_GIVEN: Final = "COMMANDLINE"
_ITSELF: Final = "check"


def end_with_check(context: typer.Context) -> None:
    """Tell what the command would run with, and end it: exit code 0 all well, 10 warnings, 11 problems."""
    from ekyc.cli.config import examine, tell

    environment, findings = _given(context)
    public = bool(context.params.get("insecure_public"))
    tell((*findings, *examine(environment, insecure_public=public)))


def _given(context: typer.Context) -> tuple[dict[str, str], list[Finding]]:
    """The environment as if all options had been given by it, and what is to be said of those that have no variable."""
    environment = dict(os.environ)
    findings: list[Finding] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if name == _ITSELF or source is None or source.name != _GIVEN:
            continue
        values = _values(context.params[name])
        if isinstance(parameter.envvar, str):
            environment[parameter.envvar] = " ".join(map(str, values))
        else:
            findings += _option(parameter.opts[0], values)
    return environment, findings


def _values(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def _option(name: str, values: tuple[Any, ...]) -> Iterator[Finding]:
    """An option that can be given on the command line alone; a text may be a secret and is not shown."""
    from ekyc.cli.doctor import Finding

    for value in values:
        unusable = isinstance(value, Path) and not os.access(value, os.R_OK)
        shown = f"{name} is set" if isinstance(value, str) else f"{name} {value}"
        yield Finding(
            check=Check(
                id="config.option",
                outcome=Outcome.FAILED if unusable else Outcome.PASSED,
                reasons=("config.file_unusable",) if unusable else (),
            ),
            seen=shown,
        )
