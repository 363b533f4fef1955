"""What surrounds every request: host check, room, bounds on headers and body, request id, headers, one log line, and the last net.

The log line holds method, route, status, duration, code of the problem, tenant and client. Never a path, a body, a file
name, a query, a network address or the text of an unexpected exception: any of these may be personal data
(:mod:`ekyc.logs`).
"""

from __future__ import annotations

import logging
import re
import time
import traceback
import uuid
from contextlib import nullcontext, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import anyio
from starlette.datastructures import Headers, MutableHeaders

from ekyc.api.admission import Places
from ekyc.api.errors import problem
from ekyc.api.languages import preferred_language
from ekyc.errors import LimitError
from ekyc.logs import METHODS, log_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ekyc.api.admission import Place
    from ekyc.api.metrics import ServiceMetrics
    from ekyc.api.tracing import RequestSpan, Tracing

MOST_REQUESTS: Final = 200
"""Under way at once, by default."""
MOST_HEADERS: Final = 100
"""Of one request."""
MOST_HEADER_BYTES: Final = 32 * 1024
"""Names and values of all of them together."""
_PLACE: Final = "place"
_LOG = logging.getLogger("ekyc.api")
_ALWAYS_ANSWERED = frozenset({"/livez", "/readyz"})
"""Whoever asks how the service is, is answered also where it has no room for more."""
_RETRY_AFTER_S = 1
_NORMAL = 1000
_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
_REQUEST_ID = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25}"
)
"""What a program makes at random: UUID, trace id, ULID. A free text may be a number or name of somebody."""


def leave_place(request: Request) -> None:
    """Make room for another request: this one only waits for news from now on, and its kind is bounded elsewhere."""
    place: Place | None = request.scope["state"].get(_PLACE)
    if place is not None:
        place.leave()


class Envelope:
    """ASGI middleware around the whole application.

    Args:
        app: the application.
        body_bytes: bound on a request body by path; passing it raises LimitError where the body is read.
        body_s: until when a body must have arrived; passing it raises likewise.
        metrics: counts what is answered.
        tracing: makes a span of each request.
        places: for requests that may be under way at once; the next one is turned away before it is read.
        hosts: names that ``Host`` may give, without port; ``None`` allows all. Against DNS rebinding a service
            on the loopback address answers to loopback names only.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes: Callable[[str], int],
        body_s: float = 120.0,
        hosts: frozenset[str] | None = None,
        metrics: ServiceMetrics | None = None,
        places: Places | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._places = places or Places(MOST_REQUESTS)
        self._metrics = metrics
        self._tracing = tracing
        self._body_bytes = body_bytes
        self._body_s = body_s
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with nullcontext() if self._tracing is None else self._tracing.request(scope) as span:
            await self._answer(scope, receive, send, span)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, span: RequestSpan | None
    ) -> None:
        headers = Headers(scope=scope)
        allowed = self._body_bytes(scope["path"])
        exchange = _Exchange(scope, receive, send, headers, (allowed, self._body_s))
        place = None if scope["path"] in _ALWAYS_ANSWERED else self._places.take()
        scope["state"][_PLACE] = place
        try:
            if place is None and scope["path"] not in _ALWAYS_ANSWERED:
                await exchange.turn_away()
            elif _has_too_much(scope):
                detail = (
                    f"a request has {MOST_HEADERS} headers of {MOST_HEADER_BYTES} bytes at most"
                )
                await exchange.refuse(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request.headers", detail=detail
                )
            elif not self._answers_to(headers):
                detail = "on a loopback address only localhost and its addresses are answered for"
                await exchange.refuse(
                    HTTPStatus.MISDIRECTED_REQUEST, "request.misdirected", detail=detail
                )
            elif {"content-length", "transfer-encoding"} <= set(headers):  # RFC 9112 §6.3, item 3
                detail = "a body has a length or is chunked, and not both"
                await exchange.refuse(
                    HTTPStatus.BAD_REQUEST,
                    "http.bad_request",
                    detail=detail,
                    headers={"Connection": "close"},
                )
            elif _claimed_length(headers) > allowed:
                detail = f"a body may have {allowed} bytes here"
                await exchange.refuse(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request.too_large", detail=detail
                )
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the last net: logged without its text, answered with 500
            _log_failure(exchange.request_id, error)
            if exchange.status is None:
                await exchange.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
        finally:
            if place is not None:
                place.leave()
            exchange.log(self._metrics, span)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket. What nobody foresaw ends it; the server beneath would log the exception with its text."""
        if _has_too_much(scope) or not self._answers_to(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        with nullcontext() if self._tracing is None else self._tracing.request(scope) as span:
            closing = _Closing(send)
            try:
                await self._app(scope, receive, closing.send)
            except Exception as error:  # noqa: BLE001 - the last net: logged without its text
                _log_failure(uuid.uuid4().hex, error)
                with suppress(Exception):  # it may be closed already, or gone
                    await closing.send({"type": "websocket.close", "code": _INTERNAL_ERROR})
            finally:
                if span is not None:
                    span.ended(_route_of(scope), closing.code, scope.get("state", {}))

    def _answers_to(self, headers: Headers) -> bool:
        return self._hosts is None or _host_name(headers) in self._hosts


class _Closing:
    """Notices with which code a WebSocket is closed from here."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.code: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            self.code = message.get("code", _NORMAL)
        await self._send(message)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Headers,
        body: tuple[int, float],
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = headers
        self._left, body_s = body
        self._begun = time.perf_counter()
        self._body_until: float | None = self._begun + body_s
        self.status: int | None = None
        given = headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def receive(self) -> Message:
        message = await self._next()
        if message["type"] == "http.request":
            if not message.get("more_body", False):
                self._body_until = None
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise LimitError("the body is too large", code="request.too_large")
        return message

    async def _next(self) -> Message:
        if self._body_until is None:
            return await self._receive()
        try:
            with anyio.fail_after(self._body_until - time.perf_counter()):
                return await self._receive()
        except TimeoutError as exc:
            raise LimitError("the upload took too long", code="request.upload_time") from exc

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def refuse(self, status: HTTPStatus, code: str, **options: Any) -> None:
        response = problem(
            status=status,
            code=code,
            language=preferred_language(self._headers.get("accept-language")),
            request_id=self.request_id,
            **options,
        )
        await response(self._scope, self._receive, self.send)

    async def turn_away(self) -> None:
        await self.refuse(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "busy.requests",
            retryable=True,
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )

    def log(self, metrics: ServiceMetrics | None, span: RequestSpan | None) -> None:
        state = self._scope["state"]
        principal = state.get("principal")
        method, route = self._scope["method"], _route_of(self._scope)
        took_s = time.perf_counter() - self._begun
        if metrics is not None:
            metrics.answered(method, route, self.status, took_s)
        if span is not None:
            span.answered(method, route, self.status, state.get("problem"))
        log_event(
            _LOG,
            logging.INFO,
            "request",
            request_id=self.request_id,
            method=method if method in METHODS else "OTHER",
            route=route,
            status=self.status,
            duration_ms=round(took_s * 1000, 1),
            problem=state.get("problem"),
            tenant=getattr(principal, "tenant", None),
            client=getattr(principal, "client", None),
        )


def _log_failure(request_id: str, error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    log_event(
        _LOG,
        logging.ERROR,
        "failure",
        request_id=request_id,
        error=type(error).__qualname__,
        at=[f"{frame.name}:{frame.lineno}" for frame in frames],
    )


def _route_of(scope: Scope) -> str:
    """Template of the path; ``-`` where there is none."""
    return getattr(scope.get("route"), "path", "-")


def _has_too_much(scope: Scope) -> bool:
    """Whether there are more headers, or larger ones, than anybody needs: each costs work wherever they are looked at."""
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    return len(headers) > MOST_HEADERS or size > MOST_HEADER_BYTES


def _host_name(headers: Headers) -> str:
    host = headers.get("host", "").lower()
    return re.sub(r":\d+\Z", "", host)


def _claimed_length(headers: Headers) -> int:
    claimed = headers.get("content-length", "0")
    return int(claimed) if claimed.isascii() and claimed.isdigit() else 0
