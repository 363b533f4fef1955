"""``ekyc case``: start a case folder, list procedure profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.verify import Language, LanguageOption
from ekyc.errors import EkycError
from ekyc.policy import load_profile, profile_ids

case_app = typer.Typer(help="Start a case folder, list procedure profiles.", no_args_is_help=True)


@case_app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to create.", metavar="DIR")],
    json_output: JsonFlag = False,
) -> None:
    """Write a commented case.toml and the folders it names.

    Fill in the files, then run: ekyc verify DIR --trust CSCA.pem
    """
    from ekyc.flows.case_template import write_case_template

    try:
        path = write_case_template(folder)
    except (EkycError, OSError) as error:
        typed = (
            error
            if isinstance(error, EkycError)
            else EkycError(
                f"cannot be created: {error.strerror}", code="case.not_created", subject=str(folder)
            )
        )
        fail(typed, json_output=json_output, command="case-new")
    if json_output:
        write_json(result_object("case-new", "PASSED", (), path=str(path)))
        return
    out = console()
    say(out, f"wrote {path}")
    say(out, f"next: fill in the files it names, then  ekyc verify {folder} --trust CSCA.pem")


@case_app.command()
def profiles(
    language: LanguageOption = Language.EN,
    json_output: JsonFlag = False,
) -> None:
    """List the procedure profiles and the checks that each requires."""
    listed = [load_profile(profile_id) for profile_id in profile_ids()]
    if json_output:
        write_json(
            result_object(
                "case-profiles",
                "PASSED",
                (),
                profiles=[
                    {
                        "id": p.id,
                        "title_vi": p.title_vi,
                        "title_en": p.title_en,
                        "required": list(p.required),
                        "demonstration": p.demonstration,
                    }
                    for p in listed
                ],
            )
        )
        return
    out = console()
    for profile in listed:
        title = profile.title_vi if language == "vi" else profile.title_en
        out.print(f"[bold]{profile.id}[/]  {title}")
        out.print("  requires " + ", ".join(profile.required))
