"""Reading a chip that is somewhere else: order a reading, relay it over a WebSocket, ask for the result.

The WebSocket's side of :mod:`ekyc.chip.relay`: it waits, and hands frames to and fro. Cryptography runs on worker
threads. However a connection ends, its session ends with it and gives back what it held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ekyc.api.chip_relay_results import reading_as_facts
from ekyc.api.chip_relay_sessions import ChipSession, ChipSessions
from ekyc.chip.relay import (
    PROTOCOL,
    Failed,
    Hello,
    RelayPlan,
    RelaySession,
    RelayState,
    encode_frame,
    parse_frame,
)
from ekyc.errors import BusyError, EkycError, InputError, LimitError, UpstreamError
from ekyc.logs import log_event
from ekyc.pki import TrustStore

_T = TypeVar("_T")
_LOG = logging.getLogger("ekyc.api")
_POLICY: Final = 1008
_TRY_LATER: Final = 1013
_GRACE_S: Final = 0.05
"""A wait is a little longer than the deadline, so that it has passed when the wait is over."""


@dataclass(slots=True)
class ChipRelays:
    """The relays of one process. Lives in one event loop.

    Args:
        sessions: who may relay.
        trust: the operator's anchors.
    """

    sessions: ChipSessions
    trust: TrustStore
    _greeting: int = 0
    _threads: anyio.CapacityLimiter | None = None

    async def serve(self, websocket: WebSocket, number: str) -> None:
        """One connection, from greeting to end."""
        offered = websocket.scope.get("subprotocols", ())
        await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        try:
            hello = await self._greet(websocket)
            session, plan = self.sessions.admit(number, hello.token)
        except EkycError as error:
            _tell(websocket, error)
            await _refuse(websocket, error)
            return
        except WebSocketDisconnect:
            return
        await self._relay(websocket, session, plan, hello)

    async def _greet(self, websocket: WebSocket) -> Hello:
        limits = self.sessions.limits
        if self._greeting >= limits.greetings:
            raise BusyError("too many connections", code="busy.queue_full")
        self._greeting += 1
        try:
            with anyio.fail_after(limits.greeting_s):
                return parse_frame(await _receive_text(websocket), Hello)
        except TimeoutError as exc:
            raise LimitError("no greeting came", code="chip.relay_answer_late") from exc
        finally:
            self._greeting -= 1

    async def _relay(
        self, websocket: WebSocket, session: ChipSession, plan: RelayPlan, hello: Hello
    ) -> None:
        relay = RelaySession(
            plan,
            hello,
            random=self.sessions.random,
            clock=self.sessions.clock,
            limits=self.sessions.limits.relay,
        )
        outcome: dict[str, Any] = {}
        try:
            farewell = await self._exchange(websocket, relay)
            outcome = await self._in_thread(partial(reading_as_facts, relay, plan, self.trust))
            await _send(websocket, farewell)
            await websocket.close()
        except EkycError as error:
            outcome = {"error": error}
            await _refuse(websocket, error)
        except WebSocketDisconnect:
            relay.lose()
        finally:
            if not outcome:  # disconnected, cancelled, or a fault of ours
                relay.lose()
                outcome = {"error": relay.error or _interrupted()}
            self.sessions.close(session, **outcome)
            _tell(websocket, session.error, round_trips=relay.round_trips)
            _log(session, relay)

    async def _exchange(self, websocket: WebSocket, relay: RelaySession) -> tuple[str, ...]:
        """Frames to and fro; the last ones are returned, not sent."""
        frames = await self._in_thread(relay.start)
        while relay.state is not RelayState.FINISHED:
            await _send(websocket, frames)
            text = await _await_answer(websocket, relay)
            frames = await self._in_thread(partial(relay.receive, text))
        return frames

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(self.sessions.limits.relays)
        return await anyio.to_thread.run_sync(work, limiter=self._threads)


async def _await_answer(websocket: WebSocket, relay: RelaySession) -> str:
    while True:
        with anyio.move_on_after(relay.wait_s + _GRACE_S):
            return await _receive_text(websocket)
        relay.require_time()


async def _receive_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    if not isinstance(text, str):
        raise InputError("frames are text messages", code="chip.relay_frame_malformed")
    return text


async def _send(websocket: WebSocket, frames: tuple[str, ...]) -> None:
    for frame in frames:
        await websocket.send_text(frame)


async def _refuse(websocket: WebSocket, error: EkycError) -> None:
    """Tell the client why, as long as it listens."""
    if websocket.client_state is not WebSocketState.CONNECTED:
        return
    with suppress(WebSocketDisconnect, RuntimeError):  # it may leave meanwhile
        await websocket.send_text(encode_frame(Failed(code=error.code[:64])))
        await websocket.close(_TRY_LATER if isinstance(error, BusyError) else _POLICY)


def _tell(websocket: WebSocket, error: EkycError | None, **facts: int) -> None:
    """Leave for the traces what it came to."""
    problem = None if error is None else error.code
    websocket.scope.setdefault("state", {}).update(problem=problem, **facts)


def _interrupted() -> UpstreamError:
    return UpstreamError("the relay was interrupted", code="chip.relay_disconnected")


def _log(session: ChipSession, relay: RelaySession) -> None:
    """One line, without anything of the card or its holder."""
    log_event(
        _LOG,
        logging.INFO,
        "chip-relay",
        session=session.id,
        mode=session.mode.value,
        state=session.state.value,
        code=session.error.code if session.error else None,
        round_trips=relay.round_trips,
    )
