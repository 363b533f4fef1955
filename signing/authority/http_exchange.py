"""HTTP to authorities whose hosts the operator named: timestamps, OCSP, revocation lists. The edge of this room.

``http.client`` of the standard library with connections kept open: it follows no redirect, uses no proxy, keeps no cookie and
decodes no compressed body, all of which aiohttp or urllib would have to be told; and signing is synchronous.

* A connection is used again only if nothing is waiting in it: an authority that speaks unasked is not believed.
* The time limit is for the whole exchange, name resolution excepted: every read is given what is left of it, so that a peer
  that sends an octet now and then holds nobody.
* An address that is not of a configured origin is refused before a name is resolved: certificates of strangers name the
  addresses of revocation lists, and would otherwise choose whom this machine calls.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from ekyc.errors import InputError, UpstreamError

_PORTS: Final = {"http": 80, "https": 443}
_IDLE_S: Final = 30.0
_MAX_IDLE: Final = 8
_RETRYABLE: Final = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeLimits:
    """Bounds on one exchange."""

    time_s: float = 10.0
    """For one attempt, from connecting (to each address of a host) to the last byte."""
    answer_bytes: int = 1 << 20
    attempts: int = 3
    pause_s: float = 0.2
    """Before the second attempt; twice as long before each further one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Scheme, host and port (RFC 6454 §4)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


class HttpExchange:
    """Asks authorities. Safe to use from many threads.

    Args:
        origins: addresses whose scheme, host and port may be called; their paths do not matter.
        limits: bounds on each exchange.
        tls: for ``https``; by default the machine's roots, TLS 1.2 at least.
        pause: waits between attempts.
        dial: opens a connection to host and port within so many seconds.

    Raises:
        InputError: ``signing.fetch.address``: an origin is not an http(s) address.
    """

    def __init__(
        self,
        origins: Iterable[str],
        *,
        limits: ExchangeLimits | None = None,
        tls: ssl.SSLContext | None = None,
        pause: Callable[[float], None] = time.sleep,
        dial: Callable[[str, int, float], socket.socket] | None = None,
    ) -> None:
        self._origins: Final = frozenset(_origin(_split(url)) for url in origins)
        self._limits: Final = limits or ExchangeLimits()
        self._tls = tls
        self._pause = pause
        self._dial = dial or _dial
        self._lock = Lock()
        self._idle: list[tuple[Origin, float, socket.socket]] = []

    def allows(self, url: str) -> bool:
        """Whether an address may be called."""
        try:
            self.require(url)
        except InputError:
            return False
        return True

    def require(self, url: str) -> None:
        """Return if an address may be called.

        Raises:
            InputError: ``signing.fetch.address``, ``signing.fetch.host``.
        """
        if _origin(_split(url)) not in self._origins:
            raise InputError("not an address that may be called", code="signing.fetch.host")

    def post(self, url: str, body: bytes, *, content_type: str, accept: str) -> bytes:
        """Send a request; the body of the answer, whose status is 200 and whose media type is ``accept``.

        Raises:
            InputError: ``signing.fetch.address``, ``signing.fetch.host``: not an address that may be called.
            UpstreamError: ``signing.fetch.unreachable``, ``.timeout``, ``.status``, ``.media_type``, ``.too_large``,
                ``.malformed``.
        """
        headers = {"Content-Type": content_type, "Accept": accept}
        return self._ask(url, _Request(method="POST", body=body, headers=headers, accept=accept))

    def get(self, url: str) -> bytes:
        """Fetch; errors as of :meth:`post`."""
        return self._ask(url, _Request(method="GET"))

    def close(self) -> None:
        """Close what is open; a later exchange opens anew."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, _, link in idle:
            link.close()

    def _ask(self, url: str, request: _Request) -> bytes:
        self.require(url)
        address = _split(url)
        origin = _origin(address)
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        attempt = 1
        while True:
            try:
                return self._exchange(origin, target, request)
            except _AgainError as exc:
                if exc.stale:  # an old connection that the authority has closed: no attempt at all
                    continue
                if attempt >= self._limits.attempts:
                    raise exc.error from exc
                self._pause(self._limits.pause_s * 2 ** (attempt - 1))
                attempt += 1

    def _exchange(self, origin: Origin, target: str, request: _Request) -> bytes:
        deadline = time.monotonic() + self._limits.time_s
        link = old = self._waiting(origin)
        try:
            link = link or self._connected(origin, deadline)
            connection = http.client.HTTPConnection(origin.host, origin.port)
            connection.sock = cast("Any", _Bounded(link, deadline))
            connection.request(
                request.method, target, body=request.body, headers=dict(request.headers)
            )
            response = connection.getresponse()
            answer = self._read(response)
            _require_fit(response, request.accept)
        except TimeoutError as exc:
            _drop(link)
            late = _failed(f"no answer within {self._limits.time_s:g} s", "timeout")
            raise _AgainError(late) from exc
        except (OSError, http.client.HTTPException, ValueError) as exc:
            _drop(link)
            lost = _failed(f"no exchange with the authority ({type(exc).__name__})", "unreachable")
            raise _AgainError(lost, stale=old is not None) from exc
        except BaseException:
            _drop(link)
            raise
        self._keep(origin, link, open_still=not response.will_close)
        return answer

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        limit = self._limits.answer_bytes
        body = response.read(limit + 1)
        if len(body) > limit:
            raise _failed(f"the answer has more than {limit} bytes", "too_large")
        if response.length:  # None where nothing was announced; http.client lets a short body pass
            raise http.client.IncompleteRead(body, response.length)
        return body

    def _waiting(self, origin: Origin) -> socket.socket | None:
        """A connection to use again: open, silent and not too old."""
        while True:
            with self._lock:
                found = next((item for item in reversed(self._idle) if item[0] == origin), None)
                if found is None:
                    return None
                self._idle.remove(found)
            _, since, link = found
            if time.monotonic() - since < _IDLE_S and not _speaks(link):
                return link
            link.close()

    def _keep(self, origin: Origin, link: socket.socket, *, open_still: bool) -> None:
        if not open_still:
            link.close()
            return
        with self._lock:
            self._idle.append((origin, time.monotonic(), link))
            over = [item[2] for item in self._idle[:-_MAX_IDLE]]
            self._idle = self._idle[-_MAX_IDLE:]
        for old in over:
            old.close()

    def _connected(self, origin: Origin, deadline: float) -> socket.socket:
        raw = self._dial(origin.host, origin.port, _left(deadline))
        try:
            if origin.scheme == "http":
                return raw
            raw.settimeout(_left(deadline))
            return self._context().wrap_socket(raw, server_hostname=origin.host)
        except BaseException:
            raw.close()
            raise

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
                self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            return self._tls

    def __repr__(self) -> str:
        return f"HttpExchange({len(self._origins)} origins)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    accept: str | None = None
    """Media type that the answer must have."""


class _AgainError(Exception):
    """This attempt failed in a way that another may not."""

    def __init__(self, error: UpstreamError, *, stale: bool = False) -> None:
        super().__init__(error.code)
        self.error = error
        self.stale = stale


class _Bounded:
    """What ``http.client`` wants of a socket, each operation bounded by the deadline of the exchange."""

    def __init__(self, link: socket.socket, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._link.settimeout(_left(self._deadline))  # for all of it, since Python 3.5
        self._link.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._link, self._deadline))

    def close(self) -> None:
        """The pool closes."""


class _Reader(io.RawIOBase):
    def __init__(self, link: socket.socket, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._link.settimeout(_left(self._deadline))
        return self._link.recv_into(buffer)


def _dial(host: str, port: int, timeout_s: float) -> socket.socket:
    link = socket.create_connection((host, port), timeout=timeout_s)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _speaks(link: socket.socket) -> bool:
    """Whether something, an end included, waits to be read although nothing was asked."""
    try:
        pending = link.pending() if isinstance(link, ssl.SSLSocket) else 0
        return bool(pending or select.select([link], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _require_fit(response: http.client.HTTPResponse, accept: str | None) -> None:
    if response.status in _RETRYABLE:
        raise _AgainError(_failed(f"HTTP status {response.status}", "status"))
    if response.status != http.client.OK:
        raise _failed(f"HTTP status {response.status}", "status")
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise _failed("the answer is compressed, which was not asked for", "malformed")
    said = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
    if accept is not None and said != accept:
        raise _failed("an answer of another media type", "media_type")


def _failed(message: str, case: str) -> UpstreamError:
    return UpstreamError(message, code=f"signing.fetch.{case}")


def _drop(link: socket.socket | None) -> None:
    if link is not None:
        with suppress(OSError):
            link.close()


def _split(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        fit = plain and address.scheme in _PORTS and address.hostname and address.port != 0
    except ValueError as exc:
        raise _no_address() from exc
    if not fit or address.username is not None or address.password is not None:
        raise _no_address()
    return address


def _origin(address: SplitResult) -> Origin:
    port = address.port or _PORTS[address.scheme]
    return Origin(scheme=address.scheme, host=str(address.hostname), port=port)


def _no_address() -> InputError:
    return InputError("not an http or https address", code="signing.fetch.address")
