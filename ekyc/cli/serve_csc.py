"""``ekyc serve --csc``: the interface of remote signing beside the other operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.sam import ISSUER_VARIABLE
from ekyc.cli.state import ask_secret

if TYPE_CHECKING:
    from ekyc.api.csc import CscFront
    from ekyc.signing import Level
    from ekyc.signing.activation.enrolment import Enrolment
    from ekyc.signing.activation.remote import RemoteSigning
    from ekyc.signing.signatory import Services
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSigning:
    """Remote signing, while the signing process is connected."""

    front: CscFront
    signing: RemoteSigning
    services: Services
    enrolment: Enrolment | None
    """Enrols second factors, where a procedure is named for it."""
    enrolment_procedure: str | None
    level: Level
    """That documents can be signed to: with a time, where an authority is named."""


@contextmanager
def opened_csc(
    file: Path | None, storage: Storage, service_key: ServiceKey
) -> Iterator[OpenedSigning | None]:
    """What a description describes, while the signing process is connected; ``None`` without one.

    Raises:
        EkycError: the description or a key cannot be used.
    """
    if file is None:
        yield None
        return
    from ekyc.api.csc import open_csc_front
    from ekyc.signing import Level
    from ekyc.signing.csc import load_csc_configuration, open_remote_signing
    from ekyc.signing.csc.assembly import (
        open_enrolment,
        open_time_services,
        services_without_time,
    )

    said = load_csc_configuration(file)
    secret = ask_secret(ISSUER_VARIABLE, "Passphrase of the issuer")
    with (
        open_remote_signing(
            said.signing, secret, storage=storage, service_key=service_key
        ) as signing,
        open_time_services(said) as services,
    ):
        front = open_csc_front(
            said.settings,
            said.clients,
            signing=signing,
            grants=storage.grants(service_key),
            services=services,
        )
        yield OpenedSigning(
            front=front,
            signing=signing,
            services=services or services_without_time(said),
            enrolment=open_enrolment(said, storage=storage, service_key=service_key),
            enrolment_procedure=said.signing.enrolment_procedure,
            level=Level.B_B if services is None else Level.B_T,
        )
