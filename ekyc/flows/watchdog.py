"""Shuts a socket when its time is up, whatever is being read from it: a socket's own time limit counts each read anew."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watchdog:
    """Watches one connection."""

    def __init__(self) -> None:
        self.struck = False
        """Whether the time was up."""

    @contextmanager
    def over(self, raw: socket.socket, deadline: float) -> Iterator[None]:
        """Watch a socket until ``deadline`` on the monotonic clock, or the end of the block."""
        handle = (
            raw.dup()
        )  # TLS takes the original's descriptor; this one stays valid until we close it
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._strike, (handle,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            handle.close()

    def _strike(self, handle: socket.socket) -> None:
        self.struck = True
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)
