"""``GET /metrics`` on a port of its own, for this machine only, in a thread: it answers when the service does not."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from ekyc.api.metrics import CONTENT_TYPE
from ekyc.errors import InputError, place_of
from ekyc.logs import log_event

_LOOPBACK: Final = "127.0.0.1"
_NAMES: Final = frozenset({"localhost", _LOOPBACK})
_PEER_S: Final = 5.0
_LOG = logging.getLogger("ekyc.metrics")


@contextmanager
def serving_metrics(render: Callable[[], bytes], port: int | None) -> Iterator[int | None]:
    """Serve figures during the block, at the port that is yielded; nothing without one. 0 takes any that is free.

    Raises:
        InputError: ``serve.metrics_port``: the port is taken.
    """
    if port is None:
        yield None
        return
    try:
        server = HTTPServer((_LOOPBACK, port), _handler(render))
    except OSError as exc:
        raise InputError(
            f"metrics cannot be served there ({os.strerror(exc.errno or 0)})",
            code="serve.metrics_port",
            subject=str(port),
        ) from exc
    thread = threading.Thread(target=server.serve_forever, name="ekyc-metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(render: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PEER_S  # one peer at a time, and none for long
        server_version = "ekyc"
        sys_version = ""

        def do_GET(self) -> None:
            named = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            if named not in _NAMES:  # a page in a browser here must not read it by rebinding a name
                self._answer(421, b"")
            elif self.path != "/metrics":
                self._answer(404, b"")
            else:
                self._answer(*_rendered(render))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Nothing: a line would name path and address."""

    return Handler


def _rendered(render: Callable[[], bytes]) -> tuple[int, bytes]:
    try:
        return 200, render()
    except Exception as error:  # noqa: BLE001 - the service goes on; the text of an error may say too much
        failure = {"error": type(error).__qualname__, "at": [place_of(error)]}
        log_event(_LOG, logging.ERROR, "failure", **failure)
        return 500, b""
