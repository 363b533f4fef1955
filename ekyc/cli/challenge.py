"""``ekyc challenge``: issue what the chip must answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import StateOption, open_storage
from ekyc.errors import EkycError

if TYPE_CHECKING:
    from rich.console import Console

    from ekyc.flows import IssuedChallenge

challenge_app = typer.Typer(
    help="Issue single-use challenges that prove freshness.", no_args_is_help=True
)


@challenge_app.command()
def new(
    ttl_s: Annotated[
        float, typer.Option("--ttl", help="Seconds until it expires.", min=1, max=86400)
    ] = 300.0,
    dg14: Annotated[
        Path | None,
        typer.Option(
            "--dg14",
            metavar="FILE",
            help="The chip's EF.DG14: also give the commands of chip authentication in one round trip.",
        ),
    ] = None,
    state: StateOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Issue a challenge: an id to give back, and the nonce for the chip's active authentication.

    The reader sends the nonce to the chip (INTERNAL AUTHENTICATE) and puts the answer into the case:
    [chip.active_authentication] in case.toml. Then: ekyc verify CASE --challenge ID. A challenge counts once.

    With --dg14 there are commands as well, for chips without active authentication or in addition. The phone sends
    them at the end of its session, when every file is read: first those of the agreement, protected by its own
    session like any other; then the last one exactly as it stands. It puts the response, with its status word, into
    the case: [chip.chip_authentication]. It cannot read that response, and needs not.
    """
    from ekyc.chip.files import read_bounded
    from ekyc.chip.upload_challenge import MAX_DG14_BYTES
    from ekyc.flows import issue_challenge

    try:
        file = read_bounded(dg14, MAX_DG14_BYTES) if dg14 else None
        with open_storage(state) as storage:
            challenge = issue_challenge(storage.nonces, dg14=file, ttl_s=ttl_s)
    except EkycError as error:
        fail(error, json_output=json_output, command="challenge-new")
    if json_output:
        write_json(result_object("challenge-new", "PASSED", (), **challenge.as_json()))
        return
    _print(console(), challenge)


def _print(out: Console, challenge: IssuedChallenge) -> None:
    out.print(f"id       {challenge.id}")
    out.print(f"nonce    {challenge.nonce.hex()}")
    out.print(f"expires  {challenge.expires_at.isoformat(timespec='seconds')}")
    request = challenge.chip_authentication
    if request is None:
        return
    out.print(f"\n{request.protocol}: last of all, send these under the session in force,")
    for command in request.agreement_commands:
        say(out, f"  {command.encode().hex()}")
    out.print("then this one as it is, and keep the response with its status word:")
    say(out, f"  {request.first_command.encode().hex()}")
