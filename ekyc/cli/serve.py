"""``ekyc serve``: the HTTP service."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.output import fail
from ekyc.cli.serve_access import DEVELOPMENT, AccessOption, host_names, load_access, open_access
from ekyc.cli.serve_csc import CscOption, opened_csc
from ekyc.cli.serve_parts import expose_storage, needed_parts
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
    BlobsOption,
    KeysOption,
    NationalServiceOption,
    ServiceKeyOption,
    StateOption,
    TrustOption,
    load_trust,
    open_attestor,
    open_blobs,
    open_keys,
    open_national_service,
    open_service_key,
    open_storage,
)
from ekyc.cli.worker import (
    LogFormatOption,
    LogLines,
    WebhookCaOption,
    WebhookLoopbackOption,
    WebhookPortOption,
    delivering,
    open_webhook_link,
)
from ekyc.errors import EkycError

_LOG = logging.getLogger("ekyc.serve")


def register(app: typer.Typer) -> None:
    """Mount ``serve`` on the root command."""
    app.command()(serve)


def serve(
    host: Annotated[
        str, typer.Option(envvar="EKYC_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="EKYC_PORT", help="Port to listen on.", min=1, max=65535)
    ] = 8765,
    socket_path: Annotated[
        Path | None,
        typer.Option(
            "--uds", envvar="EKYC_SOCKET", metavar="FILE", help="Listen on a Unix socket instead."
        ),
    ] = None,
    trust: TrustOption = None,
    national_service: NationalServiceOption = None,
    attestation: AttestationOption = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    csc: CscOption = None,
    access: AccessOption = None,
    trust_list: ServedTrustListOption = None,
    operator_key: ServedOperatorKeyOption = None,
    result_issuer: ServedIssuerOption = None,
    status_keys: StatusKeysOption = None,
    status_key: StatusKeyOption = None,
    deliveries: Annotated[
        bool, typer.Option(help="Deliver events to webhooks; off where `ekyc worker` does.")
    ] = True,
    webhook_ports: WebhookPortOption = None,
    webhook_ca: WebhookCaOption = None,
    webhook_loopback: WebhookLoopbackOption = False,
    workers: Annotated[
        int, typer.Option(help="Verifications that run at once.", min=1, max=256)
    ] = 2,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="EKYC_METRICS_PORT",
            help="Serve figures for Prometheus at http://127.0.0.1:PORT/metrics.",
            min=1,
            max=65535,
        ),
    ] = None,
    log_format: LogFormatOption = LogLines.JSON,
    insecure_public: Annotated[
        bool,
        typer.Option(
            "--insecure-public",
            help="Consent to an address that other machines reach without a declared proxy that ends TLS. Callers must "
            "show who they are all the same.",
        ),
    ] = False,
) -> None:
    """Serve verification over HTTP until interrupted. /docs describes the operations."""
    from ekyc.api import LivenessFront, LivenessLimits, ServerAddress, ServiceLimits, create_app
    from ekyc.api import serve as listen
    from ekyc.api.logs import LogFormat, install_logging
    from ekyc.api.metrics import ServiceMetrics
    from ekyc.api.metrics_server import serving_metrics
    from ekyc.api.v1 import ResourceFront
    from ekyc.api.wiring import FlowVerifier
    from ekyc.flows import SignerPseudonyms, Verifier, live_parts, open_live_sessions

    style = LogFormat(log_format)
    install_logging(style)
    try:
        declared = load_access(access)
        address = ServerAddress(
            host=host,
            port=port,
            socket_path=socket_path,
            tls_declared=declared is not None and declared.proxy.tls,
            insecure_public=insecure_public,
        )
        anchors = load_trust(trust)
        national = open_national_service(national_service)
        attestor = open_attestor(attestation)
        key = open_service_key(service_key)
        link = open_webhook_link(webhook_ports, webhook_ca, loopback=webhook_loopback)
        with (
            open_storage(state) as storage,
            delivering(storage, key, link) if deliveries else nullcontext(),
            Verifier.open(
                trust=anchors,
                storage=storage,
                authority=national,
                signers=None if csc is None else SignerPseudonyms(key),
            ) as verifier,
        ):
            callers = open_access(declared, storage, key, address)
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
            figures, provider = ServiceMetrics(), open_keys(keys)
            needed = needed_parts(service_key, provider)
            expose_storage(figures, storage, key, needed)
            with (
                opened_csc(csc, storage, key) as signing,
                serving_metrics(figures.render, metrics_port),
            ):
                service = create_app(
                    FlowVerifier(verifier, live),
                    storage,
                    limits=ServiceLimits(workers=workers),
                    hosts=host_names(address, callers),
                    access=callers,
                    trust=anchors,
                    liveness=LivenessFront(sessions=live, limits=LivenessLimits(workers=workers)),
                    csc=signing,
                    publication=publication,
                    webhooks=link,
                    resources=ResourceFront(
                        storage.dossiers(key),
                        vault=storage.vault(provider, open_blobs(blobs)),
                    ),
                    metrics=figures,
                    needed=needed,
                )
                where = str(socket_path) if socket_path else f"http://{host}:{port}/docs"
                _LOG.info(
                    f"serving on {where}" if callers else f"serving on {where}; {DEVELOPMENT}"
                )
                listen(service, address, log_format=style)
    except EkycError as error:
        fail(error, json_output=False, command="serve")
