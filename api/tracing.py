"""Traces by OpenTelemetry, for a collector of the operator's: where the time of a request went. Off unless one is declared.

A span carries what :data:`ATTRIBUTES` names and nothing else, each value of a form, as a line of the log does
(:mod:`ekyc.logs`): no path, query, id or name, no event, no link, no text of an exception. There are three kinds:

- a request, by method and template of its route, with status, code of the problem, and time that the database took;
- a verification, with its verdict or the code of what went wrong, beneath what brought it;
- each stage of it.

A WebSocket is a request from its opening to its end, and says what the relay that it carried came to. What nobody asked for,
a timer, a step of a batch's item or a delivery, is traced likewise (:mod:`ekyc.api.tracing_worker`).

Spans leave through a bounded queue and a thread of their own. Where the collector is slow, away or refuses, they are dropped;
no request waits, fails or knows.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from starlette.requests import HTTPConnection

import ekyc
from ekyc.errors import EkycError, InputError
from ekyc.logs import FIELDS, METHODS, WITHHELD
from ekyc.policy import Verdict
from ekyc.storage.database_time import DatabaseTime, counting_database
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Receipt

if TYPE_CHECKING:
    from starlette.types import Scope

    from ekyc.api.access.proxy import ProxySettings
    from ekyc.api.ports import CaseVerifier
    from ekyc.flows import LiveUse
    from ekyc.flows.stages import Progress, StageFinished

_PATH: Final = "/v1/traces"
_QUEUED: Final = 2048
_BATCH: Final = 512
_EVERY_MS: Final = 2000
_EXPORT_S: Final = 5.0
_TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)
"""W3C Trace Context §3.2, version 00."""
ATTRIBUTES: Final[Mapping[str, Callable[[object], bool]]] = MappingProxyType(
    {
        "http.request.method": FIELDS["method"],
        "http.route": FIELDS["route"],
        "http.response.status_code": FIELDS["status"],
        "ekyc.problem": FIELDS["problem"],
        "ekyc.verdict": FIELDS["state"],
        "ekyc.stage": FIELDS["state"],
        "ekyc.checks": FIELDS["status"],
        "ekyc.cause": FIELDS["state"],
        "ekyc.round_trips": FIELDS["round_trips"],
        "ekyc.websocket.closed_with": FIELDS["status"],
        "ekyc.database.time_ms": FIELDS["duration_ms"],
        "ekyc.database.statements": FIELDS["status"],
    }
)
"""Every attribute that a span may have, and the form of its value."""
_CURRENT: ContextVar[Span | None] = ContextVar("ekyc_span", default=None)


class Tracing:
    """Spans of one process. Safe across threads.

    Args:
        processor: where spans go when they end.
        proxy: whose callers may say which trace a request belongs to, by ``traceparent``; nobody's by default.
    """

    def __init__(self, processor: SpanProcessor, *, proxy: ProxySettings | None = None) -> None:
        # Neither the environment nor the machine adds anything, and nobody else's spans come here.
        self._provider = TracerProvider(
            sampler=ParentBased(ALWAYS_ON),
            resource=Resource({"service.name": "ekyc", "service.version": ekyc.__version__}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("ekyc", ekyc.__version__)
        self._proxy = proxy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send what is left, for a bounded time."""
        self._provider.shutdown()

    @contextmanager
    def request(self, scope: Scope) -> Iterator[RequestSpan]:
        """The span of a request, for the length of the block."""
        parent = None if self._proxy is None else _parent_of(scope, self._proxy)
        with self._span("request", SpanKind.SERVER, parent) as span, counting_database() as spent:
            told = RequestSpan(span, spent)
            try:
                yield told
            finally:
                told.close()

    @contextmanager
    def work(self, name: str) -> Iterator[Span]:
        """The span of something that no request waits for. The code of what goes wrong is told, and the error goes on.

        Args:
            name: of its kind, in words of ours.
        """
        with self._span(name, SpanKind.INTERNAL, None) as span, counting_database() as spent:
            try:
                yield span
            except EkycError as error:
                put(span, "ekyc.problem", error.code)
                raise
            finally:
                put_database(span, spent)

    def verification(self) -> AbstractContextManager[Span]:
        """The span of a verification, beneath that of whatever brought it."""
        return self._span("verification", SpanKind.INTERNAL, _CURRENT.get())

    def stages(self) -> Progress:
        """Makes a span of every stage that it hears of, beneath the span that is current now, whatever thread it ends on."""
        parent = _CURRENT.get()

        def on_stage(finished: StageFinished) -> None:
            ended = time.time_ns()
            span = self._tracer.start_span(
                f"stage {finished.stage.value}",
                context=_context_of(parent),
                start_time=ended - int(finished.duration_ms * 1e6),
            )
            put(span, "ekyc.stage", finished.stage.value)
            put(span, "ekyc.checks", len(finished.checks))
            span.end(ended)

        return on_stage

    @contextmanager
    def _span(self, name: str, kind: SpanKind, parent: Span | None) -> Iterator[Span]:
        span = self._tracer.start_span(name, context=_context_of(parent), kind=kind)
        token = _CURRENT.set(span)
        try:
            yield span
        finally:
            _CURRENT.reset(token)
            span.end()


@dataclass(slots=True)
class RequestSpan:
    """What a request's span will say."""

    span: Span
    spent: DatabaseTime

    def answered(self, method: str, route: str, status: int | None, problem: str | None) -> None:
        """How the request was answered; ``status`` is ``None`` where the caller was gone before."""
        named = method if method in METHODS else "OTHER"
        self.span.update_name(f"{named} {route if ATTRIBUTES['http.route'](route) else WITHHELD}")
        put(self.span, "http.request.method", named)
        put(self.span, "http.route", route)
        put(self.span, "http.response.status_code", status)
        put(self.span, "ekyc.problem", problem)
        if status is not None and status >= 500:
            self.span.set_status(Status(StatusCode.ERROR))

    def ended(self, route: str, closed_with: int | None, state: Mapping[str, Any]) -> None:
        """How a WebSocket ended.

        Args:
            route: template of its path.
            closed_with: code that we closed it with; ``None`` where the peer did or was gone.
            state: of the connection: ``problem`` and ``round_trips`` of what it carried.
        """
        self.span.update_name(f"WEBSOCKET {route if ATTRIBUTES['http.route'](route) else WITHHELD}")
        put(self.span, "http.route", route)
        put(self.span, "ekyc.websocket.closed_with", closed_with)
        put(self.span, "ekyc.problem", state.get("problem"))
        put(self.span, "ekyc.round_trips", state.get("round_trips"))

    def close(self) -> None:
        """Add what the database took."""
        put_database(self.span, self.spent)


class TracedVerifier:
    """A :class:`~ekyc.api.ports.CaseVerifier` that traces what another one does."""

    def __init__(self, verifier: CaseVerifier, tracing: Tracing) -> None:
        self._verifier = verifier
        self._tracing = tracing

    def verify_folder(
        self,
        folder: Path,
        *,
        challenge_id: str | None,
        live: LiveUse | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
        receipt: Receipt | None = None,
    ) -> Mapping[str, Any]:
        with self._tracing.verification() as span:
            try:
                result = self._verifier.verify_folder(
                    folder, challenge_id=challenge_id, live=live, owner=owner, receipt=receipt
                )
            except EkycError as error:
                put(span, "ekyc.problem", error.code)
                raise
            put(span, "ekyc.verdict", _verdict_of(result))
        return result

    def require_ready(self) -> None:
        self._verifier.require_ready()


def put(span: Span, name: str, value: str | float | None) -> None:
    """Set an attribute; one without a value is left out, one of another form withheld.

    Raises:
        KeyError: an attribute that is not on the list.
    """
    fits = ATTRIBUTES[name]
    if value is not None:
        span.set_attribute(name, value if fits(value) else WITHHELD)


def put_database(span: Span, spent: DatabaseTime) -> None:
    """Say what the database took."""
    put(span, "ekyc.database.time_ms", round(spent.seconds * 1000, 3))
    put(span, "ekyc.database.statements", spent.statements)


def open_tracing(address: str, *, proxy: ProxySettings | None = None) -> Tracing:
    """Traces to the collector at ``address`` (OTLP over HTTP), to be closed.

    Args:
        address: as of :func:`collector_url`.
        proxy: as of :class:`Tracing`.

    Raises:
        InputError: ``traces.address``.
    """
    session = requests.Session()
    session.trust_env = False  # no proxy and no password of the environment
    exporter = OTLPSpanExporter(endpoint=collector_url(address), timeout=_EXPORT_S, session=session)
    processor = BatchSpanProcessor(
        exporter,
        max_queue_size=_QUEUED,
        max_export_batch_size=_BATCH,
        schedule_delay_millis=_EVERY_MS,
        export_timeout_millis=_EXPORT_S * 1000,
    )
    return Tracing(processor, proxy=proxy)


def collector_url(address: str) -> str:
    """Where spans are sent: the address of a collector, ``https`` or on this machine, with the path of the protocol.

    Raises:
        InputError: ``traces.address``: another form, another scheme, or plain HTTP to another machine.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise _not_an_address() from exc
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))
    if not (host and plain and secure) or parts.path.rstrip("/") not in {"", _PATH}:
        raise _not_an_address()
    return f"{parts.scheme}://{parts.netloc}{_PATH}"


def _not_an_address() -> InputError:
    return InputError(
        "not the address of a collector: https://HOST[:PORT], or http:// to this machine",
        code="traces.address",
        subject="traces",
    )


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parent_of(scope: Scope, proxy: ProxySettings) -> Span | None:
    """The span that a trusted proxy names; what it says of baggage and state is left aside."""
    connection = HTTPConnection(scope)
    given = connection.headers.getlist("traceparent")
    if len(given) != 1 or not proxy.trusts(connection):
        return None
    match = _TRACEPARENT.fullmatch(given[0])
    if match is None:
        return None
    return NonRecordingSpan(
        SpanContext(
            trace_id=int(match[1], 16),
            span_id=int(match[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(match[3], 16) & TraceFlags.SAMPLED),
        )
    )


def _context_of(parent: Span | None) -> Any:
    """Of the parent alone: whatever else may be current in this thread is not ours."""
    return Context() if parent is None else set_span_in_context(parent, Context())


def _verdict_of(result: Mapping[str, Any]) -> str | None:
    decision = result.get("decision")
    told = decision.get("verdict") if isinstance(decision, Mapping) else None
    return str(told) if told in set(Verdict) else None
