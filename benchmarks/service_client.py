"""As little of an HTTP client as measuring takes: one write a request, no library whose time would be counted too."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

from ekyc.errors import UpstreamError

_READ: Final = 1 << 16
_TIMEOUT_S: Final = 120.0
NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and body; how long it took from the first byte sent to the last received."""

    status: int
    body: bytes
    took_s: float

    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    def require(self, status: int) -> None:
        """Return if that is the status.

        Raises:
            UpstreamError: it is another (``bench.service``).
        """
        if self.status != status:
            raise UpstreamError(f"answered {self.status}", code="bench.service")


def request_bytes(
    method: str,
    path: str,
    *,
    body: bytes = b"",
    key: str = "",
    headers: Mapping[str, str] = NOTHING,
) -> bytes:
    """A request as it goes over the wire."""
    given = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    if key:
        given["Authorization"] = f"Bearer {key}"
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def session_request(key: str) -> bytes:
    """A new session, under an idempotency key of its own."""
    return request_bytes(
        "POST",
        "/v1/sessions",
        body=b'{"procedure":"identity"}',
        key=key,
        headers={"Content-Type": "application/json", "Idempotency-Key": str(uuid4())},
    )


class Connection:
    """A connection that is kept, for one request after the other."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request of :func:`request_bytes` and read its answer."""
        return self.send(request_bytes(method, path, **options))

    def send(self, request: bytes) -> Answer:
        """Send a request and read its answer."""
        began = time.perf_counter()
        self._socket.sendall(request)
        head, rest = self._read_head()
        length = content_length(head)
        while len(rest) < length:
            rest += self._receive()
        return Answer(status=status_of(head), body=bytes(rest), took_s=time.perf_counter() - began)

    def _read_head(self) -> tuple[bytes, bytearray]:
        read = bytearray()
        while b"\r\n\r\n" not in read:
            read += self._receive()
        head, _, rest = read.partition(b"\r\n\r\n")
        return bytes(head), rest

    def _receive(self) -> bytes:
        received = self._socket.recv(_READ)
        if not received:
            raise ConnectionResetError("the service closed the connection")
        return received


def status_of(head: bytes) -> int:
    """The status of an answer."""
    return int(head.split(b" ", 2)[1])


def content_length(head: bytes) -> int:
    """How long the body of an answer is; none where it does not say."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


@contextmanager
def collector() -> Iterator[str]:
    """The address of a collector of traces on this machine that takes everything and keeps nothing."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collecting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Collecting(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- as http.server calls it
        """Nothing."""


async def ask_anew(path: Path, request: bytes) -> Answer:
    """Send a request over a connection of its own; the answer may come before all of it is sent."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(content_length(head))
        return Answer(status=status_of(head), body=body, took_s=time.perf_counter() - began)
    finally:
        writer.transport.abort()
