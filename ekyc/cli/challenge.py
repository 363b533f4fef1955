"""``ekyc challenge``: issue the nonce that the chip must sign."""

from __future__ import annotations

from typing import Annotated

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, write_json
from ekyc.cli.state import StateOption, open_storage
from ekyc.errors import EkycError

challenge_app = typer.Typer(
    help="Issue single-use challenges that prove freshness.", no_args_is_help=True
)


@challenge_app.command()
def new(
    ttl_s: Annotated[
        float, typer.Option("--ttl", help="Seconds until it expires.", min=1, max=86400)
    ] = 300.0,
    state: StateOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Issue a challenge: an id to give back, and the nonce for the chip's active authentication.

    The reader sends the nonce to the chip (INTERNAL AUTHENTICATE) and puts the answer into the case.
    Then: ekyc verify CASE --challenge ID. A challenge counts once.
    """
    from ekyc.storage import ACTIVE_AUTHENTICATION

    try:
        with open_storage(state) as storage:
            challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=ttl_s)
    except EkycError as error:
        fail(error, json_output=json_output, command="challenge-new")
    if json_output:
        write_json(
            result_object(
                "challenge-new",
                "PASSED",
                (),
                id=challenge.id,
                nonce_hex=challenge.nonce.hex(),
                expires_at=challenge.expires_at.isoformat(),
            )
        )
        return
    out = console()
    out.print(f"id       {challenge.id}")
    out.print(f"nonce    {challenge.nonce.hex()}")
    out.print(f"expires  {challenge.expires_at.isoformat(timespec='seconds')}")
