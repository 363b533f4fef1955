"""``ekyc serve``: the HTTP service."""

from __future__ import annotations

import gc
import logging
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ekyc.cli.admin_data import PolicyOption, load_policy
from ekyc.cli.calendars import CalendarOption, load_calendar
from ekyc.cli.config_options import CheckOption, end_with_check
from ekyc.cli.output import fail
from ekyc.cli.serve_access import DEVELOPMENT, AccessOption, host_names, load_access, open_access
from ekyc.cli.serve_csc import CscOption, opened_csc
from ekyc.cli.serve_issuing import (
    DEMONSTRATION,
    DemonstrationOption,
    ServedAuthorityOption,
    credential_front,
    signature_front,
)
from ekyc.cli.serve_parts import expose_calendar, expose_storage, needed_parts
from ekyc.cli.serve_results import (
    ServedIssuerOption,
    ServedOperatorKeyOption,
    ServedTrustListOption,
    StatusKeyOption,
    StatusKeysOption,
    opened_publication,
)
from ekyc.cli.serve_tools import SignatureAnchorsOption, open_tools
from ekyc.cli.serve_traces import TracesOption, opened_tracing, traced
from ekyc.cli.state import (
    AttestationOption,
    BlobsOption,
    KeysOption,
    NationalServiceOption,
    ResultKeyOption,
    ResultKeysOption,
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
    BatchItemsOption,
    LogFormatOption,
    WebhookCaOption,
    WebhookLoopbackOption,
    WebhookPortOption,
    delivering,
    open_webhook_link,
    sweeping,
)
from ekyc.cli.worker_batches import batching
from ekyc.errors import EkycError
from ekyc.logs import LogFormat, install_logging

_LOG = logging.getLogger("ekyc.serve")


def register(app: typer.Typer) -> None:
    """Mount ``serve`` on the root command."""
    app.command()(serve)


def serve(
    context: typer.Context,
    check: CheckOption = False,
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
    result_keys: ResultKeysOption = None,
    result_key: ResultKeyOption = None,
    authority: ServedAuthorityOption = None,
    demonstration: DemonstrationOption = False,
    signature_anchors: SignatureAnchorsOption = None,
    retention: PolicyOption = None,
    calendar: CalendarOption = None,
    batch_items: BatchItemsOption = 1,
    deliveries: Annotated[
        bool,
        typer.Option(
            help="Deliver events to webhooks, verify batches and do what time brings about; off where `ekyc worker` does."
        ),
    ] = True,
    webhook_ports: WebhookPortOption = None,
    webhook_ca: WebhookCaOption = None,
    webhook_loopback: WebhookLoopbackOption = False,
    workers: Annotated[
        int, typer.Option(help="Verifications that run at once.", min=1, max=256)
    ] = 2,
    open_cases: Annotated[
        int | None,
        typer.Option(
            envvar="EKYC_OPEN_CASES",
            help="Uploaded cases of one tenant that may wait for a batch or in one; 5000 by default.",
            min=1,
        ),
    ] = None,
    open_case_mib: Annotated[
        int | None,
        typer.Option(
            envvar="EKYC_OPEN_CASE_MIB",
            help="How large they may be together, in MiB; 32768 by default.",
            min=1,
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="EKYC_METRICS_PORT",
            help="Serve figures for Prometheus at http://127.0.0.1:PORT/metrics.",
            min=1,
            max=65535,
        ),
    ] = None,
    traces: TracesOption = None,
    log_format: LogFormatOption = LogFormat.JSON,
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
    if check:
        end_with_check(context)
    gc.disable()  # until it serves: all that is loaded stays, and looking through it for garbage took a quarter of the start

    from ekyc.api import LivenessFront, LivenessLimits, ServerAddress, ServiceLimits, create_app
    from ekyc.api import serve as listen
    from ekyc.api.metrics import ServiceMetrics
    from ekyc.api.metrics_server import serving_metrics
    from ekyc.api.v1 import ResourceFront
    from ekyc.api.wiring import FlowVerifier
    from ekyc.flows import SignerPseudonyms, Verifier, live_parts, open_live_sessions

    install_logging(log_format)
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
        policy, worked = load_policy(retention), load_calendar(calendar)
        with (
            open_storage(state) as storage,
            opened_tracing(traces, declared, storage) as tracing,
            delivering(storage, key, link, tracing=tracing) if deliveries else nullcontext(),
            Verifier.open(
                trust=anchors,
                storage=storage,
                authority=national,
                signers=None
                if csc is None
                else SignerPseudonyms(key, insecure_samples=demonstration),
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
            issuing = credential_front(
                storage,
                service_key,
                issuer=result_issuer,
                keys=result_keys,
                label=result_key,
                authority=authority,
                samples=demonstration,
            )
            figures, provider = ServiceMetrics(), open_keys(keys)
            needed = needed_parts(service_key, provider)
            expose_storage(figures, storage, key, needed)
            expose_calendar(figures, worked)
            vault = storage.vault(provider, open_blobs(blobs))
            with (
                sweeping(storage, key, vault, policy, worked, tracing=tracing)
                if deliveries
                else nullcontext(),
                batching(
                    storage,
                    vault,
                    trust=anchors,
                    authority=national,
                    at_once=batch_items if deliveries else 0,
                    tracing=tracing,
                ),
                opened_csc(csc, storage, key) as signing,
                serving_metrics(figures.render, metrics_port),
            ):
                desk = storage.dossiers(key)
                vault = storage.vault(provider, open_blobs(blobs))
                service = create_app(
                    traced(
                        FlowVerifier(
                            verifier, live, key=key, stages=tracing.stages if tracing else None
                        ),
                        tracing,
                    ),
                    storage,
                    limits=ServiceLimits.of(workers, open_cases, open_case_mib),
                    hosts=host_names(address, callers),
                    access=callers,
                    trust=anchors,
                    liveness=LivenessFront(sessions=live, limits=LivenessLimits(workers=workers)),
                    csc=None if signing is None else signing.front,
                    credentials=issuing,
                    signatures=signature_front(signing, desk, vault, samples=demonstration),
                    publication=publication,
                    tools=open_tools(
                        verifier, anchors, listed=signature_anchors, results=publication
                    ),
                    webhooks=link,
                    resources=ResourceFront(
                        storage.dossiers(key),
                        vault=vault,
                        calendar=worked,
                    ),
                    metrics=figures,
                    tracing=tracing,
                    needed=needed,
                )
                where = str(socket_path) if socket_path else f"http://{host}:{port}/docs"
                _LOG.info(
                    f"serving on {where}" if callers else f"serving on {where}; {DEVELOPMENT}"
                )
                if demonstration:
                    _LOG.warning(DEMONSTRATION)
                listen(service, address, log_format=log_format)
    except EkycError as error:
        fail(error, json_output=False, command="serve")
