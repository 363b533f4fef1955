"""Listening. Without TLS of its own, the service answers on this machine only, unless a proxy that ends TLS is declared.

A portal reaches it through a reverse proxy on the same machine, best over a Unix socket, whose file permissions
say who may connect.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import resource
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from ekyc.api.connections import DEFAULT_TIMES, PeerTimes, protocol_with
from ekyc.api.envelope import MOST_HEADER_BYTES
from ekyc.chip.relay import MAX_FRAME_BYTES
from ekyc.errors import InputError
from ekyc.logs import LogFormat, install_logging

if TYPE_CHECKING:
    from fastapi import FastAPI

_SHUTDOWN_S = 30
_CONNECTIONS = 1800
"""A thousand event streams or long polls, and room for requests (:mod:`ekyc.api.envelope` bounds those) and for pauses between."""
_FILES = _CONNECTIONS + 600
"""Open files: connections, those of the database, uploads under way."""
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where to listen: a TCP address, or a Unix socket when ``socket_path`` is given."""

    host: str = "127.0.0.1"
    port: int = 8765
    socket_path: Path | None = None
    tls_declared: bool = False
    """The operator declared a proxy in front at which TLS ends."""
    insecure_public: bool = False
    """Consent to an address that other machines can reach, where nobody declared that TLS ends before it."""

    def __post_init__(self) -> None:
        if not (self.is_private or self.tls_declared or self.insecure_public):
            raise InputError(
                "other machines can reach this address and no proxy that ends TLS is declared ([proxy] tls = true "
                "in the file of --access); listen on 127.0.0.1 or a Unix socket behind a proxy",
                code="serve.public_address",
                subject=self.host,
            )

    @property
    def is_private(self) -> bool:
        """Whether only this machine can connect."""
        if self.socket_path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> frozenset[str] | None:
        """Names that requests may call the service by; ``None`` where a proxy or operator decides."""
        on_loopback = self.socket_path is None and self.is_private
        return _LOOPBACK_NAMES | {self.host} if on_loopback else None


def serve(
    app: FastAPI,
    address: ServerAddress,
    *,
    log_format: LogFormat = LogFormat.JSON,
    times: PeerTimes = DEFAULT_TIMES,
) -> None:
    """Serve ``app`` until SIGINT or SIGTERM, finish what runs, for at most half a minute, and return.

    Call it from the main thread. From then on the process logs by the allow-list of :mod:`ekyc.logs`. Whoever switched
    the collection of garbage off while it loaded what it serves need not switch it on again.

    Raises:
        InputError: the socket's path cannot be used (``serve.socket``).
    """
    install_logging(log_format)
    _allow_files(_FILES)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=address.host,
            port=address.port,
            http=protocol_with(times),
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            log_config=None,  # installed above
            access_log=False,  # ours carries no client address
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,  # a small frame must not unpack to a large one
        )
    )
    sockets = None if address.socket_path is None else [_private_socket(address.socket_path)]
    # uvicorn raises the signal again when it has shut down; as an interrupt it lets the caller close its rooms.
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.freeze()  # what is loaded by now stays; collections that walk through all of it would be felt as pauses
    gc.enable()
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=sockets)
    finally:
        signal.signal(signal.SIGTERM, previous)
        if address.socket_path is not None:
            address.socket_path.unlink(missing_ok=True)


def _allow_files(count: int) -> None:
    """Have so many open files allowed, as far as the operator's own bound goes; systems begin with 1,024."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if most == resource.RLIM_INFINITY else min(count, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        with suppress(
            OSError, ValueError
        ):  # forbidden by a filter of system calls: the unit says it then
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _private_socket(path: Path) -> socket.socket:
    """A Unix socket for owner and group. uvicorn would open its own to everybody."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _is_answered(path):
            path.unlink()  # left by a service that was killed
        before = os.umask(0o117)
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        listening.listen()  # whoever connects from now on waits instead of being refused
    except OSError as exc:
        listening.close()
        raise InputError(
            f"cannot listen there ({os.strerror(exc.errno or 0)})",
            code="serve.socket",
            subject=path.name,
        ) from exc
    return listening


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True
