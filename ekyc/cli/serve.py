"""``ekyc serve``: the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.output import console, fail, say
from ekyc.cli.serve_csc import CscOption, opened_csc
from ekyc.cli.serve_results import (
    ServedIssuerOption,
    ServedOperatorKeyOption,
    ServedTrustListOption,
    StatusKeyOption,
    StatusKeysOption,
    opened_publication,
)
from ekyc.cli.state import (
    AttestationOption,
    NationalServiceOption,
    ServiceKeyOption,
    StateOption,
    TrustOption,
    load_trust,
    open_attestor,
    open_national_service,
    open_service_key,
    open_storage,
)
from ekyc.errors import EkycError


def register(app: typer.Typer) -> None:
    """Mount ``serve`` on the root command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8765,
    socket_path: Annotated[
        Path | None,
        typer.Option("--uds", metavar="FILE", help="Listen on a Unix socket instead."),
    ] = None,
    trust: TrustOption = None,
    national_service: NationalServiceOption = None,
    attestation: AttestationOption = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    csc: CscOption = None,
    trust_list: ServedTrustListOption = None,
    operator_key: ServedOperatorKeyOption = None,
    result_issuer: ServedIssuerOption = None,
    status_keys: StatusKeysOption = None,
    status_key: StatusKeyOption = None,
    workers: Annotated[
        int, typer.Option(help="Verifications that run at once.", min=1, max=256)
    ] = 2,
    insecure_public: Annotated[
        bool,
        typer.Option(
            "--insecure-public",
            help="Consent to an address that other machines reach: there is no authentication and no TLS.",
        ),
    ] = False,
) -> None:
    """Serve verification over HTTP until interrupted. /docs describes the operations."""
    from ekyc.api import LivenessFront, LivenessLimits, ServerAddress, ServiceLimits, create_app
    from ekyc.api import serve as listen
    from ekyc.api.v1 import ResourceFront
    from ekyc.api.wiring import FlowVerifier
    from ekyc.flows import SignerPseudonyms, Verifier, live_parts, open_live_sessions

    err = console(json_output=True)
    try:
        address = ServerAddress(
            host=host, port=port, socket_path=socket_path, insecure_public=insecure_public
        )
        anchors = load_trust(trust)
        national = open_national_service(national_service)
        attestor = open_attestor(attestation)
        key = open_service_key(service_key)
        with (
            open_storage(state) as storage,
            Verifier.open(
                trust=anchors,
                storage=storage,
                authority=national,
                signers=None if csc is None else SignerPseudonyms(key),
            ) as verifier,
        ):
            parts = live_parts(verifier.rooms, key, attestor=attestor)
            live = open_live_sessions(parts, storage, key)
            publication = opened_publication(
                storage,
                issuer=result_issuer,
                keys=status_keys,
                label=status_key,
                trust_list=trust_list,
                operator_key=operator_key,
            )
            with opened_csc(csc, storage, key) as signing:
                service = create_app(
                    FlowVerifier(verifier, live),
                    storage,
                    limits=ServiceLimits(workers=workers),
                    hosts=address.hosts,
                    trust=anchors,
                    liveness=LivenessFront(sessions=live, limits=LivenessLimits(workers=workers)),
                    csc=signing,
                    publication=publication,
                    resources=ResourceFront(storage.dossiers(key)),
                )
                where = str(socket_path) if socket_path else f"http://{host}:{port}/docs"
                say(err, f"serving on {where}")
                listen(service, address)
    except EkycError as error:
        fail(error, json_output=False, command="serve")
