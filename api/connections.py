"""How long a peer may take: to send the head of a request, then its body, and to read what it asked for.

uvicorn bounds the pause between two requests only. Whoever sends a header byte by byte, a body without end to an operation
that has answered already, or never reads, would keep a connection for ever, and there are not many of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTimes:
    """Bounds on a connection, in seconds."""

    head_s: float = 10.0
    """From the first byte of a request, or from the connection, to the end of its headers."""
    body_s: float = 130.0
    """From there to the end of the body; a little more than the application waits, which can answer in words."""
    read_s: float = 60.0
    """For which a full buffer of ours may wait to be read, and what is left at the end."""


DEFAULT_TIMES = PeerTimes()


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with :class:`PeerTimes`."""

    times = DEFAULT_TIMES
    _arriving: asyncio.TimerHandle | None = None
    _awaited: object = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._await_peer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_peer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._give_up_on_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel(self._arriving, self._stalled)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._give_up_on_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._cancel(self._stalled)
            self._stalled = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._give_up_on_reader()

    def _await_peer(self) -> None:
        """Wait for what the peer owes: a head, a body, or nothing. What it is waited for already goes on as it is."""
        state = self.conn.their_state
        ours = self.transport.get_protocol() is self  # else it has become a WebSocket
        waits = ours and state in {h11.IDLE, h11.SEND_BODY} and not self._is_paused()
        owed = state if waits else None
        if owed is self._awaited:
            return
        self._cancel(self._arriving)
        self._arriving, self._awaited = None, owed
        if owed is not None:
            wait_s = self.times.head_s if owed is h11.IDLE else self.times.body_s
            self._arriving = self.loop.call_later(wait_s, self._hang_up)

    def _is_paused(self) -> bool:
        """Whether the pause between two requests is counted, which is uvicorn's to bound."""
        return self.timeout_keep_alive_task is not None

    def _hang_up(self) -> None:
        self.transport.close()
        self._give_up_on_reader()

    def _give_up_on_reader(self) -> None:
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.times.read_s, self.transport.abort)

    @staticmethod
    def _cancel(*timers: asyncio.TimerHandle | None) -> None:
        for timer in timers:
            if timer is not None:
                timer.cancel()


def protocol_with(times: PeerTimes) -> type[BoundedProtocol]:
    """The protocol with these bounds, as uvicorn takes it: a class."""
    return type("BoundedProtocol", (BoundedProtocol,), {"times": times})
