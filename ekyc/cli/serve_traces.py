"""``ekyc serve --traces``: spans for the operator's collector, off unless one is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ekyc.api.access.configuration import AccessSettings
    from ekyc.api.ports import CaseVerifier
    from ekyc.api.tracing import Tracing
    from ekyc.api.wiring import FlowVerifier
    from ekyc.storage import Storage

TracesOption = Annotated[
    str | None,
    typer.Option(
        "--traces",
        metavar="URL",
        envvar="EKYC_TRACES",
        help="Send traces to an OpenTelemetry collector (OTLP over HTTP): https, or http to this machine. No personal data.",
    ),
]


@contextmanager
def opened_tracing(
    address: str | None, access: AccessSettings | None, storage: Storage
) -> Iterator[Tracing | None]:
    """Traces to a collector for the length of the block; none without one.

    Raises:
        InputError: ``traces.address``.
    """
    if address is None:
        yield None
        return
    from ekyc.api.tracing import open_tracing

    with open_tracing(address, proxy=None if access is None else access.proxy) as tracing:
        storage.measure_time()
        yield tracing


def traced(verifier: FlowVerifier, tracing: Tracing | None) -> CaseVerifier:
    """The verifier, watched if there are traces."""
    if tracing is None:
        return verifier
    from ekyc.api.tracing import TracedVerifier

    return TracedVerifier(verifier, tracing)
