"""``ekyc liveness sessions``: what an operator of liveness sessions needs besides the service itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import ServiceKeyOption, StateOption, open_service_key, open_storage
from ekyc.errors import EkycError

sessions_app = typer.Typer(help="Operate the service's liveness sessions.", no_args_is_help=True)


@sessions_app.command(name="public-key")
def public_key(service_key: ServiceKeyOption = None, json_output: JsonFlag = False) -> None:
    """The key that signatures of liveness reports are verified with, to be pinned by whoever relies on them.

    With the bytes of payload_base64 and signature_base64 in files:
    openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in PAYLOAD -sigfile SIGNATURE
    """
    from ekyc.flows.live_signing import ServiceReportSigner

    try:
        signer = ServiceReportSigner(open_service_key(service_key))
    except EkycError as error:
        fail(error, json_output=json_output, command="liveness-public-key")
    if json_output:
        facts = {"key_id": signer.key_id, "public_key_pem": signer.public_key_pem}
        write_json(result_object("liveness-public-key", "PASSED", (), **facts))
        return
    say(console(), signer.public_key_pem.rstrip())


@sessions_app.command()
def forget(
    references: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="References of subjects, one a line; - reads stdin."),
    ],
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Erase everything that liveness sessions keep of persons: pictures, results, attempts, hashes of frames.

    The references are those that the portal ordered the sessions with. They stand in a file, since a command line is
    seen by every user of the machine.
    """
    from ekyc.chip.files import read_bounded

    try:
        text = (
            typer.get_text_stream("stdin").read()
            if str(references) == "-"
            else (read_bounded(references, 1024 * 1024).decode("utf-8", "replace"))
        )
        key = open_service_key(service_key)
        with open_storage(state) as storage:
            store, frames = storage.liveness(key), storage.frames(key)
            erased = 0
            for reference in filter(None, map(str.strip, text.splitlines())):
                ids = store.forget_reference("subject", reference)
                frames.forget(ids)
                erased += len(ids)
    except EkycError as error:
        fail(error, json_output=json_output, command="liveness-forget")
    if json_output:
        write_json(result_object("liveness-forget", "PASSED", (), sessions=erased))
        return
    say(console(), f"{erased} sessions erased")
