"""``ekyc authority``: create the embedded signing authority of a pilot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import passphrase
from ekyc.errors import EkycError

authority_app = typer.Typer(
    help="Create the embedded signing authority (tests and pilots; not an HSM, not a licensed CA).",
    no_args_is_help=True,
)


@authority_app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the encrypted keys.")],
    json_output: JsonFlag = False,
) -> None:
    """Create a root, a result signer and a timestamp authority; the keys are encrypted at rest.

    The passphrase comes from EKYC_KEY_PASSPHRASE or is asked for. Then sign results with
    ekyc verify CASE --authority DIR --out DIR.
    """
    from ekyc.signing import ROOT_NAME, EmbeddedAuthority

    try:
        EmbeddedAuthority.create(folder, passphrase())
    except EkycError as error:
        fail(error, json_output=json_output, command="authority-new")
    root = folder / ROOT_NAME
    if json_output:
        write_json(result_object("authority-new", "PASSED", (), root_certificate=str(root)))
        return
    out = console()
    say(out, f"wrote the encrypted keys to {folder} and the root certificate to {root}")
    out.print("This authority is for tests and pilots: its signatures have no legal standing.")
