"""What surrounds every request: host check, body bound, request id, headers, one log line, and the last net.

The log line holds method, route, status, duration, code of the problem, tenant and client. Never a path, a body, a file
name, a query, a network address or the text of an unexpected exception: any of these may be personal data
(:mod:`ekyc.api.logs`).
"""

from __future__ import annotations

import logging
import re
import time
import traceback
import uuid
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
from starlette.datastructures import Headers, MutableHeaders

from ekyc.api.errors import problem
from ekyc.api.languages import preferred_language
from ekyc.api.logs import METHODS, log_event
from ekyc.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ekyc.api.metrics import ServiceMetrics

_LOG = logging.getLogger("ekyc.api")
_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
_REQUEST_ID = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25}"
)
"""What a program makes at random: UUID, trace id, ULID. A free text may be a number or name of somebody."""


class Envelope:
    """ASGI middleware around the whole application.

    Args:
        app: the application.
        body_bytes: bound on a request body by path; passing it raises LimitError where the body is read.
        body_s: until when a body must have arrived; passing it raises likewise.
        metrics: counts what is answered.
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
    ) -> None:
        self._app = app
        self._metrics = metrics
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
        headers = Headers(scope=scope)
        allowed = self._body_bytes(scope["path"])
        exchange = _Exchange(scope, receive, send, headers, (allowed, self._body_s))
        try:
            if not self._answers_to(headers):
                await exchange.refuse(HTTPStatus.MISDIRECTED_REQUEST, "request.misdirected")
            elif _claimed_length(headers) > allowed:
                await exchange.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request.too_large")
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the last net: logged without its text, answered with 500
            _log_failure(exchange.request_id, error)
            if exchange.status is None:
                await exchange.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
        finally:
            exchange.log(self._metrics)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket. What nobody foresaw ends it; the server beneath would log the exception with its text."""
        if not self._answers_to(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last net: logged without its text
            _log_failure(uuid.uuid4().hex, error)
            with suppress(Exception):  # it may be closed already, or gone
                await send({"type": "websocket.close", "code": _INTERNAL_ERROR})

    def _answers_to(self, headers: Headers) -> bool:
        return self._hosts is None or _host_name(headers) in self._hosts


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

    async def refuse(self, status: HTTPStatus, code: str) -> None:
        response = problem(
            status=status,
            code=code,
            language=preferred_language(self._headers.get("accept-language")),
            request_id=self.request_id,
        )
        await response(self._scope, self._receive, self.send)

    def log(self, metrics: ServiceMetrics | None) -> None:
        state = self._scope["state"]
        principal = state.get("principal")
        method, route = self._scope["method"], getattr(self._scope.get("route"), "path", "-")
        took_s = time.perf_counter() - self._begun
        if metrics is not None:
            metrics.answered(method, route, self.status, took_s)
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


def _host_name(headers: Headers) -> str:
    host = headers.get("host", "").lower()
    return re.sub(r":\d+\Z", "", host)


def _claimed_length(headers: Headers) -> int:
    claimed = headers.get("content-length", "0")
    return int(claimed) if claimed.isascii() and claimed.isdigit() else 0
