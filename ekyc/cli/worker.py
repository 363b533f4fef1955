"""``ekyc worker``: delivers events to webhooks, verifies batches, does what time brings about; also the threads of ``ekyc serve`` that do so."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.admin_data import PolicyOption, load_policy
from ekyc.cli.calendars import CalendarOption, load_calendar
from ekyc.cli.config_options import CheckOption, end_with_check
from ekyc.cli.output import fail
from ekyc.cli.serve_traces import TracesOption, opened_tracing
from ekyc.cli.state import (
    BlobsOption,
    KeysOption,
    NationalServiceOption,
    ServiceKeyOption,
    StateOption,
    TrustOption,
    load_trust,
    open_blobs,
    open_keys,
    open_national_service,
    open_service_key,
    open_storage,
)
from ekyc.cli.worker_batches import batching
from ekyc.errors import EkycError
from ekyc.logs import LogFormat, install_logging

if TYPE_CHECKING:
    from ekyc.api.tracing import Tracing
    from ekyc.dossiers import WorkingCalendar
    from ekyc.flows.guarded_link import GuardedLink
    from ekyc.flows.webhook_worker import WorkerSettings
    from ekyc.storage import RetentionPolicy, ServiceKey, Storage, Vault

_LOG: Final = logging.getLogger("ekyc.worker")
DEFAULT_PORTS: Final = [443, 8443]
_LOOKS_UP_S: Final = 1.0
"""A signal that comes just before a wait without end would not end it (signal(7), pause(2))."""

WebhookPortOption = Annotated[
    list[int] | None,
    typer.Option(
        "--webhook-port",
        metavar="PORT",
        envvar="EKYC_WEBHOOK_PORTS",
        help="Port that webhooks may be at; may be given several times. Default: 443 and 8443.",
    ),
]
WebhookCaOption = Annotated[
    Path | None,
    typer.Option(
        "--webhook-ca",
        metavar="FILE",
        envvar="EKYC_WEBHOOK_CA",
        help="Certificates (PEM) that receivers are believed by, instead of the system's.",
    ),
]
WebhookLoopbackOption = Annotated[
    bool,
    typer.Option(
        "--webhook-loopback",
        envvar="EKYC_WEBHOOK_LOOPBACK",
        help="For development: allow webhooks on this machine, at any port and over http too.",
    ),
]


BatchItemsOption = Annotated[
    int,
    typer.Option(
        "--batch-items",
        envvar="EKYC_BATCH_ITEMS",
        help="Items of batches that this process verifies at once; 0 leaves batches to others.",
        min=0,
        max=64,
    ),
]


LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar="EKYC_LOG_FORMAT",
        help="Lines of the log on stderr: JSON objects, or for people. The same fields in both, see docs/operations.md.",
    ),
]


def register(app: typer.Typer) -> None:
    """Mount ``worker`` on the root command."""
    app.command()(worker)


def worker(
    context: typer.Context,
    check: CheckOption = False,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    trust: TrustOption = None,
    national_service: NationalServiceOption = None,
    batch_items: BatchItemsOption = 1,
    retention: PolicyOption = None,
    calendar: CalendarOption = None,
    ports: WebhookPortOption = None,
    ca_file: WebhookCaOption = None,
    loopback: WebhookLoopbackOption = False,
    traces: TracesOption = None,
    at_once: Annotated[
        int, typer.Option(help="Deliveries on their way at once.", min=1, max=256)
    ] = 8,
    log_format: LogFormatOption = LogFormat.JSON,
) -> None:
    """Deliver events to webhooks, verify batches and do what time brings about, until interrupted; what is on its way then is
    ended first.

    As many of these as wanted may run at one database. `ekyc serve` has one inside it, unless --no-deliveries is given.
    """
    if check:
        end_with_check(context)
    from ekyc.flows.webhook_worker import WorkerSettings

    install_logging(log_format)
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        key = open_service_key(service_key)
        link = open_webhook_link(ports, ca_file, loopback=loopback)
        policy, worked = load_policy(retention), load_calendar(calendar)
        anchors, national = load_trust(trust), open_national_service(national_service)
        provider, sealed = open_keys(keys), open_blobs(blobs)
        with (
            open_storage(state) as storage,
            opened_tracing(traces, None, storage) as tracing,
            delivering(storage, key, link, WorkerSettings(at_once=at_once), tracing=tracing),
            sweeping(
                storage, key, storage.vault(provider, sealed), policy, worked, tracing=tracing
            ),
            batching(
                storage,
                storage.vault(provider, sealed),
                trust=anchors,
                authority=national,
                at_once=batch_items,
                tracing=tracing,
            ),
            suppress(KeyboardInterrupt),
        ):
            _LOG.info("delivering")
            while True:
                time.sleep(_LOOKS_UP_S)
    except EkycError as error:
        fail(error, json_output=False, command="worker")
    finally:
        signal.signal(signal.SIGTERM, previous)


def open_webhook_link(
    ports: list[int] | None, ca_file: Path | None, *, loopback: bool
) -> GuardedLink:
    """The way to receivers, of whose answers nothing but the status is wanted."""
    from ekyc.flows.guarded_link import GuardedLink, LinkBounds

    bounds = LinkBounds(
        timeout_s=15.0,
        answer_bytes=0,
        ports=frozenset(ports or DEFAULT_PORTS),
        loopback=loopback,
        ca_file=ca_file,
    )
    return GuardedLink(bounds)


@contextmanager
def delivering(
    storage: Storage,
    key: ServiceKey,
    link: GuardedLink,
    settings: WorkerSettings | None = None,
    *,
    tracing: Tracing | None = None,
) -> Iterator[None]:
    """Events are delivered during the block."""
    from ekyc.flows.webhook_worker import (
        DeliveryWorker,
        Sender,
        WebhookSender,
        working,
    )
    from ekyc.ports import SystemClock, SystemRandom

    queue = storage.webhooks(key).queue
    sender: Sender = WebhookSender(queue, link, clock=SystemClock(), random=SystemRandom())
    if tracing is not None:
        from ekyc.api.tracing_worker import TracedSender

        sender = TracedSender(sender, tracing)
    with working(DeliveryWorker(queue, sender, settings)):
        yield


@contextmanager
def sweeping(
    storage: Storage,
    key: ServiceKey,
    vault: Vault,
    policy: RetentionPolicy,
    calendar: WorkingCalendar,
    *,
    tracing: Tracing | None = None,
) -> Iterator[None]:
    """What time brings about is done during the block."""
    from ekyc.cli.worker_timers import worker_timers
    from ekyc.workflow import Timers, ticking

    timers = worker_timers(storage, key, vault, policy, calendar)
    if tracing is not None:
        from ekyc.api.tracing_worker import traced_timer

        timers = tuple(traced_timer(timer, tracing) for timer in timers)
    with ticking(Timers(storage.timers, timers)):
        yield
