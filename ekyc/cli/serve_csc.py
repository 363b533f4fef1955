"""``ekyc serve --csc``: the interface of remote signing beside the other operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.sam import ISSUER_VARIABLE
from ekyc.cli.state import ask_secret

if TYPE_CHECKING:
    from ekyc.api.csc import CscFront
    from ekyc.storage import ServiceKey, Storage

CscOption = Annotated[
    Path | None,
    typer.Option(
        "--csc",
        metavar="FILE",
        envvar="EKYC_CSC",
        help="Description (TOML) of remote signing over the CSC API; see docs/signing.md. Off without it. The passphrase "
        "of the authorising side's key comes from EKYC_ISSUER_PASSPHRASE or is asked for.",
    ),
]


@contextmanager
def opened_csc(
    file: Path | None, storage: Storage, service_key: ServiceKey
) -> Iterator[CscFront | None]:
    """What a description describes, while the signing process is connected; ``None`` without one.

    Raises:
        EkycError: the description or a key cannot be used.
    """
    if file is None:
        yield None
        return
    from ekyc.api.csc import open_csc_front
    from ekyc.signing.csc import load_csc_configuration, open_remote_signing
    from ekyc.signing.csc.assembly import open_time_services

    said = load_csc_configuration(file)
    secret = ask_secret(ISSUER_VARIABLE, "Passphrase of the issuer")
    with (
        open_remote_signing(
            said.signing, secret, storage=storage, service_key=service_key
        ) as signing,
        open_time_services(said) as services,
    ):
        yield open_csc_front(
            said.settings,
            said.clients,
            signing=signing,
            grants=storage.grants(service_key),
            services=services,
        )
