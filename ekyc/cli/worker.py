"""``ekyc worker``: delivers events to webhooks; also the thread of ``ekyc serve`` that does so."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.output import fail
from ekyc.cli.state import ServiceKeyOption, StateOption, open_service_key, open_storage
from ekyc.errors import EkycError

if TYPE_CHECKING:
    from ekyc.flows.guarded_link import GuardedLink
    from ekyc.flows.webhook_worker import WorkerSettings
    from ekyc.storage import ServiceKey, Storage

_LOG: Final = logging.getLogger("ekyc.worker")
DEFAULT_PORTS: Final = [443, 8443]

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


class LogLines(StrEnum):
    """Choices of ``--log-format``."""

    JSON = "json"
    TEXT = "text"


LogFormatOption = Annotated[
    LogLines,
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
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    ports: WebhookPortOption = None,
    ca_file: WebhookCaOption = None,
    loopback: WebhookLoopbackOption = False,
    at_once: Annotated[
        int, typer.Option(help="Deliveries on their way at once.", min=1, max=256)
    ] = 8,
    log_format: LogFormatOption = LogLines.JSON,
) -> None:
    """Deliver events to webhooks until interrupted; what is on its way then is ended first.

    As many of these as wanted may run at one database. `ekyc serve` has one inside it, unless --no-deliveries is given.
    """
    from ekyc.api.logs import LogFormat, install_logging
    from ekyc.flows.webhook_worker import WorkerSettings

    install_logging(LogFormat(log_format))
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        key = open_service_key(service_key)
        link = open_webhook_link(ports, ca_file, loopback=loopback)
        with (
            open_storage(state) as storage,
            delivering(storage, key, link, WorkerSettings(at_once=at_once)),
        ):
            _LOG.info("delivering")
            with suppress(KeyboardInterrupt):
                while True:
                    signal.pause()
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
    storage: Storage, key: ServiceKey, link: GuardedLink, settings: WorkerSettings | None = None
) -> Iterator[None]:
    """Events are delivered during the block."""
    from ekyc.flows.webhook_worker import (
        DeliveryWorker,
        WebhookSender,
        working,
    )
    from ekyc.ports import SystemClock, SystemRandom

    queue = storage.webhooks(key).queue
    sender = WebhookSender(queue, link, clock=SystemClock(), random=SystemRandom())
    with working(DeliveryWorker(queue, sender, settings)):
        yield
